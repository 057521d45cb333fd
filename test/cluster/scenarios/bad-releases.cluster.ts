import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { traefik } from './plane.ts';
import { blame } from './load.ts';
import { report, requests, seconds } from './report.ts';
import { Stage } from './stage.ts';

const MINUTE = 60_000;
const RATE = 40;
const PROXY_MS = 5_000;
const INTERVAL_MS = 3_000;
const STEPS = [10, 50, 90];

interface Bad {
  readonly name: string;
  readonly image: string;
  readonly reason: string;
  /** What Slack is told. */
  readonly told: RegExp;
  /** Whether users meet it at all. */
  readonly exposed: boolean;
}

const releases: readonly Bad[] = [
  {
    name: 'slow',
    image: '1.1.0-slow',
    reason: 'FailedChecks',
    told: /rolled back: 2 of 2 allowed checks failed: request-duration: .* is outside/,
    exposed: true,
  },
  {
    name: 'failing',
    image: '1.1.0-failing',
    reason: 'FailedChecks',
    told: /rolled back: 2 of 2 allowed checks failed: request-success-rate: 0 is outside/,
    exposed: true,
  },
  {
    name: 'crashing',
    image: '1.1.0-crash',
    reason: 'CanaryNotReady',
    told: /rolled back/,
    exposed: false,
  },
  {
    name: 'never-ready',
    image: '1.1.0-unready',
    reason: 'CanaryNotReady',
    told: /rolled back/,
    exposed: false,
  },
];

describe.concurrent.for(releases)(
  'a release that is $name',
  ({ name, image, reason, told, exposed }) => {
    let stage: Stage;

    beforeAll(async () => {
      stage = await Stage.open(traefik, name);
      const analysis = { interval: '3s', stepWeights: STEPS };
      await stage.initialise('serin.dev/demo:1.0.0', RATE, {
        analysis,
        spec: { progressDeadlineSeconds: 20 },
      });
    });
    afterAll(() => stage.close());

    it('is taken back, and nobody else fails', async () => {
      const from = await stage.release(`serin.dev/demo:${image}`);
      const at = await stage.until('Failed', 2 * MINUTE, from);
      await sleep(PROXY_MS * 2);
      const met = stage.requests(from).filter(({ version }) => version === image);
      const exposureMs = (met.at(-1)?.at ?? 0) - (met[0]?.at ?? 0);
      const messages = (await stage.messages()).filter(({ receivedAt }) => receivedAt >= from);
      report(
        `traefik, bad release: ${name}`,
        requests(stage.requests(from)),
        `${met.length} requests met it during ${seconds(exposureMs)}`,
        `rolled back after ${seconds(at - from)}`,
        `told: ${messages.at(-1)?.text.replaceAll('\n', ' – ')}`,
      );
      expect(blame(stage.failed(from).filter(({ version }) => version !== image))).toEqual([]);
      expect(stage.weights(from).map(({ weight }) => weight)).toEqual(exposed ? [STEPS[0], 0] : []);
      if (exposed) expect(exposureMs).toBeLessThan(2 * INTERVAL_MS + PROXY_MS);
      else expect(met).toEqual([]);
      expect(stage.condition('Stalled')).toMatchObject({ status: 'True', reason });
      expect(messages.map(({ color }) => color)).toEqual(['good', 'danger']);
      expect(messages[1]?.text).toMatch(told);
      expect(stage.target?.spec.replicas).toBe(0);
      expect((await stage.next()).versions).toEqual(['1.0.0']);
    });
  },
);
