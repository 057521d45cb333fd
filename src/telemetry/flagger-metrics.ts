/**
 * Flagger's metrics, by its names, labels and values, for dashboards that were made for it.
 *
 * `name` is the target's name there, not the Canary's. Unlike Flagger's, a series goes when its Canary goes, and a
 * namespace without Canaries says 0.
 */
import type { Counter, Gauge, Histogram } from 'prom-client';

import type { Catalogue, OwnedSeries } from './catalogue.ts';

/** How a run shifts traffic, as Flagger names it in a label. */
export type Strategy = 'canary' | 'blue-green' | 'ab-testing';

interface Target {
  readonly name: string;
  readonly namespace: string;
}

type TargetLabel = 'name' | 'namespace';
type RunLabel = TargetLabel | 'deployment_strategy' | 'analysis_status';

function statusOf(phase: string): number {
  if (phase === 'Progressing') return 0;
  return phase === 'Failed' ? 2 : 1;
}

export class FlaggerMetrics {
  readonly #series: OwnedSeries;
  /** Of each Canary, by its id. */
  readonly #targets = new Map<string, Target>();
  readonly #namespaces = new Set<string>();
  readonly #status: Gauge<TargetLabel>;
  readonly #weight: Gauge<'workload' | 'namespace'>;
  readonly #duration: Histogram<TargetLabel>;
  readonly #analysis: Gauge<TargetLabel | 'metric'>;
  readonly #successes: Counter<RunLabel>;
  readonly #failures: Counter<RunLabel>;

  constructor(
    catalogue: Catalogue,
    series: OwnedSeries,
    { version, provider }: { readonly version: string; readonly provider: string },
  ) {
    this.#series = series;
    const target = ['name', 'namespace'] as const;
    const run = [...target, 'deployment_strategy', 'analysis_status'] as const;
    catalogue
      .gauge({
        name: 'flagger_info',
        help: 'Always 1; the labels say which version runs, and the provider of Canaries that name none.',
        labelNames: ['version', 'mesh_provider'],
      })
      .set({ version, mesh_provider: provider }, 1);
    this.#addTotal(catalogue);
    this.#status = catalogue.gauge({
      name: 'flagger_canary_status',
      help: '0 while a release progresses, 2 after it failed, 1 otherwise.',
      labelNames: target,
    });
    this.#weight = catalogue.gauge({
      name: 'flagger_canary_weight',
      help: 'Percent of requests that a workload gets: the target, and the one named -primary.',
      labelNames: ['workload', 'namespace'],
    });
    this.#duration = catalogue.histogram({
      name: 'flagger_canary_duration_seconds',
      help: 'How long one pass of a release under way took.',
      labelNames: target,
    });
    this.#analysis = catalogue.gauge({
      name: 'flagger_canary_metric_analysis',
      help: 'The last value of each check; request-duration in seconds.',
      labelNames: [...target, 'metric'],
    });
    this.#successes = catalogue.counter({
      name: 'flagger_canary_successes_total',
      help: 'Releases that were promoted, analysed (completed) or not (skipped).',
      labelNames: run,
    });
    this.#failures = catalogue.counter({
      name: 'flagger_canary_failures_total',
      help: 'Releases that were rolled back.',
      labelNames: run,
    });
  }

  #addTotal(catalogue: Catalogue): void {
    const [targets, namespaces] = [this.#targets, this.#namespaces];
    catalogue.gauge({
      name: 'flagger_canary_total',
      help: 'Canaries in a namespace.',
      labelNames: ['namespace'],
      collect() {
        for (const namespace of namespaces) this.set({ namespace }, 0);
        for (const { namespace } of targets.values()) this.inc({ namespace });
      },
    });
  }

  observed(
    owner: string,
    namespace: string,
    { phase, weight, target: name }: { phase: string; weight: number; target: string },
  ): void {
    this.#targets.set(owner, { name, namespace });
    this.#namespaces.add(namespace);
    const status = this.#series.hold(owner, 'flagger status', this.#status, { name, namespace });
    this.#status.set(status, statusOf(phase));
    const sides = [
      ['canary', name, weight],
      ['primary', `${name}-primary`, 100 - weight],
    ] as const;
    for (const [side, workload, share] of sides) {
      const labels = this.#series.hold(owner, `flagger ${side}`, this.#weight, {
        workload,
        namespace,
      });
      this.#weight.set(labels, share);
    }
  }

  analysed(owner: string, durationMs: number): void {
    const target = this.#targets.get(owner);
    if (target === undefined) return;
    const labels = this.#series.hold(owner, 'flagger duration', this.#duration, { ...target });
    this.#duration.observe(labels, durationMs / 1000);
  }

  measured(owner: string, metric: string, value: number): void {
    const target = this.#targets.get(owner);
    if (target === undefined) return;
    const labels = { ...target, metric };
    const held = this.#series.hold(owner, `flagger metric ${metric}`, this.#analysis, labels);
    this.#analysis.set(held, metric === 'request-duration' ? value / 1000 : value);
  }

  finished(owner: string, outcome: 'succeeded' | 'failed' | 'skipped', strategy: Strategy): void {
    const target = this.#targets.get(owner);
    if (target === undefined) return;
    const metric = outcome === 'failed' ? this.#failures : this.#successes;
    const labels = {
      ...target,
      deployment_strategy: strategy,
      analysis_status: outcome === 'skipped' ? 'skipped' : 'completed',
    };
    const slot = `flagger ${outcome} ${strategy}`;
    metric.inc(this.#series.hold(owner, slot, metric, labels));
  }

  forgotten(owner: string): void {
    this.#targets.delete(owner);
  }
}
