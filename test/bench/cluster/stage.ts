/** What both kinds of task have on stage: the operator, a stand-in for Prometheus, the observer, the audit log. */
import { setTimeout as sleep } from 'node:timers/promises';

import * as z from 'zod';

import { FILES } from '../../cluster/layout.ts';
import {
  type RunningOperator,
  startForeignOperator,
  startOperator,
} from '../processes/operator.ts';
import { usageOf } from '../process-usage.ts';
import { type Remote, startRemote } from '../remote.ts';
import { counts, isList, type Request, tally } from '../requests.ts';
import { type Api, apiClient, until } from './api.ts';
import { AuditLog } from './audit-log.ts';
import {
  type Credentials,
  installDefinitions,
  installForeignOperator,
  installOperator,
} from './install.ts';
import { PhaseSeen, WeightSeen } from './seen.ts';
import type { Counted, Findings, Rest, Task } from './task.ts';

export const goodAnswers = { successRate: 99.9, latencySeconds: 0.1 };
export const badAnswers = { successRate: 50, latencySeconds: 0.1 };

/** A pause in the operator's requests that means that it has nothing more to do. */
const quietMs = 5_000;

export class Stage {
  readonly client: Api;
  readonly durations: { part: string; seconds: number }[] = [];
  readonly #task: Task;
  readonly #credentials: Credentials;
  readonly #standIn: Remote;
  readonly #standInPort: number;
  readonly #observer: Remote;
  readonly #audit: AuditLog;
  #operator: RunningOperator | undefined;

  private constructor(
    task: Task,
    client: Api,
    credentials: Credentials,
    processes: { standIn: Remote; standInPort: number; observer: Remote },
  ) {
    this.#task = task;
    this.client = client;
    this.#credentials = credentials;
    this.#standIn = processes.standIn;
    this.#standInPort = processes.standInPort;
    this.#observer = processes.observer;
    this.#audit = new AuditLog(FILES.auditLog, credentials.user);
  }

  /** Runs `work` on a stage of its own and clears it, whatever happens. */
  static async with(task: Task, work: (stage: Stage) => Promise<void>): Promise<void> {
    const client = apiClient();
    installDefinitions(task.definitions);
    const install = task.operator === undefined ? installOperator : installForeignOperator;
    const credentials = await install(client);
    const standIn = await startRemote(new URL('../processes/prometheus.ts', import.meta.url));
    const observer = await startRemote(new URL('processes/observer.ts', import.meta.url));
    const standInPort = await standIn.call('listen', undefined, z.int());
    const stage = new Stage(task, client, credentials, { standIn, standInPort, observer });
    try {
      await work(stage);
    } catch (error) {
      const log = stage.#operator?.log().split('\n').slice(-20).join('\n');
      if (log !== undefined) say(`the operator's last lines:\n${log}`);
      throw error;
    } finally {
      await stage.stopOperator();
      await Promise.all([standIn.stop(), observer.stop(), client.close()]);
      stage.#audit.close();
    }
  }

  /** Tells how long `work` took. */
  async part<T>(part: string, work: () => Promise<T>): Promise<T> {
    say(`  ${part}`);
    const from = performance.now();
    try {
      return await work();
    } finally {
      const seconds = Math.round((performance.now() - from) / 100) / 10;
      this.durations.push({ part, seconds });
    }
  }

  async startOperator(): Promise<void> {
    const { operator } = this.#task;
    const { kubeconfig } = this.#credentials;
    const surroundings = { kubeconfig, standInPort: this.#standInPort };
    this.#operator =
      operator === undefined
        ? await startOperator(FILES.bundle, surroundings)
        : await startForeignOperator(operator, surroundings);
  }

  async stopOperator(): Promise<void> {
    await this.#operator?.stop();
    this.#operator = undefined;
  }

  usage(): ReturnType<typeof usageOf> {
    if (this.#operator === undefined) throw new Error('the operator does not run');
    return usageOf(this.#operator.pid);
  }

  /** Opens the observer's eyes. */
  async watch(canaries: string, routes = '/apis/gateway.networking.k8s.io/v1/httproutes') {
    await this.#observer.call('start', { canaries, routes }, z.undefined());
  }

  phases(): Promise<Readonly<Record<string, number>>> {
    return this.#observer.call('phases', undefined, z.record(z.string(), z.int()));
  }

  phasesSince(fromMs: number): Promise<readonly PhaseSeen[]> {
    return this.#observer.call('phasesSince', fromMs, z.array(PhaseSeen));
  }

  weightsSince(fromMs: number): Promise<readonly WeightSeen[]> {
    return this.#observer.call('weightsSince', fromMs, z.array(WeightSeen));
  }

  /** The share of each canary now. */
  weights(): Promise<Readonly<Record<string, number>>> {
    return this.#observer.call('weights', undefined, z.record(z.string(), z.number()));
  }

  /** What Prometheus answers from now on; resolves with when that began. */
  answer(values: typeof goodAnswers): Promise<number> {
    return this.#standIn.call('answer', values, z.number());
  }

  async queries(): Promise<number> {
    const Seen = z.object({ queries: z.int() });
    return (await this.#standIn.call('seen', undefined, Seen)).queries;
  }

  /** What the operator asked for since then, on the wall clock. */
  requestsSince(fromMs: number): readonly Request[] {
    return this.#audit.since(fromMs).filter(counts);
  }

  /** Reads the audit log, which must not fill two files in between. */
  readOn(): void {
    this.#audit.since(Infinity);
  }

  /** Waits for a pause in its requests; an operator that never pauses is measured all the same. */
  async untilQuiet(limitMs: number): Promise<boolean> {
    let isQuiet = true;
    const from = Date.now();
    const what = 'the operator has nothing to do';
    const check = () =>
      Date.now() - from > quietMs && this.requestsSince(Date.now() - quietMs).length === 0;
    await until(what, limitMs, check, 500).catch(() => {
      isQuiet = false;
    });
    return isQuiet;
  }

  /** Requests, processor time and memory while nothing happens. */
  async rest(windowMs: number): Promise<Rest> {
    const from = Date.now();
    const before = this.usage().cpuMs;
    await sleep(windowMs);
    const { cpuMs, residentMiB } = this.usage();
    const seconds = (Date.now() - from) / 1000;
    const requests = countedIn(this.requestsSince(from));
    return { requests, seconds, cpuSeconds: (cpuMs - before) / 1000, residentMiB };
  }
}

export function countedIn(requests: readonly Request[], isQuiet = true): Counted {
  return {
    total: requests.length,
    unfinished: !isQuiet,
    lists: requests.filter(isList).length,
    tally: tally(requests).slice(0, 20),
  };
}

export function say(text: string): void {
  process.stderr.write(`${text}\n`);
}

/** Findings that fill up, so that a failure leaves what was found before it. */
export type Growing = { -readonly [Name in keyof Findings]: Findings[Name] };
