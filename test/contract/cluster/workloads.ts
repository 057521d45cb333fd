import { expect, it } from 'vitest';

import {
  at,
  causes,
  configMaps,
  deployment,
  deployments,
  json,
  names,
  text,
  type Room,
} from './room.ts';

const services = (namespace: string) => `/api/v1/namespaces/${namespace}/services`;
const service = (name: string, spec: object) => ({
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name },
  spec,
});

export function workloads(room: Room): void {
  it('fills in the defaults of a Deployment', async () => {
    const namespace = await room.namespace();
    const { replicas: _dropped, ...spec } = json(deployment('a')['spec']);
    const { body } = await room.create(
      deployments(namespace),
      { ...deployment('a'), spec },
      { dryRun: 'All' },
    );
    expect(body).toMatchObject({
      metadata: { generation: 1 },
      spec: {
        replicas: 1,
        revisionHistoryLimit: 10,
        progressDeadlineSeconds: 600,
        strategy: {
          type: 'RollingUpdate',
          rollingUpdate: { maxSurge: '25%', maxUnavailable: '25%' },
        },
        template: {
          spec: {
            restartPolicy: 'Always',
            dnsPolicy: 'ClusterFirst',
            schedulerName: 'default-scheduler',
            terminationGracePeriodSeconds: 30,
            securityContext: {},
            containers: [
              {
                imagePullPolicy: 'IfNotPresent',
                terminationMessagePath: '/dev/termination-log',
                terminationMessagePolicy: 'File',
                resources: {},
                ports: [{ containerPort: 8080, protocol: 'TCP' }],
              },
              { name: 'side' },
            ],
          },
        },
      },
    });
  });

  it('pulls a moving tag always', async () => {
    const namespace = await room.namespace();
    const body = deployment('a', {
      template: {
        metadata: { labels: { app: 'a' } },
        spec: { containers: [{ name: 'm', image: 'example.test/m' }] },
      },
    });
    const reply = await room.create(deployments(namespace), body, { dryRun: 'All' });
    expect(at(reply.body, 'spec.template.spec.containers.0.imagePullPolicy')).toBe('Always');
  });

  it('keeps the selector of a Deployment', async () => {
    const namespace = await room.namespace();
    await room.create(deployments(namespace), deployment('a'));
    const labels = { app: 'b' };
    const patch = {
      spec: { selector: { matchLabels: labels }, template: { metadata: { labels } } },
    };
    const reply = await room.patch('merge', `${deployments(namespace)}/a`, patch);
    expect(reply).toMatchObject({ status: 422, body: { reason: 'Invalid' } });
    expect(text(reply.body, 'message')).toContain('field is immutable');
  });

  it('refuses a Deployment whose selector does not match its template', async () => {
    const namespace = await room.namespace();
    const body = deployment('a', { selector: { matchLabels: { app: 'other' } } });
    const reply = await room.create(deployments(namespace), body);
    expect(reply.status).toBe(422);
    expect(causes(reply.body)).toEqual(['spec.template.metadata.labels: FieldValueInvalid']);
  });

  it('refuses a container without an image, and negative replicas', async () => {
    const namespace = await room.namespace();
    const template = { metadata: { labels: { app: 'a' } }, spec: { containers: [{ name: 'm' }] } };
    const reply = await room.create(
      deployments(namespace),
      deployment('a', { template, replicas: -1 }),
    );
    expect(reply.status).toBe(422);
    expect(causes(reply.body)).toEqual([
      'spec.replicas: FieldValueInvalid',
      'spec.template.spec.containers[0].image: FieldValueRequired',
    ]);
  });

  it('starts a Deployment without a status', async () => {
    const namespace = await room.namespace();
    const body = { ...deployment('a'), status: { replicas: 5 } };
    const reply = await room.create(deployments(namespace), body);
    expect(at(reply.body, 'status.replicas')).toBeUndefined();
  });

  it('gives a Service an address and defaults', async () => {
    const namespace = await room.namespace();
    const spec = { selector: { app: 'a' }, ports: [{ port: 80 }] };
    const { status, body } = await room.create(services(namespace), service('a', spec));
    expect(status).toBe(201);
    expect(body).toMatchObject({
      spec: {
        type: 'ClusterIP',
        clusterIP: expect.stringMatching(/^[\d.]+$|:/),
        sessionAffinity: 'None',
        internalTrafficPolicy: 'Cluster',
        ports: [{ port: 80, protocol: 'TCP', targetPort: 80 }],
      },
      status: { loadBalancer: {} },
    });
    expect(at(body, 'spec.clusterIPs')).toEqual([at(body, 'spec.clusterIP')]);
  });

  it('keeps the address of a Service', async () => {
    const namespace = await room.namespace();
    const created = await room.create(services(namespace), service('a', { ports: [{ port: 80 }] }));
    const clusterIP = text(created.body, 'spec.clusterIP');
    const path = `${services(namespace)}/a`;
    const changed = await room.patch('merge', path, { spec: { selector: { app: 'b' } } });
    expect(changed.body).toMatchObject({ spec: { clusterIP, selector: { app: 'b' } } });
    const reply = await room.patch('merge', path, {
      spec: { clusterIP: 'None', clusterIPs: ['None'] },
    });
    expect(reply.status).toBe(422);
    const put = await room.put(path, service('a', { ports: [{ port: 81 }] }));
    expect(put).toMatchObject({ status: 200, body: { spec: { clusterIP } } });
  });

  it('leaves a headless Service without an address', async () => {
    const namespace = await room.namespace();
    const { body } = await room.create(
      services(namespace),
      service('a', { clusterIP: 'None', ports: [{ port: 80 }] }),
    );
    expect(body).toMatchObject({ spec: { clusterIP: 'None', clusterIPs: ['None'] } });
  });

  it('refuses Service names and ports that are none', async () => {
    const namespace = await room.namespace();
    expect(
      await room.create(services(namespace), service('a.b', { ports: [{ port: 80 }] })),
    ).toMatchObject({ status: 422 });
    const reply = await room.create(
      services(namespace),
      service('a', { ports: [{ port: 80 }, { port: 81 }] }),
    );
    expect(causes(reply.body)).toEqual([
      'spec.ports[0].name: FieldValueRequired',
      'spec.ports[1].name: FieldValueRequired',
    ]);
  });

  it('joins the texts of a Secret into its data', async () => {
    const namespace = await room.namespace();
    const path = `/api/v1/namespaces/${namespace}/secrets`;
    const { body } = await room.create(path, { metadata: { name: 'a' }, stringData: { k: 'v' } });
    expect(body).toMatchObject({ type: 'Opaque', data: { k: 'dg==' } });
    expect(json(body)['stringData']).toBeUndefined();
    expect(await room.patch('merge', `${path}/a`, { type: 'other' })).toMatchObject({
      status: 422,
    });
  });

  it('keeps an immutable ConfigMap', async () => {
    const namespace = await room.namespace();
    await room.configMap(namespace, 'a', { data: { k: '1' }, immutable: true });
    expect(
      await room.patch('merge', `${configMaps(namespace)}/a`, { data: { k: '2' } }),
    ).toMatchObject({ status: 422 });
  });

  it('selects Events by what they are about', async () => {
    const namespace = await room.namespace();
    const path = `/api/v1/namespaces/${namespace}/events`;
    for (const name of ['a', 'b'])
      await room.create(path, {
        metadata: { name: `${name}.1` },
        involvedObject: { apiVersion: 'v1', kind: 'ConfigMap', name, namespace },
        reason: 'Tested',
        type: 'Normal',
        message: 'all is well',
      });
    const { body } = await room.get(path, {
      fieldSelector: 'involvedObject.kind=ConfigMap,involvedObject.name=a',
    });
    expect(names(body)).toEqual(['a.1']);
    const elsewhere = {
      metadata: { name: 'c.1' },
      involvedObject: { kind: 'ConfigMap', name: 'c', namespace: 'default' },
      reason: 'Tested',
    };
    expect(await room.create(path, elsewhere)).toMatchObject({ status: 422 });
  });

  it('stores an EndpointSlice and keeps its address type', async () => {
    const namespace = await room.namespace();
    const path = `/apis/discovery.k8s.io/v1/namespaces/${namespace}/endpointslices`;
    const body = {
      metadata: { name: 'a' },
      addressType: 'IPv4',
      endpoints: [{ addresses: ['10.0.0.1'] }],
      ports: [{ port: 80 }],
    };
    expect(await room.create(path, body)).toMatchObject({
      status: 201,
      body: { ports: [{ protocol: 'TCP' }] },
    });
    expect(await room.patch('merge', `${path}/a`, { addressType: 'IPv6' })).toMatchObject({
      status: 422,
    });
  });
}
