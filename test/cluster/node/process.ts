/**
 * The process of a container, and others beside it (probes and hooks by `exec`).
 *
 * A container has a process namespace of its own, so that killing its first process kills all of it, and so that
 * it meets what programs meet as process 1: signals that it does not handle are not delivered.
 */

import { spawn, type ChildProcess } from 'node:child_process';
import { closeSync, constants, openSync, readFileSync, rmSync } from 'node:fs';
import { Socket } from 'node:net';
import { constants as system } from 'node:os';
import type { Readable } from 'node:stream';

import { run, tools } from './commands.ts';
import { setprivArguments, type Identity } from './identity.ts';
import { selectLines, type LogFile } from './logs.ts';
import type { Sandbox } from './network.ts';
import { rootScript } from './root.ts';

export interface ProcessInput {
  readonly sandbox: Sandbox;
  readonly root: string;
  readonly skeleton: string;
  /** A file. */
  readonly fstab: string;
  readonly readOnlyRoot: boolean;
  readonly workingDir: string;
  readonly identity: Identity;
  readonly environment: Readonly<Record<string, string>>;
  readonly command: readonly string[];
  readonly log: LogFile;
}

export interface Ended {
  /** As a shell counts: 128 + the signal's number. */
  readonly exitCode: number;
  readonly signal: number | undefined;
}

export interface RunningProcess {
  /** Of the container's first process, as the node sees it. */
  readonly pid: number;
  /** When nothing of the container is left. */
  readonly ended: Promise<Ended>;
  readonly hasEnded: boolean;
  /** Does nothing once the process has ended. */
  signal(name: 'SIGTERM' | 'SIGKILL'): void;
  /** Runs a command in the container; `signal` kills it. */
  exec(command: readonly string[], signal: AbortSignal): Promise<ExecResult>;
}

export interface ExecResult {
  readonly exitCode: number;
  readonly output: string;
}

/**
 * The parent of a container's first process: only waits. (`unshare --fork` would do it too, but fails to tell of a
 * child that was killed by SIGKILL.) What the shell itself has to say about that is not the container's business.
 */
const waitScript = `exec 5>&2 2>/dev/null
"$@" 2>&5 5>&-
exit $?`;
const waiter = [tools.sh, '-c', waitScript, 'wait'];

/** Where the program finds `setpriv`, which its own root does not have. */
const setprivDescriptor = 3;
const maxOutputChars = 10_240;

/** Rejects when the container cannot be set up; a program that is not there ends with 127. */
export async function startProcess(input: ProcessInput): Promise<RunningProcess> {
  const { sandbox, root, skeleton, fstab, readOnlyRoot, log } = input;
  const shell = [tools.sh, '-c', rootScript, 'container', root, skeleton, fstab];
  const args = [
    '--pdeathsig=KILL',
    tools.nsenter,
    ...sandbox.enter,
    tools.unshare,
    '--mount',
    '--pid',
    ...waiter,
    ...shell,
    readOnlyRoot ? 'yes' : '',
    ...Object.entries(input.environment).map(([name, value]) => `${name}=${value}`),
    tools.nsenter,
    `--root=${root}`,
    `--wd=${root}/${input.workingDir}`,
    `/proc/self/fd/${setprivDescriptor}`,
    ...setprivArguments(input.identity),
    ...input.command,
  ];
  const [output, errors] = await openPipes(`${root}.out`, `${root}.err`);
  const child = withSetpriv((descriptor) =>
    spawn(tools.setpriv, args, {
      env: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin' },
      stdio: ['ignore', output.writeEnd, errors.writeEnd, descriptor, 'pipe'],
    }),
  );
  for (const { writeEnd, readEnd } of [output, errors]) {
    closeSync(writeEnd);
    log.take(readEnd);
  }
  const ended = endOf(child, log);
  const said = await firstWords(child.stdio[4] as Readable);
  if (!said.includes('ready')) {
    await ended;
    const words = selectLines(log.read(), { timestamps: false, tailLines: 5 });
    throw new Error(words.trim() || 'the container could not be set up');
  }
  return new ContainerProcess(child, ended, input);
}

class ContainerProcess implements RunningProcess {
  readonly pid: number;
  readonly ended: Promise<Ended>;
  hasEnded = false;
  readonly #input: ProcessInput;

