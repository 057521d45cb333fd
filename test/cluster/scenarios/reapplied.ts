import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import type { Manifest } from '../planes/manifest.ts';
import { type Asked, writesOfOperator } from './audit.ts';
import type { Kinds } from './kinds.ts';
import { kubectlWith } from './kubectl.ts';
import { APP, application, canary, service } from './manifests.ts';
import { traefik } from './plane.ts';
import { blame } from './load.ts';
import { report, requests } from './report.ts';
import { Stage } from './stage.ts';

const MINUTE = 60_000;
const inTurn = { concurrent: false } as const;
const EVERY_MS = 2_000;
const RATE = 20;
const IMAGE = 'serin.dev/demo:1.0.0';
/** How long the apex may select a target at 0, the first time: it is put back at once, and from then on kept running. */
const FIRST_MS = 2_000;
/** Of a field that somebody takes back every 2 s, in two minutes: at once, then with pauses that double up to 60 s. */
const MOST_WRITES = 12;

const ways = [
  {
    way: 'server-side',
    apply: ['apply', '--server-side', '--force-conflicts', '--field-manager=flux'],
  },
  { way: 'client-side', apply: ['apply'] },
] as const;

/** Applies the same manifests again and again, as a continuous delivery tool would. */
class Reapplying {
  readonly #manifests: readonly Manifest[];
  readonly #apply: readonly string[];
  #stopped = false;
  #done: Promise<void> = Promise.resolve();
  times = 0;

  constructor(manifests: readonly Manifest[], apply: readonly string[]) {
    this.#manifests = manifests;
    this.#apply = apply;
  }

  start(): void {
    this.#done = this.#run();
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#done;
  }

  async #run(): Promise<void> {
    while (!this.#stopped) {
      const next = Date.now() + EVERY_MS;
      await kubectlWith(this.#manifests, ...this.#apply);
      this.times++;
      await sleep(Math.max(0, next - Date.now()));
    }
  }
}

function versionsOf(stage: Stage): Readonly<Record<string, string | undefined>> {
  const kinds = [
    'Canary',
    'Deployment',
    'HTTPRoute',
    'Service',
  ] as const satisfies readonly (keyof Kinds)[];
  return Object.fromEntries(
    kinds.flatMap((kind) =>
      stage.chronicle
        .names(kind)
        .map((name) => [
          `${kind} ${name}`,
          stage.chronicle.latest(kind, name)?.metadata.resourceVersion,
        ]),
    ),
  );
}

/** When the Service first selected the target again. */
function takenBackAt(stage: Stage, from: number): number | undefined {
  const changes = stage.chronicle.changes('Service', APP).filter(({ at }) => at >= from);
  return changes.find(({ object }) => object.spec.selector?.['app'] === APP)?.at;
}

describe.concurrent.for(ways)('manifests applied every 2 s, $way', ({ way, apply }) => {
  let stage: Stage;
  let again: Reapplying;

  beforeAll(async () => {
    stage = await Stage.open(traefik, `again-${way}`);
    const manifests = [
      application(stage.namespace, { image: IMAGE }),
      canary(stage.namespace, traefik, {}),
    ];
    again = new Reapplying(manifests, apply);
    again.start();
    await stage.until('Initialized', 2 * MINUTE);
    await stage.use(RATE);
  });
  afterAll(async () => {
    await again.stop();
    await stage.close();
  });

  it('with neither replicas nor an apex Service nor a route change nothing', async () => {
    await sleep(10_000);
    const before = versionsOf(stage);
    const from = Date.now();
    const { times } = again;
    await sleep(2 * MINUTE);
    const to = Date.now();
    const writes = writesOfOperator(stage.namespace, from, to);
    report(
      `traefik, reapplied ${way}`,
      `${again.times - times} times in two minutes`,
      `${writes.length} writes of the operator`,
      requests(stage.requests(from)),
    );
    expect(again.times - times).toBeGreaterThan(20);
    expect(versionsOf(stage)).toEqual(before);
    expect(writes).toEqual([]);
    expect(stage.failures()).toEqual([]);
  });
});

