/** A primary that is gone between two runs, and nothing left to make it from but a target that serves meanwhile. */
import { expect, it } from 'vitest';

import { later } from './ages.ts';
import { answersIn } from './answers.ts';
import type { WorldState } from './model.ts';
import { carryOut, decideOn, look } from './pass.ts';
import { settingOf, unit, untouched } from './settings.ts';
import { good, initialised } from './ways.ts';

const setting = settingOf({ analysis: { stepWeights: [50] } });
const rested = initialised(untouched, { setting });
const target = { revision: 'v2', replicas: 2, health: 'all' } as const;

function passes(start: WorldState, count: number, template: 'none' | 'target'): WorldState {
  let world = start;
  for (let index = 0; index < count; index++) {
    const view = look(world, setting);
    const decision = decideOn(view, answersIn({ ...good, template }, view.questions));
    world = later(carryOut(world, decision, setting), unit);
  }
  return world;
}

const bereft: WorldState = { ...rested, target, primary: undefined };

it('is replaced by the target at once, and made again from it after a round of its own', () => {
  const served = passes(bereft, 1, 'none');
  expect(served.routes.map(({ weight }) => weight)).toEqual([100]);
  expect(served.primary).toBeUndefined();
  const made = passes(served, 2, 'none');
  expect(made.primary).toMatchObject({ holds: 'v2' });
});

it('takes its traffic back once it is there again, whoever made it', () => {
  const served = passes(bereft, 1, 'none');
  const primary = { revision: 'v1', holds: 'v1', replicas: 2, health: 'all' } as const;
  const back = passes({ ...served, target: { ...target, revision: 'v1' }, primary }, 2, 'none');
  expect(back.routes.map(({ weight }) => weight)).toEqual([0]);
  expect(back.apex).toBe('primary');
});
