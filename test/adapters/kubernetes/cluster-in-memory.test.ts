/**
 * The cluster adapter against the sandbox's API server, in one process and on simulated time: what the two
 * sides believe about each other, where the other tests here play the server themselves.
 */

import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { KubernetesCluster } from '../../../src/adapters/kubernetes/cluster.ts';
import { KubernetesEventRecorder } from '../../../src/adapters/kubernetes/event-recorder.ts';
import { LeaseLock } from '../../../src/adapters/kubernetes/lease-lock.ts';
import { silentLog } from '../../../src/adapters/kubernetes/log.ts';
import { refOf, type KubernetesObject } from '../../../src/api/object.ts';
import { ApiServer, type RequestRecord } from '../../../src/sandbox/api-server/server.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { memoryTransport } from '../../support/memory-transport.ts';

const service = { apiVersion: 'v1', kind: 'Service' };
const deployment = { apiVersion: 'apps/v1', kind: 'Deployment' };
const never = new AbortController().signal;

let clock: FakeClock;
let server: ApiServer;
let requests: RequestRecord[];
let stop: AbortController;

beforeEach(() => {
  clock = new FakeClock();
  server = new ApiServer({ now: () => clock.now(), random: seeded(1) });
  requests = [];
  server.onRequest((record) => requests.push(record));
  stop = new AbortController();
  tickEverySecond(server, clock, stop.signal);
});

afterEach(async () => {
  stop.abort();
  await clock.advance(2_000);
  expect(server.openWatches).toBe(0);
});

function tickEverySecond(target: ApiServer, time: FakeClock, signal: AbortSignal): void {
  time.after(1_000, () => {
    if (signal.aborted) return;
    target.tick();
    tickEverySecond(target, time, signal);
  });
}

async function aCluster(latencyMs = () => 2): Promise<KubernetesCluster> {
  const cluster = new KubernetesCluster({
    transport: memoryTransport(server, { clock, latencyMs }),
    clock,
    random: () => 0.5,
    log: silentLog,
    watches: [service, deployment],
    namespaces: [],
  });
  void cluster.run(stop.signal);
  await clock.advance(500);
  expect(cluster.isSynced()).toBe(true);
  requests = [];
  return cluster;
}

/** Lets time pass until the promise has settled. */
async function soon<T>(promise: Promise<T>): Promise<T> {
  let settled = false;
  const waiting = Promise.allSettled([promise]).finally(() => {
    settled = true;
  });
  await clock.advanceUntil(() => settled, 60_000);
  await waiting;
  return promise;
}

function act(method: 'POST' | 'PATCH' | 'DELETE', path: string, body?: object): unknown {
  const type = method === 'PATCH' ? 'application/merge-patch+json' : 'application/json';
  const headers = { 'content-type': type, accept: 'application/json' };
  const answer = server.handle({ method, path, query: {}, headers, ...(body ? { body } : {}) });
  if (answer.kind !== 'object') throw new Error('a stream');
  expect(answer.status).toBeLessThan(300);
  return answer.body;
}

const services = '/api/v1/namespaces/default/services';

function aService(name: string): KubernetesObject {
  const ports = [{ name: 'http', port: 80, targetPort: 8080 }];
  const metadata = { name, namespace: 'default', labels: { app: name } };
  return { ...service, metadata, spec: { selector: { app: name }, ports } };
}

function aDeployment(name: string): KubernetesObject {
  const labels = { app: name };
  const containers = [{ name: 'app', image: 'registry.example.com/app:1' }];
  return {
    ...deployment,
    metadata: { name, namespace: 'default' },
    spec: {
      replicas: 1,
      selector: { matchLabels: labels },
      template: { metadata: { labels }, spec: { containers } },
    },
  };
}

function unheeded(write: Promise<unknown>): void {
  void Promise.allSettled([write]);
}

