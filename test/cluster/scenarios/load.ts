/** Steady requests from a process of their own, half of them on new connections, and what became of each. */
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';

import { Ledger } from '../../../src/sandbox/demo/ledger.ts';
import { isTrafficMessage, type RequestRecord } from '../../../src/sandbox/demo/request-record.ts';
import { end, startLeashed } from '../../../src/sandbox/runner/leashed-process.ts';

const TRAFFIC = new URL('../../../src/sandbox/demo/traffic.ts', import.meta.url);
const GRACE_MS = 12_000;

export interface LoadOptions {
  readonly url: string;
  readonly host?: string;
  /** Requests a second. */
  readonly rate: number;
  /** Name of the Deployment, whose primary's pods are told apart by theirs. */
  readonly app: string;
}

export class Load {
  readonly ledger: Ledger;
  readonly #child: ChildProcess;

  private constructor(child: ChildProcess, app: string) {
    this.#child = child;
    this.ledger = new Ledger(app);
    child.on('message', (message) => {
      if (isTrafficMessage(message)) this.ledger.add(message.records);
    });
  }

  static start({ url, host, rate, app }: LoadOptions): Load {
    const args = ['--url', url, '--rate', String(rate), '--fresh-every', '2'];
    if (host !== undefined) args.push('--host', host);
    const options = {
      module: TRAFFIC,
      args,
      env: {},
      stdout: 'ignore',
      stderr: 'inherit',
    } as const;
    return new Load(startLeashed({ ...options, messages: true }), app);
  }

  get records(): readonly RequestRecord[] {
    return this.ledger.records;
  }

  /** Stops sending; resolves when every answer is known. */
  async close(): Promise<void> {
    const { exitCode, signalCode } = this.#child;
    if (exitCode !== null || signalCode !== null) return;
    const disconnected = once(this.#child, 'disconnect', { signal: AbortSignal.timeout(GRACE_MS) });
    this.#child.send('stop');
    await disconnected;
    await end(this.#child, GRACE_MS);
  }
}

/** Who did not answer, or said that it failed: by pod and status, with the time of the first, for people. */
export function blame(records: readonly RequestRecord[]): readonly string[] {
  const counts = new Map<string, { count: number; readonly first: number }>();
  for (const { at, failed, pod, lastPod, status, error } of records) {
    if (!failed) continue;
    const silent = lastPod === undefined ? 'nobody' : `${lastPod} (last on that connection)`;
    const what = status === 0 ? `no answer (${error})` : String(status);
    const who = `${pod ?? silent}: ${what}`;
    const seen = counts.get(who) ?? { count: 0, first: at };
    counts.set(who, { ...seen, count: seen.count + 1 });
  }
  return [...counts].map(([who, { count, first }]) => {
    return `${count} × ${who} from ${new Date(first).toISOString().slice(11, 23)}`;
  });
}
