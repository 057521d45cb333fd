/** One process of the control plane: started, watched, stopped, started again when a test has killed it. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, readFileSync } from 'node:fs';

import { FILES } from '../layout.ts';

export interface ComponentOptions {
  readonly name: string;
  readonly command: readonly [program: string, ...args: string[]];
  /** It ended and nobody asked it to; `log` is what it said last. */
  readonly onDeath: (name: string, log: string) => void;
}

export class Component {
  readonly #options: ComponentOptions;
  #process: ChildProcess | undefined;

  constructor(options: ComponentOptions) {
    this.#options = options;
  }

  start(): void {
    if (this.#process !== undefined) return;
    const { name, command, onDeath } = this.#options;
    const [program, ...args] = command;
    const log = openSync(this.logFile, 'a');
    const child = spawn(program, args, { stdio: ['ignore', log, log] });
    closeSync(log);
    this.#process = child;
    const died = (why: string) => {
      if (this.#process !== child) return;
      this.#process = undefined;
      onDeath(name, `${why}\n${this.lastLines()}`);
    };
    child.once('error', ({ message }) => died(message));
    child.once('exit', (code, signal) => died(`ended with ${signal ?? `exit code ${code}`}`));
  }

  get pid(): number | undefined {
    return this.#process?.pid;
  }

  /** Sends the signal and waits for the end; after `graceMs` it is killed. */
  async stop(signal: NodeJS.Signals = 'SIGTERM', graceMs = 3_000): Promise<void> {
    const child = this.#process;
    if (child === undefined) return;
    this.#process = undefined;
    const ended = once(child, 'exit');
    child.kill(signal);
    const timer = setTimeout(() => child.kill('SIGKILL'), graceMs);
    await ended;
    clearTimeout(timer);
  }

  get logFile(): string {
    return `${FILES.logs}/${this.#options.name}.log`;
  }

  lastLines(): string {
    return readFileSync(this.logFile, 'utf8').trimEnd().split('\n').slice(-15).join('\n');
  }
}