/** One thing that others, the network or we do to a Service. Refusals are part of it. */
function disturb(what: number, name: string, cluster: KubernetesCluster): void {
  const known = cluster.get({ ...service, namespace: 'default', name });
  const path = `${services}/${name}`;
  const json = { 'content-type': 'application/json' };
  const merge = { 'content-type': 'application/merge-patch+json' };
  const labels = { at: String(clock.monotonic()) };
  const asOthers = (call: Parameters<ApiServer['handle']>[0]): void => {
    const { intercept } = server;
    server.intercept = undefined;
    server.handle(call);
    server.intercept = intercept;
  };
  if (what === 0) {
    asOthers({ method: 'POST', path: services, query: {}, headers: json, body: aService(name) });
  } else if (what === 1) {
    const body = { metadata: { labels } };
    asOthers({ method: 'PATCH', path, query: {}, headers: merge, body });
  } else if (what === 2) asOthers({ method: 'DELETE', path, query: {}, headers: {} });
  else if (what === 3) server.cutWatches();
  else if (what === 4) server.compact();
  else if (what === 5) server.silenceWatches(Math.floor(clock.monotonic()) % 2 === 0);
  else if (known === undefined) unheeded(cluster.create(aService(name), never));
  else if (what === 6) unheeded(cluster.remove(known, never));
  else
    unheeded(cluster.update(known, { ...known, metadata: { ...known.metadata, labels } }, never));
}

function sorted(objects: readonly KubernetesObject[]): string[] {
  return objects.map(({ metadata }) => `${metadata.name} ${metadata.resourceVersion}`).sort();
}

/** A small linear congruential generator: the same seed tells the same story. */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

const names = (cluster: KubernetesCluster): string[] =>
  cluster.list(service, 'default').map(({ metadata }) => metadata.name);

