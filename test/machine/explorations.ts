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
import { caps, hour, settingOf, unit, untouched, type Choice } from './settings.ts';
import { initialised } from './ways.ts';

interface Plan extends Choice {
  readonly name: string;
  readonly moves: readonly Move[];
  /** From the very start instead of from `Initialized`. */
  readonly fromStart?: boolean;
}

const time = tick('a unit passes', unit, caps);
const anHour = tick('an hour passes', hour, caps);
const ready = targetBecomes('all');

const hook = (type: string, more: object = {}): object => ({
  name: type,
  type,
  url: `http://hooks/${type}`,
  ...more,
});

const one = { stepWeights: [50] };
const two = { stepWeights: [20, 60] };
const blueGreen = { iterations: 2 };

export const plans: readonly Plan[] = [
  {
    name: 'initialisation, sides that come and go',
    analysis: one,
    fromStart: true,
    moves: [
      time,
      push('v1'),
      push('v2'),
      ready,
      targetBecomes('none'),
      primaryBecomes('all'),
      primaryBecomes('none'),
    ],
  },
  {
    name: 'initialisation of an adopted Service, edits and a slow gateway',
    analysis: one,
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
  {
    name: 'one step, a canary that comes and goes, revisions that change',
    analysis: one,
    moves: [time, push('v1'), push('v2'), ready, targetBecomes('none')],
  },
  {
    name: 'two steps, three revisions',
    analysis: two,
    moves: [time, push('v1'), push('v2'), push('v3'), ready, primaryBecomes('all')],
  },
  {
    name: 'one step, a primary that comes and goes',
    analysis: one,
    moves: [time, push('v2'), ready, primaryBecomes('all'), primaryBecomes('none')],
  },
  {
    name: 'one step, both sides come and go',
    analysis: one,
    moves: [
      time,
      push('v2'),
      push('v3'),
      ready,
      targetBecomes('none'),
      primaryBecomes('all'),
      primaryBecomes('none'),
    ],
  },
  {
    name: 'a primary that is scaled to zero, or deleted',
    analysis: one,
    moves: [
      time,
      push('v2'),
      ready,
      primaryBecomes('all'),
      scalePrimary(0),
      scalePrimary(2),
      deletePrimary,
    ],
  },
  {
    name: 'one step, a spec that is edited',
    analysis: one,
    other: two,
    moves: [
      time,
      push('v2'),
      ready,
      primaryBecomes('all'),
      editSpec('plain'),
      editSpec('suspended'),
      editSpec('refused'),
      editSpec('unreadable'),
      editSpec('skip'),
      editSpec('other'),
    ],
  },
  {
    name: 'two routes, other people edit them',
    analysis: two,
    routeCount: 2,
    moves: [
      time,
      push('v2'),
      ready,
      primaryBecomes('all'),
      editRoute(100, settingOf({ analysis: one })),
      editRoute(0, settingOf({ analysis: one })),
      reapplyRoute(50, settingOf({ analysis: one })),
      deleteRoute,
    ],
  },
  {
    name: 'a gateway that follows late or not at all',
    analysis: one,
    acceptsAtOnce: false,
    moves: [time, anHour, push('v1'), push('v2'), ready, primaryBecomes('all'), gatewayAccepts],
  },
  {
    name: 'gates before pods, before traffic and before promotion',
    analysis: one,
    webhooks: [
      hook('confirm-rollout'),
      hook('confirm-traffic-increase', { deadline: '2m' }),
      hook('confirm-promotion', { deadline: '2m', onDeadline: 'proceed' }),
    ],
    moves: [time, push('v2'), push('v3'), ready, primaryBecomes('all')],
  },
  {
    name: 'hooks before and during the rounds',
    analysis: one,
    webhooks: [hook('pre-rollout'), hook('rollout')],
    moves: [time, push('v2'), ready, primaryBecomes('all')],
  },
  {
    name: 'a hook that rolls back, beside a gate',
    analysis: one,
    webhooks: [hook('rollback'), hook('confirm-promotion')],
    moves: [time, push('v2'), ready, primaryBecomes('all')],
  },
  {
    name: 'blue/green',
    analysis: blueGreen,
    webhooks: [hook('confirm-promotion')],
    moves: [time, push('v1'), push('v2'), ready, targetBecomes('none'), primaryBecomes('all')],
  },
  {
    name: 'blue/green by the apex Service alone, sides that come and go',
    analysis: blueGreen,
    weights: 'switch',
    moves: [
      time,
      push('v2'),
      push('v3'),
      ready,
      primaryBecomes('all'),
      primaryBecomes('none'),
      editApex('canary'),
    ],
  },
  {
    name: 'everything counts as failed, as in Flagger',
    analysis: one,
    group: 'flagger.app',
    moves: [time, push('v1'), push('v2'), ready, primaryBecomes('all')],
  },
  {
    name: 'a metric without data is left out',
    analysis: { ...one, onNoData: 'pass' },
    moves: [time, push('v2'), ready, primaryBecomes('all')],
  },
  {
    name: 'a target that is paused, or scaled by others',
    analysis: one,
    moves: [
      time,
      push('v2'),
      ready,
      primaryBecomes('all'),
      pauseTarget,
      scaleTarget(0),
      scaleTarget(2),
    ],
  },
  {
    name: 'a record that is lost',
    analysis: one,
    moves: [time, push('v2'), ready, primaryBecomes('all'), loseRecord],
  },
  {
    name: 'deletion',
    analysis: one,
    moves: [
      time,
      push('v2'),
      ready,
      targetBecomes('none'),
      primaryBecomes('all'),
      primaryBecomes('none'),
      deleteCanary,
      deleteTarget,
    ],
  },
  {
    name: 'deletion where the apex Service is the route',
    analysis: blueGreen,
    weights: 'switch',
    moves: [time, push('v2'), ready, primaryBecomes('all'), deleteCanary],
  },
];

export function explorationOf(plan: Plan): Exploration {
  const setting = settingOf(plan);
  return {
    name: plan.name,
    setting,
    caps,
    initial: plan.fromStart === true ? untouched : initialised(untouched, { setting, caps }),
    moves: plan.moves,
    ...(plan.fromStart === true ? { until: ({ status }) => status.phase === 'Initialized' } : {}),
  };
}
