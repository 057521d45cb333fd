import { expect, it } from 'vitest';

import { at, configMaps, json, text, widget, widgets, type Room } from './room.ts';

const META = ';g=meta.k8s.io;v=v1';
const ONE = { accept: `application/json;as=PartialObjectMetadata${META}` };
const MANY = { accept: `application/json;as=PartialObjectMetadataList${META}` };
const TABLE = { accept: `application/json;as=Table${META},application/json` };

export function showsOtherForms(room: Room): void {
  it('shows the metadata of one object', async () => {
    const namespace = await room.namespace();
    await room.configMap(namespace, 'a', { data: { k: 'confidential' } });
    const { body } = await room.call('GET', `${configMaps(namespace)}/a`, { headers: ONE });
    expect(body).toMatchObject({
      kind: 'PartialObjectMetadata',
      apiVersion: 'meta.k8s.io/v1',
      metadata: { name: 'a' },
    });
    expect(json(body)['data']).toBeUndefined();
  });

  it('shows the metadata of a list', async () => {
    const namespace = await room.namespace();
    await room.configMap(namespace, 'a', { data: { k: 'confidential' } });
    const query = { fieldSelector: 'metadata.name=a' };
    const { body } = await room.call('GET', configMaps(namespace), { headers: MANY, query });
    expect(body).toMatchObject({
      kind: 'PartialObjectMetadataList',
      apiVersion: 'meta.k8s.io/v1',
      metadata: { resourceVersion: expect.stringMatching(/^\d+$/) },
      items: [{ metadata: { name: 'a' } }],
    });
    expect(JSON.stringify(body)).not.toContain('confidential');
  });

  it('watches metadata', async () => {
    const namespace = await room.namespace();
    await room.configMap(namespace, 'a', { data: { k: 'confidential' } });
    const query = { fieldSelector: 'metadata.name=a' };
    const watch = await room.watch(configMaps(namespace), query, ONE);
    const event = await watch.next();
    expect(event).toMatchObject({
      type: 'ADDED',
      object: { kind: 'PartialObjectMetadata', metadata: { name: 'a' } },
    });
    expect(JSON.stringify(event.object)).not.toContain('confidential');
    watch.close();
  });

  it('marks the end of the state with metadata too', async () => {
    const namespace = await room.namespace();
    const query = {
      sendInitialEvents: 'true',
      resourceVersionMatch: 'NotOlderThan',
      allowWatchBookmarks: 'true',
    };
    const path = `/api/v1/namespaces/${namespace}/secrets`;
    const watch = await room.watch(path, query, ONE);
    expect(await watch.next()).toMatchObject({
      type: 'BOOKMARK',
      object: {
        kind: 'PartialObjectMetadata',
        metadata: { annotations: { 'k8s.io/initial-events-end': 'true' } },
      },
    });
    watch.close();
  });

  it('shows a custom kind as a table with the columns of its definition', async () => {
    const namespace = await room.namespace();
    await room.create(widgets(namespace), widget('a'));
    await room.patch('merge', `${widgets(namespace)}/a/status`, { status: { phase: 'Ready' } });
    const { body } = await room.call('GET', widgets(namespace), { headers: TABLE });
    const columns = json(body)['columnDefinitions'];
    expect(body).toMatchObject({ kind: 'Table', apiVersion: 'meta.k8s.io/v1' });
    expect(columns).toMatchObject([
      { name: 'Name' },
      { name: 'Size' },
      { name: 'Phase' },
      { name: 'Age' },
    ]);
    expect(json(body)['rows']).toMatchObject([
      {
        cells: ['a', 3, 'Ready', expect.stringMatching(/^\d+s$/)],
        object: { kind: 'PartialObjectMetadata', metadata: { name: 'a' } },
      },
    ]);
  });

  it('shows one object as a table', async () => {
    const namespace = await room.namespace();
    await room.configMap(namespace, 'a', { data: { k: 'v' } });
    const { body } = await room.call('GET', `${configMaps(namespace)}/a`, { headers: TABLE });
    expect(at(body, 'rows.0.cells')).toEqual(['a', 1, expect.stringMatching(/^\d+s$/)]);
  });

  it('watches tables', async () => {
    const namespace = await room.namespace();
    await room.configMap(namespace, 'a');
    const query = { fieldSelector: 'metadata.name=a' };
    const watch = await room.watch(configMaps(namespace), query, TABLE);
    const { type, object } = await watch.next();
    expect(type).toBe('ADDED');
    expect(object).toMatchObject({
      kind: 'Table',
      rows: [{ object: { metadata: { name: 'a' } } }],
    });
    watch.close();
  });

  it('refuses a form it does not have', async () => {
    const namespace = await room.namespace();
    const reply = await room.call('GET', configMaps(namespace), {
      headers: { accept: 'text/html' },
    });
    expect(reply).toMatchObject({ status: 406 });
    expect(text(reply.body, 'reason')).toBe('NotAcceptable');
  });
}
