/** `histogram_quantile` over classic buckets. */
import { keyOf, metricName, omit, type Labels } from '../labels.ts';
import { parseFloatText } from './go-text.ts';
import type { VectorSample } from './value.ts';

interface Bucket {
  readonly upperBound: number;
  readonly count: number;
}

/** One value for each group of series that differ in nothing but `le`; series without a readable `le` are left out. */
export function histogramQuantile(
  quantile: number,
  vector: readonly VectorSample[],
): readonly VectorSample[] {
  const histograms = new Map<string, { labels: Labels; buckets: Bucket[] }>();
  for (const { labels: all, value } of vector) {
    const upperBound = parseFloatText(all.get('le') ?? '');
    if (upperBound === undefined) continue;
    const labels = omit(all, [metricName, 'le']);
    const key = keyOf(labels);
    const histogram = histograms.get(key) ?? { labels, buckets: [] };
    histogram.buckets.push({ upperBound, count: value });
    histograms.set(key, histogram);
  }
  return [...histograms.values()].map(({ labels, buckets }) => ({
    labels,
    value: quantileOf(quantile, buckets),
  }));
}

function quantileOf(quantile: number, unsorted: readonly Bucket[]): number {
  if (Number.isNaN(quantile)) return Number.NaN;
  if (quantile < 0) return -Infinity;
  if (quantile > 1) return Infinity;
  const sorted = [...unsorted].sort((a, b) => (a.upperBound < b.upperBound ? -1 : 1));
  if (sorted.at(-1)?.upperBound !== Infinity) return Number.NaN;
  const buckets = neverFalling(merged(sorted));
  const all = buckets.at(-1)?.count ?? 0;
  if (buckets.length < 2 || all === 0) return Number.NaN;
  return interpolate(buckets, quantile * all);
}

/** Several spellings of one bound (`1`, `1.0`) are one bucket. */
function merged(buckets: readonly Bucket[]): readonly Bucket[] {
  const result: Bucket[] = [];
  for (const bucket of buckets) {
    const last = result.at(-1);
    if (last?.upperBound === bucket.upperBound) {
      result[result.length - 1] = { ...last, count: last.count + bucket.count };
    } else {
      result.push(bucket);
    }
  }
  return result;
}

/** Buckets scraped at different moments may not be cumulative; a lower count is raised to the one before. */
function neverFalling(buckets: readonly Bucket[]): readonly Bucket[] {
  let highest = buckets[0]?.count ?? 0;
  return buckets.map(({ upperBound, count }) => {
    if (count > highest) highest = count;
    return { upperBound, count: count < highest ? highest : count };
  });
}

/** Observations are taken to lie evenly in their bucket, the first of which begins at zero. */
function interpolate(buckets: readonly Bucket[], rank: number): number {
  const lastFinite = buckets.length - 2;
  const at = firstReaching(buckets, rank);
  if (at > lastFinite) return bound(buckets, lastFinite);
  const end = bound(buckets, at);
  if (at === 0 && end <= 0) return end;
  const start = at === 0 ? 0 : bound(buckets, at - 1);
  const below = at === 0 ? 0 : (buckets[at - 1]?.count ?? 0);
  const inside = (buckets[at]?.count ?? 0) - below;
  return start + (end - start) * ((rank - below) / inside);
}

/** Halving search, because with NaN counts the order of comparisons decides the answer. */
function firstReaching(buckets: readonly Bucket[], rank: number): number {
  let low = 0;
  let high = buckets.length - 1;
  while (low < high) {
    const middle = Math.floor((low + high) / 2);
    if ((buckets[middle]?.count ?? Number.NaN) >= rank) high = middle;
    else low = middle + 1;
  }
  return low;
}

function bound(buckets: readonly Bucket[], at: number): number {
  return buckets[at]?.upperBound ?? Number.NaN;
}
