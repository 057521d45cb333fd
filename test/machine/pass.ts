/**
 * One pass over the model: asks, decides, and brings about what was decided, wholly or in part.
 */
import { decide } from '../../src/core/decide.ts';
import type { Run } from '../../src/api/run.ts';
import type { Decision } from '../../src/core/effects.ts';
import type { Answers, Memory, Observation, Time } from '../../src/core/observation.ts';
import { dueQuestions, type Questions } from '../../src/core/questions.ts';
import {
  apply,
  applyAll,
  base,
  freshMemoryState,
  memoryOf,
  monotonicBase,
  observe,
  remember,
  shiftFirstRoute,
  type Setting,
  type WorldState,
} from './model.ts';

export const time: Time = { now: base, monotonic: monotonicBase };

export interface Look {
  readonly world: WorldState;
  readonly before: Observation;
  readonly memory: Memory;
  readonly questions: Questions;
}

export function look(world: WorldState, setting: Setting): Look {
  const before = observe(world, setting);
  const memory = memoryOf(world);
  return { world, before, memory, questions: dueQuestions(before, memory, time) };
}

export function decideOn({ before, memory }: Look, answers: Answers): Decision {
  return decide(before, answers, memory, time);
}

export interface Outcome {
  /** What the pass saw, as far as words go: the rest is as it is. */
  readonly before: Observation;
  readonly decision: Decision;
  /** Nothing but memory has changed. */
  readonly quiet: boolean;
}

/**
 * What these answers can lead to. Whether a pass that decides nothing is recorded depends on words: what was said, told
 * and checked before. Worlds do not keep words apart; instead the pass is made with both, wherever both are possible.
 */
export function outcomes(
  { before, memory }: Look,
  answers: Answers,
): readonly [Outcome, ...Outcome[]] {
  const { status, run } = before;
  const other = { ...before, status: { ...status, provider: 'said otherwise' } };
  const recorded = decide(other, answers, memory, time);
  const first: Outcome = { before: other, decision: recorded, quiet: false };
  const after = recorded.status.run as Run | undefined;
  if (
    recorded.effects.length > 0 ||
    recorded.status.phase !== status.phase ||
    after?.id !== run?.id
  )
    return [first];
  const same = { ...before, ...(run && after && { run: withWords(run, after) }) };
  const said = {
    ...recorded.status,
    failedChecks: status.failedChecks,
    iterations: status.iterations,
    lastAppliedSpec: status.lastAppliedSpec,
    lastPromotedSpec: status.lastPromotedSpec,
    run: same.run,
  };
  const silent = { ...same, status: said };
  const decision = decide(silent, answers, { ...memory, wordsAt: time.monotonic }, time);
  if (decision.status !== said) return [first];
  return [first, { before: silent, decision, quiet: true }];
}

/** What is kept for words, and what follows the spec. */
function withWords(run: Run, after: Run): Run {
  const { told, heldReason, target, routes, exposedSince } = after;
  return { ...run, told, heldReason, target, routes, exposedSince };
}

/** The world after the pass. A refused write ends it there, as in the operator: nothing is recorded. */
export function carryOut(world: WorldState, decision: Decision, setting: Setting): WorldState {
  const { world: acted, complete } = applyAll(world, decision.effects, setting);
  if (!complete) return acted;
  const recorded = { ...acted, status: decision.status };
  return { ...recorded, memory: remember(recorded, decision, world.version) };
}

/** The worlds that a process leaves behind which dies after one of its writes, and before the status. */
export function crashes(
  world: WorldState,
  { effects }: Decision,
  setting: Setting,
): readonly (readonly [name: string, world: WorldState])[] {
  const found: [string, WorldState][] = [];
  let next = world;
  for (const effect of effects) {
    if (effect.type === 'shiftTraffic') {
      const half = shiftFirstRoute(next, effect.weight, effect.applied, setting);
      if (half !== undefined) found.push(['dies between two routes', dead(half)]);
    }
    const applied = apply(next, effect, setting);
    if (applied === undefined) return found;
    next = applied;
    if (next !== world) found.push([`dies after ${effect.type}`, dead(next)]);
  }
  return found;
}

function dead(world: WorldState): WorldState {
  return { ...world, memory: freshMemoryState };
}
