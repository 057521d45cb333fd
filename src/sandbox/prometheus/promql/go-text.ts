/** Numbers, durations and quoted text as Go and Prometheus read and write them. */

const decimal = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/;
const infinite = /^[+-]?inf(?:inity)?$/i;
const notANumber = /^[+-]?nan$/i;

/** A float as Go's `ParseFloat` reads it; `undefined` for what it refuses. Hexadecimal floats are not read. */
export function parseFloatText(text: string): number | undefined {
  if (infinite.test(text)) return text.startsWith('-') ? -Infinity : Infinity;
  if (notANumber.test(text)) return Number.NaN;
  if (!decimal.test(text)) return undefined;
  const value = Number(text);
  return Number.isFinite(value) ? value : undefined;
}

/** A number in a query: Prometheus tries an integer with Go's prefixes first, so `010` is eight. */
export function parseNumberLiteral(text: string): number | undefined {
  if (/^0x[0-9a-f]+$/i.test(text)) return Number(text);
  if (/^0[0-7]+$/.test(text)) return Number.parseInt(text, 8);
  return parseFloatText(text);
}

const durationText =
  /^(?:(\d+)y)?(?:(\d+)w)?(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?(?:(\d+)ms)?$/;
const unitsMs = [31_536_000_000, 604_800_000, 86_400_000, 3_600_000, 60_000, 1000, 1];
/** Prometheus counts in 64-bit nanoseconds. */
const longestMs = 2 ** 63 / 1e6;

/** `1h30m` in milliseconds; `undefined` for what is not a duration, or too long for Prometheus. */
export function parseDuration(text: string): number | undefined {
  const match = durationText.exec(text);
  if (match === null || text === '') return undefined;
  const total = unitsMs.reduce((sum, unit, at) => sum + unit * Number(match[at + 1] ?? 0), 0);
  return total < longestMs ? total : undefined;
}

/** A sample value in a vector or matrix, as Prometheus' JSON has it: exponents for the very small and very large. */
export function formatSampleValue(value: number): string {
  if (!Number.isFinite(value)) return formatSpecial(value);
  if (Object.is(value, -0)) return '-0';
  // JavaScript switches to exponents at the same magnitudes, but writes 1e-7 where Go writes 1e-07.
  return String(value).replace(/e([+-])(\d)$/, 'e$10$2');
}

/** A scalar result: always in full, as Go's format `f` with the shortest exact precision. */
export function formatScalarValue(value: number): string {
  if (!Number.isFinite(value)) return formatSpecial(value);
  if (Object.is(value, -0)) return '-0';
  const [, sign = '', whole = '', fraction = '', exponent] =
    /^(-?)(\d+)(?:\.(\d+))?e([+-]\d+)$/.exec(String(value)) ?? [];
  if (exponent === undefined) return String(value);
  const power = Number(exponent);
  if (power < 0) return `${sign}0.${'0'.repeat(-power - 1)}${whole}${fraction}`;
  return `${sign}${whole}${fraction.padEnd(power, '0')}`;
}

function formatSpecial(value: number): string {
  if (Number.isNaN(value)) return 'NaN';
  return value > 0 ? '+Inf' : '-Inf';
}

const simpleEscapes: Readonly<Record<string, string>> = {
  a: '\u0007',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
  v: '\v',
  '\\': '\\',
};
const escape =
  /\\(?:([abfnrtv\\'"])|x([0-9a-fA-F]{2})|([0-7]{3})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|([\s\S]?))/g;

/** The text of a string literal, quotes included in `literal`; `undefined` when Go would refuse it. */
export function unquote(literal: string): string | undefined {
  const quote = literal.charAt(0);
  const body = literal.slice(1, -1);
  if (literal.length < 2 || !literal.endsWith(quote)) return undefined;
  if (quote === '`') return body;
  if (body.includes('\n')) return undefined;
  let refused = false;
  const text = body.replace(escape, (_all, simple, hex, octal, short, long) => {
    if (simple === quote) return quote;
    const known = simple === undefined ? undefined : simpleEscapes[simple];
    const code = codePoint(hex, octal, short ?? long);
    if (known === undefined && code === undefined) refused = true;
    return known ?? (code === undefined ? '' : String.fromCodePoint(code));
  });
  return refused ? undefined : text;
}

/** Bytes from 0x80 up would be half a character: label values here are text, so they are refused. */
function codePoint(hex?: string, octal?: string, unicode?: string): number | undefined {
  if (hex !== undefined) return below(Number.parseInt(hex, 16), 0x80);
  if (octal !== undefined) return below(Number.parseInt(octal, 8), 0x80);
  if (unicode === undefined) return undefined;
  const code = Number.parseInt(unicode, 16);
  return code >= 0xd800 && code < 0xe000 ? undefined : below(code, 0x110000);
}

function below(code: number, limit: number): number | undefined {
  return code < limit ? code : undefined;
}
