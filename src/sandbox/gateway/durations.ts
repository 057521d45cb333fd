/** Gateway API durations: `1h10m`, `500ms`; up to five digits and a unit, up to four times. */
const UNITS: Readonly<Record<string, number>> = { h: 3_600_000, m: 60_000, s: 1_000, ms: 1 };

/** `undefined` for no duration, and for zero, which means no limit. */
export function limitMs(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  let total = 0;
  for (const [, digits = '0', unit = 's'] of text.matchAll(/(\d{1,5})(ms|h|m|s)/g)) {
    total += Number(digits) * (UNITS[unit] ?? 0);
  }
  return total === 0 ? undefined : total;
}
