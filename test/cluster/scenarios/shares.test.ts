import { describe, expect, it } from 'vitest';

import { type Answer, changePoint, isLikely, sharesOf } from './shares.ts';

/** Smooth shares, one request every 4 ms: `[weight, requests]` one after the other. */
function answersOf(...parts: readonly (readonly [number, number])[]): readonly Answer[] {
  let at = 0;
  return parts.flatMap(([weight, requests]) =>
    Array.from({ length: requests }, (_, index) => {
      at += 4;
      return { at, canary: due(index + 1, weight) > due(index, weight) };
    }),
  );
}

function due(requests: number, weight: number): number {
  return Math.floor((requests * weight) / 100);
}

describe('change point', () => {
  it('is where the share of the answers changes', () => {
    expect(changePoint(answersOf([10, 300], [50, 700]), 10, 50)).toBeGreaterThan(290);
    expect(changePoint(answersOf([10, 300], [50, 700]), 10, 50)).toBeLessThan(310);
  });

  it('is the first answer of a side that had nothing before', () => {
    expect(changePoint(answersOf([0, 300], [100, 700]), 0, 100)).toBe(300);
    expect(changePoint(answersOf([100, 300], [0, 700]), 100, 0)).toBe(300);
  });

  it('is at the end when nothing has changed', () => {
    expect(changePoint(answersOf([10, 300]), 10, 50)).toBeGreaterThan(280);
  });
});

describe('shares', () => {
  it('are counted from when a weight is served until the next one is', () => {
    const answers = answersOf([0, 250], [10, 1_250], [50, 1_250], [0, 500]);
    // Each write is 400 ms before it is served.
    const written = [
      { at: 604, weight: 10 },
      { at: 5_604, weight: 50 },
      { at: 10_604, weight: 0 },
    ];
    const shares = sharesOf(answers, written);
    expect(shares.map(({ weight }) => weight)).toEqual([10, 50]);
    for (const { weight, servedAfterMs, requests, canary } of shares) {
      expect(servedAfterMs).toBeGreaterThan(350);
      expect(servedAfterMs).toBeLessThan(480);
      expect(Math.abs(canary - (requests * weight) / 100)).toBeLessThan(requests * 0.01);
    }
  });

  it('show a proxy that serves another weight than was written', () => {
    const answers = answersOf([0, 250], [30, 1_250], [0, 100]);
    const [share] = sharesOf(answers, [
      { at: 1_000, weight: 50 },
      { at: 6_000, weight: 0 },
    ]);
    expect(share?.requests).toBeGreaterThan(900);
    expect((share?.canary ?? 0) / (share?.requests ?? 1)).toBeLessThan(0.4);
  });
});

describe('likelihood', () => {
  it('has the bounds of the binomial distribution', () => {
    // 1,000 draws of one half: standard deviation 15.8, and 1e-6 lies at 4.9 of them.
    expect(isLikely(500, 1_000, 0.5, 1e-6)).toBe(true);
    expect(isLikely(575, 1_000, 0.5, 1e-6)).toBe(true);
    expect(isLikely(580, 1_000, 0.5, 1e-6)).toBe(false);
    expect(isLikely(420, 1_000, 0.5, 1e-6)).toBe(false);
  });

  it('knows no exception at none and at all', () => {
    expect(isLikely(0, 100, 0, 1e-6)).toBe(true);
    expect(isLikely(1, 100, 0, 1e-6)).toBe(false);
    expect(isLikely(100, 100, 1, 1e-6)).toBe(true);
    expect(isLikely(99, 100, 1, 1e-6)).toBe(false);
  });
});
