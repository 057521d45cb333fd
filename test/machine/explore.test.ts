/** See `explored.ts`: specs, routes, hooks, strategies, records and deletion. */
import { expect, it } from 'vitest';

import { phases } from '../../src/api/canary-status.ts';
import { checkAll } from './explored.ts';
import { otherPlans } from './explorations.ts';

const reached = checkAll(otherPlans);

it('reaches every phase', () => {
  // `Terminated` is Flagger's word for a Canary that is gone; nothing is written to it any more.
  expect(phases.filter((phase) => !reached.has(phase))).toEqual(['Terminated']);
});
