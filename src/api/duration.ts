/**
 * Durations as Go writes and reads them: `1m30s`, `1.5h`, `500ms`, `-1s`, `0`.
 */

const unitMs: Readonly<Record<string, number>> = {
  ns: 1e-6,
  us: 1e-3,
  µs: 1e-3, // U+00B5, the micro sign
  μs: 1e-3, // U+03BC, the Greek letter
  ms: 1,
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
};

/** Go counts nanoseconds in 64 bits: about 292 years. */
const longestMs = 2 ** 63 / 1e6;

const number = '(?:[0-9]+(?:\\.[0-9]*)?|\\.[0-9]+)';
const unit = '(?:ns|us|µs|μs|ms|s|m|h)';
const whole = new RegExp(`^[+-]?(?:0|(?:${number}${unit})+)$`);
const part = new RegExp(`(${number})(${unit})`, 'g');

/**
 * The pattern of a duration that is not negative, for schemas. RE2 and JavaScript read it alike.
 */
export const durationPattern = `^[+]?(0|(([0-9]+([.][0-9]*)?|[.][0-9]+)(ns|us|µs|μs|ms|s|m|h))+)$`;

/** Milliseconds; `undefined` for what Go's `time.ParseDuration` refuses. */
export function parseDuration(text: string): number | undefined {
  if (!whole.test(text)) return undefined;
  let ms = 0;
  for (const [, count, name] of text.matchAll(part))
    ms += Number(count) * (unitMs[name ?? ''] ?? 0);
  if (ms > longestMs) return undefined;
  return text.startsWith('-') ? -ms : ms;
}

/** Milliseconds of a text that may be absent; `undefined` also for one that cannot be read. */
export function optionalMilliseconds(text: string | undefined): number | undefined {
  return text === undefined ? undefined : parseDuration(text);
}

/**
 * The shortest text for a number of milliseconds: `1h30m`, `1m30s`, `1s500ms`, `0s`.
 *
 * Whole numbers in each part, so that Go, Prometheus and the Gateway API all read it; parts of a millisecond
 * are rounded.
 */
export function formatDuration(ms: number): string {
  const sign = ms < 0 ? '-' : '';
  let rest = Math.round(Math.abs(ms));
  if (rest === 0) return '0s';
  let text = sign;
  for (const [name, size] of [
    ['h', 3_600_000],
    ['m', 60_000],
    ['s', 1_000],
    ['ms', 1],
  ] as const) {
    const count = Math.floor(rest / size);
    rest -= count * size;
    if (count > 0) text += `${count}${name}`;
  }
  return text;
}

const prometheusDuration =
  /^(?:[0-9]+y)?(?:[0-9]+w)?(?:[0-9]+d)?(?:[0-9]+h)?(?:[0-9]+m)?(?:[0-9]+s)?(?:[0-9]+ms)?$/;

/**
 * The text of a duration as a PromQL range can hold it. What already is one stays as it was written;
 * `1.5h` becomes `1h30m`.
 */
export function rangeText(text: string, ms: number): string {
  return text !== '' && prometheusDuration.test(text) ? text : formatDuration(ms);
}
