/** Sums and means with Prometheus' rounding and its rules for the infinite. */

export function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

/** Keeps what each addition rounds off, and adds it at the end. */
export function kahanSum(values: readonly number[]): number {
  let running: Compensated = { total: 0, lost: 0 };
  for (const value of values) running = add(running, value);
  return Number.isFinite(running.total) ? running.total + running.lost : running.total;
}

/** A running mean, so that large values do not overflow on the way. */
export function average(
  values: readonly number[],
  { compensated }: { compensated: boolean },
): number {
  let mean: Compensated = { total: 0, lost: 0 };
  values.forEach((value, at) => {
    if (isSettled(mean.total, value)) return;
    const step = value / (at + 1) - mean.total / (at + 1);
    mean = compensated ? add(mean, step) : { total: mean.total + step, lost: 0 };
  });
  return Number.isFinite(mean.total) ? mean.total + mean.lost : mean.total;
}

/** An infinite mean stays unless the other infinity or NaN comes. */
function isSettled(mean: number, value: number): boolean {
  const isInfinite = mean === Infinity || mean === -Infinity;
  return isInfinite && (value === mean || Number.isFinite(value));
}

interface Compensated {
  readonly total: number;
  readonly lost: number;
}

function add({ total, lost }: Compensated, value: number): Compensated {
  const next = total + value;
  const rounded = Math.abs(total) >= Math.abs(value) ? total - next + value : value - next + total;
  return { total: next, lost: lost + rounded };
}
