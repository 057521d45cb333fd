import { expect, it } from 'vitest';

import {
  at,
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

async function withDeployment(room: Room): Promise<string> {
  const namespace = await room.namespace();
  await room.create(deployments(namespace), deployment('a'));
  return `${deployments(namespace)}/a`;
}

const containers = (body: unknown) => at(body, 'spec.template.spec.containers');

export function patches(room: Room): void {
  it('merges, and removes what is null', async () => {
    const namespace = await room.namespace();
    await room.configMap(namespace, 'a', { data: { keep: '1', change: '1', drop: '1' } });
    const { status, body } = await room.patch('merge', `${configMaps(namespace)}/a`, {
      data: { change: '2', drop: null },
    });
    expect(status).toBe(200);
    expect(json(body)['data']).toEqual({ keep: '1', change: '2' });
  });

  it('replaces whole lists in a merge patch', async () => {
    const path = await withDeployment(room);
    const only = [{ name: 'main', image: 'example.test/main:2' }];
    const { body } = await room.patch('merge', path, {
      spec: { template: { spec: { containers: only } } },
    });
    expect(containers(body)).toMatchObject([{ name: 'main', image: 'example.test/main:2' }]);
  });

  it('carries out a JSON patch', async () => {
    const namespace = await room.namespace();
    await room.create(
      configMaps(namespace),
      configMap('a', { data: { x: '1', y: '2' } }, { annotations: { a: '1' } }),
    );
    const { status, body } = await room.patch('json', `${configMaps(namespace)}/a`, [
      { op: 'test', path: '/data/x', value: '1' },
      { op: 'replace', path: '/data/x', value: '3' },
      { op: 'remove', path: '/data/y' },
      { op: 'add', path: '/metadata/annotations/z.test~1w', value: '4' },
      { op: 'copy', from: '/data/x', path: '/data/c' },
      { op: 'move', from: '/data/c', path: '/data/m' },
    ]);
    expect(status).toBe(200);
    expect(json(body)['data']).toEqual({ x: '3', m: '3' });
    expect(at(body, 'metadata.annotations')).toEqual({ a: '1', 'z.test/w': '4' });
  });

  it.each([
    ['a test that fails', [{ op: 'test', path: '/data/x', value: 'other' }]],
    ['a member that is not there', [{ op: 'remove', path: '/data/none' }]],
  ])('refuses a JSON patch with %s', async (_what, operations) => {
    const namespace = await room.namespace();
    await room.configMap(namespace, 'a', { data: { x: '1' } });
    const reply = await room.patch('json', `${configMaps(namespace)}/a`, operations);
    expect(reply.status).toBe(422);
    expect((await room.get(`${configMaps(namespace)}/a`)).body).toMatchObject({ data: { x: '1' } });
  });

  it('merges lists by key in a strategic merge patch', async () => {
    const path = await withDeployment(room);
    const { status, body } = await room.patch('strategic', path, {
      spec: {
        template: {
          spec: {
            containers: [
              { name: 'side', env: [{ name: 'B', value: '2' }] },
              { name: 'third', image: 'example.test/third:1' },
            ],
          },
        },
      },
    });
    expect(status).toBe(200);
    expect(containers(body)).toHaveLength(3);
    const all = (containers(body) as readonly unknown[]).map(json);
    expect(all.find(({ name }) => name === 'side')).toMatchObject({
      image: 'example.test/side:1',
      // What is new comes first.
      env: [
        { name: 'B', value: '2' },
        { name: 'A', value: '1' },
      ],
    });
    expect(all.find(({ name }) => name === 'main')).toMatchObject({
      ports: [{ containerPort: 8080, protocol: 'TCP' }],
    });
  });

  it('deletes and replaces by directive in a strategic merge patch', async () => {
    const path = await withDeployment(room);
    const deleted = await room.patch('strategic', path, {
      spec: { template: { spec: { containers: [{ name: 'side', $patch: 'delete' }] } } },
    });
    expect(containers(deleted.body)).toMatchObject([{ name: 'main' }]);
    const replaced = await room.patch('strategic', path, {
      spec: {
        template: {
          spec: {
            containers: [{ $patch: 'replace' }, { name: 'new', image: 'example.test/new:1' }],
          },
        },
      },
    });
    expect(containers(replaced.body)).toMatchObject([{ name: 'new' }]);
  });

  it('orders lists as asked in a strategic merge patch', async () => {
    const path = await withDeployment(room);
    const { body } = await room.patch('strategic', path, {
      spec: {
        template: {
          spec: {
            '$setElementOrder/containers': [{ name: 'side' }, { name: 'main' }],
            containers: [{ name: 'main', image: 'example.test/main:2' }],
          },
        },
      },
    });
    expect(containers(body)).toMatchObject([
      { name: 'side' },
      { name: 'main', image: 'example.test/main:2' },
    ]);
  });

  it('keeps only the named keys with $retainKeys', async () => {
    const path = await withDeployment(room);
    const { status, body } = await room.patch('strategic', path, {
      spec: { strategy: { $retainKeys: ['type'], type: 'Recreate' } },
    });
    expect(status).toBe(200);
    expect(at(body, 'spec.strategy')).toEqual({ type: 'Recreate' });
  });

  it('takes no strategic merge patch for a custom kind', async () => {
    const namespace = await room.namespace();
    await room.create(widgets(namespace), widget('a'));
    const reply = await room.patch('strategic', `${widgets(namespace)}/a`, { spec: { size: 4 } });
    expect(reply).toMatchObject({ status: 415, body: { reason: 'UnsupportedMediaType' } });
  });

  it('takes no patch of a form it does not know', async () => {
    const namespace = await room.namespace();
    await room.configMap(namespace, 'a');
    const reply = await room.call('PATCH', `${configMaps(namespace)}/a`, {
      body: { data: {} },
      headers: { 'content-type': 'application/json' },
    });
    expect(reply).toMatchObject({ status: 415 });
  });

  it('refuses a patch that carries an old version', async () => {
    const namespace = await room.namespace();
    const created = await room.configMap(namespace, 'a');
    await room.patch('merge', `${configMaps(namespace)}/a`, { data: { x: '1' } });
    const resourceVersion = text(created, 'metadata.resourceVersion');
    const patch = { metadata: { resourceVersion }, data: { x: '2' } };
    expect(await room.patch('merge', `${configMaps(namespace)}/a`, patch)).toMatchObject({
      status: 409,
      body: { reason: 'Conflict' },
    });
  });

  it('changes nothing when nothing would change', async () => {
    const namespace = await room.namespace();
    const created = await room.configMap(namespace, 'a', { data: { x: '1' } });
    const { body } = await room.patch('merge', `${configMaps(namespace)}/a`, { data: { x: '1' } });
    expect(body).toEqual(created);
  });

  it('answers 404 for what does not exist', async () => {
    const namespace = await room.namespace();
    expect(await room.patch('merge', `${configMaps(namespace)}/none`, {})).toMatchObject({
      status: 404,
    });
  });

  it('patches the status alone through /status', async () => {
    const namespace = await room.namespace();
    await room.create(widgets(namespace), widget('a'));
    const { body } = await room.patch('merge', `${widgets(namespace)}/a/status`, {
      metadata: { labels: { no: 'way' } },
      spec: { size: 9 },
      status: { phase: 'Ready' },
    });
    expect(body).toMatchObject({ spec: { size: 3 }, status: { phase: 'Ready' } });
    expect(at(body, 'metadata.labels')).toBeUndefined();
  });
}