describe('cluster on the API server', () => {
  it('sees its own writes at once and the watch confirms them', async () => {
    const cluster = await aCluster();
    const heard: unknown[] = [];
    cluster.onChange(({ metadata }) => heard.push(metadata.resourceVersion));
    const made = await soon(cluster.create(aService('cart'), never));
    expect(cluster.get(refOf(made))).toEqual(made);
    const spec = { ...Object(made['spec']), selector: { app: 'cart', side: 'primary' } };
    const changed = await soon(cluster.update(made, { ...made, spec }, never));
    expect(cluster.get(refOf(made))).toEqual(changed);
    await clock.advance(100);
    expect(cluster.get(refOf(made))).toEqual(changed);
    expect(heard).toEqual([made, changed].map(({ metadata }) => metadata.resourceVersion));
    expect(requests.map(({ verb }) => verb)).toEqual(['create', 'patch']);
  });

  it('is refused when somebody else wrote first, and succeeds after a live read', async () => {
    const cluster = await aCluster();
    const made = await soon(cluster.create(aService('cart'), never));
    act('PATCH', `${services}/cart`, { metadata: { labels: { team: 'x' } } });
    const metadata = { ...made.metadata, annotations: { a: 'b' } };
    const stale = cluster.update(made, { ...made, metadata }, never);
    await expect(soon(stale)).rejects.toMatchObject({ kind: 'conflict' });
    const fresh = await soon(cluster.read(refOf(made), never));
    if (fresh === undefined) throw new Error('it is gone');
    const wish = { ...fresh, metadata: { ...fresh.metadata, annotations: { a: 'b' } } };
    const written = await soon(cluster.update(fresh, wish, never));
    expect(written.metadata).toMatchObject({
      labels: { app: 'cart', team: 'x' },
      annotations: { a: 'b' },
    });
  });

  it('is refused to create what exists and to remove what has changed', async () => {
    const cluster = await aCluster();
    const made = await soon(cluster.create(aService('cart'), never));
    await expect(soon(cluster.create(aService('cart'), never))).rejects.toMatchObject({
      kind: 'conflict',
      reason: 'AlreadyExists',
    });
    act('PATCH', `${services}/cart`, { metadata: { labels: { team: 'x' } } });
    await expect(soon(cluster.remove(made, never))).rejects.toMatchObject({ kind: 'conflict' });
    const fresh = await soon(cluster.read(refOf(made), never));
    if (fresh === undefined) throw new Error('it is gone');
    await soon(cluster.remove(fresh, never));
    expect(cluster.get(refOf(made))).toBeUndefined();
    await clock.advance(1_000);
    expect(cluster.get(refOf(made))).toBeUndefined();
  });

  it('knows after scaling exactly what the server has', async () => {
    const cluster = await aCluster();
    const made = await soon(cluster.create(aDeployment('cart'), never));
    await soon(cluster.scale(made, 4, never));
    const believed = cluster.get(refOf(made));
    await clock.advance(1_000);
    const delivered = cluster.get(refOf(made));
    expect(believed?.metadata).toEqual(delivered?.metadata);
    expect(believed?.['spec']).toEqual(delivered?.['spec']);
    await expect(soon(cluster.scale(made, 2, never))).rejects.toMatchObject({ kind: 'conflict' });
  });

  it('writes status beside the spec', async () => {
    const cluster = await aCluster();
    const made = await soon(cluster.create(aDeployment('cart'), never));
    const written = await soon(
      cluster.updateStatus(made, { readyReplicas: 1, replicas: 1 }, never),
    );
    expect(written['status']).toMatchObject({ readyReplicas: 1, replicas: 1 });
    expect(written.metadata.generation).toBe(made.metadata.generation);
  });

  it('misses nothing when watches are cut, silenced or too old to go on', async () => {
    const cluster = await aCluster();
    act('POST', services, aService('a'));
    await clock.advance(1_000);
    server.cutWatches();
    act('POST', services, aService('b'));
    await clock.advance(5_000);
    expect(names(cluster)).toEqual(expect.arrayContaining(['a', 'b']));

    server.silenceWatches(true);
    await clock.advance(10_000);
    act('POST', services, aService('c'));
    await clock.advance(10_000);
    expect(names(cluster)).not.toContain('c');
    server.silenceWatches(false);
    await clock.advance(80_000);
    expect(names(cluster)).toContain('c');

    server.cutWatches();
    act('DELETE', `${services}/a`);
    act('POST', services, aService('d'));
    server.compact();
    await clock.advance(10_000);
    expect(names(cluster)).toEqual(expect.arrayContaining(['b', 'c', 'd']));
    expect(names(cluster)).not.toContain('a');
  });

  it('never shows the past again and ends with what the server has, whatever happens', async () => {
    for (let seed = 1; seed <= 25; seed += 1) {
      const draw = seeded(seed);
      const cluster = await aCluster(() => draw() * 40);
      const shown = new Map<string, number>();
      server.intercept = () =>
        draw() < 0.15 ? { kind: 'object', status: draw() < 0.5 ? 503 : 429, body: {} } : undefined;
      for (let step = 0; step < 1_500; step += 1) {
        if (draw() < 0.1) disturb(Math.floor(draw() * 14), `s${Math.floor(draw() * 4)}`, cluster);
        await clock.advance(draw() * 10);
        for (const { metadata } of cluster.list(service, 'default')) {
          const key = `${metadata.name} ${metadata.uid}`;
          const version = Number(metadata.resourceVersion);
          expect(version, `seed ${seed}: ${key}`).toBeGreaterThanOrEqual(shown.get(key) ?? 0);
          shown.set(key, version);
        }
      }
      server.intercept = undefined;
      server.silenceWatches(false);
      await clock.advance(5 * 60_000);
      const truth = await soon(cluster.readList(service, 'default', {}, never));
      expect(sorted(cluster.list(service, 'default')), `seed ${seed}`).toEqual(sorted(truth));
      stop.abort();
      await clock.advance(2_000);
      stop = new AbortController();
      tickEverySecond(server, clock, stop.signal);
    }
  });

  it('sends nothing but watches while nothing happens', async () => {
    await aCluster();
    await clock.advance(15 * 60_000);
    expect(requests.filter(({ verb }) => verb !== 'watch')).toEqual([]);
  });

  it('shows events that are counted', async () => {
    const cluster = await aCluster();
    const made = await soon(cluster.create(aService('cart'), never));
    const events = new KubernetesEventRecorder({
      client: cluster.client,
      log: silentLog,
      instance: 'serin-0',
    });
    const { uid = '' } = made.metadata;
    const about = { ...refOf(made), uid };
    for (let times = 0; times < 3; times += 1) {
      events.record({ about, type: 'Normal', reason: 'Synced', message: 'all is well' });
      await clock.advance(60_000);
    }
    const kind = { apiVersion: 'v1', kind: 'Event' };
    const found = await soon(cluster.readList(kind, 'default', {}, never));
    expect(found).toMatchObject([
      { involvedObject: { kind: 'Service', name: 'cart', uid }, reason: 'Synced', count: 3 },
    ]);
  });

  it('is led by one of two, and by the other when the first leaves', async () => {
    const [first, second] = ['a', 'b'].map((identity) => {
      const leave = new AbortController();
      const lock = new LeaseLock({
        transport: memoryTransport(server, { clock }),
        clock,
        random: () => 0.5,
        log: silentLog,
        namespace: 'default',
        name: 'serin',
        identity,
      });
      stop.signal.addEventListener('abort', () => leave.abort());
      void lock.run(() => {}, leave.signal);
      return { lock, leave };
    });
    await clock.advance(30_000);
    expect([first?.lock.holds(), second?.lock.holds()]).toEqual([true, false]);
    first?.leave.abort();
    await clock.advance(3_000);
    expect([first?.lock.holds(), second?.lock.holds()]).toEqual([false, true]);
  });
});
