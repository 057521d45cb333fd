/**
 * Installs what the lock file names when it is missing or has changed, and says nothing otherwise.
 *
 * Plain JavaScript for Node.js 20, because it runs before anything is installed: the Node.js 24
 * that everything else runs on is one of the packages it installs. The npm scripts therefore start
 * their second half through a nested `npm run`, whose PATH begins with node_modules/.bin.
 */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');
const stamp = path.join(root, 'node_modules', '.serin-setup');
const localNode = path.join(root, 'node_modules', '.bin', 'node');

/** What must be installed, in one word: another lock file or another processor is another word. */
function wanted() {
  const lock = readFileSync(path.join(root, 'package-lock.json'));
  return `${createHash('sha256').update(lock).digest('hex')} ${process.platform}-${process.arch}`;
}

function isUpToDate() {
  if (!existsSync(stamp) || !existsSync(localNode)) return false;
  return readFileSync(stamp, 'utf8').trim() === wanted();
}

class SetupError extends Error {}

function checkMachine() {
  const major = Number(process.versions.node.split('.')[0]);
  if (major < 20) {
    throw new SetupError(`Node.js 20 or newer is needed, this is ${process.version}`);
  }
  const machine = `${process.platform}-${process.arch}`;
  if (machine !== 'linux-x64' && machine !== 'linux-arm64') {
    throw new SetupError(
      `the repository's own Node.js 24 exists for linux-x64 and linux-arm64, this is ${machine}`,
    );
  }
}

/** npm itself must not run on the Node.js inside node_modules: `npm ci` deletes that first. */
function outerPath() {
  const inner = path.join('node_modules', '.bin');
  return (process.env.PATH ?? '')
    .split(path.delimiter)
    .filter((entry) => !entry.endsWith(inner))
    .join(path.delimiter);
}

function install() {
  rmSync(stamp, { force: true });
  process.stderr.write('serin: installing packages from package-lock.json\n');
  const npm = spawnSync(
    'npm',
    [
      'ci',
      '--no-audit',
      '--no-fund',
      '--ignore-scripts',
      '--include=dev',
      '--include=optional',
      '--loglevel=error',
    ],
    { cwd: root, env: { ...process.env, PATH: outerPath() }, encoding: 'utf8' },
  );
  if (npm.error !== undefined) {
    throw new SetupError(
      npm.error.code === 'ENOENT'
        ? 'npm was not found on the PATH; it comes with Node.js (Debian: apt-get install npm)'
        : `npm could not be started: ${npm.error.message}`,
    );
  }
  if (npm.status !== 0) throw new SetupError(explain(`${npm.stdout}${npm.stderr}`, npm));
  // npm leaves an optional package out without a word when its download fails.
  if (!existsSync(localNode)) {
    throw new SetupError('npm did not install the Node.js 24 package; is the network reachable?');
  }
  writeFileSync(stamp, `${wanted()}\n`);
}

function explain(output, { status, signal }) {
  const network = /ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT|ENETUNREACH/.test(output);
  const head = network
    ? 'npm could not reach its package server; check the network and npm’s proxy settings'
    : `npm ci failed (${signal ?? `exit code ${status}`})`;
  return `${head}\n\n${output.trim()}`;
}

/**
 * Runs `work` while no other set-up of this checkout does.
 *
 * The lock is a socket in Linux' abstract namespace: it vanishes with its process, however that
 * ends, so there is no stale lock to clean up. Who finds it taken waits until it is let go.
 */
async function alone(work) {
  const id = createHash('sha256').update(root).digest('hex').slice(0, 32);
  const address = `\0serin-setup-${id}`;
  for (;;) {
    const server = await listen(address);
    if (server !== undefined) {
      try {
        return work();
      } finally {
        server.close();
      }
    }
    await untilReleased(address);
  }
}

/** The listening server, or undefined when somebody else listens already. */
function listen(address) {
  return new Promise((resolve, reject) => {
    const server = net.createServer();
    server.once('error', (error) => {
      if (error.code === 'EADDRINUSE') resolve(undefined);
      else reject(error);
    });
    server.listen(address, () => resolve(server));
  });
}

/** A connection to the holder closes with it. Being refused means that it has just gone. */
function untilReleased(address) {
  return new Promise((resolve) => {
    const socket = net.connect(address);
    socket.on('error', () => {});
    socket.on('close', () => setTimeout(resolve, 100));
    socket.resume();
  });
}

try {
  checkMachine();
  if (!isUpToDate()) {
    await alone(() => {
      if (!isUpToDate()) install();
    });
    process.stderr.write('serin: ready\n');
  }
} catch (error) {
  if (!(error instanceof SetupError)) throw error;
  process.stderr.write(`serin: ${error.message}\n`);
  process.exitCode = 1;
}
