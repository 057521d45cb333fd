import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import {
  KubernetesCluster,
  type ClusterOptions,
} from '../../../src/adapters/kubernetes/cluster.ts';
import { silentLog } from '../../../src/adapters/kubernetes/log.ts';
import type { ApiRequest, ApiResponse } from '../../../src/adapters/kubernetes/transport.ts';
import { refOf, type KubernetesObject } from '../../../src/api/object.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { aService, listOf, ScriptedTransport, statusOf } from './scripted-transport.ts';

const service = { apiVersion: 'v1', kind: 'Service' };
const deployment = { apiVersion: 'apps/v1', kind: 'Deployment' };
const secret = { apiVersion: 'v1', kind: 'Secret' };
const never = new AbortController().signal;

let clock: FakeClock;
let transport: ScriptedTransport;
let stop: AbortController;
/** Answers to everything but lists. */
let answer: (request: ApiRequest) => ApiResponse;
let listed: Record<string, ApiResponse>;

beforeEach(() => {
  clock = new FakeClock();
  stop = new AbortController();
  answer = () => statusOf(404);
  listed = {};
  transport = new ScriptedTransport((request) => {
    const isList = request.method === 'GET' && request.query['limit'] !== undefined;
    return isList ? (listed[request.path] ?? listOf([], '10')) : answer(request);
  });
});

afterEach(() => stop.abort());

async function aCluster(more: Partial<ClusterOptions> = {}): Promise<KubernetesCluster> {
  const cluster = new KubernetesCluster({
    transport,
    clock,
    random: () => 0.5,
    log: silentLog,
    watches: [service, deployment],
    namespaces: [],
    ...more,
  });
  const running = cluster.run(stop.signal);
  stop.signal.addEventListener('abort', () => void running);
  await clock.advance(100);
  transport.takeRequests();
  return cluster;
}

const aDeployment = (version: string, replicas: number): KubernetesObject => ({
  ...deployment,
  metadata: {
    name: 'cart',
    namespace: 'shop',
    uid: 'd1',
    resourceVersion: version,
    generation: 3,
    annotations: { note: 'kept' },
    managedFields: [{ manager: 'kubectl' }],
  },
  spec: { replicas, paused: false },
  status: { observedGeneration: 3 },
});

const wrote = (manager: string, second: number, subresource = 'status') => ({
  manager,
  subresource,
  time: `2026-01-01T12:00:0${second}Z`,
});

const streamOf = (path: string) => {
  const stream = transport.streams.find(({ request }) => request.path === path);
  if (stream === undefined) throw new Error(`no watch on ${path}`);
  return stream;
};

