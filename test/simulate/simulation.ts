/** The same suite for each router, in a file and a process of its own. */
import { describe, expect, it } from 'vitest';

import { breachText } from '../promises/promises.ts';
import { draw, type Router } from './plan.ts';
import { expectedOf, Tally } from './tally.ts';
import { play } from './trial.ts';

export interface Demand {
  readonly trials: number;
  readonly rollouts: number;
  /** How often each outcome, fault and kill position must have come up. */
  readonly each: number;
}

export function simulation(router: Router, { trials, rollouts, each }: Demand): void {
  describe(`rollouts under faults, by ${router}`, () => {
    const tally = new Tally();

    it(`keep every promise in ${trials} trials`, async () => {
      for (let seed = 1; seed <= trials; seed += 1) {
        const result = await play(draw(seed, router));
        tally.add(result);
        if (result.breaches.length === 0) continue;
        const found = result.breaches.map((breach) => breachText(breach)).join('\n');
        expect.fail(
          `${found}\nseen with: npm run simulate -- --router ${router} --seed ${seed} --seeds 1\n${result.story}`,
        );
      }
      process.stdout.write(`${tally.text()}\n`);
    });

    it('have seen enough', () => {
      expect(tally.rollouts).toBeGreaterThanOrEqual(rollouts);
      expect(tally.tooSeldom(expectedOf(router), each)).toEqual([]);
    });

    it('are the same again with the same seed', async () => {
      for (const seed of [11, 12, 13]) {
        const [once, again] = [await play(draw(seed, router)), await play(draw(seed, router))];
        expect(again.fingerprint).toBe(once.fingerprint);
      }
    });
  });
}
