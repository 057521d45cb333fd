import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import {
  shareOfService,
  whereTrafficGoes,
} from '../../../src/sandbox/gateway/where-traffic-goes.ts';
import { objects, route, slice, weighted } from './fixtures.ts';

const HOST = 'shop.example.com';

function pods(prefix: string, readiness: readonly boolean[]): { pod: string; ready: boolean }[] {
  return readiness.map((ready, i) => ({ pod: `${prefix}${i}`, ready }));
}

describe('where traffic goes', () => {
  it('follows the weights and spreads over ready pods', () => {
    const traffic = whereTrafficGoes(objects([route([{ backendRefs: weighted(80, 20) }])]), HOST);
    expect(traffic).toEqual({
      shares: [
        { service: 'shop/cart-primary', pod: 'p1', share: 0.4 },
        { service: 'shop/cart-primary', pod: 'p2', share: 0.4 },
        { service: 'shop/cart-canary', pod: 'c1', share: 0.2 },
      ],
      unanswered: 0,
      causes: [],
    });
  });

  it('adds up to all requests, answered or not', () => {
    const anyWeight = fc.integer({ min: 0, max: 100 });
    const anyPods = fc.array(fc.boolean(), { maxLength: 4 });
    fc.assert(
      fc.property(anyWeight, anyWeight, anyPods, anyPods, (primary, canary, first, second) => {
        const slices = [
          slice('cart-primary', pods('p', first)),
          slice('cart-canary', pods('c', second)),
        ];
        const all = objects([route([{ backendRefs: weighted(primary, canary) }])], slices);
        const traffic = whereTrafficGoes(all, HOST);
        const answered = traffic.shares.reduce((sum, { share }) => sum + share, 0);
        expect(answered + traffic.unanswered).toBeCloseTo(1, 10);
        if (canary === 0) expect(shareOfService(traffic, 'shop/cart-canary')).toBe(0);
      }),
    );
  });

  it('counts a backend without ready pods as unanswered and says so', () => {
    const slices = [slice('cart-primary', [{ pod: 'p1' }]), slice('cart-canary', [])];
    const traffic = whereTrafficGoes(
      objects([route([{ backendRefs: weighted(90, 10) }])], slices),
      HOST,
    );
    expect(traffic.unanswered).toBeCloseTo(0.1, 10);
    expect(traffic.causes).toEqual(['no ready endpoint behind Service shop/cart-canary port 80']);
  });

  it('follows a Service by its name', () => {
    const traffic = whereTrafficGoes(objects([]), 'cart-canary.shop');
    expect(shareOfService(traffic, 'shop/cart-canary')).toBe(1);
  });

  it('answers nobody without a route', () => {
    expect(whereTrafficGoes(objects([]), HOST)).toMatchObject({ shares: [], unanswered: 1 });
  });
});
