/**
 * What is explored: each entry is one choice of who does what, so that every two things that may meet do meet
 * somewhere, and no world has everything in it at once.
 */
import type { Exploration } from './explore.ts';
import {
  deleteCanary,
  deletePrimary,
  deleteRoute,
  deleteTarget,
  editApex,
  editRoute,
  editSpec,
  gatewayAccepts,
  loseRecord,
  pauseTarget,
  primaryBecomes,
  push,
  reapplyRoute,
  scalePrimary,
  scaleTarget,
  targetBecomes,
  tick,
  type Move,
} from './moves.ts';
import { revisions } from './key.ts';
import { capsFor, hour, settingOf, unit, untouched, type Choice } from './settings.ts';
import { initialised } from './ways.ts';

export interface Plan extends Choice {
  readonly name: string;
  readonly moves: readonly Move[];
  /** From the very start instead of from `Initialized`. */
  readonly fromStart?: boolean;
}

const time = tick('a unit passes', unit);
const anHour = tick('an hour passes', hour);
const ready = targetBecomes('all');

const hook = (type: string, more: object = {}): object => ({
  name: type,
  type,
  url: `http://hooks/${type}`,
  ...more,
});

/** Each of the first revisions: worlds that differ in their names alone are one, see `key.ts`. */
const pushes = (count: number): readonly Move[] => revisions.slice(0, count).map(push);

const canaryHealth = [ready, targetBecomes('none')];
const primaryHealth = [primaryBecomes('all'), primaryBecomes('none')];

const one = { stepWeights: [50] };
const two = { stepWeights: [20, 60] };
const blueGreen = { iterations: 2 };
const measured = one;
/** Readiness is the round: no check fails or is held. */
const unmeasured = { ...one, metrics: [] };

/** Revisions that change, sides that come and go. */
export const sidePlans: readonly Plan[] = [
  {
    name: 'one step, a canary that comes and goes, revisions that change',
    analysis: measured,
    moves: [time, ...pushes(2), ...canaryHealth],
  },
  {
    name: 'two steps, three revisions',
    analysis: { ...unmeasured, ...two },
    moves: [time, ...pushes(3), ready, primaryBecomes('all')],
  },
  {
    name: 'two steps, checks that fail and rounds that are held',
    analysis: { ...measured, ...two },
    moves: [time, ...pushes(2), ready],
  },
  {
    name: 'one step, a primary that comes and goes beside checks',
    deadline: 2,
    analysis: { ...measured, threshold: 1 },
    moves: [time, push('v2'), ready, ...primaryHealth],
  },
  {
    name: 'one step, a primary that comes and goes',
    analysis: unmeasured,
    moves: [time, ...pushes(2), ready, ...primaryHealth],
  },
  {
    name: 'one step, both sides come and go',
    deadline: 2,
    analysis: unmeasured,
    moves: [time, push('v2'), ...canaryHealth, ...primaryHealth],
  },
  {
    name: 'a primary that is scaled to zero',
    deadline: 2,
    analysis: unmeasured,
    moves: [time, push('v2'), ready, primaryBecomes('all'), scalePrimary(0), scalePrimary(2)],
  },
  {
    name: 'a primary that is deleted',
    analysis: unmeasured,
    moves: [time, push('v2'), ready, primaryBecomes('all'), deletePrimary],
  },
  {
    name: 'a primary that is deleted while others scale the target',
    analysis: { ...measured, threshold: 1 },
    moves: [time, push('v2'), ready, primaryBecomes('all'), deletePrimary, scaleTarget(2)],
  },
  {
    name: 'a target that is paused',
    deadline: 2,
    analysis: measured,
    moves: [time, push('v2'), ready, primaryBecomes('all'), pauseTarget],
  },
  {
    name: 'a target that others scale',
    analysis: unmeasured,
    moves: [time, ...pushes(2), ready, primaryBecomes('all'), scaleTarget(0), scaleTarget(2)],
  },
];

