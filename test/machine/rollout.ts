/**
 * Whole rollouts with random input, on the model world and with times to the millisecond.
 */
import fc from 'fast-check';

import { judge } from '../promises/judge.ts';
import { afterRestart, emptyLedger, type Ledger } from '../promises/ledger.ts';
import { breachText, type Step } from '../promises/promises.ts';
import { later } from './ages.ts';
import { answersIn, type HookMood, type Mood } from './answers.ts';
import { freshMemoryState, observe, runOf, type Setting, type WorldState } from './model.ts';
import {
  deleteCanary,
  deletePrimary,
  deleteRoute,
  editApex,
  editRoute,
  editSpec,
  gatewayAccepts,
  pauseTarget,
  primaryBecomes,
  push,
  reapplyRoute,
  scalePrimary,
  scaleTarget,
  targetBecomes,
  type Move,
} from './moves.ts';
import { carryOut, crashes, decideOn, look, time } from './pass.ts';
import { settingOf, untouched } from './settings.ts';

/** One thing that happens, after some time. */
export interface Happening {
  readonly afterMs: number;
  readonly others: readonly Move[];
  readonly mood: {
    readonly metrics: Mood['metrics'];
    readonly hooks: HookMood;
    readonly endpoints: Mood['endpoints'];
  };
  /** The process dies after this write of the pass; beyond the last one: it lives. */
  readonly diesAfter: number;
  readonly restarts: boolean;
}

export interface Story {
  readonly setting: Setting;
  readonly happenings: readonly Happening[];
}

// ── arbitrary stories ───────────────────────────────────────────────────────

const hookTypes = [
  'confirm-rollout',
  'confirm-traffic-increase',
  'confirm-promotion',
  'pre-rollout',
  'rollout',
  'rollback',
];

const webhooks = fc.subarray(hookTypes).chain((types) =>
  fc.tuple(
    ...types.map((type) =>
      fc.record({
        name: fc.constant(type),
        type: fc.constant(type),
        url: fc.constant(`http://hooks/${type}`),
        ...(type.startsWith('confirm')
          ? {
              deadline: fc.constantFrom('1m', '5m'),
              onDeadline: fc.constantFrom('rollback', 'proceed'),
            }
          : {}),
      }),
    ),
  ),
);

const steps = fc
  .uniqueArray(fc.integer({ min: 1, max: 100 }), { minLength: 1, maxLength: 4 })
  .map((weights) => weights.sort((a, b) => a - b));

const strategy = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.record({ stepWeights: steps, stepWeightPromotion: fc.constantFrom(0, 30) }),
  },
  { weight: 1, arbitrary: fc.record({ iterations: fc.integer({ min: 1, max: 3 }) }) },
);

const analysis = fc
  .tuple(
    strategy,
    fc.record({
      threshold: fc.integer({ min: 1, max: 3 }),
      interval: fc.constantFrom('10s', '30s', '1m', '90s'),
      holdDeadline: fc.constantFrom('1m', '2m', '10m'),
      onNoData: fc.constantFrom('hold', 'fail', 'pass'),
      canaryReadyThreshold: fc.constantFrom(50, 100),
    }),
  )
  .map(([how, when]) => ({ ...how, ...when }));

const setting = fc
  .tuple(
    analysis,
    analysis,
    webhooks,
    fc.record({
      switches: fc.boolean(),
      adopted: fc.boolean(),
      atOnce: fc.boolean(),
      flagger: fc.boolean(),
      routes: fc.integer({ min: 1, max: 2 }),
    }),
  )
  .map(([one, other, hooks, { switches, adopted, atOnce, flagger, routes }]): Setting => {
    const isSwitch = switches && 'iterations' in one;
    return {
      ...settingOf({
        analysis: one,
        other: 'iterations' in one === 'iterations' in other ? other : {},
        webhooks: hooks,
        weights: isSwitch ? 'switch' : 'exact',
        adopted,
        acceptsAtOnce: atOnce,
        group: flagger ? 'flagger.app' : 'serin.dev',
        routeCount: routes,
      }),
      hasNotifier: true,
      drainMs: 5_000,
      settleMs: 30_000,
    };
  });

