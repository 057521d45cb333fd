import { expect, it } from 'vitest';

import {
  at,
  configMap,
  configMaps,
  deployment,
  deployments,
  json,
  names,
  text,
  type Room,
} from './room.ts';

async function owned(
  room: Room,
  namespace: string,
  name: string,
  owner: unknown,
  more: object = {},
) {
  const reference = {
    apiVersion: text(owner, 'apiVersion'),
    kind: text(owner, 'kind'),
    name: text(owner, 'metadata.name'),
    uid: text(owner, 'metadata.uid'),
    ...more,
  };
  const body = configMap(name, {}, { ownerReferences: [reference] });
  expect((await room.create(configMaps(namespace), body)).status).toBe(201);
}

export function deletes(room: Room): void {
  it('answers with a Status that names what is gone', async () => {
    const namespace = await room.namespace();
    const created = await room.configMap(namespace, 'a');
    expect(await room.call('DELETE', `${configMaps(namespace)}/a`)).toMatchObject({
      status: 200,
      body: {
        kind: 'Status',
        status: 'Success',
        details: { name: 'a', kind: 'configmaps', uid: text(created, 'metadata.uid') },
      },
    });
    expect(await room.get(`${configMaps(namespace)}/a`)).toMatchObject({ status: 404 });
    expect(await room.call('DELETE', `${configMaps(namespace)}/a`)).toMatchObject({ status: 404 });
  });

  it('holds to the preconditions', async () => {
    const namespace = await room.namespace();
    const created = await room.configMap(namespace, 'a');
    const wrong = { preconditions: { uid: '00000000-0000-4000-8000-000000000000' } };
    expect(await room.call('DELETE', `${configMaps(namespace)}/a`, { body: wrong })).toMatchObject({
      status: 409,
      body: { reason: 'Conflict' },
    });
    const stale = { preconditions: { resourceVersion: '1' } };
    expect(await room.call('DELETE', `${configMaps(namespace)}/a`, { body: stale })).toMatchObject({
      status: 409,
    });
    const right = { preconditions: { uid: text(created, 'metadata.uid') } };
    expect(await room.call('DELETE', `${configMaps(namespace)}/a`, { body: right })).toMatchObject({
      status: 200,
    });
  });

  it('waits for finalizers', async () => {
    const namespace = await room.namespace();
    const path = `${configMaps(namespace)}/a`;
    await room.create(
      configMaps(namespace),
      configMap('a', {}, { finalizers: ['contract.serin.dev/hold'] }),
    );
    const reply = await room.call('DELETE', path);
    expect(reply.status).toBe(200);
    expect(at(reply.body, 'metadata.deletionTimestamp')).toBeTypeOf('string');
    expect(await room.get(path)).toMatchObject({ status: 200 });
    const more = {
      metadata: { finalizers: ['contract.serin.dev/hold', 'contract.serin.dev/more'] },
    };
    expect(await room.patch('merge', path, more)).toMatchObject({ status: 422 });
    expect(await room.patch('merge', path, { metadata: { finalizers: null } })).toMatchObject({
      status: 200,
    });
    expect(await room.get(path)).toMatchObject({ status: 404 });
  });

  it('deletes nothing on a dry run', async () => {
    const namespace = await room.namespace();
    await room.configMap(namespace, 'a');
    await room.call('DELETE', `${configMaps(namespace)}/a`, { query: { dryRun: 'All' } });
    expect(await room.get(`${configMaps(namespace)}/a`)).toMatchObject({ status: 200 });
  });

  it('deletes a selection', async () => {
    const namespace = await room.namespace();
    for (const name of ['a', 'b', 'c'])
      await room.create(
        configMaps(namespace),
        configMap(name, {}, { labels: { keep: String(name === 'b'), mine: 'yes' } }),
      );
    const query = { labelSelector: 'keep=false' };
    expect(await room.call('DELETE', configMaps(namespace), { query })).toMatchObject({
      status: 200,
    });
    const left = await room.get(configMaps(namespace), { labelSelector: 'mine=yes' });
    expect(names(left.body)).toEqual(['b']);
  });

  it('takes dependents along in the background', async () => {
    const namespace = await room.namespace();
    const owner = await room.configMap(namespace, 'owner');
    await owned(room, namespace, 'dependent', owner);
    await room.call('DELETE', `${configMaps(namespace)}/owner`, {
      body: { propagationPolicy: 'Background' },
    });
    expect(await room.get(`${configMaps(namespace)}/owner`)).toMatchObject({ status: 404 });
    await room.eventually(async () => {
      expect(await room.get(`${configMaps(namespace)}/dependent`)).toMatchObject({ status: 404 });
    });
  });

  it('keeps a dependent that has another owner', async () => {
    const namespace = await room.namespace();
    const one = await room.configMap(namespace, 'one');
    const two = await room.configMap(namespace, 'two');
    await owned(room, namespace, 'dependent', one);
    const both = [one, two].map((owner) => ({
      apiVersion: 'v1',
      kind: 'ConfigMap',
      name: text(owner, 'metadata.name'),
      uid: text(owner, 'metadata.uid'),
    }));
    await room.patch('merge', `${configMaps(namespace)}/dependent`, {
      metadata: { ownerReferences: both },
    });
    await room.call('DELETE', `${configMaps(namespace)}/one`);
    await room.eventually(async () => {
      const { body } = await room.get(`${configMaps(namespace)}/dependent`);
      expect(at(body, 'metadata.ownerReferences')).toMatchObject([{ name: 'two' }]);
    });
  });

  it('keeps the owner until its dependents are gone, in the foreground', async () => {
    const namespace = await room.namespace();
    const created = await room.create(deployments(namespace), deployment('owner'));
    await owned(room, namespace, 'dependent', created.body, { blockOwnerDeletion: true });
    await room.patch('merge', `${configMaps(namespace)}/dependent`, {
      metadata: { finalizers: ['contract.serin.dev/hold'] },
    });
    const options = { body: { propagationPolicy: 'Foreground' } };
    expect((await room.call('DELETE', `${deployments(namespace)}/owner`, options)).status).toBe(
      200,
    );
    await room.eventually(async () => {
      const { body } = await room.get(`${configMaps(namespace)}/dependent`);
      expect(at(body, 'metadata.deletionTimestamp')).toBeTypeOf('string');
    });
    expect((await room.get(`${deployments(namespace)}/owner`)).body).toMatchObject({
      metadata: { finalizers: expect.arrayContaining(['foregroundDeletion']) },
    });
    await room.patch('merge', `${configMaps(namespace)}/dependent`, {
      metadata: { finalizers: null },
    });
    await room.eventually(async () => {
      expect(await room.get(`${deployments(namespace)}/owner`)).toMatchObject({ status: 404 });
    });
  });

  it('lets dependents live when they shall be orphaned', async () => {
    const namespace = await room.namespace();
    const owner = await room.configMap(namespace, 'owner');
    await owned(room, namespace, 'dependent', owner);
    await room.call('DELETE', `${configMaps(namespace)}/owner`, {
      body: { propagationPolicy: 'Orphan' },
    });
    await room.eventually(async () => {
      expect(await room.get(`${configMaps(namespace)}/owner`)).toMatchObject({ status: 404 });
    });
    const { status, body } = await room.get(`${configMaps(namespace)}/dependent`);
    expect(status).toBe(200);
    expect(at(body, 'metadata.ownerReferences')).toBeUndefined();
  });

  it('takes along what names an owner that does not exist', async () => {
    const namespace = await room.namespace();
    const uid = '00000000-0000-4000-8000-000000000000';
    const ownerReferences = [{ apiVersion: 'v1', kind: 'ConfigMap', name: 'never', uid }];
    await room.create(configMaps(namespace), configMap('dependent', {}, { ownerReferences }));
    await room.eventually(async () => {
      expect(await room.get(`${configMaps(namespace)}/dependent`)).toMatchObject({ status: 404 });
    });
  });

  it.each([
    ['name', { name: 'other' }],
    ['kind', { kind: 'Secret' }],
  ])('takes along what names its owner by another %s', async (_what, more) => {
    const namespace = await room.namespace();
    await owned(room, namespace, 'dependent', await room.configMap(namespace, 'owner'), more);
    await room.eventually(async () => {
      expect(await room.get(`${configMaps(namespace)}/dependent`)).toMatchObject({ status: 404 });
    });
    expect(await room.get(`${configMaps(namespace)}/owner`)).toMatchObject({ status: 200 });
  });

  it('takes along what names an owner in another namespace', async () => {
    const [namespace, elsewhere] = [await room.namespace(), await room.namespace()];
    await owned(room, namespace, 'dependent', await room.configMap(elsewhere, 'owner'));
    await room.eventually(async () => {
      expect(await room.get(`${configMaps(namespace)}/dependent`)).toMatchObject({ status: 404 });
    });
  });

  it('keeps what names an owner of a kind that is not served', async () => {
    const namespace = await room.namespace();
    const owner = await room.configMap(namespace, 'owner');
    const unknown = { apiVersion: 'nobody.test/v1', kind: 'Thing' };
    await owned(room, namespace, 'kept', owner, unknown);
    await owned(room, namespace, 'taken', owner, { name: 'other' });
    await room.eventually(async () => {
      expect(await room.get(`${configMaps(namespace)}/taken`)).toMatchObject({ status: 404 });
    });
    expect(await room.get(`${configMaps(namespace)}/kept`)).toMatchObject({ status: 200 });
  });

  it('keeps the namespaces a cluster cannot do without', async () => {
    for (const name of ['default', 'kube-system'])
      expect(await room.call('DELETE', `/api/v1/namespaces/${name}`)).toMatchObject({
        status: 403,
        body: { reason: 'Forbidden' },
      });
  });

  it('empties a namespace before it goes, and lets nothing new in', async () => {
    const namespace = await room.namespace();
    await room.configMap(namespace, 'plain');
    await room.create(
      configMaps(namespace),
      configMap('held', {}, { finalizers: ['contract.serin.dev/hold'] }),
    );
    const path = `/api/v1/namespaces/${namespace}`;
    const reply = await room.call('DELETE', path);
    expect(reply).toMatchObject({ status: 200, body: { status: { phase: 'Terminating' } } });
    expect(await room.create(configMaps(namespace), configMap('late'))).toMatchObject({
      status: 403,
      body: { reason: 'Forbidden', details: { causes: [{ reason: 'NamespaceTerminating' }] } },
    });
    await room.eventually(async () => {
      expect(await room.get(`${configMaps(namespace)}/plain`)).toMatchObject({ status: 404 });
    });
    expect(json((await room.get(path)).body)['status']).toMatchObject({ phase: 'Terminating' });
    await room.patch('merge', `${configMaps(namespace)}/held`, { metadata: { finalizers: null } });
    await room.eventually(async () => {
      expect(await room.get(path)).toMatchObject({ status: 404 });
    });
  });
}
