import { describe, expect, it } from 'vitest';

import type { RequestRecord } from '../../../src/sandbox/api-server/server.ts';
import { Cluster, type Watching } from './cluster.ts';

const MAPS = '/api/v1/namespaces/default/configmaps';
const map = (name: string, data: object = {}) => ({ metadata: { name }, data });

function types({ events }: Watching): readonly string[] {
  return events.map(({ type }) => type);
}

function versionOf(body: unknown): string {
  const { metadata } = body as { metadata: { resourceVersion: string } };
  return metadata.resourceVersion;
}

describe('authentication', () => {
  const cluster = new Cluster({ tokens: new Map([['secret', 'serin']]) });

  it('answers 401 without a token and with a wrong one', () => {
    expect(cluster.get(MAPS)).toMatchObject({
      status: 401,
      body: { kind: 'Status', reason: 'Unauthorized' },
    });
    const headers = { authorization: 'Bearer wrong' };
    expect(cluster.call('GET', MAPS, undefined, { headers })).toMatchObject({ status: 401 });
  });

  it('lets a known token in and tells whose it is', () => {
    const records: RequestRecord[] = [];
    const stop = cluster.server.onRequest((record) => records.push(record));
    const headers = { authorization: 'Bearer secret' };
    expect(cluster.call('GET', MAPS, undefined, { headers })).toMatchObject({ status: 200 });
    stop();
    expect(records).toMatchObject([{ user: 'serin' }]);
  });

  it('has its first namespaces whoever may write', () => {
    const headers = { authorization: 'Bearer secret' };
    expect(cluster.call('POST', MAPS, map('a'), { headers })).toMatchObject({ status: 201 });
  });

  it('tells anybody whether it is healthy', () => {
    expect(cluster.get('/readyz')).toMatchObject({ status: 200, body: 'ok' });
  });
});

describe('the record of requests', () => {
  it('tells verb, object and what became of it', () => {
    const cluster = new Cluster();
    const records: RequestRecord[] = [];
    cluster.server.onRequest((record) => records.push(record));
    cluster.create(MAPS, map('a', { k: '1' }));
    cluster.merge(`${MAPS}/a`, { data: { k: '2' } });
    cluster.get(`${MAPS}/none`);
    cluster.watch(MAPS);
    cluster.call('DELETE', `${MAPS}/a`);
    const base = {
      group: '',
      version: 'v1',
      resource: 'configmaps',
      namespace: 'default',
      userAgent: 'test/1.0',
    };
    expect(records).toMatchObject([
      { ...base, verb: 'create', status: 201, name: 'a', object: { data: { k: '1' } } },
      {
        ...base,
        verb: 'patch',
        status: 200,
        body: { data: { k: '2' } },
        previous: { data: { k: '1' } },
        object: { data: { k: '2' } },
      },
      { ...base, verb: 'get', status: 404, name: 'none' },
      { ...base, userAgent: '', verb: 'watch', status: 200 },
      { ...base, verb: 'delete', status: 200, previous: { data: { k: '2' } } },
    ]);
  });

  it('holds the same object before and after a write that changed nothing', () => {
    const cluster = new Cluster();
    cluster.create(MAPS, map('a', { k: '1' }));
    const records: RequestRecord[] = [];
    cluster.server.onRequest((record) => records.push(record));
    cluster.merge(`${MAPS}/a`, { data: { k: '1' } });
    expect(records[0]?.object).toBe(records[0]?.previous);
  });
});

