import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import {
  durationPattern,
  formatDuration,
  parseDuration,
  rangeText,
} from '../../../src/api/duration.ts';

describe('a duration', () => {
  it.each([
    ['0', 0],
    ['0s', 0],
    ['5s', 5_000],
    ['30s', 30_000],
    ['1m30s', 90_000],
    ['1h', 3_600_000],
    ['1.5h', 5_400_000],
    ['.5s', 500],
    ['1.s', 1_000],
    ['500ms', 500],
    ['1us', 0.001],
    ['1µs', 0.001],
    ['1μs', 0.001],
    ['2ns', 0.000002],
    ['-1s', -1_000],
    ['+1m', 60_000],
    ['-0', -0],
    ['1s1s', 2_000],
    ['1s1h', 3_601_000],
  ])('reads %s as Go does', (text, ms) => {
    expect(parseDuration(text)).toBeCloseTo(ms, 9);
  });

  it.each([
    '',
    's',
    '1',
    '1x',
    '30sfoo',
    '1 s',
    ' 1s',
    '1s ',
    '1.2.3s',
    '--1s',
    '.',
    '.s',
    '1d',
    '1e3s',
    '3000000h',
    '-',
    '+',
  ])('refuses "%s" as Go does', (text) => {
    expect(parseDuration(text)).toBeUndefined();
  });

  it('means the same after it was written and read again', () => {
    fc.assert(
      fc.property(fc.integer({ min: -(10 ** 12), max: 10 ** 12 }), (ms) => {
        expect(parseDuration(formatDuration(ms))).toBeCloseTo(ms, 0);
      }),
    );
  });

  it.each([
    [0, '0s'],
    [90_000, '1m30s'],
    [1_500, '1s500ms'],
    [5_400_000, '1h30m'],
    [-250, '-250ms'],
  ])('writes %d ms in whole parts: %s', (ms, text) => {
    expect(formatDuration(ms)).toBe(text);
  });

  it('has a pattern that takes exactly what is read and not negative', () => {
    const pattern = new RegExp(durationPattern);
    const texts = fc.oneof(
      fc.stringMatching(/^[+-]?([0-9]{0,3}(\.[0-9]{0,2})?(ns|us|ms|s|m|h|x)){0,3}$/),
      fc.constantFrom('0', '', '30sfoo', '-5s', '1µs', '1μs'),
    );
    fc.assert(
      fc.property(texts, (text) => {
        expect(pattern.test(text)).toBe(parseDuration(text) !== undefined && !text.startsWith('-'));
      }),
      { numRuns: 1_000 },
    );
  });

  it('is given to PromQL as it was written when PromQL can read it', () => {
    expect(rangeText('1m', 60_000)).toBe('1m');
    expect(rangeText('1h30m', 5_400_000)).toBe('1h30m');
    expect(rangeText('1.5h', 5_400_000)).toBe('1h30m');
    expect(rangeText('30s1m', 90_000)).toBe('1m30s');
  });
});
