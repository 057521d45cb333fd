/** Functions from the points of one series in a window to one number. */
import { kahanAverage, kahanSum } from './sums.ts';
import type { Point } from './value.ts';

export interface Window {
  readonly startMs: number;
  readonly endMs: number;
}

/** `undefined`: the series has no value at this time and drops out of the result. */
export type OverTime = (points: readonly Point[], window: Window) => number | undefined;

const values = (points: readonly Point[]) => points.map(({ value }) => value);

export const overTime = {
  rate: (points, window) => extrapolated(points, window, { counter: true, perSecond: true }),
  increase: (points, window) => extrapolated(points, window, { counter: true, perSecond: false }),
  delta: (points, window) => extrapolated(points, window, { counter: false, perSecond: false }),
  irate: (points) => instantRate(points),
  avg_over_time: (points) => kahanAverage(values(points)),
  sum_over_time: (points) => kahanSum(values(points)),
  max_over_time: (points) => values(points).reduce(larger),
  min_over_time: (points) => values(points).reduce(smaller),
  count_over_time: (points) => points.length,
} satisfies Record<string, OverTime>;

/** A number wins over NaN. */
export function larger(a: number, b: number): number {
  return Number.isNaN(a) || b > a ? b : a;
}

export function smaller(a: number, b: number): number {
  return Number.isNaN(a) || b < a ? b : a;
}

interface Kind {
  readonly counter: boolean;
  readonly perSecond: boolean;
}

/**
 * The change between the first and the last point, stretched to the window.
 *
 * The samples rarely lie on the window's edges. A gap at an edge that is not much longer than the
 * usual distance between samples is taken to be covered by the series; a longer one means that the
 * series began or ended inside, half a distance away. A counter is not stretched to below zero.
 */
function extrapolated(
  points: readonly Point[],
  window: Window,
  { counter, perSecond }: Kind,
): number | undefined {
  const first = points[0];
  const last = points.at(-1);
  if (first === undefined || last === undefined || points.length < 2) return undefined;
  const change = last.value - first.value + (counter ? lostInResets(points) : 0);
  const sampled = (last.tMs - first.tMs) / 1000;
  const usual = sampled / (points.length - 1);
  const gapAtEnd = (window.endMs - last.tMs) / 1000;
  let gapAtStart = (first.tMs - window.startMs) / 1000;
  if (counter && change > 0 && first.value >= 0) {
    const sinceZero = sampled * (first.value / change);
    if (sinceZero < gapAtStart) gapAtStart = sinceZero;
  }
  const stretch = (gap: number) => (gap < usual * 1.1 ? gap : usual / 2);
  const factor = (sampled + stretch(gapAtStart) + stretch(gapAtEnd)) / sampled;
  const windowSeconds = (window.endMs - window.startMs) / 1000;
  return change * (perSecond ? factor / windowSeconds : factor);
}

/** A counter that falls was started again: what it had before belongs to the increase. */
function lostInResets(points: readonly Point[]): number {
  return points.reduce((lost, { value }, at) => {
    const before = points[at - 1]?.value ?? 0;
    return value < before && at > 0 ? lost + before : lost;
  }, 0);
}

function instantRate(points: readonly Point[]): number | undefined {
  const last = points.at(-1);
  const before = points.at(-2);
  if (last === undefined || before === undefined) return undefined;
  const change = last.value < before.value ? last.value : last.value - before.value;
  return change / ((last.tMs - before.tMs) / 1000);
}
