/**
 * Another operator, or a person, writes the status of a Canary beside us: answered once, and then left alone.
 */
import { describe, expect, it } from 'vitest';

import { canary, deployment, pathOf, Stage, type StageOptions } from './stage.ts';

/** What Flagger knows of a status: the rest is gone when it has written it. */
const knownToFlagger = [
  'phase',
  'failedChecks',
  'canaryWeight',
  'iterations',
  'lastAppliedSpec',
  'lastPromotedSpec',
  'conditions',
];

/** Writes the whole status, as Flagger does. */
function overwrite(stage: Stage, changes: object = {}, manager = 'flagger'): void {
  const path = pathOf('serin.dev/v1beta1', 'Canary', 'cart');
  const live = stage.world.call('GET', path);
  const known = Object.entries(live['status'] ?? {}).filter(([key]) =>
    knownToFlagger.includes(key),
  );
  const lastTransitionTime = new Date(stage.world.clock.now()).toISOString();
  const status = { ...Object.fromEntries(known), lastTransitionTime, ...changes };
  stage.world.call('PUT', `${path}/status`, { ...live, status }, `${manager}/v1.44.0`);
}

async function midRun(analysis: object = {}, options: StageOptions = {}): Promise<Stage> {
  const stage = new Stage(options);
  stage.create(deployment('demo:1'));
  stage.create(canary(analysis));
  stage.start();
  await stage.untilPhase('Initialized');
  stage.push('demo:2');
  await stage.until('weight 40', () => stage.routeWeight() === 40);
  await stage.pass(2_000);
  return stage;
}

/** Overwritten once, and again half a minute later: now it is left to the other. */
async function leftToFlagger(options: StageOptions = {}): Promise<Stage> {
  const stage = await midRun({}, options);
  overwrite(stage);
  await stage.pass(30_000);
  expect(stage.routeWeight()).toBeGreaterThan(0);
  overwrite(stage);
  await stage.pass(500);
  return stage;
}

const reasons = (stage: Stage, reason: string) =>
  stage.events().filter((event) => event.reason === reason);

const statusWrites = (stage: Stage): number =>
  stage.requests().filter(({ method, subresource }) => method !== 'GET' && subresource === 'status')
    .length;

const note = (stage: Stage): string | undefined =>
  stage.get('Canary', 'cart')?.metadata.annotations?.['serin.dev/status-writers'];

const minutes = (count: number): number => count * 60_000;

