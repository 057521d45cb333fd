/**
 * Ways through the worlds that are followed to their end: how a rollout goes on when everybody behaves, when nobody
 * answers, and when the new version is bad.
 */
import { judge } from '../promises/judge.ts';
import { aged } from '../promises/ledger.ts';
import { later } from './ages.ts';
import { answersIn, type Mood } from './answers.ts';
import type { Walk } from './explore.ts';
import { normalised } from './explore.ts';
import { observe, runOf, type WorldState } from './model.ts';
import type { Moment } from './moves.ts';
import { carryOut, decideOn, look, outcomes, time } from './pass.ts';
import { hour, unit } from './settings.ts';

export interface Way {
  readonly name: string;
  readonly mood: (world: WorldState) => Mood;
  /** What others do before each pass. */
  readonly others: (world: WorldState) => WorldState;
  readonly isOver: (world: WorldState) => boolean;
}

const templateFor = (world: WorldState): Mood['template'] =>
  world.target?.revision === world.status.lastPromotedSpec ? 'target' : 'replicaSet';

export const good: Mood = {
  metrics: 'good',
  hooks: ({ hook }) => (hook.type === 'rollback' ? 'no' : 'yes'),
  endpoints: 'primary',
  template: 'target',
};

const healthy = <S extends { readonly replicas: number }>(side: S | undefined): S | undefined =>
  side && {
    ...side,
    health: side.replicas > 0 ? ('all' as const) : ('none' as const),
    paused: false,
  };

/** No run, and nothing left of one that still has to be done. */
export function isAtRest({ status, gone, routes }: WorldState): boolean {
  if (gone) return true;
  const { phase, run } = status;
  const isOver = phase === 'Initialized' || phase === 'Succeeded' || phase === 'Failed';
  return (
    isOver &&
    run?.['stay'] !== true &&
    run?.['scaleDownSince'] === undefined &&
    routes.every(({ weight }) => weight === 0)
  );
}

/** Everybody behaves: pods come up, the gateway follows, checks pass, gates open. */
export const behaving: Way = {
  name: 'everybody behaves',
  mood: (world) => ({ ...good, template: templateFor(world) }),
  others: (world) => ({
    ...world,
    accepted: true,
    spec:
      world.spec === 'plain' || world.spec === 'skip' || world.spec === 'other'
        ? world.spec
        : 'plain',
    target: healthy(world.target),
    primary: healthy(world.primary),
  }),
  isOver: (world) => isAtRest(world) || world.target === undefined || world.primary?.replicas === 0,
};

/** Nobody does or answers anything any more. */
export const silence: Way = {
  name: 'nobody answers any more',
  mood: () => ({
    metrics: 'unavailable',
    // Their time limits and retries make an answer of silence; gates may stay silent for ever.
    hooks: ({ hook }) =>
      hook.type === 'rollout' || hook.type === 'pre-rollout' ? 'unreachable' : 'pending',
    endpoints: 'other',
    template: 'none',
  }),
  others: (world) => world,
  isOver(world) {
    const { phase, waiting, conditions } = world.status;
    const chosen =
      world.spec === 'suspended' ||
      world.primary?.replicas === 0 ||
      (waiting?.reason === 'WaitingForGate' && waiting.until === undefined);
    const stalled = conditions?.some(({ type, status }) => type === 'Stalled' && status === 'True');
    const resting = phase === 'Initialized' || phase === 'Succeeded';
    return world.gone || (!world.deleting && (chosen || stalled === true || resting));
  },
};

/** Nobody uses it: no metric has data, and no hook or gate answers. */
export const quietNight: Way = {
  ...silence,
  name: 'a night without traffic',
  mood: (world) => ({ ...silence.mood(world), metrics: 'noData' }),
};

/** The canary's pods are gone, its checks fail, and no hook or gate answers. */
export const failing: Way = {
  name: 'the new version is bad',
  mood: () => ({ ...good, metrics: 'bad', hooks: () => 'pending' }),
  others: (world) => ({
    ...world,
    target: world.target && {
      ...world.target,
      revision:
        world.status.phase === 'Waiting'
          ? (world.primary?.holds ?? world.target.revision)
          : world.target.revision,
      health: 'none',
    },
    primary: healthy(world.primary),
  }),
  isOver: (world) =>
    world.gone ||
    ((world.status.phase === 'Failed' || world.status.phase === 'Succeeded') &&
      world.routes.every(({ weight }) => weight === 0)),
};

