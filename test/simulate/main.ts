/**
 * Plays trials until one fails: `npm run simulate -- --seeds 1000 [--seed 1] [--router kubernetes] [--verbose]`.
 *
 * A seed gives the same trial on every machine; one that fails is printed as a story.
 */
import { parseArgs } from 'node:util';

import { draw, type Router } from './plan.ts';
import { Tally } from './tally.ts';
import { play, type Result } from './trial.ts';

const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '200' },
    seed: { type: 'string', default: '1' },
    router: { type: 'string' },
    verbose: { type: 'boolean', default: false },
  },
});

const routers: readonly Router[] =
  values.router === undefined
    ? ['gatewayapi', 'kubernetes']
    : [values.router === 'kubernetes' ? 'kubernetes' : 'gatewayapi'];
const first = Number(values.seed);
const tally = new Tally();
let failed = 0;

const startedAt = performance.now();
for (let seed = first; seed < first + Number(values.seeds); seed += 1) {
  for (const router of routers) {
    const result = await play(draw(seed, router));
    tally.add(result);
    if (result.breaches.length > 0) failed += 1;
    if (result.breaches.length > 0 || values.verbose) say(result);
  }
}
const seconds = (performance.now() - startedAt) / 1_000;
process.stdout.write(
  `${tally.text()}\n${(tally.rollouts / seconds).toFixed(1)} rollouts per second, ${failed} of ${tally.trials} trials failed\n`,
);
process.exitCode = failed === 0 ? 0 : 1;

function say({ plan, story, breaches }: Result): void {
  const { seed, router, events: _, images: __, ...rest } = plan;
  process.stdout.write(`seed ${seed}, router ${router}: ${JSON.stringify(rest)}\n${story}\n`);
  for (const { id, what } of breaches) process.stdout.write(`${id}: ${what}\n`);
}
