/** Label sets as the store and the evaluator see them: sorted by name, without empty values. */

/** Sorted by name; a label with an empty value is the same as no label. */
export type Labels = ReadonlyMap<string, string>;

/** The label that holds a series' metric name. */
export const metricName = '__name__';

/** Builds a label set from pairs in any order; a later pair replaces an earlier one. */
export function labelsOf(pairs: Iterable<readonly [string, string]>): Labels {
  const latest = new Map(pairs);
  const entries = [...latest].filter(([, value]) => value !== '');
  return new Map(entries.sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** The same text for equal label sets, and only for those. */
export function keyOf(labels: Labels): string {
  return JSON.stringify([...labels]);
}

export function pick(labels: Labels, names: readonly string[]): Labels {
  return new Map([...labels].filter(([name]) => names.includes(name)));
}

export function omit(labels: Labels, names: readonly string[]): Labels {
  return new Map([...labels].filter(([name]) => !names.includes(name)));
}

/** As Prometheus prints a label set in its messages. */
export function showLabels(labels: Labels): string {
  const rest = [...omit(labels, [metricName])];
  const pairs = rest.map(([name, value]) => `${name}=${JSON.stringify(value)}`);
  return `${labels.get(metricName) ?? ''}{${pairs.join(', ')}}`;
}
