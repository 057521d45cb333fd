import { expect, it } from 'vitest';

import {
  causes,
  configMap,
  configMaps,
  deployment,
  deployments,
  json,
  text,
  widget,
  widgets,
  type Room,
} from './room.ts';

export function createsAndReads(room: Room): void {
  it('completes the metadata of what is created', async () => {
    const namespace = await room.namespace();
    const { status, body } = await room.create(
      configMaps(namespace),
      configMap('a', { data: { k: 'v' } }),
    );
    expect(status).toBe(201);
    expect(body).toMatchObject({
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: {
        name: 'a',
        namespace,
        uid: expect.stringMatching(/^[0-9a-f-]{36}$/),
        resourceVersion: expect.stringMatching(/^\d+$/),
        creationTimestamp: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/),
      },
      data: { k: 'v' },
    });
    const read = await room.get(`${configMaps(namespace)}/a`);
    expect(read).toMatchObject({ status: 200 });
    expect(read.body).toEqual(body);
  });

  it('ignores what only the server may set', async () => {
    const namespace = await room.namespace();
    const metadata = { uid: 'mine', creationTimestamp: '2001-01-01T00:00:00Z', generation: 7 };
    const { body } = await room.create(configMaps(namespace), configMap('a', {}, metadata));
    expect(text(body, 'metadata.uid')).not.toBe('mine');
    expect(text(body, 'metadata.creationTimestamp')).not.toBe('2001-01-01T00:00:00Z');
  });

  it('completes a name from generateName', async () => {
    const namespace = await room.namespace();
    const body = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { generateName: 'gen-' } };
    const one = await room.create(configMaps(namespace), body);
    const two = await room.create(configMaps(namespace), body);
    expect(text(one.body, 'metadata.name')).toMatch(/^gen-[a-z0-9]{5}$/);
    expect(text(one.body, 'metadata.name')).not.toBe(text(two.body, 'metadata.name'));
  });

  it('refuses a name that is taken', async () => {
    const namespace = await room.namespace();
    await room.configMap(namespace, 'a');
    expect(await room.create(configMaps(namespace), configMap('a'))).toMatchObject({
      status: 409,
      body: {
        kind: 'Status',
        status: 'Failure',
        reason: 'AlreadyExists',
        code: 409,
        message: 'configmaps "a" already exists',
        details: { name: 'a', kind: 'configmaps' },
      },
    });
  });

  it('answers 404 with a Status for what does not exist', async () => {
    const namespace = await room.namespace();
    expect(await room.get(`${deployments(namespace)}/none`)).toMatchObject({
      status: 404,
      body: {
        kind: 'Status',
        reason: 'NotFound',
        message: 'deployments.apps "none" not found',
        details: { name: 'none', group: 'apps', kind: 'deployments' },
      },
    });
  });

  it('creates nothing in a namespace that does not exist', async () => {
    const reply = await room.create(configMaps('contract-nowhere'), configMap('a'));
    expect(reply).toMatchObject({
      status: 404,
      body: { message: 'namespaces "contract-nowhere" not found' },
    });
  });

  it('refuses a body for another namespace', async () => {
    const namespace = await room.namespace();
    const body = configMap('a', {}, { namespace: 'default' });
    expect(await room.create(configMaps(namespace), body)).toMatchObject({
      status: 400,
      body: { reason: 'BadRequest' },
    });
  });

  it('refuses a body of another version or kind', async () => {
    const namespace = await room.namespace();
    const version = { ...deployment('a'), apiVersion: 'apps/v1beta1' };
    expect(await room.create(deployments(namespace), version)).toMatchObject({ status: 400 });
    const kind = { ...widget('a'), kind: 'Gadget' };
    expect(await room.create(widgets(namespace), kind)).toMatchObject({
      status: 422,
      body: {
        details: { causes: [{ field: 'kind', message: expect.stringContaining('Widget') }] },
      },
    });
  });

  it('wants a name', async () => {
    const namespace = await room.namespace();
    const { status, body } = await room.create(configMaps(namespace), { metadata: {} });
    expect(status).toBe(422);
    expect(causes(body)).toEqual(['metadata.name: FieldValueRequired']);
  });

  it.each(['Upper', 'under_score', '-dash', 'a..b'])('refuses the name %s', async (name) => {
    const namespace = await room.namespace();
    const { status, body } = await room.create(configMaps(namespace), configMap(name));
    expect(status).toBe(422);
    expect(causes(body)).toEqual(['metadata.name: FieldValueInvalid']);
  });

  it('refuses labels that are none', async () => {
    const namespace = await room.namespace();
    const body = configMap('a', {}, { labels: { fine: 'not fine!' } });
    const reply = await room.create(configMaps(namespace), body);
    expect(reply.status).toBe(422);
    expect(causes(reply.body)).toEqual(['metadata.labels: FieldValueInvalid']);
  });

  it('stores nothing on a dry run', async () => {
    const namespace = await room.namespace();
    const reply = await room.create(configMaps(namespace), configMap('a'), { dryRun: 'All' });
    expect(reply.status).toBe(201);
    expect(await room.get(`${configMaps(namespace)}/a`)).toMatchObject({ status: 404 });
  });

  it('drops fields it does not know, refuses them or warns, as asked', async () => {
    const namespace = await room.namespace();
    const body = { ...configMap('a'), colour: 'red' };
    const strict = await room.create(configMaps(namespace), body, { fieldValidation: 'Strict' });
    expect(strict).toMatchObject({ status: 400, body: { reason: 'BadRequest' } });
    expect(text(strict.body, 'message')).toContain('unknown field "colour"');
    const warned = await room.create(configMaps(namespace), body, { fieldValidation: 'Warn' });
    expect(warned.status).toBe(201);
    expect(warned.headers['warning']).toContain('unknown field');
    expect(json(warned.body)['colour']).toBeUndefined();
    const other = { ...configMap('b'), colour: 'red' };
    const ignored = await room.create(configMaps(namespace), other, { fieldValidation: 'Ignore' });
    expect(ignored.status).toBe(201);
    expect(ignored.headers['warning']).toBeUndefined();
  });

  it('refuses a body that is not JSON of the right type', async () => {
    const namespace = await room.namespace();
    const body = deployment('a', { replicas: 'many' });
    expect(await room.create(deployments(namespace), body)).toMatchObject({
      status: 400,
      body: { reason: 'BadRequest' },
    });
  });

  it('refuses a body in a form it does not read', async () => {
    const namespace = await room.namespace();
    const reply = await room.call('POST', configMaps(namespace), {
      body: configMap('a'),
      headers: { 'content-type': 'text/plain' },
    });
    expect(reply).toMatchObject({ status: 415, body: { reason: 'UnsupportedMediaType' } });
  });
}
