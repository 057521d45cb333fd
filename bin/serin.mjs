#!/usr/bin/env node
/**
 * Starts the `serin` command: from the sources in a checkout, from the bundle where there are none.
 *
 * Plain JavaScript for Node.js 20. The sources need the repository's own Node.js 24, so this
 * process hands over to it, passes signals on, and ends as it ended.
 */
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');
const source = path.join(root, 'src', 'main.ts');
const bundle = path.join(root, 'dist', 'serin.mjs');
const localNode = path.join(root, 'node_modules', '.bin', 'node');
const isNewEnough = Number(process.versions.node.split('.')[0]) >= 24;

function complain(message) {
  process.stderr.write(`serin: ${message}\n`);
  process.exitCode = 1;
}

function handOver(entry) {
  const child = spawn(localNode, [entry, ...process.argv.slice(2)], { stdio: 'inherit' });
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
    process.on(signal, () => child.kill(signal));
  }
  child.on('error', (error) => complain(`Node.js 24 could not be started: ${error.message}`));
  child.on('exit', (code, signal) => {
    if (signal === null) {
      process.exitCode = code ?? 1;
      return;
    }
    process.removeAllListeners(signal);
    process.kill(process.pid, signal);
  });
}

if (existsSync(source)) {
  if (existsSync(localNode)) handOver(source);
  else complain('the packages are not installed; run "npm run setup" in the checkout first');
} else if (!existsSync(bundle)) {
  complain('neither src/main.ts nor dist/serin.mjs is here');
} else if (isNewEnough) {
  await import(pathToFileURL(bundle).href);
} else {
  complain(`the bundle needs Node.js 24 or newer, this is ${process.version}`);
}
