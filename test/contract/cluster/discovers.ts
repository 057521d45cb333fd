import { expect, it } from 'vitest';

import { GROUP, items, json, type Json, type Room } from './room.ts';

export function discovers(room: Room): void {
  it('says that it is ready', async () => {
    for (const path of ['/healthz', '/livez', '/readyz'])
      expect(await room.get(path)).toMatchObject({ status: 200, body: 'ok' });
  });

  it('tells its version', async () => {
    const { status, body } = await room.get('/version');
    expect(status).toBe(200);
    expect(body).toMatchObject({ major: '1', gitVersion: expect.stringMatching(/^v1\.\d+\./) });
  });

  it('lists the core kinds with scope, verbs and short names', async () => {
    const { body } = await room.get('/api/v1');
    const resources = json(body)['resources'];
    expect(resources).toContainEqual(
      expect.objectContaining({
        name: 'configmaps',
        kind: 'ConfigMap',
        namespaced: true,
        shortNames: ['cm'],
      }),
    );
    expect(resources).toContainEqual(
      expect.objectContaining({ name: 'namespaces', namespaced: false }),
    );
    expect(resources).toContainEqual(expect.objectContaining({ name: 'namespaces/status' }));
  });

  it('lists groups with their versions, the preferred one first', async () => {
    const { body } = await room.get('/apis');
    expect(body).toMatchObject({ kind: 'APIGroupList' });
    const groups = json(body)['groups'];
    expect(groups).toContainEqual(expect.objectContaining({ name: 'apps' }));
    expect(groups).toContainEqual(
      expect.objectContaining({
        name: GROUP,
        preferredVersion: { groupVersion: `${GROUP}/v1`, version: 'v1' },
        versions: [
          { groupVersion: `${GROUP}/v1`, version: 'v1' },
          { groupVersion: `${GROUP}/v1beta1`, version: 'v1beta1' },
        ],
      }),
    );
  });

  it('lists the kinds of a custom group, with their subresources', async () => {
    const { body } = await room.get(`/apis/${GROUP}/v1`);
    const resources = json(body)['resources'];
    expect(resources).toContainEqual(
      expect.objectContaining({
        name: 'widgets',
        kind: 'Widget',
        singularName: 'widget',
        shortNames: ['wd'],
      }),
    );
    expect(resources).toContainEqual(expect.objectContaining({ name: 'widgets/status' }));
    expect(resources).toContainEqual(
      expect.objectContaining({ name: 'widgets/scale', kind: 'Scale', group: 'autoscaling' }),
    );
  });

  it('publishes an OpenAPI document for each group and version', async () => {
    let entry: Json = {};
    // A definition is served before it is described.
    await room.eventually(async () => {
      const { body: index } = await room.get('/openapi/v3');
      const read: unknown = typeof index === 'string' ? JSON.parse(index) : index;
      entry = json(json(json(read)['paths'])[`apis/${GROUP}/v1`]);
    });
    const url = new URL(String(entry['serverRelativeURL']), 'http://server');
    const { body } = await room.get(url.pathname, Object.fromEntries(url.searchParams));
    const schemas = Object.values(json(json(json(body)['components'])['schemas']));
    const kind = { group: GROUP, version: 'v1', kind: 'Widget' };
    expect(schemas).toContainEqual(
      expect.objectContaining({ 'x-kubernetes-group-version-kind': [kind] }),
    );
  });

  it.each(['/apis/nobody.test/v1', '/apis/nobody.test/v1/things', '/api/v1/things'])(
    'answers 404 at %s',
    async (path) => {
      expect(await room.get(path)).toMatchObject({ status: 404 });
    },
  );

  it('has the namespaces a cluster has', async () => {
    const { body } = await room.get('/api/v1/namespaces');
    const all = items(body).map(({ metadata }) => json(metadata)['name']);
    expect(all).toEqual(
      expect.arrayContaining(['default', 'kube-system', 'kube-public', 'kube-node-lease']),
    );
  });
}
