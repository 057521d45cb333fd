/**
 * A spec that is edited in the middle of a run: what is right takes effect at the next round, what is not stops steps
 * and promotion until it is taken back, or ends the run.
 */
import { describe, expect, it } from 'vitest';

import { canary, deployment, Stage } from './stage.ts';

async function midRun(analysis: object = {}): Promise<Stage> {
  const stage = new Stage();
  stage.create(deployment('demo:1'));
  stage.create(canary({ holdDeadline: '60s', ...analysis }));
  stage.start();
  await stage.untilPhase('Initialized');
  stage.push('demo:2');
  await stage.until('weight 20', () => stage.routeWeight() === 20);
  await stage.pass(100);
  stage.mark();
  return stage;
}

/** Weights that the operator wrote since the mark, in order. */
function weights(stage: Stage): readonly number[] {
  return stage
    .requests()
    .filter(({ resource, method }) => resource === 'httproutes' && method !== 'GET')
    .flatMap(({ object }) => {
      const found = /"name":"cart-canary"[^}]*?"weight":(\d+)/.exec(JSON.stringify(object));
      return found === null ? [] : [Number(found[1])];
    });
}

const edits: readonly (readonly [string, object, object, readonly string[]])[] = [
  [
    'another provider',
    { provider: 'kubernetes', analysis: { stepWeight: null, maxWeight: null, iterations: 2 } },
    { provider: null, analysis: { stepWeight: 20, maxWeight: 60, iterations: null } },
    ['provider'],
  ],
  [
    'another target',
    { targetRef: { name: 'orders' } },
    { targetRef: { name: 'cart' } },
    ['targetRef'],
  ],
  [
    'another Service',
    { service: { name: 'shop-front' } },
    { service: { name: null } },
    ['service.name'],
  ],
];

describe('an edit that a run cannot follow', () => {
  it.each(edits)(
    'such as %s stops steps, and the run goes on when it is taken back',
    async (_what, edit, back, says) => {
      const stage = await midRun();
      stage.patch('Canary', 'cart', { spec: edit });
      await stage.pass(35_000);
      expect(stage.routeWeight()).toBe(20);
      expect(stage.status().phase).toBe('Progressing');
      for (const word of says) expect(stage.condition('Reconciling')?.message).toContain(word);
      stage.patch('Canary', 'cart', { spec: back });
      await stage.untilPhase('Succeeded', 180_000);
      expect(weights(stage)).toEqual([40, 60, 0]);
      await stage.end();
    },
  );

  it.each(edits)(
    'such as %s rolls back after holdDeadline, on the route it began with',
    async (_what, edit) => {
      const stage = await midRun();
      stage.patch('Canary', 'cart', { spec: edit });
      await stage.untilPhase('Failed', 90_000);
      expect(stage.routeWeight()).toBe(0);
      await stage.pass(30_000);
      expect(stage.get('Deployment', 'cart')?.['spec']).toMatchObject({ replicas: 0 });
      expect(stage.get('Deployment', 'orders-primary')).toBeUndefined();
      expect(stage.get('Service', 'shop-front')).toBeUndefined();
      await stage.end();
    },
  );
});

describe('an edit of the steps', () => {
  it('goes on with the smallest configured step above the live weight', async () => {
    const stage = await midRun();
    stage.patch('Canary', 'cart', {
      spec: { analysis: { stepWeight: null, maxWeight: null, stepWeights: [5, 15, 25, 35] } },
    });
    await stage.untilPhase('Succeeded', 180_000);
    expect(weights(stage)).toEqual([25, 35, 0]);
    await stage.end();
  });

  it('promotes after one more round when no step is left', async () => {
    const stage = await midRun();
    stage.patch('Canary', 'cart', {
      spec: { analysis: { stepWeight: null, maxWeight: null, stepWeights: [5, 10] } },
    });
    await stage.untilPhase('Succeeded', 60_000);
    expect(weights(stage)).toEqual([0]);
    await stage.end();
  });

  it('is capped at maxWeight', async () => {
    const stage = await midRun({ stepWeight: 20, maxWeight: 50 });
    await stage.untilPhase('Succeeded', 120_000);
    expect(weights(stage)).toEqual([40, 50, 0]);
    await stage.end();
  });
});

describe('a threshold of 0', () => {
  it('is 1', async () => {
    const stage = new Stage({
      metric: () => ({ kind: 'sample', sample: { kind: 'value', value: 50 } }),
    });
    stage.create(deployment('demo:1'));
    stage.create(canary({ threshold: 0 }));
    stage.start();
    await stage.untilPhase('Initialized');
    stage.push('demo:2');
    await stage.untilPhase('Failed', 60_000);
    expect(stage.status()).toMatchObject({ failedChecks: 1 });
    await stage.end();
  });
});

describe('a Service that somebody deletes', () => {
  it.each(['cart', 'cart-primary', 'cart-canary'])(
    'such as %s is made again at once in the middle of a run, which goes on',
    async (name) => {
      const stage = await midRun();
      stage.delete('Service', name);
      await stage.pass(500);
      expect(stage.get('Service', name)?.['spec']).toMatchObject({
        selector: { app: name === 'cart-canary' ? 'cart' : 'cart-primary' },
      });
      await stage.untilPhase('Succeeded', 180_000);
      await stage.end();
    },
  );

  it.each(['cart', 'cart-primary', 'cart-canary'])(
    'such as %s is made again at once while nothing else happens',
    async (name) => {
      const stage = new Stage();
      stage.create(deployment('demo:1'));
      stage.create(canary());
      stage.start();
      await stage.untilPhase('Initialized');
      await stage.pass(60_000);
      stage.delete('Service', name);
      await stage.pass(500);
      expect(stage.get('Service', name)).toBeDefined();
      expect(stage.status().phase).toBe('Initialized');
      await stage.end();
    },
  );
});
