/**
 * The demo: one release promoted, one aborted, on real traffic, by the real operator in a process of its own.
 *
 * Waiting is led by the Canary's phase; the verdict at the end is not (`verdict.ts`).
 */
import { setTimeout as sleep } from 'node:timers/promises';

import { DEPLOYMENTS, type Written } from '../controllers/api.ts';
import { type Deployment, isRecord, type KubeObject } from '../controllers/objects.ts';
import {
  type OperatorProcess,
  startOperator,
  startTraffic,
  type TrafficProcess,
} from '../processes.ts';
import { type Sandbox, type SandboxOptions, startSandbox } from '../sandbox.ts';
import { ClusterLog } from './cluster-log.ts';
import { Ledger } from './ledger.ts';
import {
  APP,
  BAD_IMAGE,
  canary,
  deployment,
  FIRST_IMAGE,
  GOOD_IMAGE,
  HOST,
  NAMESPACE,
} from './manifests.ts';
import { type Display, liveDisplay, type Output, plainDisplay } from './screen.ts';
import { summary } from './summary.ts';
import { judge, type Release } from './verdict.ts';

export interface DemoOptions extends Pick<SandboxOptions, 'prometheus' | 'gatewayLagMs'> {
  readonly rate: number;
  readonly out: Output;
}

const CANARIES = { apiVersion: 'serin.dev/v1beta1', kind: 'Canary', plural: 'canaries' };
const LOOK_EVERY_MS = 200;
const VIEW_MS = 3_000;
/** Longer than the window of the checks, so that each release is judged by its own pods. */
const PAUSE_MS = 6_000;
const LIMIT_MS = 85_000;

/** Answers with the exit code. */
export async function runDemo(options: DemoOptions, signal: AbortSignal): Promise<number> {
  const demo = await Demo.start(options);
  try {
    return await demo.run(signal);
  } finally {
    await demo.close();
  }
}

class Demo {
  readonly #options: DemoOptions;
  readonly #sandbox: Sandbox;
  readonly #display: Display;
  readonly #log: ClusterLog;
  readonly #ledger = new Ledger(APP);
  readonly #slack: string[] = [];
  readonly #startedAt = Date.now();
  #operator: OperatorProcess | undefined;
  #traffic: TrafficProcess | undefined;
  #step = 'starting';

  private constructor(options: DemoOptions, sandbox: Sandbox, display: Display) {
    this.#options = options;
    this.#sandbox = sandbox;
    this.#display = display;
    this.#log = new ClusterLog(sandbox.cluster.api, APP, ({ warning, text }) =>
      display.tell(this.#elapsedMs, warning ? 'Event!' : 'Event', text),
    );
  }

  static async start(options: DemoOptions): Promise<Demo> {
    const { out, rate: _, ...sandboxOptions } = options;
    const line = (text: string) => out.write(`${text}\n`);
    let demo: Demo | undefined;
    const sandbox = await startSandbox({
      ...sandboxOptions,
      onSlackMessage: ({ text }) => demo?.heard(text),
    });
    line(`sandbox    KUBECONFIG=${sandbox.kubeconfigOf('admin')}`);
    line(`gateway    ${sandbox.cluster.gatewayUrl} (Host: ${HOST})`);
    line(`Prometheus ${sandbox.metrics.url} (${sandbox.metrics.kind})`);
    line('');
    demo = new Demo(options, sandbox, out.isTTY === true ? liveDisplay(out) : plainDisplay(line));
    return demo;
  }

