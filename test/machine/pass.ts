/**
 * One pass over the model: asks, decides, and brings about what was decided, wholly or in part.
 */
import { decide } from '../../src/core/decide.ts';
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
