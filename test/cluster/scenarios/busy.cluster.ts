import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import type { Api } from './api.ts';
import type { Kinds } from './kinds.ts';
import { APP, canary } from './manifests.ts';
import { traefik } from './plane.ts';
import { report, requests } from './report.ts';
import { Stage } from './stage.ts';

const MINUTE = 60_000;
const RATE = 40;
const PROXY_MS = 5_000;
/** Longer than a live read and the write after it take: somebody who reads again gets through. */
const EVERY_MS = 50;

/** Annotates objects all the time, so that whoever writes from a cache is refused again and again. */
class Busy {
  readonly #api: Api;
  readonly #namespace: string;
  readonly #running: Promise<void>[] = [];
  #stopped = false;
  times = 0;

  constructor({ api, namespace }: Stage) {
    this.#api = api;
    this.#namespace = namespace;
  }

  start(kind: keyof Kinds): void {
    this.#running.push(this.#run(kind));
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await Promise.all(this.#running);
  }

  async #run(kind: keyof Kinds): Promise<void> {
    while (!this.#stopped) {
      const annotations = { 'example.com/times': String(this.times++) };
      // It goes on until it is stopped, also where the object has been deleted.
      if ((await this.#api.get(kind, this.#namespace, APP)) !== undefined)
        await this.#api.patch(kind, this.#namespace, APP, { metadata: { annotations } });
      await sleep(EVERY_MS);
    }
  }
}

describe.concurrent('objects that somebody else writes all the time', () => {
  let stage: Stage;
  let busy: Busy;

  beforeAll(async () => {
    stage = await Stage.open(traefik, 'busy', { group: 'flagger.app' });
    busy = new Busy(stage);
  });
  afterAll(async () => {
    await busy.stop();
    await stage.close();
  });

  it('cost neither a release nor a request', async () => {
    await stage.serve('serin.dev/demo:1.0.0', RATE);
    const from = Date.now();
    for (const kind of ['Service', 'HTTPRoute'] as const) busy.start(kind);
    await stage.create(canary(stage.namespace, traefik, { group: 'flagger.app' }));
    busy.start('Canary');
    await stage.until('Initialized', 2 * MINUTE);
    const releasedAt = await stage.release('serin.dev/demo:1.1.0');
    await stage.until('Succeeded', 3 * MINUTE, releasedAt);
    await sleep(PROXY_MS);
    report('traefik, busy objects', `${busy.times} times`, requests(stage.requests(from)));
    expect(stage.failures(from)).toEqual([]);
    expect(stage.weights(releasedAt).map(({ weight }) => weight)).toEqual([10, 50, 90, 0]);
    expect(await stage.next()).toEqual({ sides: ['primary'], versions: ['1.1.0'] });
  });
});