/** Specs, routes, hooks, strategies, records and deletion. */
export const otherPlans: readonly Plan[] = [
  {
    name: 'initialisation, sides that come and go',
    analysis: measured,
    fromStart: true,
    moves: [time, ...pushes(2), ...canaryHealth, ...primaryHealth],
  },
  {
    name: 'initialisation of an adopted Service, edits and a slow gateway',
    analysis: measured,
    fromStart: true,
    adopted: true,
    acceptsAtOnce: false,
    moves: [
      time,
      primaryBecomes('all'),
      gatewayAccepts,
      editApex('canary'),
      editSpec('refused'),
      editSpec('plain'),
    ],
  },
  // ── a spec that is edited ─────────────────────────────────────────────────
  {
    name: 'a Canary that is suspended',
    deadline: 2,
    analysis: measured,
    moves: [
      time,
      push('v2'),
      ready,
      primaryBecomes('all'),
      editSpec('plain'),
      editSpec('suspended'),
    ],
  },
  {
    name: 'a spec that breaks',
    deadline: 2,
    analysis: measured,
    moves: [
      time,
      push('v2'),
      ready,
      primaryBecomes('all'),
      editSpec('plain'),
      editSpec('refused'),
      editSpec('unreadable'),
    ],
  },
  {
    name: 'another analysis, or none, in the middle of a run',
    analysis: measured,
    other: two,
    moves: [
      time,
      push('v2'),
      ready,
      primaryBecomes('all'),
      editSpec('plain'),
      editSpec('skip'),
      editSpec('other'),
    ],
  },
  {
    name: 'edits of every kind one after another',
    analysis: unmeasured,
    other: two,
    moves: [
      time,
      push('v2'),
      ready,
      editSpec('plain'),
      editSpec('suspended'),
      editSpec('refused'),
      editSpec('skip'),
      editSpec('other'),
    ],
  },
  // ── routes and gateways ───────────────────────────────────────────────────
  {
    name: 'two routes whose weights others edit',
    deadline: 2,
    analysis: { ...unmeasured, ...two },
    routeCount: 2,
    moves: [
      time,
      push('v2'),
      ready,
      primaryBecomes('all'),
      editRoute(100, settingOf({ analysis: one })),
      editRoute(0, settingOf({ analysis: one })),
    ],
  },
  {
    name: 'two routes that others re-apply or delete',
    deadline: 2,
    analysis: unmeasured,
    routeCount: 2,
    moves: [
      time,
      push('v2'),
      ready,
      primaryBecomes('all'),
      reapplyRoute(50, settingOf({ analysis: one })),
      deleteRoute,
    ],
  },
  {
    name: 'a gateway that follows late or not at all',
    deadline: 2,
    analysis: { ...measured, threshold: 1 },
    acceptsAtOnce: false,
    moves: [time, push('v2'), ready, primaryBecomes('all'), gatewayAccepts],
  },
  {
    name: 'a gateway that follows late, revisions that change',
    analysis: unmeasured,
    acceptsAtOnce: false,
    moves: [time, ...pushes(2), ready, primaryBecomes('all'), gatewayAccepts],
  },
  {
    name: 'pods that are kept for a gateway for an hour',
    analysis: unmeasured,
    acceptsAtOnce: false,
    moves: [time, anHour, push('v2'), ready, ...primaryHealth, gatewayAccepts],
  },
  // ── hooks and gates ───────────────────────────────────────────────────────
  {
    name: 'a gate before pods',
    analysis: measured,
    webhooks: [hook('confirm-rollout')],
    moves: [time, ...pushes(3), ready, primaryBecomes('all')],
  },
  {
    name: 'a gate before each raise, with a deadline',
    deadline: 2,
    analysis: measured,
    webhooks: [hook('confirm-traffic-increase', { deadline: '2m' })],
    moves: [time, push('v2'), ready, primaryBecomes('all')],
  },
  {
    name: 'a gate before promotion, and a deadline that proceeds',
    deadline: 2,
    analysis: measured,
    webhooks: [hook('confirm-promotion', { deadline: '2m', onDeadline: 'proceed' })],
    moves: [time, push('v2'), ready, primaryBecomes('all')],
  },
  {
    name: 'gates before pods, before traffic and before promotion',
    analysis: unmeasured,
    webhooks: [
      hook('confirm-rollout'),
      hook('confirm-traffic-increase', { deadline: '1m' }),
      hook('confirm-promotion', { deadline: '1m', onDeadline: 'proceed' }),
    ],
    moves: [time, ...pushes(2), ready, primaryBecomes('all')],
  },
  {
    name: 'hooks before and during the rounds',
    deadline: 2,
    analysis: measured,
    webhooks: [hook('pre-rollout'), hook('rollout')],
    moves: [time, push('v2'), ready, primaryBecomes('all')],
  },
  {
    name: 'a hook that rolls back, beside a gate',
    deadline: 2,
    analysis: measured,
    webhooks: [hook('rollback'), hook('confirm-promotion')],
    moves: [time, push('v2'), ready, primaryBecomes('all')],
  },
  // ── strategies and groups ─────────────────────────────────────────────────
  {
    name: 'blue/green',
    deadline: 2,
    analysis: blueGreen,
    webhooks: [hook('confirm-promotion')],
    moves: [time, push('v2'), ready, primaryBecomes('all')],
  },
  {
    name: 'blue/green, revisions that change',
    analysis: { iterations: 1, metrics: [] },
    moves: [time, ...pushes(2), ready, primaryBecomes('all')],
  },
  {
    name: 'blue/green by the apex Service alone, revisions that change',
    analysis: { iterations: 1, metrics: [] },
    weights: 'switch',
    moves: [time, ...pushes(2), ready, primaryBecomes('all')],
  },
  {
    name: 'blue/green, a canary that comes and goes',
    deadline: 2,
    analysis: { ...blueGreen, metrics: [] },
    moves: [time, push('v2'), ...canaryHealth, primaryBecomes('all')],
  },
  {
    name: 'blue/green by the apex Service alone, sides that come and go',
    analysis: { ...blueGreen, metrics: [] },
    weights: 'switch',
    moves: [time, push('v2'), ready, ...primaryHealth, editApex('canary')],
  },
  {
    name: 'everything counts as failed, as in Flagger',
    analysis: measured,
    group: 'flagger.app',
    moves: [time, ...pushes(2), ready, primaryBecomes('all')],
  },
  {
    name: 'a metric without data is left out',
    analysis: { ...measured, onNoData: 'pass' },
    moves: [time, ...pushes(2), ready, primaryBecomes('all')],
  },
  // ── records that are lost, and deletion ───────────────────────────────────
  {
    name: 'a record that is lost',
    analysis: measured,
    moves: [time, ...pushes(2), ready, primaryBecomes('all'), loseRecord],
  },
  {
    name: 'a record that is lost while sides come and go',
    analysis: unmeasured,
    moves: [time, push('v2'), ready, ...primaryHealth, loseRecord],
  },
  {
    name: 'a record that is lost in blue/green',
    analysis: { ...blueGreen, metrics: [] },
    webhooks: [hook('pre-rollout')],
    moves: [time, push('v2'), ready, primaryBecomes('all'), loseRecord],
  },
  {
    name: 'deletion',
    analysis: unmeasured,
    moves: [time, push('v2'), ...canaryHealth, ...primaryHealth, deleteCanary],
  },
  {
    name: 'deletion without a target',
    analysis: unmeasured,
    moves: [time, ...pushes(2), ready, primaryBecomes('all'), deleteCanary, deleteTarget],
  },
  {
    name: 'deletion where the apex Service is the route',
    analysis: blueGreen,
    weights: 'switch',
    moves: [time, push('v2'), ready, primaryBecomes('all'), deleteCanary],
  },
];

export const plans: readonly Plan[] = [...sidePlans, ...otherPlans];

export function explorationOf(plan: Plan): Exploration {
  const setting = {
    ...settingOf(plan),
    isSymmetric: plan.moves.some(({ name }) => name === 'push v1'),
    losesPrimary: plan.moves.includes(deletePrimary),
  };
  return {
    name: plan.name,
    setting,
    caps: capsFor(plan),
    initial: plan.fromStart === true ? untouched : initialised(untouched, { setting }),
    moves: plan.moves,
    ...(plan.fromStart === true
      ? { until: ({ status: { phase = '' } }) => phase !== '' && phase !== 'Initializing' }
      : {}),
  };
}
