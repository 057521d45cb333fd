import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import {
  formatSampleValue,
  formatScalarValue,
  parseDuration,
  parseFloatText,
  unquote,
} from '../../../src/sandbox/prometheus/promql/go-text.ts';

describe('numbers as Go writes them', () => {
  it('writes scalars in full', () => {
    expect([1e-7, 1.5e-9, -2.5e21, 1e21, 123.5, -0, 0, 5e-324].map(formatScalarValue)).toEqual([
      '0.0000001',
      '0.0000000015',
      '-2500000000000000000000',
      '1000000000000000000000',
      '123.5',
      '-0',
      '0',
      `0.${'0'.repeat(323)}5`,
    ]);
  });

  it('writes samples with a two-digit exponent where they are very small or large', () => {
    expect([1e-7, 1.5e-9, 1e21, 1e20, 0.000001, 1e-300].map(formatSampleValue)).toEqual([
      '1e-07',
      '1.5e-09',
      '1e+21',
      '100000000000000000000',
      '0.000001',
      '1e-300',
    ]);
  });

  it('has words for what is not a number', () => {
    const odd = [Number.NaN, Infinity, -Infinity];
    expect(odd.map(formatSampleValue)).toEqual(['NaN', '+Inf', '-Inf']);
    expect(odd.map(formatScalarValue)).toEqual(['NaN', '+Inf', '-Inf']);
  });

  it('reads back every number it writes', () => {
    fc.assert(
      fc.property(fc.double(), (value) => {
        expect(parseFloatText(formatSampleValue(value))).toBe(value);
        expect(parseFloatText(formatScalarValue(value))).toBe(value);
        expect(formatScalarValue(value)).not.toMatch(/e/);
      }),
    );
  });

  it.each(['', '1_0', '0x10', '1e400', ' 1', '1.2.3', 'e5', 'infinit', '--1'])(
    'does not read %j as a number',
    (text) => expect(parseFloatText(text)).toBeUndefined(),
  );
});

describe('durations', () => {
  it.each([
    ['1m', 60_000],
    ['1h30m', 5_400_000],
    ['1d', 86_400_000],
    ['2w1d', 15 * 86_400_000],
    ['500ms', 500],
    ['1s500ms', 1500],
    ['0s', 0],
  ])('reads %s', (text, ms) => expect(parseDuration(text)).toBe(ms));

  it.each(['', '1', '1m1h', '1.5m', '-1m', '1 m', '300y'])('does not read %j', (text) =>
    expect(parseDuration(text)).toBeUndefined(),
  );
});

describe('quoted text', () => {
  it.each([
    ['"a\\"b\\\\c\\n"', 'a"b\\c\n'],
    ["'it\\'s'", "it's"],
    ['`raw\\n`', 'raw\\n'],
    ['"\\u00fc\\x41\\101\\U0001F600"', 'üAA😀'],
  ])('reads %s', (literal, text) => expect(unquote(literal)).toBe(text));

  it.each(['"\\q"', '"\\\'"', '"\\xff"', '"\\ud800"', '"a\nb"', '"\\', '"open'])(
    'does not read %j',
    (literal) => expect(unquote(literal)).toBeUndefined(),
  );
});
