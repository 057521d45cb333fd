import { describe, expect, it } from 'vitest';

import { retryAfterMs } from '../../../src/adapters/http/retry-after.ts';

describe('Retry-After', () => {
  const now = Date.parse('Fri, 02 Jan 2026 03:04:05 GMT');

  it.each([
    ['17', 17_000],
    ['0', 0],
    [' 5 ', 5_000],
    [['7', '8'], 7_000],
    ['Fri, 02 Jan 2026 03:04:35 GMT', 30_000],
    ['Fri, 02 Jan 2026 03:00:00 GMT', 0],
    ['soon', undefined],
    ['-5s', undefined],
    ['', undefined],
    [undefined, undefined],
  ])('reads %j as %s', (header, ms) => {
    expect(retryAfterMs(header, now)).toBe(ms);
  });
});
