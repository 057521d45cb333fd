/**
 * A release with users on it, under the operator as it ships, that loses first its leader and then the API server:
 * where requests really went says whether the promises were kept.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import * as z from 'zod';

import { adminClient } from '../admin-client.ts';
import { killComponent, startComponent } from '../control.ts';
import { APP } from '../scenarios/manifests.ts';
import { traefik } from '../scenarios/plane.ts';
import { report, requests, seconds, shares } from '../scenarios/report.ts';
import { Stage } from '../scenarios/stage.ts';

const MINUTE = 60_000;
const OUTAGE_MS = 30_000;
/** Makes 1,000 requests in less than the outage. */
const RATE = 50;
const STEPS = [20, 60];
/** A proxy may take that long until it serves what was written. */
const PROXY_MS = 5_000;

const Lease = z.object({ spec: z.object({ holderIdentity: z.string() }) });

export function describeUsers(): void {
  describe('a release with users on it', () => {
    let stage: Stage;

    beforeAll(async () => {
      stage = await Stage.open(traefik, 'faults');
      const analysis = { interval: '3s', stepWeights: STEPS };
      await stage.initialise('serin.dev/demo:1.0.0', RATE, { analysis });
    });
    afterAll(() => stage.close());

    const untilWeight = (from: number, weight: number): Promise<boolean> =>
      stage.chronicle.until(`weight ${weight}`, MINUTE, () =>
        stage.weights(from).some((written) => written.weight === weight),
      );

    it('loses its leader to SIGKILL, and no request fails', async () => {
      const from = await stage.release('serin.dev/demo:1.1.0');
      await untilWeight(from, 20);
      const killedAt = Date.now();
      process.kill(await leadingProcess(), 'SIGKILL');
      await stage.until('Succeeded', 2 * MINUTE, from);
      await sleep(PROXY_MS);
      const next = stage.weights(from).find(({ weight }) => weight === 60);
      expectSteps(stage, from);
      report(
        'faults: 1 leader killed on real traffic',
        requests(stage.requests(from)),
        shares(stage.shares(from)),
        `next step after ${seconds((next?.at ?? Infinity) - killedAt)}`,
        `violations: ${stage.failed(from).length}`,
      );
      expect(stage.failed(from)).toEqual([]);
      expect(lastVersions(stage, from)).toEqual(['1.1.0']);
    });

    it('loses the API server for half a minute, and no request fails', async () => {
      const from = await stage.release('serin.dev/demo:1.2.0');
      await untilWeight(from, 20);
      // A gateway that could not say so keeps it to itself, and after a minute the operator takes the raise back.
      await stage.chronicle.until('the gateway has said that it follows', MINUTE, () =>
        isFollowed(stage),
      );
      await killComponent('kube-apiserver');
      const goneAt = Date.now();
      await sleep(OUTAGE_MS);
      await startComponent('kube-apiserver');
      const backAt = Date.now();
      await stage.until('Succeeded', 3 * MINUTE, from);
      await sleep(PROXY_MS);
      const [meanwhile] = stage.shares(from);
      expectSteps(stage, from);
      report(
        'faults: API server killed for 30 s on real traffic',
        requests(stage.requests(from)),
        shares(stage.shares(from)),
        `violations: ${stage.failed(from).length}`,
      );
      expect(stage.failed(from)).toEqual([]);
      expect(stage.weights(from).filter(({ at }) => at > goneAt && at < backAt)).toEqual([]);
      expect(meanwhile?.requests).toBeGreaterThanOrEqual(1_000);
      expect(meanwhile && traefik.isRight(meanwhile)).toBe(true);
      expect(lastVersions(stage, from)).toEqual(['1.2.0']);
    });
  });
}

function isFollowed({ chronicle }: Stage): boolean {
  const route = chronicle.latest('HTTPRoute', APP);
  const conditions = (route?.status?.parents ?? []).flatMap((parent) => parent.conditions ?? []);
  return conditions.some(
    ({ type, observedGeneration }) =>
      type === 'Accepted' && observedGeneration === route?.metadata.generation,
  );
}

/** One step after the other, and then nothing. */
function expectSteps(stage: Stage, from: number): void {
  expect(stage.weights(from).map(({ weight }) => weight)).toEqual([...STEPS, 0]);
  expect(stage.shares(from).map(({ weight }) => weight)).toEqual(STEPS);
}

/** Who has answered last. */
function lastVersions(stage: Stage, from: number): readonly string[] {
  const answers = stage.requests(from).slice(-RATE);
  return [...new Set(answers.map(({ version = 'nobody' }) => version))];
}

/** The process of the operator's pod that holds the Lease, on this node. */
async function leadingProcess(): Promise<number> {
  const client = adminClient();
  const lease = '/apis/coordination.k8s.io/v1/namespaces/serin-system/leases/serin';
  const { holderIdentity } = Lease.parse(await client.must('GET', lease)).spec;
  await client.close();
  const [pod] = holderIdentity.split('_');
  const pid = readdirSync('/proc')
    .map(Number)
    .find((id) => id > 0 && isOperator(id, pod ?? ''));
  if (pid === undefined) throw new Error(`no process of the pod ${pod} runs here`);
  return pid;
}

function isOperator(pid: number, pod: string): boolean {
  try {
    const command = readFileSync(`/proc/${pid}/cmdline`, 'utf8');
    const environment = readFileSync(`/proc/${pid}/environ`, 'utf8').split('\0');
    return command.includes('serin.mjs') && environment.includes(`POD_NAME=${pod}`);
  } catch {
    // It has ended meanwhile.
    return false;
  }
}
