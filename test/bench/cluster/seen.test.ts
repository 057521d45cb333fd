import { describe, expect, it } from 'vitest';

import { acceptedBy, backAtZero, reached, type Route, spreadOf } from './seen.ts';

function weight(canary: string, atMs: number, share: number) {
  return { canary, atMs, weight: share };
}

describe('what the observer has seen', () => {
  it('counts the canaries that reached a phase once each', () => {
    const phases = ['Progressing', 'Succeeded', 'Progressing', 'Succeeded'].map((phase, atMs) => ({
      canary: 'a',
      atMs,
      phase,
    }));
    expect(reached(phases, 'Succeeded')).toBe(1);
    expect(reached(phases, 'Failed')).toBe(0);
  });

  it('knows when each canary first had no traffic again', () => {
    const weights = [weight('a', 1, 0), weight('b', 2, 20), weight('b', 3, 0), weight('a', 4, 0)];
    expect(backAtZero(weights)).toEqual([1, 3]);
  });

  it('shows how first steps spread over the interval', () => {
    const weights = [
      weight('a', 20_000, 10),
      weight('b', 25_500, 10),
      weight('c', 31_000, 10),
      weight('b', 35_500, 20),
      weight('d', 30_000, 0),
    ];
    expect(spreadOf(weights, 10_000)).toEqual([1, 1, 0, 0, 0, 1, 0, 0, 0, 0]);
  });
});

describe('the stand-in for a gateway', () => {
  const route: Route = {
    metadata: { namespace: 'shop', name: 'cart', generation: 3 },
    spec: { parentRefs: [{ name: 'public' }], rules: [] },
  };

  it('accepts a generation that it has not seen, for each parent', () => {
    expect(acceptedBy(route, 'now')).toMatchObject({
      parents: [
        {
          parentRef: { name: 'public' },
          conditions: [{ type: 'Accepted', status: 'True', observedGeneration: 3 }],
        },
      ],
    });
  });

  it('says nothing twice', () => {
    const conditions = [{ type: 'Accepted', status: 'True', observedGeneration: 3 }];
    expect(acceptedBy({ ...route, status: { parents: [{ conditions }] } }, 'now')).toBeUndefined();
  });
});
