/** Writes that hold only for what they were made from, and what is answered when it has changed. */

import { expect, it } from 'vitest';

import {
  at,
  configMaps,
  deployment,
  deployments,
  GROUP,
  json,
  text,
  widget,
  widgets,
  type Room,
} from './room.ts';

const OTHER_UID = '00000000-0000-4000-8000-000000000000';
const STALE = { metadata: { resourceVersion: '1' } };

const leases = (namespace: string) => `/apis/coordination.k8s.io/v1/namespaces/${namespace}/leases`;

const lease = (spec: object, metadata: object = {}) => ({
  apiVersion: 'coordination.k8s.io/v1',
  kind: 'Lease',
  metadata: { name: 'lock', ...metadata },
  spec,
});

export function guardedWrites(room: Room): void {
  it('refuses a merge patch of an old version, on the object and on its parts', async () => {
    const namespace = await room.namespace();
    await room.create(widgets(namespace), widget('a', { replicas: 1 }));
    for (const part of ['', '/status', '/scale'])
      expect(await room.patch('merge', `${widgets(namespace)}/a${part}`, STALE)).toMatchObject({
        status: 409,
        body: {
          kind: 'Status',
          reason: 'Conflict',
          code: 409,
          message: `Operation cannot be fulfilled on widgets.${GROUP} "a": the object has been modified; please apply your changes to the latest version and try again`,
          details: { name: 'a', group: GROUP, kind: 'widgets' },
        },
      });
  });

  it('carries out a merge patch of the version that is there', async () => {
    const namespace = await room.namespace();
    const created = await room.configMap(namespace, 'a');
    const resourceVersion = text(created, 'metadata.resourceVersion');
    const patch = { metadata: { resourceVersion }, data: { k: '1' } };
    const path = `${configMaps(namespace)}/a`;
    expect(await room.patch('merge', path, patch)).toMatchObject({ status: 200 });
    expect(await room.patch('merge', path, patch)).toMatchObject({ status: 409 });
  });

  it.each([
    ['uid', OTHER_UID, 422],
    ['name', 'b', 400],
    ['namespace', 'default', 400],
  ])('refuses to change the %s of an object', async (field, value, status) => {
    const namespace = await room.namespace();
    await room.configMap(namespace, 'a');
    const reply = await room.patch('merge', `${configMaps(namespace)}/a`, {
      metadata: { [field]: value },
    });
    expect(reply).toMatchObject({ status, body: { kind: 'Status' } });
  });

  it('names the kind, both values and the likely cause when a deletion does not hold', async () => {
    const namespace = await room.namespace();
    const created = await room.create(widgets(namespace), widget('a'));
    const uid = text(created.body, 'metadata.uid');
    const resourceVersion = text(created.body, 'metadata.resourceVersion');
    const refused = async (preconditions: object) =>
      room.call('DELETE', `${widgets(namespace)}/a`, { body: { preconditions } });
    const start = `Operation cannot be fulfilled on Widget.${GROUP} "a": the`;
    const conflict = (end: string) => ({
      status: 409,
      body: {
        reason: 'Conflict',
        message: `${start} ${end}`,
        details: { name: 'a', group: GROUP, kind: 'Widget' },
      },
    });
    expect(await refused({ uid: OTHER_UID })).toMatchObject(
      conflict(
        `UID in the precondition (${OTHER_UID}) does not match the UID in record (${uid}). The object might have been deleted and then recreated`,
      ),
    );
    expect(await refused({ uid, resourceVersion: '1' })).toMatchObject(
      conflict(
        `ResourceVersion in the precondition (1) does not match the ResourceVersion in record (${resourceVersion}). The object might have been modified`,
      ),
    );
  });

  it('refuses policies of deletion that it does not know or that contradict each other', async () => {
    const namespace = await room.namespace();
    await room.configMap(namespace, 'a');
    for (const body of [
      { propagationPolicy: 'Other' },
      { propagationPolicy: 'Orphan', orphanDependents: true },
    ])
      expect(await room.call('DELETE', `${configMaps(namespace)}/a`, { body })).toMatchObject({
        status: 422,
        body: { details: { causes: [{ field: 'propagationPolicy' }] } },
      });
  });

  it('answers a change of scale with the version that the object has now', async () => {
    const namespace = await room.namespace();
    await room.create(widgets(namespace), widget('a', { replicas: 1 }));
    const path = `${widgets(namespace)}/a`;
    const scaled = await room.patch('merge', `${path}/scale`, { spec: { replicas: 2 } });
    const after = await room.get(path);
    expect(at(scaled.body, 'metadata.resourceVersion')).toBe(
      at(after.body, 'metadata.resourceVersion'),
    );
    expect(after.body).toMatchObject({ metadata: { generation: 2 }, spec: { replicas: 2 } });
    const again = await room.patch('merge', `${path}/scale`, { spec: { replicas: 2 } });
    expect(at(again.body, 'metadata.resourceVersion')).toBe(
      at(after.body, 'metadata.resourceVersion'),
    );
  });

  it('refuses a scale that is none, in the words of who looks at it', async () => {
    const namespace = await room.namespace();
    await room.create(deployments(namespace), deployment('a', { paused: true }));
    await room.create(widgets(namespace), widget('a', { replicas: 1 }));
    const built = `${deployments(namespace)}/a/scale`;
    const custom = `${widgets(namespace)}/a/scale`;
    const negative = { spec: { replicas: -1 } };
    expect(text((await room.patch('merge', built, negative)).body, 'message')).toBe(
      'Scale.autoscaling "a" is invalid: spec.replicas: Invalid value: -1: must be greater than or equal to 0',
    );
    expect(text((await room.patch('merge', custom, negative)).body, 'message')).toBe(
      `Widget.${GROUP} "a" is invalid: .spec.replicas: Invalid value: -1: should be a non-negative integer`,
    );
    expect(await room.patch('merge', built, { spec: { replicas: 'two' } })).toMatchObject({
      status: 422,
    });
    expect(await room.put(built, { spec: { replicas: 1 } })).toMatchObject({ status: 400 });
  });

  it('counts no generation for what is written to the status, annotations included', async () => {
    const namespace = await room.namespace();
    await room.create(deployments(namespace), deployment('a', { paused: true }));
    const path = `${deployments(namespace)}/a`;
    await room.whenSeen(path);
    const metadata = { annotations: { x: 'y' }, labels: { dropped: 'yes' } };
    const status = await room.patch('merge', `${path}/status`, { metadata });
    expect(status).toMatchObject({
      status: 200,
      body: { metadata: { generation: 1, annotations: { x: 'y' } } },
    });
    expect(at(status.body, 'metadata.labels')).toBeUndefined();
    const own = await room.patch('merge', path, { metadata: { annotations: { x: 'z' } } });
    expect(own).toMatchObject({ body: { metadata: { generation: 2 } } });
  });

  it('lets one of two take a Lease', async () => {
    const namespace = await room.namespace();
    const spec = {
      holderIdentity: 'one',
      leaseDurationSeconds: 9,
      acquireTime: '2026-01-01T00:00:00.000000Z',
      renewTime: '2026-01-01T00:00:00.000000Z',
    };
    const created = await room.create(leases(namespace), lease(spec));
    expect(created).toMatchObject({ status: 201, body: { spec } });
    expect(await room.create(leases(namespace), lease(spec))).toMatchObject({
      status: 409,
      body: { reason: 'AlreadyExists' },
    });
    const path = `${leases(namespace)}/lock`;
    const take = { ...json(created.body), spec: { ...spec, holderIdentity: 'two' } };
    expect(await room.put(path, take)).toMatchObject({ status: 200 });
    expect(await room.put(path, take)).toMatchObject({
      status: 409,
      body: { reason: 'Conflict', details: { name: 'lock', kind: 'leases' } },
    });
  });

  it('wants a version for a Lease, and the uid that it has', async () => {
    const namespace = await room.namespace();
    await room.create(leases(namespace), lease({ holderIdentity: 'one' }));
    const path = `${leases(namespace)}/lock`;
    const blind = await room.put(path, lease({ holderIdentity: 'two' }));
    expect(blind.status).toBe(422);
    expect(text(blind.body, 'message')).toBe(
      'leases.coordination.k8s.io "lock" is invalid: metadata.resourceVersion: Invalid value: 0: must be specified for an update',
    );
    const other = await room.put(path, lease({ holderIdentity: 'two' }, { uid: OTHER_UID }));
    expect(other).toMatchObject({ status: 409, body: { reason: 'Conflict' } });
  });

  it.each(['2026-01-01T00:00:00Z', '2026-01-01T00:00:00.123Z'])(
    'takes six decimals in the times of a Lease, not %s',
    async (renewTime) => {
      const namespace = await room.namespace();
      expect(await room.create(leases(namespace), lease({ renewTime }))).toMatchObject({
        status: 400,
      });
    },
  );
}
