import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { ownPrometheus } from '../planes/prometheus.ts';
import { traefik } from './plane.ts';
import { report, requests, seconds } from './report.ts';
import { Stage } from './stage.ts';

const MINUTE = 60_000;
const RATE = 40;
const STEPS = [20, 60];
const inTurn = { concurrent: false } as const;

/** A Prometheus of its own, so that nobody else misses it, and a Slack that is not there. */
describe.concurrent('a run that loses Prometheus for two minutes, with Slack down all the time', () => {
  let stage: Stage;
  let from = 0;

  beforeAll(async () => {
    stage = await Stage.open(traefik, 'outage', { slack: 'http://slack.outage-traefik/hook' });
    await stage.create(...ownPrometheus(stage.namespace));
    const spec = { metricsServer: `http://prometheus.${stage.namespace}:9090` };
    const analysis = { interval: '3s', stepWeights: STEPS };
    await stage.initialise('serin.dev/demo:1.0.0', RATE, { analysis, spec });
  });
  afterAll(() => stage.close());

  const scale = (replicas: number) =>
    stage.api.patch('Deployment', stage.namespace, 'prometheus', { spec: { replicas } });

  it('holds its weight and counts no failed check', inTurn, async () => {
    from = await stage.release('serin.dev/demo:1.1.0');
    await stage.chronicle.until('weight 20', MINUTE, () => stage.weights(from)[0]);
    await scale(0);
    await stage.chronicle.until('Prometheus is gone', MINUTE, () => {
      return stage.chronicle.names('Pod').every((name) => !name.startsWith('prometheus-'));
    });
    // A round may have been decided by the last answers.
    await sleep(3_000);
    const weightAtStop = stage.weights(from).at(-1)?.weight;
    const stoppedAt = Date.now();
    await sleep(2 * MINUTE);
    const { status } = stage.canary ?? {};
    report(
      'traefik, Prometheus stopped for two minutes',
      requests(stage.requests(from)),
      `weight ${weightAtStop} and then ${status?.canaryWeight}`,
      `failed checks ${status?.failedChecks ?? 0}`,
      `said: ${stage.condition('Ready').reason}: ${stage.condition('Ready').message}`,
    );
    expect(stage.weights(from).filter(({ at }) => at > stoppedAt)).toEqual([]);
    expect(status?.phase).toBe('Progressing');
    expect(status?.canaryWeight).toBe(weightAtStop);
    expect(status?.failedChecks ?? 0).toBe(0);
    expect(stage.condition('Ready').reason).toBe('MetricsUnavailable');
  });

  it('goes on when Prometheus is back', inTurn, async () => {
    const at = Date.now();
    await scale(1);
    const done = await stage.until('Succeeded', 2 * MINUTE, from);
    report(
      'traefik, after the outage',
      requests(stage.requests(from)),
      `promoted after ${seconds(done - at)}`,
    );
    expect(stage.failures(from)).toEqual([]);
    expect(stage.weights(from).map(({ weight }) => weight)).toEqual([...STEPS, 0]);
    expect((await stage.next()).versions).toEqual(['1.1.0']);
  });

  it('keeps for Slack what it could not say', inTurn, () => {
    const texts = stage.canary?.status?.run;
    expect(JSON.stringify(texts)).toContain('promotion finished');
  });
});