  async run(signal: AbortSignal): Promise<number> {
    const { cluster } = this.#sandbox;
    this.#operator = startOperator(this.#sandbox, [
      '--drain=2s',
      '--port=0',
      '--leader-elect=false',
    ]);
    demand(cluster.client.create(DEPLOYMENTS, deployment(FIRST_IMAGE)));
    const ours: KubeObject = canary;
    demand(cluster.client.create(CANARIES, ours));
    await this.#until('Initialized', 'making the primary', signal);

    const { rate } = this.#options;
    const onRecords = this.#ledger.add.bind(this.#ledger);
    this.#traffic = startTraffic(this.#sandbox, { host: HOST, rate, onRecords });
    await this.#pause(2_000, 'traffic begins', signal);
    const good = await this.#release(GOOD_IMAGE, 'Succeeded', signal);
    await this.#pause(PAUSE_MS, `${good.version} serves everybody`, signal);
    const bad = await this.#release(BAD_IMAGE, 'Failed', signal);
    await this.#pause(3_500, `${bad.version} is off`, signal);

    const finishedAt = Date.now();
    await this.#traffic.close();
    const scrapedAt = await firstFailingScrape(this.#sandbox.metrics.url);
    const evidence = { ledger: this.#ledger, log: this.#log, good, bad, finishedAt };
    const verdict = judge(evidence);
    this.#display.end();
    this.#print('', ...summary(evidence, verdict, scrapedAt));
    return verdict.problems.length === 0 ? 0 : 1;
  }

  async close(): Promise<void> {
    this.#display.end();
    await this.#traffic?.close();
    await this.#operator?.close();
    await this.#sandbox.close();
  }

  get #elapsedMs(): number {
    return Date.now() - this.#startedAt;
  }

  async #release(image: string, phase: string, signal: AbortSignal): Promise<Release> {
    const version = image.slice(image.indexOf(':') + 1);
    const pushedAt = Date.now();
    this.#display.tell(this.#elapsedMs, 'Push', image);
    const read = demand(this.#sandbox.cluster.client.get<Deployment>(DEPLOYMENTS, NAMESPACE, APP));
    const { template } = deployment(image).spec;
    const next = { ...read, spec: { ...read.spec, template } };
    demand(this.#sandbox.cluster.client.replace(DEPLOYMENTS, next));
    await this.#until('Progressing', `releasing ${version}`, signal);
    await this.#until(phase, `releasing ${version}`, signal);
    return { image, version, pushedAt, endedAt: Date.now() };
  }

  async #until(phase: string, step: string, signal: AbortSignal): Promise<void> {
    this.#step = step;
    while (this.#phase !== phase) {
      const { ended } = this.#operator ?? {};
      if (ended !== undefined) this.#giveUp(`the operator has ended: ${ended}`);
      if (this.#elapsedMs > LIMIT_MS) this.#giveUp(`no phase ${phase} after ${LIMIT_MS / 1_000} s`);
      await this.#look(signal);
    }
  }

  async #pause(ms: number, step: string, signal: AbortSignal): Promise<void> {
    this.#step = step;
    const until = Date.now() + ms;
    while (Date.now() < until) await this.#look(signal);
  }

  async #look(signal: AbortSignal): Promise<void> {
    const now = Date.now();
    this.#display.show({
      elapsedMs: this.#elapsedMs,
      step: this.#step,
      phase: this.#phase,
      weight: this.#log.weight,
      primary: this.#ledger.view('primary', now - VIEW_MS, now),
      canary: this.#ledger.view('canary', now - VIEW_MS, now),
      sent: this.#ledger.records.length,
      failed: this.#ledger.records.filter(({ failed }) => failed).length,
      events: this.#log.notes.map(({ text }) => text),
      slack: this.#slack,
    });
    await sleep(LOOK_EVERY_MS, undefined, { signal });
  }

  get #phase(): string {
    const read = this.#sandbox.cluster.client.get(CANARIES, NAMESPACE, APP);
    const status = read.outcome === 'done' && 'status' in read.object ? read.object.status : {};
    const phase = isRecord(status) ? status['phase'] : undefined;
    return typeof phase === 'string' ? phase : 'new';
  }

  /** Shows what Slack got. */
  heard(text: string): void {
    const lines = text.split('\n');
    this.#slack.push(...lines);
    for (const line of lines) this.#display.tell(this.#elapsedMs, 'Slack', line);
  }

  #giveUp(why: string): never {
    this.#display.end();
    const words = this.#operator?.lastWords(10) ?? [];
    throw new Error([why, 'the operator said last:', ...words].join('\n'));
  }

  #print(...lines: readonly string[]): void {
    for (const line of lines) this.#options.out.write(`${line}\n`);
  }
}

function demand<T>(written: Written<T>): T {
  if (written.outcome === 'done') return written.object;
  throw new Error(`the API server refused: ${JSON.stringify(written)}`);
}

/** The first sample above zero of any counter of failed requests, as Prometheus has scraped it. */
export async function firstFailingScrape(prometheus: string): Promise<number | undefined> {
  const query = 'http_request_duration_seconds_count{status="500"}[3m]';
  const answer = await fetch(`${prometheus}/api/v1/query?query=${encodeURIComponent(query)}`);
  const body: unknown = await answer.json();
  const data = isRecord(body) && isRecord(body['data']) ? body['data'] : {};
  const series = Array.isArray(data['result']) ? data['result'].filter(isRecord) : [];
  const times = series.flatMap(({ values }) =>
    (Array.isArray(values) ? values : []).flatMap(([at, value]: [number, string]) =>
      Number(value) > 0 ? [at * 1_000] : [],
    ),
  );
  return times.length === 0 ? undefined : Math.min(...times);
}
