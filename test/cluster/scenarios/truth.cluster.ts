import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { application, APP, canary } from './manifests.ts';
import { startKubectl } from './kubectl.ts';
import { traefik } from './plane.ts';
import { report, requests } from './report.ts';
import { Stage } from './stage.ts';

const MINUTE = 60_000;
const FIRST = 'serin.dev/demo:1.0.0';
const inTurn = { concurrent: false } as const;
/** A line may be printed a moment after our own watch has told of the same change, or before. */
const SOON_MS = 500;

describe.concurrent('what kubectl says', () => {
  let stage: Stage;
  let watching: ReturnType<typeof startKubectl>;

  beforeAll(async () => {
    stage = await Stage.open(traefik, 'truth');
  });
  afterAll(async () => {
    watching.stop();
    await stage.close();
  });

  const wait = (limit: string) =>
    startKubectl(
      'wait',
      '-n',
      stage.namespace,
      '--for=condition=Ready',
      `--timeout=${limit}`,
      `canary.serin.dev/${APP}`,
    );
  const rolled = () =>
    startKubectl('rollout', 'status', '-n', stage.namespace, `deployment/${APP}-primary`);

  it('waits until a new Canary is ready', inTurn, async () => {
    const analysis = { interval: '3s', stepWeights: [20, 60] };
    await stage.create(
      application(stage.namespace, { image: FIRST, replicas: 2 }),
      canary(stage.namespace, traefik, { analysis }),
    );
    watching = startKubectl(
      'get',
      'canary.serin.dev',
      APP,
      '-n',
      stage.namespace,
      '-w',
      '--no-headers',
    );
    const waited = await wait('90s').ended;
    const initialised = await stage.until('Initialized', SOON_MS);
    expect(waited.code).toBe(0);
    expect(waited.at).toBeGreaterThan(initialised - SOON_MS);
    expect(stage.primary?.status?.availableReplicas).toBe(stage.primary?.spec.replicas);
    await stage.use(20);
  });

  it('waits until a good release serves everybody', inTurn, async () => {
    const from = await stage.release('serin.dev/demo:1.1.0');
    await stage.until('Progressing', MINUTE, from);
    const waiting = wait('120s');
    await stage.until('Promoting', MINUTE, from);
    const primary = await rolled().ended;
    const imageOf = stage.primary?.spec.template.spec.containers[0]?.image;
    const waited = await waiting.ended;
    const done = await stage.until('Succeeded', SOON_MS, from);
    expect(waited.code).toBe(0);
    expect(waited.at).toBeGreaterThan(done - SOON_MS);
    expect(primary.code).toBe(0);
    expect(imageOf).toBe('serin.dev/demo:1.1.0');
    expect(primary.at).toBeLessThan(done);
    await sleep(1_000);
    expect(stage.versions(done)).toEqual(['1.1.0']);
  });

  it('waits in vain for a bad one', inTurn, async () => {
    const from = await stage.release('serin.dev/demo:1.2.0-failing');
    await stage.until('Progressing', MINUTE, from);
    const waiting = wait('30s');
    await stage.until('Failed', MINUTE, from);
    const { code } = await waiting.ended;
    expect(code).not.toBe(0);
    expect((await rolled().ended).code).toBe(0);
    expect(stage.primary?.spec.template.spec.containers[0]?.image).toBe('serin.dev/demo:1.1.0');
  });

  it('showed each phase and each weight as they were', inTurn, () => {
    const seen = watching.lines.map(({ text }) => text.trim().split(/\s{2,}|\t/));
    report('traefik, kubectl get -w', requests(stage.requests()), `${seen.length} lines`);
    // Name, target, phase, weight.
    const shown = seen.map(([, , phase = '', weight = '']) => `${phase} ${weight}`);
    const was = stage.chronicle.changes('Canary', APP).map(({ object: { status } }) => {
      return `${status?.phase ?? ''} ${status?.canaryWeight ?? ''}`.trim();
    });
    expect(distinct(shown.map((text) => text.trim()))).toEqual(distinct(was));
  });
});

function distinct(texts: readonly string[]): readonly string[] {
  return texts.filter((text, index) => text !== '' && text !== texts[index - 1]);
}
