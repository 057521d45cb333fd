import { setTimeout as sleep } from 'node:timers/promises';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { killComponent, startComponent } from '../control.ts';
import { Arena } from '../faults/arena.ts';
import { initialise, judged, Rollout } from '../faults/rollout.ts';
import { describeUsers } from './users.ts';

const limitMs = 300_000;
const outageMs = 30_000;
const recoveryMs = 120_000;
let arena: Arena;

/** Two rollouts that have taken their first step: one that will be promoted, and one that turns bad meanwhile. */
async function midRun(name: string): Promise<readonly [good: Rollout, bad: Rollout]> {
  const create = (end: string): Promise<Rollout> =>
    Rollout.create(arena, { name: `${name}-${end}` });
  const [good, bad] = [await create('promoted'), await create('aborted')];
  await initialise(arena, [good, bad]);
  for (const rollout of [good, bad]) await rollout.untilIdle(await rollout.start());
  await Promise.all([good, bad].map((rollout) => rollout.release()));
  for (const rollout of [good, bad])
    await rollout.until('the first step', () => rollout.weight === 30);
  return [good, bad];
}

async function endsWell(good: Rollout, bad: Rollout, faults: string): Promise<void> {
  await Promise.all([good, bad].map((rollout) => rollout.untilOver(recoveryMs)));
  expect([good.status.phase, bad.status.phase]).toEqual(['Succeeded', 'Failed']);
  expect(await judged(good, `${faults} in a promotion`)).toEqual([]);
  expect(await judged(bad, `${faults} before an abort`)).toEqual([]);
}

// First, because the arena sends away the operator that ships.
describeUsers();

describe('an operator without a control plane', () => {
  beforeAll(async () => {
    arena = await Arena.open();
  }, limitMs);

  afterAll(async () => {
    await arena[Symbol.asyncDispose]();
  }, limitMs);

  it(
    'goes on where it was when the API server comes back after half a minute',
    async () => {
      const [good, bad] = await midRun('server');
      await killComponent('kube-apiserver');
      bad.outside.mood = 'bad';
      await sleep(outageMs);
      await startComponent('kube-apiserver');
      await endsWell(good, bad, 'API server killed for 30 s');
    },
    limitMs,
  );

  it(
    'goes on where it was when etcd was restarted',
    async () => {
      const [good, bad] = await midRun('storage');
      await killComponent('etcd');
      bad.outside.mood = 'bad';
      await startComponent('etcd');
      await endsWell(good, bad, 'etcd restarted');
    },
    limitMs,
  );
});
