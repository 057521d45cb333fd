import { expect, it } from 'vitest';

import { at, configMap, configMaps, json, text, type Room } from './room.ts';

async function start(room: Room): Promise<{ namespace: string; resourceVersion: string }> {
  const namespace = await room.namespace();
  await room.configMap(namespace, 'first', { data: { k: '1' } });
  const { body } = await room.get(configMaps(namespace));
  return { namespace, resourceVersion: text(body, 'metadata.resourceVersion') };
}

const mine = { labelSelector: 'mine=yes' };
const marked = (name: string) => configMap(name, {}, { labels: { mine: 'yes' } });

export function watches(room: Room): void {
  it('tells what happens after a version', async () => {
    const { namespace, resourceVersion } = await start(room);
    const watch = await room.watch(configMaps(namespace), { resourceVersion, ...mine });
    await room.create(configMaps(namespace), marked('a'));
    await room.patch('merge', `${configMaps(namespace)}/a`, { data: { k: '1' } });
    await room.call('DELETE', `${configMaps(namespace)}/a`);
    const events = [await watch.next(), await watch.next(), await watch.next()];
    expect(events.map(({ type }) => type)).toEqual(['ADDED', 'MODIFIED', 'DELETED']);
    const versions = events.map(({ object }) => Number(text(object, 'metadata.resourceVersion')));
    expect(versions).toEqual([...versions].sort((a, b) => a - b));
    expect(new Set(versions).size).toBe(3);
    expect(events[2]?.object).toMatchObject({ kind: 'ConfigMap', data: { k: '1' } });
    watch.close();
  });

  it('resumes after the version of an event', async () => {
    const { namespace, resourceVersion } = await start(room);
    await room.create(configMaps(namespace), marked('a'));
    const { body } = await room.create(configMaps(namespace), marked('b'));
    await room.create(configMaps(namespace), marked('c'));
    const all = await room.watch(configMaps(namespace), { resourceVersion, ...mine });
    expect(at((await all.next()).object, 'metadata.name')).toBe('a');
    all.close();
    const rest = await room.watch(configMaps(namespace), {
      resourceVersion: text(body, 'metadata.resourceVersion'),
      ...mine,
    });
    expect(at((await rest.next()).object, 'metadata.name')).toBe('c');
    rest.close();
  });

  it.each([{}, { resourceVersion: '0' }])('starts with what is there for %o', async (query) => {
    const namespace = await room.namespace();
    await room.create(configMaps(namespace), marked('a'));
    await room.create(configMaps(namespace), marked('b'));
    const watch = await room.watch(configMaps(namespace), { ...query, ...mine });
    const events = [await watch.next(), await watch.next()];
    expect(events.map(({ type }) => type)).toEqual(['ADDED', 'ADDED']);
    expect(
      events.map(({ object }) => text(object, 'metadata.name')).sort((a, b) => a.localeCompare(b)),
    ).toEqual(['a', 'b']);
    watch.close();
  });

  it('sends the state and then a bookmark that says so', async () => {
    const { namespace } = await start(room);
    await room.create(configMaps(namespace), marked('a'));
    const watch = await room.watch(configMaps(namespace), {
      sendInitialEvents: 'true',
      resourceVersionMatch: 'NotOlderThan',
      allowWatchBookmarks: 'true',
      ...mine,
    });
    expect(await watch.next()).toMatchObject({
      type: 'ADDED',
      object: { metadata: { name: 'a' } },
    });
    expect(await watch.next()).toMatchObject({
      type: 'BOOKMARK',
      object: {
        kind: 'ConfigMap',
        metadata: {
          annotations: { 'k8s.io/initial-events-end': 'true' },
          resourceVersion: expect.stringMatching(/^\d+$/),
        },
      },
    });
    await room.create(configMaps(namespace), marked('b'));
    expect(await watch.next()).toMatchObject({
      type: 'ADDED',
      object: { metadata: { name: 'b' } },
    });
    watch.close();
  });

  it('wants NotOlderThan with sendInitialEvents', async () => {
    const namespace = await room.namespace();
    const reply = await room.client.watch(configMaps(namespace), {
      watch: 'true',
      sendInitialEvents: 'true',
    });
    expect(reply).toMatchObject({ status: 422 });
  });

  it('adds and deletes as objects begin and cease to match', async () => {
    const { namespace, resourceVersion } = await start(room);
    const watch = await room.watch(configMaps(namespace), { resourceVersion, ...mine });
    const path = `${configMaps(namespace)}/first`;
    await room.patch('merge', path, { metadata: { labels: { mine: 'yes' } } });
    expect(await watch.next()).toMatchObject({ type: 'ADDED' });
    await room.patch('merge', path, { data: { k: '2' } });
    expect(await watch.next()).toMatchObject({ type: 'MODIFIED' });
    const left = await room.patch('merge', path, { metadata: { labels: { mine: 'no' } } });
    const event = await watch.next();
    expect(event).toMatchObject({
      type: 'DELETED',
      object: { metadata: { labels: { mine: 'yes' } } },
    });
    expect(at(event.object, 'metadata.resourceVersion')).toBe(
      at(left.body, 'metadata.resourceVersion'),
    );
    watch.close();
  });

  it('watches one object by its name', async () => {
    const { namespace, resourceVersion } = await start(room);
    const query = { resourceVersion, fieldSelector: 'metadata.name=b' };
    const watch = await room.watch(configMaps(namespace), query);
    await room.configMap(namespace, 'a');
    await room.configMap(namespace, 'b');
    expect(at((await watch.next()).object, 'metadata.name')).toBe('b');
    watch.close();
  });

  it('says nothing of a write that changed nothing', async () => {
    const { namespace, resourceVersion } = await start(room);
    const watch = await room.watch(configMaps(namespace), { resourceVersion });
    await room.patch('merge', `${configMaps(namespace)}/first`, { data: { k: '1' } });
    await room.configMap(namespace, 'marker');
    await expect(nextNamed(watch, 'kube-root-ca.crt')).resolves.toMatchObject({
      type: 'ADDED',
      object: { metadata: { name: 'marker' } },
    });
    watch.close();
  });

  it('ends when its time is up', async () => {
    const namespace = await room.namespace();
    const watch = await room.watch(configMaps(namespace), { timeoutSeconds: '1', ...mine });
    await watch.ended();
  });

  it('refuses selectors that are none', async () => {
    const namespace = await room.namespace();
    const reply = await room.client.watch(configMaps(namespace), {
      watch: 'true',
      labelSelector: '!!',
    });
    expect(json(reply)).toMatchObject({ status: 400 });
  });
}

type Handle = Awaited<ReturnType<Room['watch']>>;

async function nextNamed(watch: Handle, ignored: string): ReturnType<Handle['next']> {
  const event = await watch.next();
  return at(event.object, 'metadata.name') === ignored ? watch.next() : event;
}
