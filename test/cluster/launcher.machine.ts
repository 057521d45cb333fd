import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';

import { afterEach, describe, expect, it } from 'vitest';

import { STATE } from './layout.ts';

/** What `npm run cluster` runs, without npm in between: the process that the test kills. */
class Launcher {
  readonly lines: string[] = [];
  readonly process: ChildProcess;
  /** Of the processes inside; known once there is one. */
  namespace: string | undefined;

  constructor() {
    this.process = spawn(process.execPath, ['test/cluster/main.ts'], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const { stdout } = this.process;
    if (stdout !== null) createInterface(stdout).on('line', (line) => this.lines.push(line));
  }

  async until(what: () => boolean): Promise<void> {
    while (this.namespace === undefined || !what()) {
      if (this.process.exitCode !== null) throw new Error(this.lines.join('\n'));
      this.namespace ??= this.#namespaceInside();
      await sleep(10);
    }
  }

  isReady(): boolean {
    return this.lines.some((line) => line.startsWith('ready after'));
  }

  runs(program: string): boolean {
    return this.inside().some((command) => command.includes(program));
  }

  /** The commands of the processes in its namespace. */
  inside(): readonly string[] {
    return everyProcess().flatMap((pid) =>
      linkOf(pid, 'pid') === this.namespace ? [read(pid, 'cmdline').replaceAll('\0', ' ')] : [],
    );
  }

  /** The number that it prints; empty before it is ready. */
  get id(): string {
    return /\(cluster (\d+)\)/.exec(this.lines.join('\n'))?.[1] ?? '';
  }

  async end(signal: NodeJS.Signals): Promise<void> {
    if (this.process.exitCode !== null || this.process.signalCode !== null) return;
    const exit = once(this.process, 'exit');
    this.process.kill(signal);
    await exit;
  }

  /** The launcher's child becomes `unshare`, and its child is the first process inside. */
  #namespaceInside(): string | undefined {
    const own = linkOf(process.pid, 'pid');
    return childrenOf(this.process.pid)
      .flatMap(childrenOf)
      .map((pid) => linkOf(pid, 'pid'))
      .find((link) => link !== undefined && link !== own);
  }
}

const launchers: Launcher[] = [];
const start = () => {
  const launcher = new Launcher();
  launchers.push(launcher);
  return launcher;
};

afterEach(async () => {
  for (const launcher of launchers.splice(0)) {
    await launcher.end('SIGKILL');
    await untilNothingIsLeftOf(launcher);
  }
});

describe('the launcher', () => {
  it.each<[string, (launcher: Launcher) => boolean]>([
    ['the first process is inside', () => true],
    ['the API server starts', (launcher) => launcher.runs('kube-apiserver')],
    ['it is ready', (launcher) => launcher.isReady()],
  ])('leaves nothing behind when it is killed as soon as %s', async (_, isMoment) => {
    const launcher = start();
    await launcher.until(() => isMoment(launcher));
    expect(launcher.inside()).not.toEqual([]);
    await launcher.end('SIGKILL');
    await untilNothingIsLeftOf(launcher);
  });

  it('leaves nothing behind when it is asked to stop', async () => {
    const launcher = start();
    await launcher.until(() => launcher.isReady());
    await launcher.end('SIGTERM');
    expect(launcher.process.exitCode).toBe(0);
    await untilNothingIsLeftOf(launcher);
  });

  it('runs two clusters at once that know nothing of each other', async () => {
    const [one, other] = [start(), start()];
    await Promise.all([one, other].map((launcher) => launcher.until(() => launcher.isReady())));
    expect(await kubectl(one, 'create', 'namespace', 'only-here')).toMatchObject({ code: 0 });
    expect(await kubectl(one, 'get', 'namespace', 'only-here')).toMatchObject({ code: 0 });
    const there = await kubectl(other, 'get', 'namespace', 'only-here');
    expect(there.code).toBe(1);
    expect(there.stderr).toContain('not found');
  });
});

async function kubectl(
  launcher: Launcher,
  ...args: readonly string[]
): Promise<{ code: number; stderr: string }> {
  const command = ['test/cluster/main.ts', 'exec', '--id', launcher.id, 'kubectl', ...args];
  const child = spawn(process.execPath, command, { stdio: ['ignore', 'ignore', 'pipe'] });
  let stderr = '';
  child.stderr.on('data', (chunk) => {
    stderr += String(chunk);
  });
  const [code] = await once(child, 'close');
  return { code: Number(code), stderr };
}

/** A namespace is gone with its last process, and what is mounted in it with the namespace. */
async function untilNothingIsLeftOf(launcher: Launcher): Promise<void> {
  // The kernel needs a moment to end them all.
  for (let attempt = 0; attempt < 200 && launcher.inside().length > 0; attempt++) await sleep(50);
  expect(launcher.inside()).toEqual([]);
  expect(existsSync(STATE)).toBe(false);
}

function everyProcess(): readonly number[] {
  return readdirSync('/proc')
    .map(Number)
    .filter((pid) => pid > 0);
}

function childrenOf(pid: number | undefined): readonly number[] {
  const text = pid === undefined ? '' : read(pid, `task/${pid}/children`);
  return text.split(' ').flatMap((word) => (Number(word) > 0 ? [Number(word)] : []));
}

/** Empty for a process that has just ended. */
function read(pid: number, file: string): string {
  return unlessGone(() => readFileSync(`/proc/${pid}/${file}`, 'utf8')) ?? '';
}

function linkOf(pid: number, kind: 'pid'): string | undefined {
  return unlessGone(() => readlinkSync(`/proc/${pid}/ns/${kind}`));
}

/** Processes end while one looks, and some of a machine are nobody's business. */
function unlessGone<T>(look: () => T): T | undefined {
  try {
    return look();
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    if (code === 'ENOENT' || code === 'ESRCH' || code === 'EACCES') return undefined;
    throw error;
  }
}