describe('a status that another manager has written', () => {
  it('is rebuilt with a Warning that names it, and the run starts over at weight 0', async () => {
    const stage = await midRun();
    stage.mark();
    overwrite(stage);
    await stage.pass(500);
    expect(stage.touched()[0]).toBe('PATCH httproutes/cart');
    expect(stage.weights()[0]).toBe(0);
    expect(reasons(stage, 'StatusRebuilt')).toMatchObject([{ type: 'Warning', count: 1 }]);
    expect(reasons(stage, 'StatusRebuilt')[0]?.message).toContain('"flagger"');
    expect(stage.condition('Stalled')).toBeUndefined();
    await stage.untilPhase('Succeeded', 240_000);
    await stage.end();
  });

  it.each([
    ['in the second of our own write', 50],
    ['seconds after it', 3_000],
  ])('counts also when its record is kept, %s', async (_when, afterMs) => {
    const stage = await midRun();
    await stage.until('weight 60', () => stage.routeWeight() === 60);
    await stage.pass(afterMs);
    const status = { failedChecks: 0, iterations: 3 };
    stage.mark();
    stage.patch('Canary', 'cart', { status }, 'status');
    await stage.pass(200);
    expect(stage.weights()[0]).toBe(0);
    expect(reasons(stage, 'StatusRebuilt')[0]?.message).toContain('"kubectl"');
    await stage.end();
  });

  it.each(['Succeeded', 'Failed', 'Promoting'])(
    'counts nothing for what it claims: phase %s in the middle of a run',
    async (phase) => {
      const stage = await midRun();
      stage.mark();
      overwrite(stage, { phase, canaryWeight: 0, failedChecks: 0 });
      await stage.pass(500);
      expect(stage.weights()[0]).toBe(0);
      expect(stage.status().phase).toBe('Progressing');
      await stage.untilPhase('Succeeded', 240_000);
      await stage.end();
    },
  );

  it('starts no run while idle', async () => {
    const stage = await midRun();
    await stage.untilPhase('Succeeded', 240_000);
    await stage.pass(minutes(1));
    stage.mark();
    overwrite(stage);
    await stage.pass(minutes(2));
    expect(stage.touched()).toEqual(['PATCH canaries/cart']);
    expect(stage.status()).toMatchObject({ phase: 'Succeeded', run: { weight: 0 } });
    expect(reasons(stage, 'StatusRebuilt')).toHaveLength(1);
    await stage.end();
  });

  it('two times, 11 minutes apart, is two first times', async () => {
    const stage = await midRun({ interval: '5m' });
    for (let times = 0; times < 2; times += 1) {
      overwrite(stage);
      await stage.pass(500);
      expect(stage.condition('Ready')?.reason).not.toBe('AnotherOperator');
      await stage.pass(minutes(11));
    }
    expect(reasons(stage, 'AnotherOperator')).toEqual([]);
    await stage.end();
  });

  it('by two managers, each once, is a first time for each', async () => {
    const stage = await midRun();
    for (const manager of ['flagger', 'kubectl-edit']) {
      overwrite(stage, {}, manager);
      await stage.pass(5_000);
    }
    expect(reasons(stage, 'AnotherOperator')).toEqual([]);
    overwrite(stage);
    await stage.pass(500);
    expect(stage.condition('Stalled')).toMatchObject({ reason: 'AnotherOperator' });
    expect(stage.condition('Stalled')?.message).toContain('"flagger"');
    await stage.end();
  });

  it('by nobody who left a name is rebuilt each time, and nobody is left to it', async () => {
    const stage = await midRun();
    for (let times = 0; times < 2; times += 1) {
      stage.patch('Canary', 'cart', { status: { run: null } }, 'status');
      await stage.pass(5_000);
    }
    expect(reasons(stage, 'AnotherOperator')).toEqual([]);
    await stage.untilPhase('Succeeded', 240_000);
    await stage.end();
  });

  it('is no news to another replica of ours', async () => {
    const stage = await midRun();
    overwrite(stage);
    await stage.pass(5_000);
    await stage.restart();
    await stage.pass(5_000);
    expect(reasons(stage, 'StatusRebuilt')).toMatchObject([{ count: 1 }]);
    await stage.untilPhase('Succeeded', 240_000);
    await stage.end();
  });

  it('while suspended is answered when it goes on', async () => {
    const stage = await midRun();
    stage.patch('Canary', 'cart', { spec: { suspend: true } });
    await stage.pass(5_000);
    stage.mark();
    overwrite(stage);
    await stage.pass(minutes(1));
    expect([stage.touched(), statusWrites(stage), stage.routeWeight()]).toEqual([[], 0, 40]);
    stage.patch('Canary', 'cart', { spec: { suspend: false } });
    await stage.pass(500);
    expect(stage.weights()[0]).toBe(0);
    expect(reasons(stage, 'StatusRebuilt')).toHaveLength(1);
    await stage.end();
  });
});

