/**
 * What the operator counts about itself, for `/metrics`.
 *
 * Series of a Canary go with it. With `--flagger-api` Flagger's metrics stand beside ours, so that dashboards and
 * alerts made for it go on working.
 */
import { collectDefaultMetrics, Registry } from 'prom-client';

import { Catalogue, OwnedSeries, type MetricDoc } from './catalogue.ts';
import { FlaggerMetrics, type Strategy } from './flagger-metrics.ts';

/** Which Canary: the same name may exist in both groups. */
export interface MeteredCanary {
  readonly group: string;
  readonly namespace: string;
  readonly name: string;
}

export interface CanaryState {
  readonly phase: string;
  /** The canary's share, percent. */
  readonly weight: number;
  /** Name of the target. */
  readonly target: string;
}

export type Outcome = 'succeeded' | 'failed' | 'skipped';

/** How one watch is doing. */
export interface MeteredWatch {
  readonly resource: string;
  /** Empty: all namespaces. */
  readonly namespace: string;
  readonly ageMs: number;
}

/** What is asked for at each scrape. */
export interface MetricSources {
  queueDepth(): number;
  watches(): readonly MeteredWatch[];
  isLeader(): boolean;
}

export interface MetricsOptions {
  readonly version: string;
  /** The provider of Canaries that name none. */
  readonly provider: string;
  readonly flaggerApi: boolean;
  readonly sources: MetricSources;
}

const passBuckets = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];
const abortBuckets = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1800, 3600];

export class OperatorMetrics {
  readonly #registry = new Registry();
  readonly #catalogue = new Catalogue(this.#registry);
  readonly #series = new OwnedSeries();
  readonly #flagger: FlaggerMetrics | undefined;

