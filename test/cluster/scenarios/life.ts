/**
 * The life of one application under Serin on one plane, with users on it all the time: a Canary comes, a good release,
 * a bad one, and the Canary goes again. Each test goes on from where the one before it has left.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { APP, canary, metrics, proxyErrors } from './manifests.ts';
import type { PlaneInUse } from './plane.ts';
import { blame } from './load.ts';
import { report, requests, seconds, shares } from './report.ts';
import type { Share } from './shares.ts';
import { Stage } from './stage.ts';

const MINUTE = 60_000;
/** Makes 1,000 requests in two thirds of the interval: the rest is for the proxy to follow. */
const RATE = 150;
const INTERVAL_MS = 10_000;
/** A proxy may take that long until it serves what was written. */
const PROXY_MS = 5_000;
const THRESHOLD = 2;
const STEPS = [10, 50, 90];
const FIRST = 'serin.dev/demo:1.0.0';
const GOOD = 'serin.dev/demo:1.1.0';
const BAD = 'serin.dev/demo:1.2.0-flaky';

/** The tests of one life come one after the other, while other lives go on. */
const inTurn = { concurrent: false } as const;

export function describeLife(plane: PlaneInUse): void {
  const isSwitch = plane.provider === 'kubernetes';
  const line = (scenario: string, ...parts: readonly string[]) =>
    report(`${plane.name}, ${scenario}`, ...parts);

  describe.concurrent(`an application behind ${plane.name}`, () => {
    let stage: Stage;

    beforeAll(async () => {
      stage = await Stage.open(plane, 'life');
      await stage.serve(FIRST, RATE);
    });
    afterAll(() => stage.close());

    it('gets a Canary while it serves, and no request fails', inTurn, async () => {
      await sleep(2_000);
      const from = Date.now();
      const steps = isSwitch ? {} : { stepWeights: STEPS };
      const interval = `${INTERVAL_MS / 1_000}s`;
      const checks = { interval, threshold: THRESHOLD, metrics: metrics(plane) };
      await stage.create(
        ...proxyErrors(stage.namespace, plane),
        canary(stage.namespace, plane, { analysis: { ...checks, ...steps } }),
      );
      const at = await stage.until('Initialized', 2 * MINUTE);
      await stage.chronicle.untilNoPods(APP, MINUTE);
      await sleep(PROXY_MS);
      line(
        'install a Canary',
        requests(stage.requests(from)),
        `initialised after ${seconds(at - from)}`,
      );
      expect(stage.failures()).toEqual([]);
      expect(stage.target?.spec.replicas).toBe(0);
      expect((await stage.next()).sides).toEqual(['primary']);
    });

    it(
      'gives a good release its shares and promotes it, and no request fails',
      inTurn,
      async () => {
        const from = await stage.release(GOOD);
        if (isSwitch) await stage.alsoUseCanary(from);
        const at = await stage.until('Succeeded', 3 * MINUTE, from);
        await sleep(PROXY_MS);
        const given = stage.shares(from);
        line(
          'promotion',
          requests(stage.requests(from)),
          shares(given),
          `took ${seconds(at - from)}`,
        );
        expect(stage.failures(from)).toEqual([]);
        if (isSwitch) expectSwitch(stage, from);
        else {
          expect(stage.weights(from).map(({ weight }) => weight)).toEqual([...STEPS, 0]);
          for (const share of given) {
            expect(share.requests).toBeGreaterThanOrEqual(1_000);
            expect(share.servedAfterMs).toBeLessThan(PROXY_MS);
            expect(share).toSatisfy((each: Share) => plane.isRight(each));
          }
        }
        expect(await stage.next()).toEqual({ sides: ['primary'], versions: ['1.1.0'] });
        const messages = (await stage.messages()).filter(({ receivedAt }) => receivedAt >= from);
        expect(messages.map(({ text }) => text.split('\n')[1])).toEqual([
          'New revision detected, progressing canary analysis.',
          'Canary analysis completed successfully, promotion finished.',
        ]);
      },
    );

    it('takes a bad release back, and no request fails but what it answered', inTurn, async () => {
      const from = await stage.release(BAD);
      const tester = isSwitch ? await stage.alsoUseCanary(from) : undefined;
      const at = await stage.until('Failed', 2 * MINUTE, from);
      await sleep(PROXY_MS + 2_000);
      await tester?.close();
      const exposed = stage.requests(from).filter(({ version }) => version === '1.2.0-flaky');
      const exposureMs = (exposed.at(-1)?.at ?? 0) - (exposed[0]?.at ?? 0);
      const messages = (await stage.messages()).filter(({ receivedAt }) => receivedAt >= from);
      const rounds = stage.rounds(from);
      line(
        'bad release',
        requests(stage.requests(from)),
        `${exposed.length} requests met it during ${seconds(exposureMs)}`,
        `rolled back after ${seconds(at - from)}, rounds: ${rounds.join(', ')}`,
        `told: ${messages.map(({ text }) => text.split('\n').slice(0, 2).join(' – ')).join(' | ')}`,
      );
      expect(blame(stage.failed(from).filter(({ version }) => version !== '1.2.0-flaky'))).toEqual(
        [],
      );
      if (isSwitch) expect(exposed).toEqual([]);
      else {
        expect(stage.weights(from).map(({ weight }) => weight)).toEqual([STEPS[0], 0]);
        // A round may be held when the canary has not been scraped often enough yet.
        expect(rounds.filter((verdict) => verdict === 'failed')).toHaveLength(THRESHOLD);
        expect(rounds.length).toBeLessThanOrEqual(THRESHOLD + 1);
        expect(exposureMs).toBeLessThan(rounds.length * INTERVAL_MS + PROXY_MS);
      }
      expect((await stage.next()).versions).toEqual(['1.1.0']);
      expect(stage.condition('Stalled')).toMatchObject({
        status: 'True',
        reason: 'FailedChecks',
      });
      expect(messages.map(({ color }) => color)).toEqual(['good', 'danger']);
      expect(messages[1]?.text).toMatch(/was rolled back: 2 of 2 allowed checks failed/);
    });

    it('keeps serving when its Canary is deleted, and no request fails', inTurn, async () => {
      // A deletion gives the traffic back to the target, which has to hold what was promoted.
      const from = await stage.release(GOOD);
      await stage.until('Succeeded', MINUTE, from);
      expect(stage.condition('Ready')).toMatchObject({
        reason: 'Reverted',
      });
      await stage.chronicle.until(
        'the bad pods are gone',
        MINUTE,
        () => stage.target?.spec.replicas === 0,
      );
      const deletedAt = Date.now();
      await stage.api.delete('Canary', stage.namespace, APP);
      await stage.chronicle.until('the Canary is gone', MINUTE, () => stage.canary === undefined);
      const goneAt = Date.now();
      await stage.chronicle.until('the primary is gone', MINUTE, () => stage.primary === undefined);
      await sleep(PROXY_MS * 2);
      line('deletion', requests(stage.requests(deletedAt)), `took ${seconds(goneAt - deletedAt)}`);
      expect(stage.failures(deletedAt)).toEqual([]);
      expect(stage.target?.status?.availableReplicas).toBe(2);
      expect(stage.chronicle.names('Service')).toEqual([APP]);
      const service = stage.chronicle.latest('Service', APP);
      expect(service?.spec.selector).toEqual({ app: APP });
      expect(service?.metadata.annotations ?? {}).toEqual({});
      if (!isSwitch) {
        const { spec, metadata } = stage.chronicle.latest('HTTPRoute', APP) ?? {};
        expect(spec?.rules?.[0]?.backendRefs?.map(({ name }) => name)).toEqual([APP]);
        expect(metadata?.annotations ?? {}).toEqual({});
      }
      expect((await stage.next()).sides).toEqual(['canary']);
    });
  });
}

/** Only the old version answers before the primary gets the new one, and only the new one when the old pods are gone. */
function expectSwitch(stage: Stage, from: number): void {
  const primary = stage.chronicle.changes('Deployment', `${APP}-primary`);
  const written = primary.find(
    ({ at, object }) => at >= from && object.spec.template.spec.containers[0]?.image === GOOD,
  );
  const gone = stage.chronicle
    .changes('Pod')
    .filter(({ type, object }) => type === 'DELETED' && object.spec.containers[0]?.image === FIRST)
    .at(-1);
  expect(written).toBeDefined();
  expect(gone).toBeDefined();
  // A request is sent a moment before a watch delivers what it met.
  expect(stage.versions(from, (written?.at ?? 0) - 50)).toEqual(['1.0.0']);
  expect(stage.versions(gone?.at ?? 0)).toEqual(['1.1.0']);
}
