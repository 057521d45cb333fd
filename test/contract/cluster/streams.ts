/** What a client that keeps a cache relies on beyond plain lists and watches. */

import { expect, it } from 'vitest';

import {
  at,
  configMap,
  configMaps,
  json,
  names,
  text,
  widget,
  widgets,
  type Room,
} from './room.ts';

const PARTIAL = 'application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1';
const PARTIALS = 'application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1';
const mine = { labelSelector: 'mine' };
const marked = (name: string, metadata: object = {}) =>
  configMap(name, {}, { labels: { mine: 'yes' }, ...metadata });

export function streams(room: Room): void {
  it('tells a watch from too old a version so in its first event, and ends it', async () => {
    const namespace = await room.namespace();
    const watch = await room.watch(widgets(namespace), { resourceVersion: '1' });
    expect(await watch.next()).toMatchObject({
      type: 'ERROR',
      object: {
        kind: 'Status',
        status: 'Failure',
        reason: 'Expired',
        code: 410,
        message: expect.stringContaining('too old resource version: 1 ('),
      },
    });
    await watch.ended();
  });

  it('ends the state of a watch from nowhere with a bookmark, if bookmarks are allowed', async () => {
    const namespace = await room.namespace();
    await room.create(configMaps(namespace), marked('a'));
    const watch = await room.watch(configMaps(namespace), { allowWatchBookmarks: 'true', ...mine });
    expect(await watch.next()).toMatchObject({ type: 'ADDED' });
    expect(await watch.next()).toMatchObject({
      type: 'BOOKMARK',
      object: { metadata: { annotations: { 'k8s.io/initial-events-end': 'true' } } },
    });
    watch.close();
  });

  it('sends the state whatever version the streaming list names, if it is not yet to come', async () => {
    const namespace = await room.namespace();
    await room.create(widgets(namespace), widget('a'));
    for (const resourceVersion of ['', '0', '1']) {
      const watch = await room.watch(widgets(namespace), {
        sendInitialEvents: 'true',
        resourceVersionMatch: 'NotOlderThan',
        allowWatchBookmarks: 'true',
        resourceVersion,
      });
      expect(await watch.next()).toMatchObject({ type: 'ADDED' });
      const bookmark = await watch.next();
      expect(bookmark).toMatchObject({ type: 'BOOKMARK', object: { kind: 'Widget' } });
      expect(Object.keys(json(json(bookmark.object)['metadata'])).sort()).toEqual([
        'annotations',
        'resourceVersion',
      ]);
      watch.close();
    }
  });

  it('goes on from the version of a bookmark', async () => {
    const namespace = await room.namespace();
    await room.create(configMaps(namespace), marked('a'));
    const first = await room.watch(configMaps(namespace), { allowWatchBookmarks: 'true', ...mine });
    await first.next();
    const resourceVersion = text((await first.next()).object, 'metadata.resourceVersion');
    first.close();
    await room.create(configMaps(namespace), marked('b'));
    const second = await room.watch(configMaps(namespace), { resourceVersion, ...mine });
    expect(at((await second.next()).object, 'metadata.name')).toBe('b');
    second.close();
  });

  it.each([
    [{ sendInitialEvents: 'true', resourceVersionMatch: 'Exact', resourceVersion: '5' }, 2],
    [{ resourceVersionMatch: 'NotOlderThan', resourceVersion: '5' }, 1],
  ])('refuses to watch with %o', async (query, problems) => {
    const namespace = await room.namespace();
    const reply = await room.client.watch(configMaps(namespace), query);
    expect(reply).toMatchObject({ status: 422 });
    expect(at(reply, 'body.details.causes')).toHaveLength(problems);
  });

  it('refuses to list with sendInitialEvents, and a time-out that is no number', async () => {
    const namespace = await room.namespace();
    expect(await room.get(configMaps(namespace), { sendInitialEvents: 'true' })).toMatchObject({
      status: 422,
      body: { details: { causes: [{ field: 'sendInitialEvents' }] } },
    });
    expect(
      await room.client.watch(configMaps(namespace), { timeoutSeconds: 'soon' }),
    ).toMatchObject({ status: 400 });
  });

  it('reads one object by its path also when asked to watch it', async () => {
    const namespace = await room.namespace();
    await room.configMap(namespace, 'a');
    expect(await room.get(`${configMaps(namespace)}/a`, { watch: 'true' })).toMatchObject({
      status: 200,
      body: { kind: 'ConfigMap' },
    });
  });

  it('shows what is deleted as it was stored last, at the version of the deletion', async () => {
    const namespace = await room.namespace();
    const finalizers = ['contract.serin.dev/hold'];
    const created = await room.create(configMaps(namespace), marked('a', { finalizers }));
    const resourceVersion = text(created.body, 'metadata.resourceVersion');
    const watch = await room.watch(configMaps(namespace), { resourceVersion, ...mine });
    const path = `${configMaps(namespace)}/a`;
    await room.call('DELETE', path);
    await room.call('DELETE', path);
    const released = await room.patch('merge', path, { metadata: { finalizers: null } });
    expect(json(json(released.body)['metadata'])['finalizers']).toBeUndefined();
    const held = await watch.next();
    expect(held).toMatchObject({
      type: 'MODIFIED',
      object: { metadata: { deletionGracePeriodSeconds: 0, finalizers } },
    });
    const gone = await watch.next();
    expect(gone).toMatchObject({ type: 'DELETED', object: { metadata: { finalizers } } });
    expect(Number(text(gone.object, 'metadata.resourceVersion'))).toBeGreaterThan(
      Number(text(held.object, 'metadata.resourceVersion')),
    );
    watch.close();
  });

  it('shows deletions to a watch of metadata', async () => {
    const namespace = await room.namespace();
    await room.create(configMaps(namespace), marked('a'));
    const watch = await room.watch(configMaps(namespace), mine, { accept: PARTIAL });
    expect(await watch.next()).toMatchObject({ type: 'ADDED' });
    await room.call('DELETE', `${configMaps(namespace)}/a`);
    expect(await watch.next()).toMatchObject({
      type: 'DELETED',
      object: { kind: 'PartialObjectMetadata', metadata: { name: 'a' } },
    });
    watch.close();
  });

  it('writes an empty list of metadata as null', async () => {
    const namespace = await room.namespace();
    for (const path of [configMaps(namespace), widgets(namespace)]) {
      const { body } = await room.call('GET', path, {
        headers: { accept: PARTIALS },
        query: { labelSelector: 'nobody' },
      });
      expect(body).toMatchObject({ kind: 'PartialObjectMetadataList', items: null });
    }
  });

  it('wants the form of a list for a list, and of an object for an object', async () => {
    const namespace = await room.namespace();
    await room.configMap(namespace, 'a');
    const ask = (path: string, accept: string) => room.call('GET', path, { headers: { accept } });
    expect(await ask(configMaps(namespace), PARTIAL)).toMatchObject({ status: 406 });
    expect(await ask(`${configMaps(namespace)}/a`, PARTIALS)).toMatchObject({ status: 406 });
  });

  it('asks for patience about a version that is yet to come', async () => {
    const namespace = await room.namespace();
    const { body } = await room.get(configMaps(namespace));
    const resourceVersion = String(Number(text(body, 'metadata.resourceVersion')) + 100_000);
    expect(await room.get(configMaps(namespace), { resourceVersion })).toMatchObject({
      status: 504,
      headers: { 'retry-after': '1' },
      body: {
        reason: 'Timeout',
        message: expect.stringContaining('Too large resource version'),
        details: { causes: [{ reason: 'ResourceVersionTooLarge' }], retryAfterSeconds: 1 },
      },
    });
  });

  it('lists old versions as new as there are, but by page and exactly as they were', async () => {
    const namespace = await room.namespace();
    const { body } = await room.get(configMaps(namespace), mine);
    const resourceVersion = text(body, 'metadata.resourceVersion');
    await room.create(configMaps(namespace), marked('a'));
    const seen = async (query: Readonly<Record<string, string>>) =>
      names((await room.get(configMaps(namespace), { resourceVersion, ...mine, ...query })).body);
    expect(await seen({})).toEqual(['a']);
    expect(await seen({ limit: '5' })).toEqual([]);
    expect(await seen({ limit: '5', resourceVersionMatch: 'NotOlderThan' })).toEqual(['a']);
    expect(await seen({ resourceVersionMatch: 'Exact' })).toEqual([]);
  });

  it('takes a limit below one for none, and refuses one that is no number', async () => {
    const namespace = await room.namespace();
    await room.create(configMaps(namespace), marked('a'));
    const { body } = await room.get(configMaps(namespace), { limit: '-1', ...mine });
    expect(names(body)).toEqual(['a']);
    expect(await room.get(configMaps(namespace), { limit: 'all' })).toMatchObject({ status: 400 });
  });
}
