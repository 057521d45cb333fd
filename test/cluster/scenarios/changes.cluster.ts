import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { APP } from './manifests.ts';
import { traefik } from './plane.ts';
import { report, requests, seconds } from './report.ts';
import { Stage } from './stage.ts';

const MINUTE = 60_000;
const RATE = 40;
const PROXY_MS = 5_000;
const STEPS = [10, 50, 90];
const FIRST = 'serin.dev/demo:1.0.0';
const SECOND = 'serin.dev/demo:1.1.0';
const THIRD = 'serin.dev/demo:1.2.0';
const inTurn = { concurrent: false } as const;

function opened(name: string, spec = {}): () => Stage {
  let stage: Stage;
  beforeAll(async () => {
    stage = await Stage.open(traefik, name);
    const analysis = { interval: '3s', stepWeights: STEPS };
    await stage.initialise(FIRST, RATE, { analysis, spec });
  });
  afterAll(() => stage.close());
  return () => stage;
}

/** When a weight was written; waits for it. */
function written(stage: Stage, weight: number, from: number): Promise<number> {
  return stage.chronicle.until(`weight ${weight}`, MINUTE, () => {
    return stage.weights(from).find((write) => write.weight === weight)?.at;
  });
}

function imagesOfPrimary(stage: Stage): readonly string[] {
  const changes = stage.chronicle.changes('Deployment', `${APP}-primary`);
  const images = changes.map(({ object }) => object.spec.template.spec.containers[0]?.image ?? '');
  return [...new Set(images)];
}

describe.concurrent('another revision in the middle of a run', () => {
  const stageOf = opened('newer');

  it('takes the traffic at once, and only what was analysed is promoted', async () => {
    const stage = stageOf();
    const from = await stage.release(SECOND);
    await written(stage, 50, from);
    await sleep(1_000);
    const pushedAt = await stage.release(THIRD);
    const zeroAt = await written(stage, 0, pushedAt - 1);
    const firstRaise = await written(stage, 10, zeroAt);
    await stage.until('Succeeded', 2 * MINUTE, pushedAt);
    await sleep(PROXY_MS);
    const unearned = stage
      .requests(pushedAt, firstRaise)
      .filter(({ version }) => version === '1.2.0');
    report(
      'traefik, new revision mid-run',
      requests(stage.requests(from)),
      `weight 0 after ${seconds(zeroAt - pushedAt)}`,
      `${unearned.length} requests met it before its own first step`,
    );
    expect(stage.failures(from)).toEqual([]);
    expect(zeroAt - pushedAt).toBeLessThan(2_000);
    expect(unearned.filter(({ at }) => at > zeroAt + PROXY_MS)).toEqual([]);
    expect(stage.weights(from).map(({ weight }) => weight)).toEqual([10, 50, 0, ...STEPS, 0]);
    expect(imagesOfPrimary(stage)).toEqual([FIRST, THIRD]);
    expect((await stage.next()).versions).toEqual(['1.2.0']);
  });
});

describe.concurrent('a revision that is taken back in the middle of its run', () => {
  const stageOf = opened('reverted');

  it('ends the run as reverted, with nothing promoted', async () => {
    const stage = stageOf();
    const from = await stage.release(SECOND);
    await written(stage, 50, from);
    await sleep(1_000);
    const pushedAt = await stage.release(FIRST);
    const zeroAt = await written(stage, 0, pushedAt - 1);
    await stage.until('Succeeded', MINUTE, pushedAt);
    await stage.chronicle.until('no canary pod', MINUTE, () => stage.target?.spec.replicas === 0);
    await sleep(PROXY_MS);
    report(
      'traefik, revision reverted mid-run',
      requests(stage.requests(from)),
      `weight 0 after ${seconds(zeroAt - pushedAt)}`,
    );
    expect(stage.failures(from)).toEqual([]);
    expect(zeroAt - pushedAt).toBeLessThan(2_000);
    expect(stage.condition('Ready')).toMatchObject({ status: 'True', reason: 'Reverted' });
    expect(imagesOfPrimary(stage)).toEqual([FIRST]);
    expect((await stage.next()).versions).toEqual(['1.0.0']);
  });
});

describe.concurrent('a release whose primary does not come up', () => {
  const stageOf = opened('broken', { progressDeadlineSeconds: 20 });

  it('stays on the canary that was analysed, and no request fails', inTurn, async () => {
    const stage = stageOf();
    const from = await stage.release(SECOND, { APP_UNREADY_AS: `${APP}-primary-` });
    const at = await stage.until('Failed', 2 * MINUTE, from);
    await sleep(PROXY_MS);
    const messages = (await stage.messages()).filter(({ receivedAt }) => receivedAt >= from);
    report(
      'traefik, primary broken during promotion',
      requests(stage.requests(from)),
      `failed after ${seconds(at - from)}`,
      `told: ${messages.at(-1)?.text.replaceAll('\n', ' – ')}`,
    );
    expect(stage.failures(from)).toEqual([]);
    expect(stage.weights(from).map(({ weight }) => weight)).toEqual([...STEPS, 100]);
    expect(stage.condition('Stalled')).toMatchObject({ status: 'True', reason: 'PrimaryNotReady' });
    expect(stage.target?.status?.availableReplicas).toBe(2);
    expect(stage.chronicle.latest('Service', APP)?.spec.selector).toEqual({ app: APP });
    expect((await stage.next()).sides).toEqual(['canary']);
    expect(messages.filter(({ color }) => color === 'danger')).toHaveLength(1);
  });

  it('is over when a revision comes that the primary can run', inTurn, async () => {
    const stage = stageOf();
    const from = await stage.release(THIRD);
    await stage.until('Succeeded', 2 * MINUTE, from);
    await sleep(PROXY_MS);
    report('traefik, way out of a broken primary', requests(stage.requests(from)));
    expect(stage.failures(from)).toEqual([]);
    expect(await stage.next()).toEqual({ sides: ['primary'], versions: ['1.2.0'] });
    expect(stage.chronicle.latest('Service', APP)?.spec.selector).toEqual({
      app: `${APP}-primary`,
    });
  });
});

describe.concurrent('a primary that somebody deletes in the middle of a run', () => {
  const stageOf = opened('deleted');

  it('is made again with the revision that it had', async () => {
    const stage = stageOf();
    const from = await stage.release(SECOND);
    await written(stage, 10, from);
    const deletedAt = Date.now();
    const deleted = stage.primary?.metadata.uid;
    await stage.api.delete('Deployment', stage.namespace, `${APP}-primary`);
    const servesAt = await stage.chronicle.until('another primary serves', MINUTE, () => {
      const { metadata, status } = stage.primary ?? {};
      const serves = metadata?.uid !== deleted && status?.availableReplicas === 2;
      return serves ? Date.now() : undefined;
    });
    expect(stage.primary?.spec.template.spec.containers[0]?.image).toBe(FIRST);
    await stage.until('Succeeded', 2 * MINUTE, deletedAt);
    await sleep(PROXY_MS);
    report(
      'traefik, primary deleted mid-run',
      requests(stage.requests(from)),
      `it served again after ${seconds(servesAt - deletedAt)}`,
    );
    expect(stage.failures(servesAt + PROXY_MS)).toEqual([]);
    expect(imagesOfPrimary(stage)).toEqual([FIRST, SECOND]);
    expect(await stage.next()).toEqual({ sides: ['primary'], versions: ['1.1.0'] });
  });
});
