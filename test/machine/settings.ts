/**
 * The worlds that are explored: short step lists, deadlines of a few units, so that every clock has a position before
 * and at its deadline and there are few of them.
 */
import type { Canary } from '../../src/api/canary.ts';
import type { ApiGroup } from '../../src/api/group.ts';
import { resolveSpec } from '../../src/api/resolved.ts';
import type { Caps } from './ages.ts';
import { freshMemoryState, type Setting, type WorldState } from './model.ts';

/** One interval, one drain; deadlines are one or two of them. */
export const unit = 60_000;
export const hour = 3_600_000;

export interface Choice {
  readonly analysis: object;
  readonly webhooks?: readonly object[];
  readonly weights?: Setting['weights'];
  readonly routeCount?: number;
  readonly acceptsAtOnce?: boolean;
  readonly adopted?: boolean;
  readonly group?: ApiGroup;
  /** In units, see `unit`. */
  readonly deadline?: number;
  /** Another analysis, for edits in the middle of a run. */
  readonly other?: object;
}

export function settingOf({
  analysis,
  webhooks = [],
  weights = 'exact',
  routeCount = 1,
  acceptsAtOnce = true,
  adopted = false,
  group = 'serin.dev',
  deadline = 1,
  other = {},
}: Choice): Setting {
  const spec = (more: object, change: object = {}) =>
    resolveSpec(manifest({ ...analysis, webhooks, ...change }, more, weights, deadline), group);
  return {
    weights,
    specs: {
      plain: spec({}),
      suspended: spec({ suspend: true }),
      skip: spec({ skipAnalysis: true }),
      other: spec({}, other),
    },
    routeCount,
    acceptsAtOnce,
    adopted,
    hasNotifier: false,
    drainMs: unit,
    settleMs: unit,
  };
}

function manifest(
  analysis: object,
  more: object,
  weights: Setting['weights'],
  deadline: number,
): Canary {
  return {
    apiVersion: 'serin.dev/v1beta1',
    kind: 'Canary',
    metadata: { name: 'cart', namespace: 'shop', uid: 'canary-uid', generation: 1 },
    spec: {
      targetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'cart' },
      progressDeadlineSeconds: (deadline * unit) / 1_000,
      provider: weights === 'switch' ? 'kubernetes' : 'gatewayapi',
      service: { port: 80, gatewayRefs: [{ name: 'public' }] },
      analysis: {
        interval: '1m',
        threshold: 2,
        holdDeadline: `${deadline}m`,
        metrics: [{ name: 'request-success-rate', thresholdRange: { min: 99 }, interval: '1m' }],
        ...analysis,
      },
      ...more,
    },
  };
}

/** Before the operator has seen the Canary: the target serves users. */
export const untouched: WorldState = {
  spec: 'plain',
  target: { revision: 'v1', replicas: 2, health: 'all' },
  primary: undefined,
  apex: 'other',
  backends: false,
  routes: [],
  accepted: true,
  version: 0,
  hasFinalizer: false,
  deleting: false,
  gone: false,
  // Of somebody else's making, or of a later version of ours.
  status: { trackedConfigs: { 'configmap/cart': 'a1b2' } },
  memory: freshMemoryState,
};

/** In units: how old a clock that waits for an interval can become; a round is too old after it. */
const intervals: Readonly<Record<string, number>> = {
  roundSince: 1,
  lastRound: 2,
  canaryReadySince: 1,
  primaryReadySince: 1,
  notAcceptedSince: 1,
  drain: 1,
  settle: 1,
  'ledger.raisedAgo': 1,
  'ledger.round': 2,
  'ledger.settledFor': 1,
};

/** Read for words alone, or only for whether they are there. */
const timeless = new Set(['startedAt', 'exposedSince', 'raisedAt', 'hooksSince', 'intent', 'at']);

/**
 * How old a clock can become: as old as its deadline. Worlds in which time changes nothing any more are looked at once
 * more later, see `explore.ts`, so that every clock is seen before, at and after its deadline.
 */
export function capsFor({ deadline = 1 }: Pick<Choice, 'deadline'>): Caps {
  return (name, ageMs) => {
    // Before their hour is over kept pods are kept, whatever the time.
    if (name === 'scaleDownSince' || name === 'ledger.keptFor') return ageMs >= hour ? hour : 0;
    if (timeless.has(name)) return 0;
    return Math.min(ageMs, (intervals[name] ?? deadline) * unit);
  };
}
