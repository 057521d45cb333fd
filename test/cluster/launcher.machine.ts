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

  constructor() {
    this.process = spawn(process.execPath, ['test/cluster/main.ts'], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const { stdout } = this.process;
    if (stdout !== null) createInterface(stdout).on('line', (line) => this.lines.push(line));
  }

  async until(what: () => boolean): Promise<void> {
    while (!what()) {
      if (this.process.exitCode !== null) throw new Error(this.lines.join('\n'));
      await sleep(20);
    }
  }

  isReady(): boolean {
    return this.lines.some((line) => line.startsWith('ready after'));
  }

  get id(): string {
    const [, id = ''] = /\(cluster (\d+)\)/.exec(this.lines.join('\n')) ?? [];
    return id;
  }

  async end(signal: NodeJS.Signals): Promise<void> {
    if (this.process.exitCode !== null || this.process.signalCode !== null) return;
    const exit = once(this.process, 'exit');
    this.process.kill(signal);
    await exit;
  }
}

const launchers: Launcher[] = [];
const start = () => {
  const launcher = new Launcher();
  launchers.push(launcher);
  return launcher;
};

afterEach(async () => {
  await Promise.all(launchers.splice(0).map((launcher) => launcher.end('SIGKILL')));
  await untilNothingIsLeft();
});

describe('the launcher', () => {
  it.each([
    ['the components have not started', () => true],
    ['the API server is starting', () => processes('kube-apiserver').length > 0],
    ['it is ready', (launcher: Launcher) => launcher.isReady()],
  ])('leaves nothing behind when it is killed as soon as %s', async (_, moment) => {
    const launcher = start();
    await launcher.until(() => processes('inside.ts').length > 0 && moment(launcher));
    await launcher.end('SIGKILL');
    await untilNothingIsLeft();
  });

  it('leaves nothing behind when it is asked to stop', async () => {
    const launcher = start();
    await launcher.until(() => launcher.isReady());
    await launcher.end('SIGTERM');
    expect(launcher.process.exitCode).toBe(0);
    expect(remains()).toEqual([]);
  });

  it('runs two clusters at once that know nothing of each other', async () => {
    const [one, other] = [start(), start()];
    await Promise.all([one, other].map((launcher) => launcher.until(() => launcher.isReady())));
    expect(await kubectl(one, 'create', 'namespace', 'only-here')).toMatchObject({ code: 0 });
    expect(await kubectl(one, 'get', 'namespace', 'only-here')).toMatchObject({ code: 0 });
    const there = await kubectl(other, 'get', 'namespace', 'only-here');
    expect(there).toMatchObject({ code: 1 });
    expect(there.stderr).toContain('not found');
  });
});

async function kubectl(launcher: Launcher, ...args: readonly string[]) {
  const command = ['test/cluster/main.ts', 'exec', '--id', launcher.id, 'kubectl', ...args];
  const child = spawn(process.execPath, command, { stdio: ['ignore', 'pipe', 'pipe'] });
  let stderr = '';
  child.stderr.on('data', (chunk) => {
    stderr += String(chunk);
  });
  const [code] = await once(child, 'exit');
  return { code: Number(code), stderr };
}

/** The kernel needs a moment to end the processes of a namespace. */
async function untilNothingIsLeft(): Promise<void> {
  for (let attempt = 0; attempt < 200 && remains().length > 0; attempt++) await sleep(50);
  expect(remains()).toEqual([]);
}

function remains(): readonly string[] {
  return [
    ...processes('kube-apiserver'),
    ...processes('inside.ts'),
    ...processes(STATE),
    ...namespaces(),
    ...(existsSync(STATE) ? [STATE] : []),
  ];
}

/** Network namespaces other than ours that somebody still is in. */
function namespaces(): readonly string[] {
  const own = readlinkSync('/proc/self/ns/net');
  const all = everyProcess().flatMap((pid) => linkOf(`/proc/${pid}/ns/net`));
  return [...new Set(all)].filter((link) => link !== own);
}

function processes(word: string): readonly string[] {
  return everyProcess().flatMap((pid) => {
    const line = commandOf(pid);
    return line.includes(word) ? [line] : [];
  });
}

function everyProcess(): readonly number[] {
  return readdirSync('/proc')
    .map(Number)
    .filter((pid) => pid > 0 && pid !== process.pid);
}

/** Empty for one that has just ended. */
function commandOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').trim();
  } catch {
    return '';
  }
}

function linkOf(file: string): readonly string[] {
  try {
    return [readlinkSync(file)];
  } catch {
    return [];
  }
}