describe('faults', () => {
  it('answers what the hook says instead', () => {
    const cluster = new Cluster();
    cluster.server.intercept = ({ method }) =>
      method === 'POST'
        ? { kind: 'object', status: 429, headers: { 'retry-after': '1' }, body: {} }
        : undefined;
    expect(cluster.create(MAPS, map('a'))).toMatchObject({ status: 429 });
    expect(cluster.get(`${MAPS}/a`)).toMatchObject({ status: 404 });
  });

  it('cuts every watch', () => {
    const cluster = new Cluster();
    const watch = cluster.watch(MAPS);
    cluster.server.cutWatches();
    expect(watch.ended).toBe(true);
    cluster.create(MAPS, map('a'));
    expect(watch.events).toEqual([]);
    expect(cluster.server.openWatches).toBe(0);
  });

  it('holds events back while watches are silent', () => {
    const cluster = new Cluster();
    const watch = cluster.watch(MAPS);
    cluster.server.silenceWatches(true);
    cluster.create(MAPS, map('a'));
    cluster.merge(`${MAPS}/a`, { data: { k: '1' } });
    expect(watch.events).toEqual([]);
    expect(watch.ended).toBe(false);
    cluster.server.silenceWatches(false);
    expect(types(watch)).toEqual(['ADDED', 'MODIFIED']);
  });

  it('does not end a silent watch before it can be heard', () => {
    const cluster = new Cluster();
    const watch = cluster.watch(MAPS, { timeoutSeconds: '5' });
    cluster.server.silenceWatches(true);
    cluster.advance(10_000);
    expect(watch.ended).toBe(false);
    cluster.server.silenceWatches(false);
    cluster.advance(1_000);
    expect(watch.ended).toBe(true);
  });

  it('answers 410 for versions before a compaction', () => {
    const cluster = new Cluster();
    for (const name of ['a', 'b', 'c']) cluster.create(MAPS, map(name));
    const page = cluster.get(MAPS, { limit: '1' });
    const { metadata } = page.body as { metadata: { continue: string; resourceVersion: string } };
    cluster.merge(`${MAPS}/a`, { data: { k: '1' } });
    cluster.server.compact();
    const watch = cluster.watch(MAPS, { resourceVersion: metadata.resourceVersion });
    expect(watch.events).toMatchObject([
      { type: 'ERROR', object: { code: 410, reason: 'Expired' } },
    ]);
    expect(watch.ended).toBe(true);
    const next = cluster.get(MAPS, { limit: '1', continue: metadata.continue });
    expect(next).toMatchObject({ status: 410, body: { reason: 'Expired' } });
    const { metadata: offered } = next.body as { metadata: { continue: string } };
    const rest = cluster.get(MAPS, { continue: offered.continue });
    expect(rest.body).toMatchObject({
      items: [{ metadata: { name: 'b' } }, { metadata: { name: 'c' } }],
    });
  });

  it('goes on from the newest version after a compaction', () => {
    const cluster = new Cluster();
    cluster.create(MAPS, map('a'));
    cluster.server.compact();
    const resourceVersion = versionOf(cluster.get(MAPS).body);
    const watch = cluster.watch(MAPS, { resourceVersion });
    cluster.create(MAPS, map('b'));
    expect(types(watch)).toEqual(['ADDED']);
  });

  it('forgets what is older than the history it was given', () => {
    const cluster = new Cluster({ watchHistory: 5 });
    const resourceVersion = versionOf(cluster.create(MAPS, map('a')).body);
    for (let k = 0; k < 20; k++) cluster.merge(`${MAPS}/a`, { data: { k: String(k) } });
    expect(types(cluster.watch(MAPS, { resourceVersion }))).toEqual(['ERROR']);
  });
});

const event = (name: string) => ({
  metadata: { name },
  involvedObject: { kind: 'Pod', namespace: 'default' },
});

const pod = (name: string, spec: object) => ({
  metadata: { name },
  spec: { containers: [{ name: 'c', image: 'i:1' }], ...spec },
});

describe('time', () => {
  it('sends bookmarks about once a minute to those who asked', () => {
    const cluster = new Cluster();
    const { resourceVersion } = cluster.server;
    const asked = cluster.watch(MAPS, { allowWatchBookmarks: 'true', resourceVersion });
    const other = cluster.watch(MAPS);
    for (let second = 0; second < 150; second++) cluster.advance(1_000);
    expect(types(asked)).toEqual(['BOOKMARK', 'BOOKMARK']);
    expect(asked.events[0]).toMatchObject({
      object: {
        kind: 'ConfigMap',
        apiVersion: 'v1',
        metadata: { resourceVersion: cluster.server.resourceVersion },
      },
    });
    expect(other.events).toEqual([]);
  });

  it('ends a watch at its time, after a last bookmark', () => {
    const cluster = new Cluster();
    const { resourceVersion } = cluster.server;
    const watch = cluster.watch(MAPS, {
      allowWatchBookmarks: 'true',
      timeoutSeconds: '10',
      resourceVersion,
    });
    for (let second = 0; second < 9; second++) cluster.advance(1_000);
    expect([types(watch), watch.ended]).toEqual([['BOOKMARK'], false]);
    cluster.advance(1_000);
    expect(watch.ended).toBe(true);
  });

  it('forgets Events an hour after they were written', () => {
    const cluster = new Cluster();
    const path = '/api/v1/namespaces/default/events';
    cluster.create(path, event('a'));
    cluster.create(path, event('b'));
    cluster.advance(40 * 60_000);
    cluster.merge(`${path}/a`, { count: 2 });
    cluster.advance(30 * 60_000);
    expect(cluster.get(path).body).toMatchObject({ items: [{ metadata: { name: 'a' } }] });
    expect(cluster.get(`${path}/b`)).toMatchObject({ status: 404 });
  });

  it('keeps a bound pod for its grace period and an unbound one not at all', () => {
    const cluster = new Cluster();
    const path = '/api/v1/namespaces/default/pods';
    cluster.create(path, pod('unbound', {}));
    cluster.create(path, pod('bound', { nodeName: 'n1' }));
    cluster.call('DELETE', `${path}/unbound`);
    cluster.call('DELETE', `${path}/bound`);
    expect(cluster.get(`${path}/unbound`)).toMatchObject({ status: 404 });
    expect(cluster.get(`${path}/bound`)).toMatchObject({
      body: {
        metadata: { deletionGracePeriodSeconds: 30, deletionTimestamp: '2026-01-01T00:00:30Z' },
      },
    });
    const body = { gracePeriodSeconds: 0 };
    expect(cluster.call('DELETE', `${path}/bound`, body)).toMatchObject({ status: 200 });
    expect(cluster.get(`${path}/bound`)).toMatchObject({ status: 404 });
  });
});

