import { expect, it } from 'vitest';

import {
  at,
  causes,
  configMaps,
  deployment,
  deployments,
  json,
  text,
  widget,
  widgets,
  type Room,
} from './room.ts';

function without(object: unknown, key: string): object {
  const { [key]: _dropped, ...rest } = json(json(object)['metadata']);
  return { ...json(object), metadata: rest };
}

export function updates(room: Room): void {
  it('replaces an object and gives it a new version', async () => {
    const namespace = await room.namespace();
    const created = await room.configMap(namespace, 'a', { data: { k: '1', gone: 'x' } });
    const reply = await room.put(`${configMaps(namespace)}/a`, { ...created, data: { k: '2' } });
    expect(reply).toMatchObject({ status: 200, body: { data: { k: '2' } } });
    expect(at(reply.body, 'data.gone')).toBeUndefined();
    const [before, after] = [created, reply.body].map((body) =>
      Number(text(body, 'metadata.resourceVersion')),
    );
    expect(after).toBeGreaterThan(before ?? 0);
    expect(at(reply.body, 'metadata.uid')).toBe(at(created, 'metadata.uid'));
  });

  it('refuses an update of an old version', async () => {
    const namespace = await room.namespace();
    const created = await room.configMap(namespace, 'a');
    await room.put(`${configMaps(namespace)}/a`, { ...created, data: { k: '1' } });
    expect(
      await room.put(`${configMaps(namespace)}/a`, { ...created, data: { k: '2' } }),
    ).toMatchObject({
      status: 409,
      body: {
        reason: 'Conflict',
        message: expect.stringContaining('the object has been modified'),
        details: { name: 'a', kind: 'configmaps' },
      },
    });
  });

  it('overwrites a built-in kind when no version is given', async () => {
    const namespace = await room.namespace();
    const created = await room.configMap(namespace, 'a');
    const body = { ...without(created, 'resourceVersion'), data: { k: '1' } };
    expect(await room.put(`${configMaps(namespace)}/a`, body)).toMatchObject({ status: 200 });
  });

  it('wants a version for a custom kind', async () => {
    const namespace = await room.namespace();
    const created = await room.create(widgets(namespace), widget('a'));
    const { status, body } = await room.put(
      `${widgets(namespace)}/a`,
      without(created.body, 'resourceVersion'),
    );
    expect(status).toBe(422);
    expect(causes(body)).toEqual(['metadata.resourceVersion: FieldValueInvalid']);
  });

  it('changes nothing when nothing would change', async () => {
    const namespace = await room.namespace();
    const created = await room.configMap(namespace, 'a', { data: { k: '1' } });
    const reply = await room.put(`${configMaps(namespace)}/a`, created);
    expect(at(reply.body, 'metadata.resourceVersion')).toBe(
      at(created, 'metadata.resourceVersion'),
    );
  });

  it('answers 404 for what does not exist', async () => {
    const namespace = await room.namespace();
    const body = { ...widget('a') };
    expect(await room.put(`${widgets(namespace)}/a`, body)).toMatchObject({ status: 404 });
  });

  it('creates a Lease by PUT', async () => {
    const namespace = await room.namespace();
    const path = `/apis/coordination.k8s.io/v1/namespaces/${namespace}/leases/lock`;
    const body = {
      apiVersion: 'coordination.k8s.io/v1',
      kind: 'Lease',
      metadata: { name: 'lock' },
      spec: { holderIdentity: 'me' },
    };
    expect(await room.put(path, body)).toMatchObject({
      status: 201,
      body: { spec: { holderIdentity: 'me' } },
    });
  });

  it('refuses another uid and another name', async () => {
    const namespace = await room.namespace();
    const created = await room.configMap(namespace, 'a');
    const uid = '00000000-0000-4000-8000-000000000000';
    const metadata = json(created['metadata']);
    expect(
      await room.put(`${configMaps(namespace)}/a`, { ...created, metadata: { ...metadata, uid } }),
    ).toMatchObject({ status: 409 });
    expect(
      await room.put(`${configMaps(namespace)}/a`, {
        ...created,
        metadata: { ...metadata, name: 'b' },
      }),
    ).toMatchObject({ status: 400 });
  });

  it('keeps status and spec apart', async () => {
    const namespace = await room.namespace();
    const created = await room.create(
      widgets(namespace),
      widget('a', {}, { status: { phase: 'Made up' } }),
    );
    expect(json(created.body)['status']).toBeUndefined();
    const both = { ...json(created.body), spec: { size: 9 }, status: { phase: 'Ready' } };
    const status = await room.put(`${widgets(namespace)}/a/status`, both);
    expect(status).toMatchObject({
      status: 200,
      body: { spec: { size: 3 }, status: { phase: 'Ready' }, metadata: { generation: 1 } },
    });
    const again = { ...json(status.body), spec: { size: 9 }, status: { phase: 'Lost' } };
    expect(await room.put(`${widgets(namespace)}/a`, again)).toMatchObject({
      status: 200,
      body: { spec: { size: 9 }, status: { phase: 'Ready' }, metadata: { generation: 2 } },
    });
  });

  it('counts generations of the spec only', async () => {
    const namespace = await room.namespace();
    await room.create(deployments(namespace), deployment('a'));
    const path = `${deployments(namespace)}/a`;
    const generation = async () => at((await room.get(path)).body, 'metadata.generation');
    expect(await generation()).toBe(1);
    await room.patch('merge', path, { metadata: { labels: { x: 'y' } } });
    await room.patch('merge', `${path}/status`, { status: { observedGeneration: 1 } });
    expect(await generation()).toBe(1);
    await room.patch('merge', path, { spec: { paused: true } });
    expect(await generation()).toBe(2);
  });

  it('stores nothing on a dry run', async () => {
    const namespace = await room.namespace();
    const created = await room.configMap(namespace, 'a');
    const reply = await room.put(
      `${configMaps(namespace)}/a`,
      { ...created, data: { k: '1' } },
      { dryRun: 'All' },
    );
    expect(reply).toMatchObject({ status: 200, body: { data: { k: '1' } } });
    expect((await room.get(`${configMaps(namespace)}/a`)).body).toEqual(created);
  });

  it('remembers who wrote a field last', async () => {
    const namespace = await room.namespace();
    await room.create(widgets(namespace), widget('a'), { fieldManager: 'first' });
    const path = `${widgets(namespace)}/a`;
    const { body } = await room.patch(
      'merge',
      path,
      { spec: { size: 4 } },
      { fieldManager: 'second' },
    );
    const entries = at(body, 'metadata.managedFields');
    const owners = (Array.isArray(entries) ? entries : []).filter(
      (entry) => at(entry, 'fieldsV1.f:spec.f:size') !== undefined,
    );
    expect(owners).toEqual([expect.objectContaining({ manager: 'second', operation: 'Update' })]);
  });

  it('scales through /scale', async () => {
    const namespace = await room.namespace();
    await room.create(deployments(namespace), deployment('a'));
    const path = `${deployments(namespace)}/a`;
    await room.whenSeen(path);
    const scale = await room.get(`${path}/scale`);
    expect(scale.body).toMatchObject({
      kind: 'Scale',
      apiVersion: 'autoscaling/v1',
      status: { selector: 'app=a' },
    });
    const reply = await room.put(`${path}/scale`, { ...json(scale.body), spec: { replicas: 2 } });
    expect(reply).toMatchObject({ status: 200, body: { spec: { replicas: 2 } } });
    expect((await room.get(path)).body).toMatchObject({
      spec: { replicas: 2 },
      metadata: { generation: 2 },
    });
    expect(
      await room.put(`${path}/scale`, { ...json(scale.body), spec: { replicas: 3 } }),
    ).toMatchObject({ status: 409 });
    expect(await room.patch('merge', `${path}/scale`, { spec: { replicas: 0 } })).toMatchObject({
      status: 200,
    });
    expect(await room.patch('merge', `${path}/scale`, { spec: { replicas: -1 } })).toMatchObject({
      status: 422,
    });
  });

  it('scales a custom kind where its definition says', async () => {
    const namespace = await room.namespace();
    await room.create(widgets(namespace), widget('a', { replicas: 1 }));
    const path = `${widgets(namespace)}/a`;
    await room.patch('merge', `${path}/status`, { status: { replicas: 1, selector: 'app=a' } });
    expect(await room.patch('merge', `${path}/scale`, { spec: { replicas: 5 } })).toMatchObject({
      status: 200,
      body: { spec: { replicas: 5 }, status: { replicas: 1, selector: 'app=a' } },
    });
    expect((await room.get(path)).body).toMatchObject({ spec: { replicas: 5 } });
  });

  it('answers 404 for a subresource the kind does not have', async () => {
    const namespace = await room.namespace();
    await room.configMap(namespace, 'a');
    expect(await room.get(`${configMaps(namespace)}/a/scale`)).toMatchObject({ status: 404 });
  });
}