describe.concurrent.for(ways)(
  'with replicas and an apex Service in them, $way',
  ({ way, apply }) => {
    let stage: Stage;
    let again: Reapplying;
    let own: readonly Asked[] = [];
    let startedAt = 0;

    beforeAll(async () => {
      stage = await Stage.open(traefik, `contest-${way}`);
      const { namespace: space } = stage;
      const manifests = [
        application(space, { image: IMAGE, replicas: 2 }),
        service(space),
        canary(space, traefik, {}),
      ];
      again = new Reapplying(manifests, apply);
      await kubectlWith(manifests, ...apply);
      await stage.until('Initialized', 2 * MINUTE);
      startedAt = Date.now();
      again.start();
      await stage.use(RATE);
    });
    afterAll(async () => {
      await again.stop();
      await stage.close();
    });

    it('traffic stays right, and a condition says what to do', inTurn, async () => {
      const apex = await stage.alsoUse(APP, RATE);
      await sleep(MINUTE);
      const from = Date.now();
      await sleep(2 * MINUTE);
      const to = Date.now();
      const writes = writesOfOperator(stage.namespace, from, to);
      own = writes.filter(({ resource }) => resource !== 'events');
      const { reason, message } = stage.condition('Stalled');
      const takenAt = takenBackAt(stage, startedAt) ?? Infinity;
      const isFirst = ({ at }: { readonly at: number }) => at >= takenAt && at < takenAt + FIRST_MS;
      report(
        `traefik, contested ${way}`,
        `${own.length} writes of the operator in two minutes: ${[...new Set(own.map((w) => `${w.verb} ${w.resource}`))].join(', ')}`,
        `said: ${reason}: ${message}`,
        `by the route ${requests(stage.requests())}`,
        `by the Service ${requests(apex.records)}`,
        `${apex.records.filter((one) => one.failed && isFirst(one)).length} of them when it first selected a target at 0`,
      );
      expect(stage.failures()).toEqual([]);
      expect(blame(apex.records.filter((one) => !isFirst(one)))).toEqual([]);
      expect(reason).toBe('ServiceContested');
      expect(message).toContain('spec.selector');
      expect(message).toContain(`Service ${APP}`);
      expect(message).toContain(way === 'server-side' ? 'flux' : 'kubectl');
      expect(message).toMatch(
        /Leave spec\.selector to the operator: ignore the difference, or take/,
      );
    });

    it('writes are bounded', inTurn, () => {
      // Without one nothing would have been looked at.
      expect(own.length).toBeGreaterThan(0);
      expect(own.length).toBeLessThanOrEqual(MOST_WRITES);
    });
  },
);

describe.concurrent('with an apex Service in them from the very start', () => {
  let stage: Stage;
  let again: Reapplying;

  beforeAll(async () => {
    stage = await Stage.open(traefik, 'contest-from-the-start');
    const { namespace: space } = stage;
    const manifests = [
      application(space, { image: IMAGE, replicas: 2 }),
      service(space),
      canary(space, traefik, {}),
    ];
    again = new Reapplying(manifests, ways[0].apply);
    again.start();
  });
  afterAll(async () => {
    await again.stop();
    await stage.close();
  });

  it('the Canary says so and waits, and takes over when it is left alone', async () => {
    await stage.chronicle.until('the Canary says so', 2 * MINUTE, () => {
      return stage.condition('Stalled').reason === 'ServiceContested';
    });
    const apex = await stage.alsoUse(APP, RATE);
    const from = Date.now();
    await sleep(MINUTE);
    const writes = writesOfOperator(stage.namespace, from, Date.now());
    const own = writes.filter(({ resource }) => resource !== 'events');
    const { reason, message } = stage.condition('Stalled');
    const { phase } = stage.canary?.status ?? {};
    await again.stop();
    await stage.until('Initialized', 4 * MINUTE);
    report(
      'traefik, contested from the start',
      `${own.length} writes of the operator in a minute`,
      `said: ${phase}, ${reason}: ${message}`,
      `by the Service ${requests(apex.records)}`,
    );
    expect(blame(apex.records)).toEqual([]);
    expect({ phase, reason }).toEqual({ phase: 'Initializing', reason: 'ServiceContested' });
    expect(message).toMatch(
      /"flux" keeps changing spec\.selector of Service app; until nobody does/,
    );
    expect(own.length).toBeLessThanOrEqual(MOST_WRITES);
  });
});