describe('determinism', () => {
  it('gives the same uids and names for the same seed', () => {
    const [one, two] = [new Cluster(), new Cluster()].map((cluster) =>
      cluster.create(MAPS, { metadata: { generateName: 'x-' } }),
    );
    expect(one).toEqual(two);
  });

  it('delivers changes in order when a watcher writes', () => {
    const cluster = new Cluster();
    const answer = cluster.server.handle({
      method: 'GET',
      path: MAPS,
      query: { watch: 'true' },
      headers: {},
    });
    if (answer.kind !== 'stream') throw new Error('refused');
    answer.stream.open({
      event: ({ type }) => {
        if (type === 'ADDED') cluster.merge(`${MAPS}/a`, { data: { k: '1' } });
      },
      end: () => {},
    });
    const late = cluster.watch(MAPS);
    cluster.create(MAPS, map('a'));
    expect(types(late)).toEqual(['ADDED', 'MODIFIED']);
  });

  it('hands out objects that cannot be changed', () => {
    const cluster = new Cluster();
    const { body } = cluster.create(MAPS, map('a', { k: '1' }));
    expect(Object.isFrozen(body)).toBe(true);
    expect(Object.isFrozen((body as { data: object }).data)).toBe(true);
  });

  it('keeps what a caller sent apart from what it stored', () => {
    const cluster = new Cluster();
    const body = map('a', { k: '1' });
    cluster.create(MAPS, body);
    Object.assign(body.data, { k: '2' });
    expect(cluster.get(`${MAPS}/a`).body).toMatchObject({ data: { k: '1' } });
  });
});

describe('what is not there', () => {
  it('answers server-side apply with 501 and a sentence', () => {
    const cluster = new Cluster();
    const headers = { 'content-type': 'application/apply-patch+yaml' };
    const answer = cluster.call('PATCH', `${MAPS}/a`, map('a'), {
      headers,
      query: { fieldManager: 'x' },
    });
    expect(answer).toMatchObject({ status: 501, body: { kind: 'Status', code: 501 } });
  });

  it('answers 405 where a verb makes no sense', () => {
    const cluster = new Cluster();
    expect(cluster.call('POST', `${MAPS}/a`, map('a'))).toMatchObject({ status: 405 });
    expect(cluster.call('PUT', MAPS, map('a'))).toMatchObject({ status: 405 });
    expect(cluster.call('POST', '/api')).toMatchObject({ status: 405 });
  });

  it('says 500 for a version that only a webhook could convert', () => {
    const version = { served: true, schema: { openAPIV3Schema: { type: 'object' } } };
    const definition = {
      apiVersion: 'apiextensions.k8s.io/v1',
      kind: 'CustomResourceDefinition',
      metadata: { name: 'things.test.dev' },
      spec: {
        group: 'test.dev',
        scope: 'Namespaced',
        names: { kind: 'Thing', plural: 'things' },
        conversion: { strategy: 'Webhook', webhook: { conversionReviewVersions: ['v1'] } },
        versions: [
          { name: 'v1', storage: true, ...version },
          { name: 'v2', storage: false, ...version },
        ],
      },
    };
    const cluster = new Cluster({ definitions: [definition] });
    expect(cluster.get('/apis/test.dev/v1/things')).toMatchObject({ status: 200 });
    expect(cluster.get('/apis/test.dev/v2/things')).toMatchObject({ status: 500 });
  });
});
