/** What a pass sees of one canary in the middle of its run: the input that `decide` is timed with. */
import type { Canary } from '../../src/api/canary.ts';
import { resolveSpec } from '../../src/api/resolved.ts';
import { Run } from '../../src/api/run.ts';
import {
  type Answers,
  freshMemory,
  type Memory,
  type Observation,
} from '../../src/core/observation.ts';

const minute = 60_000;
export const now = Date.parse('2026-01-01T12:00:00Z');
const at = (ms: number) => new Date(now + ms).toISOString();

const promoted = `sha256:${'1'.repeat(64)}`;
const analysed = `sha256:${'2'.repeat(64)}`;

const canary: Canary = {
  apiVersion: 'serin.dev/v1beta1',
  kind: 'Canary',
  metadata: { name: 'cart', namespace: 'shop', uid: 'canary-uid', generation: 1 },
  spec: {
    targetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'cart' },
    service: { port: 80, gatewayRefs: [{ name: 'public' }] },
    analysis: {
      interval: '1m',
      threshold: 5,
      stepWeights: [10, 20, 40, 60, 80],
      metrics: [
        { name: 'request-success-rate', thresholdRange: { min: 99 }, interval: '1m' },
        { name: 'request-duration', thresholdRange: { max: 500 }, interval: '1m' },
      ],
    },
  },
};

const run = Run.parse({
  id: 'canary-uid/2222222222/3',
  revision: analysed,
  count: 3,
  startedAt: at(-5 * minute),
  provider: 'gatewayapi',
  apex: 'cart',
  port: 80,
  routes: ['cart'],
  target: {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    name: 'cart',
    uid: 'target-uid',
    generation: 7,
    revision: analysed,
  },
  threshold: 5,
  intervalMs: minute,
  progressDeadlineMs: 10 * minute,
  holdDeadlineMs: 30 * minute,
  weight: 20,
  raisedAt: at(-minute),
  exposedSince: at(-2 * minute),
  preRolloutPassed: true,
  roundSince: at(-minute),
  lastRound: { at: at(-minute), verdict: 'passed' },
  canaryReadySince: at(-4 * minute),
  primaryReadySince: at(-60 * minute),
});

const workload = {
  generation: 7,
  observedGeneration: 7,
  replicas: 2,
  status: { replicas: 2, updated: 2, available: 2 },
  paused: false,
  progressDeadlineExceeded: false,
  deleting: false,
  annotations: {},
};

const applied = { run: run.id, revision: analysed, weight: 20, for: 'raise' } as const;

/** At weight 20, ready, a round due. */
export const progressing: Observation = {
  namespace: 'shop',
  name: 'cart',
  uid: 'canary-uid',
  group: 'serin.dev',
  generation: 1,
  deleting: false,
  hasFinalizer: true,
  namespaceTerminating: false,
  spec: resolveSpec(canary, 'serin.dev'),
  refusals: [],
  status: {
    phase: 'Progressing',
    canaryWeight: 20,
    failedChecks: 1,
    iterations: 0,
    lastAppliedSpec: analysed,
    lastPromotedSpec: promoted,
    lastTransitionTime: at(-5 * minute),
    observedGeneration: 1,
    run: { ...run },
  },
  run,
  target: { ...workload, name: 'cart', uid: 'target-uid', revision: analysed },
  primary: {
    ...workload,
    name: 'cart-primary',
    uid: 'primary-uid',
    revision: promoted,
    holds: promoted,
    hasConfigCopies: false,
    owned: true,
  },
  services: {
    known: true,
    backends: 'ready',
    apex: 'ready',
    apexSide: 'primary',
    adopted: false,
    marked: false,
    followers: 'ready',
    warnings: [],
  },
  traffic: {
    known: true,
    weights: 'exact',
    routes: [
      {
        name: 'cart',
        weight: 20,
        applied,
        adopted: false,
        resting: false,
        byApex: false,
        drifted: false,
      },
    ],
    acceptance: { kind: 'accepted', why: '' },
    version: 'cart@41',
  },
  provider: 'gatewayapi',
  takeOver: 'none',
  writers: { ours: undefined, others: [] },
  note: { answered: {} },
  settings: { drainMs: 5000, settleMs: 30_000, hasGlobalNotifier: true, clusterName: undefined },
};

/** Both checks answered, well inside their ranges. */
export const good: Answers = {
  checks: {
    'request-success-rate': { kind: 'sample', sample: { kind: 'value', value: 99.9 } },
    'request-duration': { kind: 'sample', sample: { kind: 'value', value: 100 } },
  },
  at: now,
  hooks: {},
};

/** This process has looked at the canary before. */
export const memory: Memory = { ...freshMemory, looked: true, asked: true };
