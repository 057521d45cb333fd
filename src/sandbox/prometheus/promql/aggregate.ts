/** `sum`, `avg`, `min`, `max`, `count` and `topk` over groups of series. */
import { keyOf, metricName, omit, pick, type Labels } from '../labels.ts';
import { larger, smaller } from './over-time.ts';
import { QueryError } from './query-error.ts';
import { average, sum } from './sums.ts';
import type { Aggregate, AggregateOperator } from './syntax.ts';
import type { VectorSample } from './value.ts';

type Fold = (values: readonly number[]) => number;

const folds: Readonly<Record<Exclude<AggregateOperator, 'topk'>, Fold>> = {
  sum,
  avg: average,
  min: (values) => values.reduce(smaller),
  max: (values) => values.reduce(larger),
  count: (values) => values.length,
};

export function aggregate(
  { operator, grouping }: Pick<Aggregate, 'operator' | 'grouping'>,
  vector: readonly VectorSample[],
  parameter: number | undefined,
): readonly VectorSample[] {
  const groups = new Map<string, { labels: Labels; members: VectorSample[] }>();
  for (const sample of vector) {
    const labels = groupLabels(grouping, sample.labels);
    const key = keyOf(labels);
    const group = groups.get(key) ?? { labels, members: [] };
    group.members.push(sample);
    groups.set(key, group);
  }
  if (operator === 'topk') {
    const limit = wholeNumber(parameter ?? Number.NaN);
    return [...groups.values()].flatMap(({ members }) => largest(limit, members));
  }
  const fold = folds[operator];
  return [...groups.values()].map(({ labels, members }) => ({
    labels,
    value: fold(members.map(({ value }) => value)),
  }));
}

function groupLabels({ mode, labels: names }: Aggregate['grouping'], labels: Labels): Labels {
  return mode === 'by' ? pick(labels, names) : omit(labels, [...names, metricName]);
}

function wholeNumber(parameter: number): number {
  if (!(Math.abs(parameter) < 2 ** 63)) {
    throw QueryError.execution(`Scalar value ${parameter} overflows int64`);
  }
  return Math.max(0, Math.trunc(parameter));
}

function largest(limit: number, members: readonly VectorSample[]): readonly VectorSample[] {
  return [...members].sort((a, b) => descending(a.value, b.value)).slice(0, limit);
}

/** Largest first, NaN last. */
function descending(a: number, b: number): number {
  if (Number.isNaN(a) || Number.isNaN(b)) return Number(Number.isNaN(a)) - Number(Number.isNaN(b));
  return a === b ? 0 : b > a ? 1 : -1;
}
