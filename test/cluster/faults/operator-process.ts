/** The operator as it is shipped, as a process: the bundle, its ServiceAccount's token, TLS verified. */
import { spawn, type ChildProcess } from 'node:child_process';

import type { FaultProxy } from './proxy.ts';

export interface ProcessOptions {
  readonly bundle: string;
  /** Of the proxy, with the token of the operator's ServiceAccount. */
  readonly kubeconfig: string;
  readonly flags: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

export class OperatorProcess {
  readonly lines: string[] = [];
  /** When it ended, as `Date.now()`. */
  endedAt: number | undefined;
  readonly #child: ChildProcess;
  /** Resolves when it has ended. */
  readonly exited: Promise<void>;
  #rest = '';

  constructor({ bundle, kubeconfig, flags, env }: ProcessOptions) {
    this.#child = spawn(
      process.execPath,
      // As in deploy/Dockerfile.
      ['--optimize-for-size', bundle, 'operator', `--kubeconfig=${kubeconfig}`, ...flags],
      {
        // As in deploy/base/deployment.yaml.
        env: {
          NODE_ENV: 'production',
          NODE_OPTIONS: '--max-old-space-size=360 --max-semi-space-size=1',
          MALLOC_ARENA_MAX: '1',
          ...env,
        },
        stdio: ['ignore', 'pipe', 'pipe'],
      },
    );
    for (const stream of [this.#child.stdout, this.#child.stderr])
      stream?.on('data', (chunk: Buffer) => this.#read(chunk.toString()));
    this.exited = new Promise((resolve) => {
      this.#child.once('exit', () => {
        this.endedAt = Date.now();
        resolve();
      });
    });
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  signal(name: 'SIGKILL' | 'SIGSTOP' | 'SIGCONT' | 'SIGTERM'): void {
    if (this.endedAt === undefined) this.#child.kill(name);
  }

  async end(): Promise<void> {
    this.signal('SIGCONT');
    this.signal('SIGKILL');
    await this.exited;
  }

  /** Lines whose message is that one, parsed. */
  logged(message: string): readonly Readonly<Record<string, unknown>>[] {
    return this.lines
      .filter((line) => line.includes(`"msg":"${message}"`))
      .map((line) => JSON.parse(line) as Readonly<Record<string, unknown>>);
  }

  get isLeading(): boolean {
    return this.logged('leading').length > this.logged('leadership lost').length;
  }

  #read(text: string): void {
    const parts = `${this.#rest}${text}`.split('\n');
    this.#rest = parts.pop() ?? '';
    this.lines.push(...parts.filter((line) => line !== ''));
  }
}

/** An operator with a proxy of its own in front of the API server. */
export interface Watched {
  readonly process: OperatorProcess;
  readonly proxy: FaultProxy;
}
