/**
 * The worlds that are explored: short step lists, deadlines of a few units, so that every clock has a position before
 * and at its deadline and there are few of them.
 */
import type { Canary } from '../../src/api/canary.ts';
import type { ApiGroup } from '../../src/api/group.ts';
import { resolveSpec } from '../../src/api/resolved.ts';
import type { Caps } from './ages.ts';
import { freshMemoryState, type Setting, type WorldState } from './model.ts';

/** One interval, one drain; two of them are every deadline of the spec. */
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
  other = {},
}: Choice): Setting {
  const spec = (more: object, change: object = {}) =>
    resolveSpec(manifest({ ...analysis, webhooks, ...change }, more, weights), group);
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

function manifest(analysis: object, more: object, weights: Setting['weights']): Canary {
  return {
    apiVersion: 'serin.dev/v1beta1',
    kind: 'Canary',
    metadata: { name: 'cart', namespace: 'shop', uid: 'canary-uid', generation: 1 },
    spec: {
      targetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'cart' },
      progressDeadlineSeconds: (2 * unit) / 1_000,
      provider: weights === 'switch' ? 'kubernetes' : 'gatewayapi',
      service: { port: 80, gatewayRefs: [{ name: 'public' }] },
      analysis: {
        interval: '1m',
        threshold: 2,
        holdDeadline: '2m',
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

const units: Readonly<Record<string, number>> = {
  startedAt: 0,
  exposedSince: 0,
  hooksSince: 2,
  intent: 0,
  until: 0,
  roundSince: 1,
  lastRound: 2,
  raisedAt: 1,
  canaryReadySince: 1,
  primaryReadySince: 1,
  notAcceptedSince: 1,
  drain: 1,
  settle: 1,
  waiting: 1,
  'ledger.raisedAgo': 1,
  'ledger.round': 2,
  'ledger.settledFor': 1,
};

/**
 * An age beyond which nothing changes: the deadline of the clock, in units. Before their hour is over, kept pods are
 * kept, whatever the time.
 */
export const caps: Caps = (name, ageMs) => {
  if (name === 'scaleDownSince' || name === 'ledger.keptFor') return ageMs >= hour ? hour : 0;
  return Math.min(ageMs, (units[name] ?? 2) * unit);
};