describe('cluster', () => {
  it('is synced when every kind is listed or known to be missing', async () => {
    listed['/api/v1/services'] = statusOf(500);
    listed['/apis/apps/v1/deployments'] = statusOf(404);
    const cluster = await aCluster();
    let synced = false;
    void cluster.synced.then(() => (synced = true));
    await clock.advance(1_000);
    expect(cluster.isSynced()).toBe(false);
    listed['/api/v1/services'] = listOf([], '10');
    await clock.advance(30_000);
    expect([cluster.isSynced(), synced]).toEqual([true, true]);
    expect([cluster.serves(service), cluster.serves(deployment)]).toEqual([true, false]);
  });

  it('watches each of the given namespaces and no other', async () => {
    const cluster = await aCluster({ namespaces: ['shop', 'pay'], watches: [service] });
    expect(transport.streams.map(({ request }) => request.path).sort()).toEqual([
      '/api/v1/namespaces/pay/services',
      '/api/v1/namespaces/shop/services',
    ]);
    expect(cluster.list(service, 'shop')).toEqual([]);
  });

  it('never takes "not watched" for "not there"', async () => {
    const cluster = await aCluster({ namespaces: ['shop'], watches: [service] });
    expect(() => cluster.list(service, 'other')).toThrow('does not watch that namespace');
    expect(() => cluster.get({ ...secret, namespace: 'shop', name: 'x' })).toThrow('not watched');
  });

  it('keeps annotations and drops managed fields', async () => {
    listed['/apis/apps/v1/deployments'] = listOf([aDeployment('4', 2)], '10');
    const cluster = await aCluster();
    const [cached] = cluster.list(deployment, 'shop');
    expect(cached?.metadata.annotations).toEqual({ note: 'kept' });
    expect(cached?.metadata.managedFields).toBeUndefined();
  });

  it('keeps who has written the status of a kind whose status is ours', async () => {
    const object = aDeployment('4', 2);
    const managedFields = [
      wrote('kubectl', 9, ''),
      wrote('serin', 3),
      wrote('flagger', 5),
      wrote('flagger', 2),
      wrote('kubectl', 4),
    ];
    const metadata = { ...object.metadata, managedFields };
    listed['/apis/apps/v1/deployments'] = listOf([{ ...object, metadata }], '10');
    const cluster = await aCluster({ watches: [{ ...deployment, ownStatus: true }] });
    const [cached] = cluster.list(deployment, 'shop');
    expect(cluster.statusWriters(cached ?? object)).toEqual({
      ours: '2026-01-01T12:00:03Z',
      others: [
        { manager: 'kubectl', at: '2026-01-01T12:00:04Z' },
        { manager: 'flagger', at: '2026-01-01T12:00:05Z' },
      ],
    });
    expect(cluster.statusWriters(object)).toEqual({ ours: undefined, others: [] });
  });

  it('asks for metadata only where that is enough, and keeps no more', async () => {
    listed['/api/v1/secrets'] = listOf(
      [{ ...aService('s', '4'), data: { key: 'c2VjcmV0' } }],
      '10',
    );
    const cluster = await aCluster({ watches: [{ ...secret, metadataOnly: true }] });
    expect(streamOf('/api/v1/secrets').request.accept).toContain('as=PartialObjectMetadata;');
    expect(cluster.list(secret, 'shop')[0]).toEqual({
      ...secret,
      metadata: aService('s', '4').metadata,
    });
    const whole = { ...secret, metadata: aService('s', '4').metadata, data: { key: 'c2VjcmV0' } };
    answer = () => ({ status: 200, body: whole });
    expect(await cluster.read(refOf(whole), never)).toEqual(whole);
    expect(JSON.stringify(cluster.list(secret, 'shop'))).not.toContain('c2VjcmV0');
  });

  it('updates with the difference and the version it was made from', async () => {
    const cluster = await aCluster();
    answer = () => ({
      status: 200,
      body: aService('cart', '12', { spec: { selector: { b: '1' } } }),
    });
    const before = aService('cart', '11', {
      spec: { selector: { a: '1' }, clusterIP: '10.0.0.1' },
    });
    const after = { ...before, spec: { selector: { b: '1' }, clusterIP: '10.0.0.1' } };
    await cluster.update(before, after, never);
    expect(transport.requests[0]).toMatchObject({
      method: 'PATCH',
      path: '/api/v1/namespaces/shop/services/cart',
      query: { fieldManager: 'serin' },
      contentType: 'application/merge-patch+json',
      body: { metadata: { resourceVersion: '11' }, spec: { selector: { a: null, b: '1' } } },
    });
    expect(cluster.get(refOf(before))?.metadata.resourceVersion).toBe('12');
  });

  it('sends nothing when there is nothing to change', async () => {
    const cluster = await aCluster();
    const before = { ...aService('cart', '11'), status: { phase: 'x' } };
    expect(await cluster.update(before, structuredClone(before), never)).toBe(before);
    expect(await cluster.updateStatus(before, { phase: 'x' }, never)).toBe(before);
    expect(transport.takeRequests()).toEqual([]);
  });

  it('never sends what the server owns of the metadata, nor status by an update', async () => {
    const cluster = await aCluster();
    answer = () => ({ status: 200, body: aService('cart', '12') });
    const before = { ...aService('cart', '11'), status: { a: 1 } };
    const after = {
      ...before,
      metadata: { name: 'cart', namespace: 'shop', labels: { team: 'x' } },
      status: { a: 2 },
    };
    await cluster.update(before, after, never);
    expect(transport.requests[0]?.body).toEqual({
      metadata: { labels: { team: 'x' }, resourceVersion: '11' },
    });
  });

  it('writes status to its subresource, guarded by the version', async () => {
    const cluster = await aCluster();
    answer = () => ({ status: 200, body: aDeployment('12', 1) });
    await cluster.updateStatus({ ...aDeployment('11', 1) }, { observedGeneration: 4 }, never);
    expect(transport.requests[0]).toMatchObject({
      path: '/apis/apps/v1/namespaces/shop/deployments/cart/status',
      body: { metadata: { resourceVersion: '11' }, status: { observedGeneration: 4 } },
    });
  });

  it('scales through the subresource and sees the new generation at once', async () => {
    listed['/apis/apps/v1/deployments'] = listOf([aDeployment('4', 2)], '10');
    const cluster = await aCluster();
    const [before] = cluster.list(deployment, 'shop');
    if (before === undefined) throw new Error('not cached');
    answer = () => ({
      status: 200,
      body: { kind: 'Scale', metadata: { name: 'cart', resourceVersion: '12' } },
    });
    await cluster.scale(before, 5, never);
    expect(transport.requests[0]).toMatchObject({
      path: '/apis/apps/v1/namespaces/shop/deployments/cart/scale',
      body: { metadata: { resourceVersion: '4' }, spec: { replicas: 5 } },
    });
    const after = cluster.get(refOf(before));
    expect(after?.metadata).toMatchObject({ resourceVersion: '12', generation: 4 });
    expect(after?.['spec']).toEqual({ replicas: 5, paused: false });
  });

  it('keeps a spec once for all versions that have it, and believes no guess of its own', async () => {
    listed['/apis/apps/v1/deployments'] = listOf([aDeployment('4', 2)], '10');
    const cluster = await aCluster();
    const [before] = cluster.list(deployment, 'shop');
    if (before === undefined) throw new Error('not cached');
    const stream = streamOf('/apis/apps/v1/deployments');
    stream.send('MODIFIED', { ...aDeployment('11', 2), status: { observedGeneration: 2 } });
    const again = cluster.get(refOf(before));
    expect(again?.['spec']).toBe(before['spec']);
    expect(again?.['status']).toEqual({ observedGeneration: 2 });
    answer = () => ({
      status: 200,
      body: { kind: 'Scale', metadata: { name: 'cart', resourceVersion: '12' } },
    });
    await cluster.scale(again ?? before, 5, never);
    const scaled = aDeployment('13', 6);
    stream.send('MODIFIED', { ...scaled, metadata: { ...scaled.metadata, generation: 4 } });
    expect(cluster.get(refOf(before))?.['spec']).toEqual({ replicas: 6, paused: false });
  });

  it('deletes exactly the object it has seen and no longer shows it', async () => {
    listed['/api/v1/services'] = listOf([aService('cart', '4')], '10');
    const cluster = await aCluster();
    answer = () => ({ status: 200, body: { kind: 'Status', status: 'Success' } });
    await cluster.remove(aService('cart', '4'), never);
    expect(transport.requests[0]?.body).toMatchObject({
      preconditions: { uid: 'uid-cart', resourceVersion: '4' },
    });
    expect(cluster.list(service, 'shop')).toEqual([]);
    streamOf('/api/v1/services').send('MODIFIED', aService('cart', '11'));
    expect(cluster.list(service, 'shop')).toEqual([]);
  });

  it('shows an object that finalizers still hold', async () => {
    listed['/api/v1/services'] = listOf([aService('cart', '4')], '10');
    const cluster = await aCluster();
    const leaving = aService('cart', '12');
    const metadata = { ...leaving.metadata, deletionTimestamp: '2025-03-01T10:00:00Z' };
    answer = () => ({ status: 200, body: { ...leaving, metadata } });
    await cluster.remove(aService('cart', '4'), never);
    expect(cluster.get(refOf(leaving))?.metadata.deletionTimestamp).toBeDefined();
  });

  it('sees what it created before the watch does', async () => {
    const cluster = await aCluster();
    const made = aService('cart', '12');
    answer = () => ({ status: 201, body: made });
    const { resourceVersion: _, uid: __, ...metadata } = made.metadata;
    await cluster.create({ ...made, metadata }, never);
    expect(transport.takeRequests()).toEqual(['POST /api/v1/namespaces/shop/services']);
    expect(cluster.list(service, 'shop')).toEqual([made]);
  });

  it('learns from a live read, also that there is nothing', async () => {
    listed['/api/v1/services'] = listOf([aService('cart', '4')], '10');
    const cluster = await aCluster();
    const ref = refOf(aService('cart', '4'));
    answer = () => ({ status: 200, body: aService('cart', '15') });
    await cluster.read(ref, never);
    expect(cluster.get(ref)?.metadata.resourceVersion).toBe('15');
    answer = () => statusOf(404);
    expect(await cluster.read(ref, never)).toBeUndefined();
    expect(cluster.get(ref)).toBeUndefined();
  });

  it('takes a write that found nothing as news', async () => {
    listed['/api/v1/services'] = listOf([aService('cart', '4')], '10');
    const cluster = await aCluster();
    const before = aService('cart', '4');
    await expect(cluster.update(before, { ...before, spec: {} }, never)).rejects.toMatchObject({
      kind: 'conflict',
      reason: 'Gone',
    });
    expect(cluster.get(refOf(before))).toBeUndefined();
  });

  it('leaves the cache alone when a write is refused', async () => {
    listed['/api/v1/services'] = listOf([aService('cart', '4')], '10');
    const cluster = await aCluster();
    answer = () => statusOf(409, 'Conflict');
    const before = aService('cart', '4');
    await expect(cluster.update(before, { ...before, spec: {} }, never)).rejects.toMatchObject({
      kind: 'conflict',
    });
    expect(cluster.get(refOf(before))).toEqual(before);
  });

  it('refuses to write what was never read', async () => {
    const cluster = await aCluster();
    const { resourceVersion: _, ...metadata } = aService('cart', '4').metadata;
    const blind = { ...aService('cart', '4'), metadata };
    await expect(cluster.update(blind, { ...blind, spec: {} }, never)).rejects.toMatchObject({
      kind: 'defect',
    });
    await expect(cluster.remove(blind, never)).rejects.toMatchObject({ kind: 'defect' });
    expect(transport.takeRequests()).toEqual([]);
  });

  it('lists live by labels, page by page', async () => {
    const cluster = await aCluster({ watches: [] });
    const queries: unknown[] = [];
    transport.answer = ({ query }) => {
      queries.push(query);
      return query['continue'] === undefined
        ? listOf([aService('a', '4')], '10', 'next')
        : listOf([aService('b', '5')], '10');
    };
    const found = await cluster.readList(service, 'shop', { app: 'cart', tier: 'web' }, never);
    expect(found.map(({ metadata }) => metadata.name)).toEqual(['a', 'b']);
    expect(queries[0]).toEqual({ limit: '500', labelSelector: 'app=cart,tier=web' });
  });

  it('goes on when a listener throws', async () => {
    const cluster = await aCluster();
    const heard: string[] = [];
    cluster.onChange(() => {
      throw new Error('a bug');
    });
    const unsubscribe = cluster.onChange(({ metadata }) => heard.push(metadata.name));
    streamOf('/api/v1/services').send('ADDED', aService('cart', '11'));
    unsubscribe();
    streamOf('/api/v1/services').send('ADDED', aService('shop', '12'));
    expect(heard).toEqual(['cart']);
    expect(cluster.list(service, 'shop')).toHaveLength(2);
  });

  it('tells how each watch is doing', async () => {
    listed['/apis/apps/v1/deployments'] = statusOf(403, 'Forbidden');
    const cluster = await aCluster();
    await clock.advance(4_900);
    expect(cluster.watches()).toMatchObject([
      { kind: service, namespace: '', state: 'following', objects: 0, problem: undefined },
      { kind: deployment, state: 'denied', problem: { kind: 'denied' } },
    ]);
    expect(cluster.watches()[0]?.ageMs).toBeGreaterThan(4_000);
  });
});