const maxSteps = 60;

/** Why the way does not come to its end from here; `undefined`: it does. Remembers what it has proved. */
export function follow(
  way: Way,
  moment: Moment,
  walk: Walk,
  proved: Set<number>,
): string | undefined {
  const passed: number[] = [];
  let at = moment;
  const words: string[] = [];
  for (let step = 0; step < maxSteps; step++) {
    const id = walk.idOf(at);
    // Only after a pass does the status say what is so; the key leaves words out.
    if (proved.has(id) || (step > 0 && way.isOver(at.world))) {
      for (const one of passed) proved.add(one);
      proved.add(id);
      return undefined;
    }
    passed.push(id);
    words.push(storyOf(at.world));
    at = onward(way, at, walk, step > 6 ? hour : unit);
  }
  return `${way.name}, and yet there is no end: ${words.slice(-3).join(' → ')}`;
}

function onward(way: Way, { world, ledger }: Moment, walk: Walk, ms: number): Moment {
  const ready = way.others(world);
  const view = look(ready, walk.setting);
  const answers = answersIn(way.mood(ready), view.questions);
  const [recorded] = outcomes(view, answers);
  const { memory } = view;
  const { before, decision } = recorded;
  const next = carryOut(ready, decision, walk.setting);
  const step = { before, answers, memory, time, decision, after: observe(next, walk.setting) };
  const judged = judge(step, ledger);
  const suspended = runOf(next)?.suspendedAt !== undefined;
  return normalised(
    {
      world: suspended ? next : later(next, ms),
      ledger: aged(judged.ledger, ms),
    },
    walk.caps,
  );
}

function storyOf({ status, routes, target, primary }: WorldState): string {
  const weights = routes.map(({ weight }) => weight).join('+');
  const sides = [target, primary].map((side) =>
    side === undefined ? 'none' : `${side.revision} ${side.health}`,
  );
  return `${status.phase} at ${weights} (${status.waiting?.reason ?? status.conditions?.[0]?.reason}; target ${sides[0]}, primary ${sides[1]})`;
}

/** From everywhere: a rest is reached when everybody behaves, each wait ends when nobody does, and abort is near. */
export function followAll(): (moment: Moment, walk: Walk) => string | undefined {
  const rests = new Set<number>();
  const ends = new Set<number>();
  const nights = new Set<number>();
  const aborts = new Set<number>();
  return (moment, walk) =>
    follow(behaving, moment, walk, rests) ??
    follow(silence, moment, walk, ends) ??
    follow(quietNight, moment, walk, nights) ??
    (mustBeAbortable(moment.world) ? follow(failing, moment, walk, aborts) : undefined);
}

function mustBeAbortable({ status, spec, deleting, primary }: WorldState): boolean {
  const run = status.run as { readonly intent?: { readonly revision: string } } | undefined;
  const written = run?.intent !== undefined && run.intent.revision === primary?.holds;
  return (
    /^(Waiting|Progressing|WaitingPromotion|Promoting)$/.test(status.phase ?? '') &&
    !written &&
    !deleting &&
    spec !== 'suspended' &&
    primary !== undefined &&
    primary.replicas > 0
  );
}

/** A Canary whose initialisation went well. */
export function initialised(start: WorldState, walk: Pick<Walk, 'setting'>): WorldState {
  let world = start;
  for (let step = 0; step < maxSteps && world.status.phase !== 'Initialized'; step++) {
    const ready = behaving.others(world);
    const view = look(ready, walk.setting);
    const next = carryOut(ready, decideOn(view, answersIn(good, view.questions)), walk.setting);
    const moved = next.version !== 0;
    world = { ...later(next, unit), version: 0 };
    if (moved)
      world = { ...world, memory: { ...world.memory, drain: undefined, settle: undefined } };
  }
  return { ...world, memory: { ...world.memory, drain: undefined, settle: undefined } };
}
