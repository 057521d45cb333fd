import { describe, expect, it } from 'vitest';

import { median, quantile } from './statistics.ts';

describe('quantile', () => {
  const upTo100 = Array.from({ length: 100 }, (_, index) => 100 - index);

  it('is a value that was measured, whatever the order', () => {
    expect(quantile(upTo100, 0.99)).toBe(99);
    expect(quantile(upTo100, 1)).toBe(100);
    expect(quantile(upTo100, 0)).toBe(1);
    expect(median([3, 1, 2])).toBe(2);
  });

  it('of nothing is an error, not a zero', () => {
    expect(() => quantile([], 0.5)).toThrow('nothing');
  });
});
