import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { SmoothShares } from '../../../src/sandbox/gateway/smooth-shares.ts';

function count(shares: SmoothShares, weights: readonly number[], requests: number): number[] {
  const counts = weights.map(() => 0);
  for (let i = 0; i < requests; i++) {
    const index = shares.pick('rule', weights);
    if (index !== undefined) counts[index] = (counts[index] ?? 0) + 1;
  }
  return counts;
}

describe('smooth shares', () => {
  it('gives each backend exactly its percentage of 100 requests', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 100 }), (canary) => {
        const weights = [100 - canary, canary];
        expect(count(new SmoothShares(), weights, 100)).toEqual(weights);
      }),
    );
  });

  it('gives several backends exactly their weights over the sum of weights', () => {
    const anyWeights = fc.array(fc.integer({ min: 0, max: 60 }), { minLength: 1, maxLength: 5 });
    fc.assert(
      fc.property(anyWeights, (weights) => {
        const sum = weights.reduce((a, b) => a + b, 0);
        fc.pre(sum > 0);
        expect(count(new SmoothShares(), weights, sum)).toEqual(weights);
      }),
    );
  });

  it('never picks a backend of weight 0', () => {
    expect(count(new SmoothShares(), [0, 3, 0], 50)).toEqual([0, 50, 0]);
  });

  it('picks nobody when all weights are 0', () => {
    expect(new SmoothShares().pick('rule', [0, 0])).toBeUndefined();
  });

  it('starts over when the weights change and keeps rules apart', () => {
    const shares = new SmoothShares();
    count(shares, [90, 10], 7);
    expect(count(shares, [50, 50], 100)).toEqual([50, 50]);
    expect(count(shares, [90, 10], 100)).toEqual([90, 10]);
  });

  it('spreads the few among the many', () => {
    const shares = new SmoothShares();
    const picks = Array.from({ length: 100 }, () => shares.pick('rule', [90, 10]));
    const gaps = picks.flatMap((pick, at) => (pick === 1 ? [at] : []));
    expect(gaps.slice(1).map((at, i) => at - (gaps[i] ?? 0))).toEqual(Array(9).fill(10));
  });
});
