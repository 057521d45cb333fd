import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { RECEIVER_URL } from '../apps/receiver-manifest.ts';
import { traefik } from './plane.ts';
import { report, requests, seconds } from './report.ts';
import { Stage } from './stage.ts';

const MINUTE = 60_000;
const RATE = 20;

function opened(name: string, deadline: object): () => Stage {
  let stage: Stage;
  beforeAll(async () => {
    stage = await Stage.open(traefik, name);
    await stage.tellGate('silence');
    const gate = {
      name: 'release-manager',
      type: 'confirm-traffic-increase',
      url: `${RECEIVER_URL}/gate/${stage.namespace}`,
      timeout: '2s',
      ...deadline,
    } as const;
    const analysis = { interval: '3s', stepWeights: [20, 60], webhooks: [gate] };
    await stage.initialise('serin.dev/demo:1.0.0', RATE, { analysis });
  });
  afterAll(() => stage.close());
  return () => stage;
}

describe.concurrent('a gate that never answers', () => {
  const stageOf = opened('gate-deadline', { deadline: '30s' });

  it('ends the run at its deadline', async () => {
    const stage = stageOf();
    const from = await stage.release('serin.dev/demo:1.1.0');
    const at = await stage.until('Failed', 2 * MINUTE, from);
    const { asked } = await stage.gate();
    report(
      'traefik, silent gate with a deadline of 30 s',
      requests(stage.requests(from)),
      `rolled back after ${seconds(at - from)}`,
      `asked ${asked} times`,
    );
    expect(at - from).toBeGreaterThan(30_000);
    expect(asked).toBeGreaterThan(2);
    expect(stage.weights(from)).toEqual([]);
    expect(stage.failures(from)).toEqual([]);
    expect(stage.condition('Stalled').status).toBe('True');
    expect(stage.condition('Stalled').message).toMatch(/release-manager/);
  });
});

describe.concurrent('a gate that never answers, without a deadline', () => {
  const stageOf = opened('gate-patience', {});

  it('is waited for, and the status says for what and since when', async () => {
    const stage = stageOf();
    const from = await stage.release('serin.dev/demo:1.1.0');
    const waiting = await stage.chronicle.until(
      'a wait',
      MINUTE,
      () => stage.canary?.status?.waiting,
    );
    await sleep(2 * MINUTE);
    const status = stage.canary?.status;
    report(
      'traefik, silent gate without a deadline',
      requests(stage.requests(from)),
      `after ${seconds(Date.now() - from)}: phase ${status?.phase}, ${status?.waiting?.for} since ${status?.waiting?.since}`,
      `last answer: ${status?.waiting?.lastAnswer}`,
    );
    expect(status?.waiting?.for).toMatch(/release-manager/);
    expect(status?.waiting?.since).toBe(waiting.since);
    expect(Math.abs(Date.parse(waiting.since) - from)).toBeLessThan(20_000);
    expect(status?.waiting?.until).toBeUndefined();
    expect(status?.waiting?.lastAnswer).toBeDefined();
    expect(stage.condition('Reconciling')).toMatchObject({
      status: 'True',
      reason: 'WaitingForGate',
    });
    expect(stage.weights(from)).toEqual([]);
    expect(stage.failures(from)).toEqual([]);

    await stage.tellGate('200');
    await stage.until('Succeeded', MINUTE, from);
  });
});