const health = fc.constantFrom<'none' | 'some' | 'all'>('none', 'some', 'all');
const weight = fc.integer({ min: 0, max: 100 });

function anyMove(of: Setting): fc.Arbitrary<Move> {
  return fc.oneof(
    { weight: 6, arbitrary: fc.constant(targetBecomes('all')) },
    { weight: 6, arbitrary: fc.constant(primaryBecomes('all')) },
    { weight: 4, arbitrary: fc.constant(gatewayAccepts) },
    { weight: 4, arbitrary: fc.constantFrom('v1', 'v2', 'v3').map(push) },
    { weight: 2, arbitrary: health.map(targetBecomes) },
    { weight: 2, arbitrary: health.map(primaryBecomes) },
    { weight: 3, arbitrary: fc.constantFrom(editSpec('plain')) },
    {
      weight: 1,
      arbitrary: fc
        .constantFrom('suspended', 'skip', 'refused', 'unreadable', 'other')
        .map((kind) => editSpec(kind as 'skip')),
    },
    {
      weight: 1,
      arbitrary: weight.map((value) =>
        editRoute(of.weights === 'switch' && value < 100 ? 0 : value, of),
      ),
    },
    { weight: 1, arbitrary: weight.map((value) => reapplyRoute(value, of)) },
    {
      weight: 1,
      arbitrary: fc.constantFrom(
        deleteRoute,
        deletePrimary,
        pauseTarget,
        scaleTarget(0),
        scaleTarget(3),
        scalePrimary(0),
        scalePrimary(2),
        editApex('canary'),
        editApex('other'),
      ),
    },
  );
}

/** A failure shows the name of a move instead of its source. */
function named(move: Move): Move {
  return Object.assign({ [fc.toStringMethod]: () => move.name }, move);
}

function happening(of: Setting): fc.Arbitrary<Happening> {
  return fc.record({
    afterMs: fc.oneof(
      fc.constantFrom(0, 1, 5_000, 10_000, 29_999, 30_000, 60_000, 90_000, 120_000, 3_600_000),
      fc.integer({ min: 0, max: 150_000 }),
    ),
    others: fc.array(anyMove(of).map(named), { maxLength: 3 }),
    mood: fc.record({
      metrics: fc.oneof(
        { weight: 8, arbitrary: fc.constant('good' as const) },
        {
          weight: 1,
          arbitrary: fc.constantFrom('bad', 'noData', 'unavailable') as fc.Arbitrary<
            Mood['metrics']
          >,
        },
      ),
      hooks: fc.oneof(
        { weight: 4, arbitrary: fc.constant('yes' as const) },
        {
          weight: 1,
          arbitrary: fc.constantFrom('pending', 'no', 'unreachable') as fc.Arbitrary<HookMood>,
        },
      ),
      endpoints: fc.oneof(
        { weight: 4, arbitrary: fc.constant('primary' as const) },
        { weight: 1, arbitrary: fc.constant('other' as const) },
      ),
    }),
    diesAfter: fc.oneof(
      { weight: 4, arbitrary: fc.constant(99) },
      { weight: 1, arbitrary: fc.integer({ min: 0, max: 2 }) },
    ),
    restarts: fc.oneof(
      { weight: 9, arbitrary: fc.constant(false) },
      { weight: 1, arbitrary: fc.constant(true) },
    ),
  });
}

/** Half of the stories are undisturbed for the most part, so that they get somewhere. */
function calmer(one: Happening, index: number): Happening {
  const helping = [targetBecomes('all'), primaryBecomes('all'), gatewayAccepts].map(named);
  if (index % 9 === 8) return one;
  const others = [...one.others.filter(({ name }) => name.startsWith('push')), ...helping];
  return {
    ...one,
    afterMs: Math.max(one.afterMs, 5_000),
    others: index % 5 === 1 ? others : helping,
    mood: { metrics: 'good', hooks: 'yes', endpoints: 'primary' },
  };
}

