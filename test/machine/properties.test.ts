/**
 * Whole rollouts with random plans, answers, revisions that change or revert at any moment, edits, gates, deadlines
 * and processes that die: no step breaks a promise. The seed is fixed, and printed with a failure.
 */
import { isDeepStrictEqual } from 'node:util';

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { decide } from '../../src/core/decide.ts';
import { dueQuestions } from '../../src/core/questions.ts';
import { play, story } from './rollout.ts';

const seed = Number(process.env['SERIN_SEED'] ?? 20_260_101);
const numRuns = Number(process.env['SERIN_RUNS'] ?? 4_000);

describe(`whole rollouts (seed ${seed})`, () => {
  it('keep every promise, whatever happens', () => {
    const ends = new Map<string, number>();
    fc.assert(
      fc.property(story, (one) => {
        const { breaches, phases, tale } = play(one);
        for (const phase of new Set(phases)) ends.set(phase, (ends.get(phase) ?? 0) + 1);
        if (breaches.length > 0) throw new Error([...breaches, ...tale].join('\n'));
      }),
      { seed, numRuns },
    );
    process.stdout.write(
      `${numRuns} rollouts, seed ${seed}: ${[...ends].map(([phase, count]) => `${phase} in ${count}`).join(', ')}\n`,
    );
    // A generator that no longer gets anywhere would prove nothing.
    for (const phase of [
      'Progressing',
      'Promoting',
      'Finalising',
      'Succeeded',
      'Failed',
      'Terminating',
    ])
      expect(ends.get(phase) ?? 0, `rollouts that reach ${phase}`).toBeGreaterThan(numRuns / 40);
  });

  it('are decided the same way twice, and inputs are left alone', () => {
    fc.assert(
      fc.property(story, (one) => {
        play(one, ({ before, answers, memory, time, decision }) => {
          for (const input of [before, answers, memory, time]) freeze(input);
          dueQuestions(before, memory, time);
          const again = decide(before, answers, memory, time);
          if (!isDeepStrictEqual(again, decision)) expect(again).toEqual(decision);
        });
      }),
      { seed, numRuns: Math.min(400, numRuns) },
    );
  });
});

function freeze(value: unknown): void {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value)) return;
  Object.freeze(value);
  for (const inner of Object.values(value)) freeze(inner);
}
