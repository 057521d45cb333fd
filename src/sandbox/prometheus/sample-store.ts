/**
 * Samples in memory, by series, in the order of their time.
 *
 * It knows no clock: whoever appends says when, so that a simulation can fill it on its own time.
 */
import { keyOf, labelsOf, metricName, type Labels } from './labels.ts';

export interface Sample {
  readonly tMs: number;
  readonly value: number;
  /** Ends the series until a later sample: queries after `tMs` do not look back past it. */
  readonly stale: boolean;
}

export interface Series {
  readonly labels: Labels;
  readonly samples: readonly Sample[];
}

/** One condition of a selector; a series without the label is tested with the empty text. */
export interface Matcher {
  readonly label: string;
  readonly operator: '=' | '!=' | '=~' | '!~';
  readonly value: string;
  matches(value: string): boolean;
}

interface OpenSeries {
  readonly labels: Labels;
  samples: Sample[];
}

export class SampleStore {
  readonly #byName = new Map<string, Map<string, OpenSeries>>();

  /**
   * Adds one sample and says whether it was taken. As in Prometheus, a sample that is not newer than
   * the newest of its series is left out: history does not change.
   */
  append(labels: Readonly<Record<string, string>>, tMs: number, value: number): boolean {
    return this.#add(labels, { tMs, value, stale: false });
  }

  /** Says that the series has ended at this time. */
  markStale(labels: Readonly<Record<string, string>>, tMs: number): boolean {
    return this.#add(labels, { tMs, value: Number.NaN, stale: true });
  }

  /** Forgets what is older, and the series that have nothing left. */
  dropBefore(tMs: number): void {
    for (const [name, family] of this.#byName) {
      for (const [key, series] of family) {
        if ((series.samples[0]?.tMs ?? tMs) >= tMs) continue;
        series.samples = series.samples.filter((sample) => sample.tMs >= tMs);
        if (series.samples.length === 0) family.delete(key);
      }
      if (family.size === 0) this.#byName.delete(name);
    }
  }

  /** The series that meet every condition. */
  select(matchers: readonly Matcher[]): readonly Series[] {
    const named = matchers.find(
      ({ label, operator }) => label === metricName && operator === '=',
    )?.value;
    const families =
      named === undefined ? [...this.#byName.values()] : [this.#byName.get(named) ?? new Map()];
    return families
      .flatMap((family: ReadonlyMap<string, OpenSeries>) => [...family.values()])
      .filter(({ labels }) =>
        matchers.every((matcher) => matcher.matches(labels.get(matcher.label) ?? '')),
      );
  }

  #add(pairs: Readonly<Record<string, string>>, sample: Sample): boolean {
    const { samples } = this.#series(labelsOf(Object.entries(pairs)));
    const newest = samples.at(-1);
    if (newest !== undefined && newest.tMs >= sample.tMs) return false;
    samples.push(sample);
    return true;
  }

  #series(labels: Labels): OpenSeries {
    const name = labels.get(metricName) ?? '';
    const family = getOrAdd(this.#byName, name, () => new Map<string, OpenSeries>());
    return getOrAdd(family, keyOf(labels), () => ({ labels, samples: [] }));
  }
}

function getOrAdd<K, V>(map: Map<K, V>, key: K, make: () => V): V {
  const found = map.get(key);
  if (found !== undefined) return found;
  const made = make();
  map.set(key, made);
  return made;
}