export const story: fc.Arbitrary<Story> = setting.chain((of) =>
  fc
    .tuple(
      fc.oneof(
        fc.array(happening(of), { minLength: 20, maxLength: 60 }),
        fc.array(happening(of), { minLength: 30, maxLength: 60 }).map((all) => all.map(calmer)),
      ),
      fc.boolean(),
    )
    .map(([happenings, isDeleted]) => ({
      setting: of,
      happenings: isDeleted
        ? happenings.map((one, index) =>
            index === happenings.length - 12
              ? { ...one, others: [...one.others, named(deleteCanary)] }
              : one,
          )
        : happenings,
    })),
);

// ── playing them ────────────────────────────────────────────────────────────

export interface Played {
  readonly breaches: readonly string[];
  readonly phases: readonly string[];
  /** What happened, line by line. */
  readonly tale: readonly string[];
}

/** Plays a story to its end, or to the first promise that is broken; `watch` sees every step. */
export function play(
  { setting: of, happenings }: Story,
  watch: (step: Step) => void = () => {},
): Played {
  let world: WorldState = untouched;
  let ledger: Ledger = emptyLedger;
  const phases: string[] = [];
  const tale: string[] = [];
  for (const [index, { afterMs, others, mood, diesAfter, restarts }] of happenings.entries()) {
    if (world.gone) break;
    world = later(world, runOf(world)?.suspendedAt === undefined ? afterMs : 0);
    const elapsed = runOf(world)?.suspendedAt === undefined ? afterMs : 0;
    for (const move of others) world = move.make({ world, ledger })?.world ?? world;
    if (restarts) {
      world = { ...world, memory: freshMemoryState };
      ledger = afterRestart(ledger);
    }
    if (world.gone) break;
    const view = look(world, of);
    const template =
      world.target?.revision === world.status.lastPromotedSpec ? 'target' : 'replicaSet';
    const answers = answersIn(
      {
        metrics: mood.metrics,
        hooks: ({ hook }) =>
          hook.type === 'rollback' && mood.hooks === 'yes' && index % 7 > 0 ? 'no' : mood.hooks,
        endpoints: mood.endpoints,
        template,
      },
      view.questions,
    );
    const decision = decideOn(view, answers);
    const death = crashes(world, decision, of)[diesAfter];
    const next = death?.[1] ?? carryOut(world, decision, of);
    const { before, memory } = view;
    const step = { before, answers, memory, time, decision, after: observe(next, of) };
    watch(step);
    tale.push(lineOf(step, afterMs, others, death?.[0]));
    const judged = judge(step, ledger, elapsed);
    if (judged.breaches.length > 0)
      return { breaches: judged.breaches.map(breachText), phases, tale };
    ledger = death === undefined ? judged.ledger : afterRestart(judged.ledger);
    world = next;
    phases.push(next.status.phase ?? '');
  }
  return { breaches: [], phases, tale };
}

function lineOf(
  { before, answers, decision, after }: Step,
  afterMs: number,
  others: readonly Move[],
  death: string | undefined,
): string {
  const said = [
    ...Object.values(answers.checks).map(({ kind, ...more }) => `${kind} ${JSON.stringify(more)}`),
    ...Object.entries(answers.hooks).map(([id, { kind }]) => `${id.split('/')[0]} ${kind}`),
  ];
  return [
    `+${afterMs} ms: ${others.map(({ name }) => name).join(', ')}`,
    `target ${before.target?.revision} ${before.target?.status.available}/${before.target?.replicas}, primary ${before.primary?.holds} ${before.primary?.status.available}`,
    `${said.join(', ')} → ${decision.effects.map((effect) => JSON.stringify(effect)).join(' ')}${death === undefined ? '' : ` (${death})`}`,
    `${before.status.phase} ${weightsOf(before)} → ${after.status.phase} ${weightsOf(after)}`,
  ].join('\n    ');
}

function weightsOf({ traffic }: Step['before']): string {
  return traffic.routes.map(({ weight: is }) => is).join('+');
}
