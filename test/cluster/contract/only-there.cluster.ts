/** What the real server has and the sandbox's refuses or lacks: server-side apply, the other view of Events. */

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { httpClient } from '../../contract/cluster/http-client.ts';
import { at, causes, configMaps, json, Room, text } from '../../contract/cluster/room.ts';
import { serverOfKubeconfig } from './kubeconfig.ts';

const room = new Room();

beforeAll(() => room.open(httpClient(serverOfKubeconfig())));
afterAll(() => room.close());

function apply(namespace: string, data: object, fieldManager: string, force = false) {
  const body = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'a' }, data };
  const headers = { 'content-type': 'application/apply-patch+yaml' };
  const query = { fieldManager, ...(force ? { force: 'true' } : {}) };
  return room.call('PATCH', `${configMaps(namespace)}/a`, { body, headers, query });
}

describe('server-side apply', () => {
  it('creates, and changes nothing when it is said again', async () => {
    const namespace = await room.namespace();
    const created = await apply(namespace, { k: '1' }, 'flux');
    expect(created).toMatchObject({ status: 201, body: { data: { k: '1' } } });
    const again = await apply(namespace, { k: '1' }, 'flux');
    expect(again.status).toBe(200);
    expect(at(again.body, 'metadata.resourceVersion')).toBe(
      at(created.body, 'metadata.resourceVersion'),
    );
  });

  it('takes away what the manager no longer asks for, and only that', async () => {
    const namespace = await room.namespace();
    await apply(namespace, { k: '1', l: '1' }, 'flux');
    await room.patch('merge', `${configMaps(namespace)}/a`, { data: { ours: 'x' } });
    const { body } = await apply(namespace, { k: '1' }, 'flux');
    expect(json(body)['data']).toEqual({ k: '1', ours: 'x' });
  });

  it('refuses to overwrite what another has written, and names field and manager', async () => {
    const namespace = await room.namespace();
    await apply(namespace, { k: '1' }, 'flux');
    const query = { fieldManager: 'serin' };
    await room.patch('merge', `${configMaps(namespace)}/a`, { data: { k: '2' } }, query);
    const refused = await apply(namespace, { k: '1' }, 'flux');
    expect(refused).toMatchObject({ status: 409, body: { reason: 'Conflict' } });
    expect(causes(refused.body)).toEqual(['.data.k: FieldManagerConflict']);
    expect(text(refused.body, 'message')).toContain('conflict with "serin"');
    const forced = await apply(namespace, { k: '1' }, 'flux', true);
    expect(forced).toMatchObject({ status: 200, body: { data: { k: '1' } } });
  });

  it('leaves a field to the operator that the manager never asked for', async () => {
    const namespace = await room.namespace();
    await apply(namespace, { k: '1' }, 'flux');
    const query = { fieldManager: 'serin' };
    const path = `${configMaps(namespace)}/a`;
    const ours = await room.patch('merge', path, { data: { replicas: '3' } }, query);
    const after = await apply(namespace, { k: '1' }, 'flux');
    expect(at(after.body, 'metadata.resourceVersion')).toBe(
      at(ours.body, 'metadata.resourceVersion'),
    );
  });
});

describe('Events', () => {
  it('are the same in both groups, under other names', async () => {
    const namespace = await room.namespace();
    const path = `/api/v1/namespaces/${namespace}/events`;
    await room.create(path, {
      metadata: { name: 'a.1' },
      involvedObject: { kind: 'ConfigMap', name: 'a', namespace },
      reason: 'Tested',
      message: 'all is well',
      type: 'Normal',
      source: { component: 'serin' },
      reportingComponent: 'serin',
      reportingInstance: 'one',
      firstTimestamp: '2026-01-01T00:00:00Z',
      lastTimestamp: '2026-01-01T00:00:00Z',
      count: 1,
    });
    const other = await room.get(`/apis/events.k8s.io/v1/namespaces/${namespace}/events/a.1`);
    expect(other.body).toMatchObject({
      kind: 'Event',
      regarding: { kind: 'ConfigMap', name: 'a' },
      note: 'all is well',
      reportingController: 'serin',
      deprecatedSource: { component: 'serin' },
      deprecatedCount: 1,
    });
  });
});
