/** The value below which `share` (0 to 1) of the values lie; the nearest one that was measured. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  const value = sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)];
  if (value === undefined) throw new Error('a quantile of nothing');
  return value;
}

export const median = (values: readonly number[]): number => quantile(values, 0.5);
