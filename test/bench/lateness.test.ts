import { describe, expect, it } from 'vitest';

import { latenessOf } from './lateness.ts';

describe('the lateness of a step', () => {
  it('is what it took beyond one interval after the step before it', () => {
    const raises = [0, 10_050, 20_150].map((atMs) => ({ canary: 'a', atMs }));
    expect(latenessOf(raises, 10_000)).toEqual([50, 100]);
  });

  it('is found for each canary by itself, and not for its first step', () => {
    const raises = [
      { canary: 'a', atMs: 0 },
      { canary: 'b', atMs: 3_000 },
      { canary: 'a', atMs: 10_000 },
    ];
    expect(latenessOf(raises, 10_000)).toEqual([0]);
  });
});