  readonly #passes = this.#catalogue.counter({
    name: 'serin_passes_total',
    help: 'Passes over one Canary, by outcome: ok, or the kind of error that ended it.',
    labelNames: ['outcome'],
  });
  readonly #passSeconds = this.#catalogue.histogram({
    name: 'serin_pass_duration_seconds',
    help: 'How long one pass over one Canary took.',
    buckets: passBuckets,
  });
  readonly #apiRequests = this.#catalogue.counter({
    name: 'serin_api_requests_total',
    help: 'Requests to the API server, by verb, resource and answer; code 0 was not answered.',
    labelNames: ['verb', 'resource', 'code'],
  });
  readonly #checks = this.#catalogue.counter({
    name: 'serin_checks_total',
    help: 'Checks of releases that were asked, by result.',
    labelNames: ['result'],
  });
  readonly #notifications = this.#catalogue.counter({
    name: 'serin_notifications_total',
    help: 'Attempts to deliver alerts, post-rollout hooks and events for receivers, by result: delivered, dropped, or the kind of error.',
    labelNames: ['kind', 'result'],
  });
  readonly #phase = this.#catalogue.gauge({
    name: 'serin_canary_phase',
    help: '1 for the phase that a Canary is in; its other phases have no series.',
    labelNames: ['group', 'namespace', 'name', 'phase'],
  });
  readonly #weight = this.#catalogue.gauge({
    name: 'serin_canary_weight',
    help: 'Percent of requests that the canary side gets.',
    labelNames: ['group', 'namespace', 'name'],
  });
  readonly #releases = this.#catalogue.counter({
    name: 'serin_releases_total',
    help: 'Releases that ended, by outcome: succeeded, failed or skipped (promoted without analysis).',
    labelNames: ['group', 'namespace', 'name', 'outcome'],
  });
  readonly #timeToAbort = this.#catalogue.histogram({
    name: 'serin_time_to_abort_seconds',
    help: 'How long users were exposed to a release that was rolled back.',
    buckets: abortBuckets,
  });

  constructor({ version, provider, flaggerApi, sources }: MetricsOptions) {
    this.#catalogue
      .gauge({
        name: 'serin_info',
        help: 'Always 1; the label says which version runs.',
        labelNames: ['version'],
      })
      .set({ version }, 1);
    this.#addSources(sources);
    this.#flagger = flaggerApi
      ? new FlaggerMetrics(this.#catalogue, this.#series, { version, provider })
      : undefined;
  }

  #addSources(sources: MetricSources): void {
    this.#catalogue.gauge({
      name: 'serin_queue_depth',
      help: 'Canaries that wait for a worker.',
      collect() {
        this.set(sources.queueDepth());
      },
    });
    this.#catalogue.gauge({
      name: 'serin_leader',
      help: '1 while this replica holds the Lease and works, else 0.',
      collect() {
        this.set(sources.isLeader() ? 1 : 0);
      },
    });
    this.#catalogue.gauge({
      name: 'serin_watch_age_seconds',
      help: 'Time since the API server last said anything on a watch; the namespace is empty for all.',
      labelNames: ['resource', 'namespace'],
      collect() {
        this.reset();
        for (const { resource, namespace, ageMs } of sources.watches()) {
          this.set({ resource, namespace }, ageMs / 1000);
        }
      },
    });
  }

  /** Beside the operator's own: memory, CPU and event loop of the process. */
  withProcessMetrics(): this {
    collectDefaultMetrics({ register: this.#registry });
    return this;
  }

  /** One pass has ended. With the Canary, Flagger's histogram of an advancing tick is fed too. */
  passed(outcome: string, durationMs: number, canary?: MeteredCanary): void {
    this.#passes.inc({ outcome });
    this.#passSeconds.observe(durationMs / 1000);
    if (canary !== undefined) this.#flagger?.analysed(idOf(canary), durationMs);
  }

  /** The name of the metric is the user's and unbounded, so it is no label. */
  checked(_metric: string, result: string): void {
    this.#checks.inc({ result });
  }

  /** A check gave a value, in the unit that users write. */
  measured(canary: MeteredCanary, metric: string, value: number): void {
    this.#flagger?.measured(idOf(canary), metric, value);
  }

  notified(kind: string, result: string): void {
    this.#notifications.inc({ kind, result });
  }

  requested({ verb, resource, code }: { verb: string; resource: string; code: number }): void {
    this.#apiRequests.inc({ verb, resource, code: String(code) });
  }

  observed(canary: MeteredCanary, state: CanaryState): void {
    const owner = idOf(canary);
    const { group, namespace, name } = canary;
    const { phase, weight } = state;
    this.#phase.set(
      this.#series.hold(owner, 'phase', this.#phase, { group, namespace, name, phase }),
      1,
    );
    this.#weight.set(
      this.#series.hold(owner, 'weight', this.#weight, { group, namespace, name }),
      weight,
    );
    this.#flagger?.observed(owner, namespace, state);
  }

  /** A run has ended. `exposedMs`: how long users saw the release, when they did. */
  finished(
    canary: MeteredCanary,
    outcome: Outcome,
    exposedMs: number | undefined,
    strategy: Strategy = 'canary',
  ): void {
    const owner = idOf(canary);
    const { group, namespace, name } = canary;
    const labels = { group, namespace, name, outcome };
    this.#releases.inc(this.#series.hold(owner, `release ${outcome}`, this.#releases, labels));
    if (outcome === 'failed' && exposedMs !== undefined)
      this.#timeToAbort.observe(exposedMs / 1000);
    this.#flagger?.finished(owner, outcome, strategy);
  }

  /** The Canary has gone, and its series go. */
  forgotten(canary: MeteredCanary): void {
    const owner = idOf(canary);
    this.#series.forget(owner);
    this.#flagger?.forgotten(owner);
  }

  /** The page that Prometheus scrapes. */
  async page(): Promise<{ readonly contentType: string; readonly text: string }> {
    return { contentType: this.#registry.contentType, text: await this.#registry.metrics() };
  }

  /** What there is, in order of making; without the metrics of the process. */
  get docs(): readonly MetricDoc[] {
    return this.#catalogue.docs;
  }
}

function idOf({ group, namespace, name }: MeteredCanary): string {
  return `${group}/${namespace}/${name}`;
}

/** Every metric in Markdown, for the documentation; Flagger's come last. */
export function metricsMarkdown(): string {
  const sources = { queueDepth: () => 0, watches: () => [], isLeader: () => false };
  const metrics = new OperatorMetrics({ version: '', provider: '', flaggerApi: true, sources });
  const cells = metrics.docs.map(({ name, type, labels, help }) => [
    `\`${name}\``,
    type,
    labels.map((label) => `\`${label}\``).join(', '),
    help,
  ]);
  return [['Metric', 'Type', 'Labels', 'Meaning'], ['---', '---', '---', '---'], ...cells]
    .map((row) => `| ${row.join(' | ')} |`)
    .join('\n');
}