  constructor(child: ChildProcess, ended: Promise<Ended>, input: ProcessInput) {
    this.pid = firstChildOf(child.pid ?? 0);
    this.#input = input;
    this.ended = ended.then((end) => {
      this.hasEnded = true;
      return end;
    });
  }

  signal(name: 'SIGTERM' | 'SIGKILL'): void {
    if (!this.hasEnded && this.pid !== 0) killProcess(this.pid, name);
  }

  async exec(command: readonly string[], signal: AbortSignal): Promise<ExecResult> {
    if (this.hasEnded) return { exitCode: 137, output: 'the container has ended' };
    const { workingDir, identity, environment } = this.#input;
    const args = [
      '--pdeathsig=KILL',
      tools.nsenter,
      `--target=${this.pid}`,
      '--mount',
      '--pid',
      '--net',
      '--uts',
      '--ipc',
      '--root',
      `--wd=/proc/${this.pid}/root/${workingDir}`,
      `/proc/self/fd/${setprivDescriptor}`,
      ...setprivArguments(identity),
      ...command,
    ];
    const child = withSetpriv((descriptor) =>
      spawn(tools.setpriv, args, {
        env: environment,
        stdio: ['ignore', 'pipe', 'pipe', descriptor],
      }),
    );
    // Not `nsenter` itself: whoever inherited its child would have to wait for it, or the container could not end.
    const kill = (): void => {
      const inner = firstChildOf(child.pid ?? 0);
      if (inner !== 0) killProcess(inner, 'SIGKILL');
    };
    if (signal.aborted) kill();
    signal.addEventListener('abort', kill, { once: true });
    const [{ exitCode }, out, err] = await Promise.all([
      endOf(child),
      textOf(child.stdout),
      textOf(child.stderr),
    ]);
    signal.removeEventListener('abort', kill);
    return { exitCode, output: out + err };
  }
}

function killProcess(pid: number, signal: 'SIGTERM' | 'SIGKILL'): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    // It may have ended without our having heard of it yet.
    if (!(error instanceof Error && 'code' in error && error.code === 'ESRCH')) throw error;
  }
}

function withSetpriv(start: (descriptor: number) => ChildProcess): ChildProcess {
  const descriptor = openSync(tools.setpriv, 'r');
  try {
    return start(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

interface Pipe {
  readonly writeEnd: number;
  readonly readEnd: Readable;
}

/**
 * Pipes as programs know them from container engines: Node.js would give sockets, which cannot be opened as
 * `/dev/stdout`.
 */
async function openPipes(out: string, err: string): Promise<readonly [Pipe, Pipe]> {
  for (const file of [out, err]) rmSync(file, { force: true });
  // Not by who made it: the program runs as another user.
  await run('/usr/bin/mkfifo', ['--mode=666', out, err]);
  return [openPipe(out), openPipe(err)];
}

function openPipe(file: string): Pipe {
  const readEnd = openSync(file, constants.O_RDONLY | constants.O_NONBLOCK);
  const writeEnd = openSync(file, 'w');
  rmSync(file);
  return { writeEnd, readEnd: new Socket({ fd: readEnd, readable: true, writable: false }) };
}

/** With the last words of it in the log, when there is one. */
async function endOf(child: ChildProcess, log?: LogFile): Promise<Ended> {
  const ended = await exitOf(child);
  await log?.ended;
  return ended;
}

function exitOf(child: ChildProcess): Promise<Ended> {
  return new Promise((resolve) => {
    let failure: Error | undefined;
    child.on('error', (error) => {
      failure = error;
      if (child.pid === undefined) resolve({ exitCode: 128, signal: undefined });
    });
    child.once('close', (code, signal) => {
      const number = signal === null ? undefined : system.signals[signal];
      const exitCode = code ?? (number === undefined ? 128 : 128 + number);
      resolve({ exitCode: failure !== undefined && code === 0 ? 128 : exitCode, signal: number });
    });
  });
}

async function firstWords(stream: Readable): Promise<string> {
  for await (const chunk of stream) return String(chunk);
  return '';
}

async function textOf(stream: Readable | null): Promise<string> {
  let text = '';
  for await (const chunk of stream ?? []) {
    if (text.length < maxOutputChars) text += String(chunk);
  }
  return text.slice(0, maxOutputChars);
}

/** 0 when there is none any more. */
function firstChildOf(pid: number): number {
  try {
    const [first = '0'] = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ');
    return Number(first);
  } catch {
    return 0;
  }
}
