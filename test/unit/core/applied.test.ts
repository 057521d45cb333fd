import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import type { KubernetesObject } from '../../../src/api/object.ts';
import { appliedTo, parseApplied, withApplied, withoutApplied } from '../../../src/core/applied.ts';
import type { AppliedTraffic, TrafficReason } from '../../../src/core/traffic.ts';

const route: KubernetesObject = {
  apiVersion: 'gateway.networking.k8s.io/v1',
  kind: 'HTTPRoute',
  metadata: { name: 'cart', namespace: 'shop', annotations: { note: 'x' } },
};

const reason: fc.Arbitrary<TrafficReason> = fc.oneof(
  fc.constantFrom(
    'initialise',
    'raise',
    'restart',
    'revert',
    'promoted',
    'stay',
    'correct',
    'release',
  ),
  fc.string().map((why): TrafficReason => `abort:${why}`),
);
const applied: fc.Arbitrary<AppliedTraffic> = fc.record({
  run: fc.string(),
  revision: fc.string(),
  weight: fc.integer({ min: 0, max: 100 }),
  for: reason,
});

describe('the note about our last write of traffic', () => {
  it('is read back as it was written, beside the user’s own annotations', () => {
    fc.assert(
      fc.property(applied, applied, (first, second) => {
        const once = withApplied(route, first);
        expect(appliedTo(once)).toEqual(first);
        expect(appliedTo(withApplied(once, second))).toEqual(second);
        expect(withApplied(once, first)).toBe(once);
        expect(withoutApplied(once)).toEqual(route);
      }),
    );
  });

  it('is absent where we have not written', () => {
    expect(appliedTo(route)).toBeUndefined();
    expect(withoutApplied(route)).toBe(route);
  });

  const good = { run: 'r', revision: 'v', weight: 10, for: 'raise' };
  it.each([
    'not json',
    '',
    'null',
    '[]',
    '7',
    '{}',
    JSON.stringify({ ...good, more: 1 }),
    JSON.stringify({ ...good, weight: '10' }),
    JSON.stringify({ ...good, weight: 10.5 }),
    JSON.stringify({ ...good, weight: -1 }),
    JSON.stringify({ ...good, weight: 101 }),
    JSON.stringify({ ...good, weight: null }),
    JSON.stringify({ ...good, run: 1 }),
    JSON.stringify({ ...good, revision: undefined }),
    JSON.stringify({ ...good, for: 'fun' }),
    JSON.stringify({ ...good, for: 'toString' }),
    JSON.stringify({ ...good, for: 'abort' }),
  ])('is nothing when it is not what we write: %s', (text) => {
    expect(parseApplied(text)).toBeUndefined();
    const annotations = { 'serin.dev/applied': text };
    expect(appliedTo({ ...route, metadata: { ...route.metadata, annotations } })).toBeUndefined();
  });

  it('is something when it is', () => {
    expect(parseApplied(JSON.stringify(good))).toEqual(good);
  });

  it('survives any text at all', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.json()), (text) => {
        const read = parseApplied(text);
        if (read !== undefined) expect(Object.keys(read)).toHaveLength(4);
      }),
    );
  });
});