describe('a status that is written again within 10 minutes', () => {
  it('gets weight 0, says who writes it, and is left to the other', async () => {
    const stage = await leftToFlagger();
    expect(stage.routeWeight()).toBe(0);
    expect(stage.condition('Ready')).toMatchObject({ status: 'False', reason: 'AnotherOperator' });
    expect(stage.condition('Stalled')).toMatchObject({ status: 'True', reason: 'AnotherOperator' });
    expect(stage.condition('Stalled')?.message).toContain('"flagger"');
    expect(stage.condition('Reconciling')).toBeUndefined();
    expect(stage.status()).toMatchObject({
      canaryWeight: 0,
      waiting: { reason: 'AnotherOperator' },
    });
    expect(reasons(stage, 'AnotherOperator')).toMatchObject([{ type: 'Warning', count: 1 }]);
    await stage.end();
  });

  it('is not written any more, however often the other goes on', async () => {
    const stage = await leftToFlagger();
    stage.mark();
    for (let times = 0; times < 60; times += 1) {
      await stage.pass(30_000);
      overwrite(stage, { canaryWeight: times });
    }
    await stage.pass(500);
    expect([stage.touched(), statusWrites(stage)]).toEqual([[], 0]);
    expect(reasons(stage, 'AnotherOperator')).toMatchObject([{ count: 1 }]);
    await stage.end();
  });

  it('is asked about nowhere, and a new revision starts nothing', async () => {
    const asked: string[] = [];
    const stage = await leftToFlagger({
      metric(query) {
        asked.push(query);
        return { kind: 'sample', sample: { kind: 'value', value: 100 } };
      },
    });
    asked.length = 0;
    stage.mark();
    stage.push('demo:3');
    await stage.pass(minutes(5));
    expect([stage.touched(), asked]).toEqual([[], []]);
    await stage.end();
  });

  it('is rebuilt 10 minutes after the last write of the other, and releases go on', async () => {
    const stage = await leftToFlagger();
    await stage.pass(minutes(6));
    overwrite(stage);
    stage.mark();
    await stage.pass(minutes(10) - 2_000);
    expect([stage.touched(), statusWrites(stage)]).toEqual([[], 0]);
    await stage.pass(3_000);
    expect(stage.condition('Stalled')).toBeUndefined();
    expect(reasons(stage, 'Resumed')).toHaveLength(1);
    expect(note(stage)).toBeUndefined();
    await stage.untilPhase('Succeeded', 240_000);
    overwrite(stage);
    await stage.pass(500);
    expect(reasons(stage, 'AnotherOperator')).toHaveLength(1);
    await stage.end();
  });

  it('is known as such after a restart between the two writes', async () => {
    const stage = await midRun();
    overwrite(stage);
    await stage.pass(5_000);
    await stage.restart();
    await stage.pass(30_000);
    overwrite(stage);
    await stage.pass(500);
    expect(stage.condition('Stalled')?.reason).toBe('AnotherOperator');
    expect(stage.routeWeight()).toBe(0);
    await stage.end();
  });

  it('stays left after a restart, without another word, and ends no later', async () => {
    const stage = await leftToFlagger();
    await stage.pass(5_000);
    overwrite(stage);
    stage.mark();
    await stage.restart();
    await stage.pass(minutes(9));
    expect([stage.touched(), statusWrites(stage)]).toEqual([[], 0]);
    await stage.pass(minutes(1));
    expect(reasons(stage, 'Resumed')).toHaveLength(1);
    await stage.end();
  });

  it('is still said when the process dies before it could say so', async () => {
    const stage = await midRun();
    overwrite(stage);
    await stage.pass(30_000);
    let isRefused = true;
    stage.intercept(({ method, path }) => {
      if (!isRefused || method !== 'PATCH' || !path.endsWith('/status')) return undefined;
      return {
        kind: 'object',
        status: 503,
        body: { kind: 'Status', status: 'Failure', code: 503 },
      };
    });
    overwrite(stage);
    await stage.pass(100);
    expect(note(stage)).toContain('"leftTo":"flagger"');
    await stage.end();
    isRefused = false;
    await stage.restart();
    await stage.pass(5_000);
    expect(stage.condition('Stalled')?.reason).toBe('AnotherOperator');
    await stage.end();
  });

  it('does not hold up a deletion', async () => {
    const stage = await leftToFlagger();
    stage.delete('Canary', 'cart');
    await stage.until('the end', () => stage.get('Canary', 'cart') === undefined, 120_000);
    expect(stage.routeWeight() ?? 0).toBe(0);
    await stage.end();
  });
});

/** Whether the pods of the primary answer. */
function primaryAnswers(stage: Stage, isReady: boolean): void {
  const { pods } = stage.world;
  for (const { metadata } of pods.running())
    if (metadata.name.startsWith('cart-primary-')) pods.setReady(metadata.uid ?? '', isReady);
  stage.world.wake();
}

async function withoutPrimary(): Promise<Stage> {
  const stage = await midRun({ interval: '20s' });
  overwrite(stage);
  await stage.until('weight 20', () => stage.routeWeight() === 20);
  await stage.pass(1_000);
  primaryAnswers(stage, false);
  await stage.pass(1_000);
  stage.mark();
  overwrite(stage);
  await stage.pass(1_000);
  return stage;
}

describe('a status that is written again while the primary has no pod', () => {
  it('keeps the weight where users are answered', async () => {
    const stage = await withoutPrimary();
    expect(stage.condition('Stalled')?.reason).toBe('AnotherOperator');
    expect([stage.touched(), stage.routeWeight()]).toEqual([['PATCH canaries/cart'], 20]);
    await stage.end();
  });

  it('takes back what is its own once the primary is there, and nothing else', async () => {
    const stage = await withoutPrimary();
    stage.mark();
    primaryAnswers(stage, true);
    await stage.pass(minutes(1));
    expect(stage.routeWeight()).toBe(0);
    expect([stage.touched(), statusWrites(stage)]).toEqual([['PATCH httproutes/cart'], 0]);
    await stage.end();
  });
});
