/** Sums and means with Prometheus' rounding and its rules for the infinite. */

/** Of at least one value. */
export function sum(values: readonly number[]): number {
  // Without a zero to begin with: the sum of -0 alone is -0.
  return values.reduce((total, value) => total + value);
}

/** Keeps what each addition rounds off, and adds it at the end. */
export function kahanSum(values: readonly number[]): number {
  let running: Compensated = { total: 0, lost: 0 };
  for (const value of values) running = add(running, value);
  return Number.isFinite(running.total) ? running.total + running.lost : running.total;
}

/** Of at least one value. A running mean, so that large values do not overflow on the way. */
export function average(values: readonly number[]): number {
  return values.reduce((mean, value, at) =>
    isSettled(mean, value) ? mean : mean + stepTowards(value, mean, at + 1),
  );
}

/** The running mean that keeps what each addition rounds off. */
export function kahanAverage(values: readonly number[]): number {
  let mean: Compensated = { total: 0, lost: 0 };
  values.forEach((value, at) => {
    if (!isSettled(mean.total, value)) mean = add(mean, stepTowards(value, mean.total, at + 1));
  });
  return Number.isFinite(mean.total) ? mean.total + mean.lost : mean.total;
}

/** Divided one by one: the difference of two large numbers may be infinite. */
function stepTowards(value: number, mean: number, count: number): number {
  return value / count - mean / count;
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
