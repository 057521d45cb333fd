/**
 * The model checks as a program of their own, small enough to be run against each mutant: exits 1 at the first breach.
 */
import { isDeepStrictEqual } from 'node:util';

import fc from 'fast-check';

import { decide } from '../../src/core/decide.ts';
import { explore } from '../machine/explore.ts';
import { explorationOf, plans } from '../machine/explorations.ts';
import { play, story } from '../machine/rollout.ts';
import { followAll } from '../machine/ways.ts';

const worlds = 2_500;
const rollouts = 500;
/** A mutant may name the exploration that finds it soonest; that one then goes further. */
const [hint] = process.argv.slice(2);
const chosen = plans.filter(({ name }) => hint === undefined || name.includes(hint));
if (chosen.length === 0) throw new Error(`no exploration is called "${hint}"`);

function fail(what: string): never {
  process.stdout.write(`${what}\n`);
  process.exit(1);
}

fc.assert(
  fc.property(story, (one) => {
    const { breaches } = play(one, ({ before, answers, memory, time, decision }) => {
      const again = decide(before, answers, memory, time);
      if (!isDeepStrictEqual(again, decision))
        fail('p7 is broken: the same look, another decision');
    });
    if (breaches[0] !== undefined) fail(breaches[0]);
  }),
  { seed: 20_260_101, numRuns: hint === undefined ? rollouts : 1, endOnFailure: true },
);
for (const plan of chosen) {
  const { defects } = explore({
    ...explorationOf(plan),
    limit: hint === undefined ? worlds : 9_000,
    everywhere: followAll(),
  });
  if (defects[0] !== undefined) fail(defects[0]);
}
