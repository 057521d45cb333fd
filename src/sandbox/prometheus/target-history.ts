/**
 * What one target's scrapes mean for the store: its samples, its `up` series, and the ends of
 * series that it no longer shows.
 */
import { keyOf, labelsOf, metricName } from './labels.ts';
import type { SampleStore } from './sample-store.ts';
import type { ExposedSample } from './text-format.ts';

type Labels = Readonly<Record<string, string>>;

export class TargetHistory {
  readonly #store: SampleStore;
  readonly #targetLabels: Labels;
  /** Series of the last scrape that took the scrape's time; only these are ended by their absence. */
  #shown = new Map<string, Labels>();

  constructor(store: SampleStore, targetLabels: Labels) {
    this.#store = store;
    this.#targetLabels = targetLabels;
  }

  /** Keeps the samples of a scrape that began at `tMs`. */
  succeed(samples: readonly ExposedSample[], tMs: number): void {
    const shown = new Map<string, Labels>();
    for (const sample of samples) {
      const labels = this.#labelled(sample.labels);
      this.#store.append(labels, sample.tMs ?? tMs, sample.value);
      if (sample.tMs === undefined) shown.set(identify(labels), labels);
    }
    this.#endAllBut(shown, tMs);
    this.#store.append(this.#up(), tMs, 1);
  }

  /** A scrape that brought nothing ends all series but `up`. */
  fail(tMs: number): void {
    this.#endAllBut(new Map(), tMs);
    this.#store.append(this.#up(), tMs, 0);
  }

  /** The target is no longer scraped. */
  end(tMs: number): void {
    this.#endAllBut(new Map(), tMs);
    this.#store.markStale(this.#up(), tMs);
  }

  #endAllBut(shown: Map<string, Labels>, tMs: number): void {
    for (const [key, labels] of this.#shown) {
      if (!shown.has(key)) this.#store.markStale(labels, tMs);
    }
    this.#shown = shown;
  }

  #up(): Labels {
    return { ...this.#targetLabels, [metricName]: 'up' };
  }

  /** What we know of the target wins; a label of the same name that it exposes itself is kept beside it. */
  #labelled(exposed: Labels): Labels {
    const renamed = Object.entries(exposed).map(([name, value]): [string, string] => [
      Object.hasOwn(this.#targetLabels, name) ? `exported_${name}` : name,
      value,
    ]);
    return { ...Object.fromEntries(renamed), ...this.#targetLabels };
  }
}

function identify(labels: Labels): string {
  return keyOf(labelsOf(Object.entries(labels)));
}
