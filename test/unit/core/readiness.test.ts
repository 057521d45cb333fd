import { describe, expect, it } from 'vitest';

import { isAvailable, readyAt } from '../../../src/core/readiness.ts';
import type { Workload } from '../../../src/core/workload.ts';

const aSide = (changes: Partial<Workload> = {}): Workload => ({
  name: 'cart',
  uid: 'u',
  generation: 3,
  observedGeneration: 3,
  revision: 'r2',
  replicas: 4,
  status: { replicas: 4, updated: 4, available: 4 },
  paused: false,
  progressDeadlineExceeded: false,
  deleting: false,
  annotations: {},
  ...changes,
});

const available = (count: number): Workload =>
  aSide({ status: { replicas: 4, updated: 4, available: count } });

describe('a side', () => {
  it('is ready when all pods are updated and available', () => {
    expect(readyAt(aSide(), 'r2', 100)).toEqual({ ready: true });
  });

  it.each<readonly [string, Partial<Workload>, string]>([
    ['its rollout is paused', { paused: true }, 'TargetPaused'],
    ['it holds another revision', { revision: 'r1' }, 'AnotherRevision'],
    ['its controller has not looked', { observedGeneration: 2 }, 'NotObserved'],
    ['it is scaled to 0', { replicas: 0 }, 'ScaledToZero'],
    ['an old pod is left', { status: { replicas: 5, updated: 4, available: 4 } }, 'RollingOut'],
    ['a pod is not updated', { status: { replicas: 4, updated: 3, available: 4 } }, 'RollingOut'],
    [
      'too few pods are available',
      { status: { replicas: 4, updated: 4, available: 3 } },
      'NotAvailable',
    ],
  ])('is not ready when %s', (_what, changes, reason) => {
    expect(readyAt(aSide(changes), 'r2', 100)).toMatchObject({ ready: false, reason });
  });

  it('needs its share of pods, rounded up, and never less than one', () => {
    expect(readyAt(available(3), 'r2', 70).ready).toBe(true);
    expect(readyAt(available(2), 'r2', 70).ready).toBe(false);
    expect(readyAt(available(0), 'r2', 0).ready).toBe(false);
  });

  it('can answer with one pod, but not when it is being deleted or gone', () => {
    const one = { status: { replicas: 4, updated: 0, available: 1 } };
    expect(isAvailable(aSide(one))).toBe(true);
    expect(isAvailable(aSide({ ...one, deleting: true }))).toBe(false);
    expect(isAvailable(undefined)).toBe(false);
  });
});
