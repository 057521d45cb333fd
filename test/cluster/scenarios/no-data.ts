import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { traefik } from './plane.ts';
import { report, requests, seconds } from './report.ts';
import { Stage } from './stage.ts';

const MINUTE = 60_000;
/** Three requests a minute. */
const RATE = 0.05;
const HOLD_MS = 60_000;

describe.concurrent('a service with three requests a minute', () => {
  let stage: Stage;

  beforeAll(async () => {
    stage = await Stage.open(traefik, 'quiet');
    const analysis = { interval: '3s', stepWeights: [10, 50], holdDeadline: '60s' };
    await stage.initialise('serin.dev/demo:1.0.0', RATE, { analysis });
  });
  afterAll(() => stage.close());

  it('gets no step without data, and its old version back at the hold deadline', async () => {
    const from = await stage.release('serin.dev/demo:1.1.0');
    const raised = await stage.chronicle.until(
      'weight 10',
      MINUTE,
      () => stage.weights(from)[0]?.at,
    );
    const at = await stage.until('Failed', 3 * MINUTE, from);
    const weights = stage.weights(from).map(({ weight }) => weight);
    report(
      'traefik, 3 requests a minute',
      requests(stage.requests(from)),
      `weights ${weights.join(', ')}`,
      `rolled back ${seconds(at - raised)} after the first step`,
    );
    expect(weights).toEqual([10, 0]);
    expect(at - raised).toBeGreaterThanOrEqual(HOLD_MS);
    expect(stage.condition('Stalled')).toMatchObject({ status: 'True', reason: 'NoData' });
    expect(stage.canary?.status?.failedChecks ?? 0).toBe(0);
    expect(stage.failures(from)).toEqual([]);
  });
});

describe.concurrent('the same under flagger.app', () => {
  let stage: Stage;

  beforeAll(async () => {
    stage = await Stage.open(traefik, 'quiet-flagger', { group: 'flagger.app' });
    const analysis = { interval: '3s', stepWeights: [10, 50], threshold: 3 };
    await stage.initialise('serin.dev/demo:1.0.0', RATE, { analysis });
  });
  afterAll(() => stage.close());

  it('fails its checks, as with Flagger', async () => {
    const from = await stage.release('serin.dev/demo:1.1.0');
    const at = await stage.until('Failed', MINUTE, from);
    const weights = stage.weights(from).map(({ weight }) => weight);
    report(
      'traefik, 3 requests a minute, flagger.app',
      requests(stage.requests(from)),
      `weights ${weights.join(', ')}`,
      `rolled back after ${seconds(at - from)}`,
    );
    expect(weights).toEqual([10, 0]);
    expect(stage.canary?.status?.failedChecks).toBe(3);
    expect(stage.condition('Stalled')).toMatchObject({ status: 'True', reason: 'FailedChecks' });
    expect(stage.failures(from)).toEqual([]);
  });
});
