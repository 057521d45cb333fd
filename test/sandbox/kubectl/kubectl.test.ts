import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { findKubectl, WITHOUT_KUBECTL } from '../../support/kubectl.ts';
import { Session } from './session.ts';

const kubectl = await findKubectl();
const why = kubectl === undefined ? ` (skipped: ${WITHOUT_KUBECTL})` : '';

const labels = { app: 'cart' };
const cart = {
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name: 'cart', labels },
  spec: {
    replicas: 2,
    selector: { matchLabels: labels },
    template: {
      metadata: { labels },
      spec: {
        containers: [
          { name: 'cart', image: 'example.test/cart:1', ports: [{ containerPort: 8080 }] },
        ],
      },
    },
  },
};
const service = {
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name: 'cart' },
  spec: { selector: labels, ports: [{ port: 80, targetPort: 8080 }] },
};
const route = {
  apiVersion: 'gateway.networking.k8s.io/v1',
  kind: 'HTTPRoute',
  metadata: { name: 'cart' },
  spec: { hostnames: ['cart.example'], rules: [{ backendRefs: [{ name: 'cart', port: 80 }] }] },
};
const image = (tag: string) =>
  JSON.stringify({
    spec: {
      template: { spec: { containers: [{ name: 'cart', image: `example.test/cart:${tag}` }] } },
    },
  });
const FLAT = /\s+/g;

describe.skipIf(kubectl === undefined)(`kubectl against the sandbox's API server${why}`, () => {
  const session = new Session();

  beforeAll(async () => {
    await session.open();
    await session.ok('apply', '-f', session.manifest('cart', cart, service, route));
  });
  afterAll(() => session.close());

  /** What a controller would report. */
  async function ready(replicas: number): Promise<void> {
    const generation = await session.ok(
      'get',
      'deploy/cart',
      '-o',
      'jsonpath={.metadata.generation}',
    );
    const conditions = [
      { type: 'Available', status: 'True', reason: 'MinimumReplicasAvailable' },
      { type: 'Progressing', status: 'True', reason: 'NewReplicaSetAvailable' },
    ];
    const status = {
      observedGeneration: Number(generation),
      replicas,
      updatedReplicas: replicas,
      readyReplicas: replicas,
      availableReplicas: replicas,
      conditions,
    };
    const patch = JSON.stringify({ status });
    await session.ok('patch', 'deploy/cart', '--subresource=status', '--type=merge', '-p', patch);
  }

  it('applies, and finds nothing to change the second time', async () => {
    const file = session.manifest('again', cart, service);
    expect(await session.ok('apply', '-f', file)).toBe(
      'deployment.apps/cart unchanged\nservice/cart unchanged\n',
    );
    const other = {
      ...service,
      spec: { ...service.spec, ports: [{ port: 81, targetPort: 8080 }] },
    };
    expect(await session.ok('apply', '-f', session.manifest('other', other))).toBe(
      'service/cart configured\n',
    );
    expect(await session.ok('get', 'svc/cart', '-o', 'jsonpath={.spec.ports[*].port}')).toBe('81');
    expect(await session.ok('diff', '-f', session.manifest('same', other))).toBe('');
  });

  it('refuses a manifest with a misspelt field before it is applied', async () => {
    const wrong = { ...cart, spec: { ...cart.spec, replicsa: 3 } };
    const { code, err } = await session.run('apply', '-f', session.manifest('wrong', wrong));
    expect(code).toBe(1);
    expect(err).toContain('unknown field "spec.replicsa"');
    const bad = { ...route, spec: { ...route.spec, hostname: 'x' } };
    const custom = await session.run('apply', '-f', session.manifest('bad', bad));
    expect(custom.err).toContain('unknown field "spec.hostname"');
  });

  it('checks on the server without storing', async () => {
    const file = session.manifest('dry', { ...cart, metadata: { name: 'dry' } });
    expect(await session.ok('apply', '--dry-run=server', '-f', file)).toContain(
      'created (server dry run)',
    );
    expect((await session.run('get', 'deploy/dry')).err).toContain('NotFound');
  });

  it('prints tables', async () => {
    await ready(2);
    const [head = '', line = ''] = (await session.ok('get', 'deploy')).split('\n');
    expect(head.replace(FLAT, ' ')).toBe('NAME READY UP-TO-DATE AVAILABLE AGE');
    expect(line.replace(FLAT, ' ')).toMatch(/^cart 2\/2 2 2 \d+s$/);
    const routes = await session.ok('get', 'httproutes');
    expect(routes.replace(FLAT, ' ')).toMatch(/^NAME HOSTNAMES AGE cart \["cart.example"\] \d+s $/);
    const all = await session.ok('get', 'all', '-A');
    expect(all).toContain('deployment.apps/cart');
    expect(all).toContain('service/cart');
    expect(await session.ok('get', 'deploy', '-o', 'wide')).toContain('example.test/cart:1');
  });

  it('prints YAML, names and parts', async () => {
    const yaml = await session.ok('get', 'deploy', 'cart', '-o', 'yaml');
    expect(yaml).toContain('kind: Deployment');
    expect(yaml).not.toContain('managedFields');
    expect(await session.ok('get', 'deploy,svc', '-o', 'name')).toBe(
      'deployment.apps/cart\nservice/cart\n',
    );
    expect(await session.ok('get', 'deploy', '-l', 'app=cart', '-o', 'name')).toBe(
      'deployment.apps/cart\n',
    );
  });

  it('follows changes', async () => {
    const printed = session.follow(['get', 'configmaps', '-w'], (out) => out.includes('followed'));
    await session.ok(
      'create',
      '-f',
      session.manifest('followed', {
        apiVersion: 'v1',
        kind: 'ConfigMap',
        metadata: { name: 'followed' },
        data: { a: 'b' },
      }),
    );
    expect((await printed).replace(FLAT, ' ')).toMatch(/NAME DATA AGE .*followed 1 \d+s/);
  });

  it('describes a Deployment and its Events', async () => {
    const uid = await session.ok('get', 'deploy/cart', '-o', 'jsonpath={.metadata.uid}');
    const event = {
      apiVersion: 'v1',
      kind: 'Event',
      metadata: { name: 'cart.1' },
      involvedObject: {
        apiVersion: 'apps/v1',
        kind: 'Deployment',
        name: 'cart',
        namespace: 'default',
        uid,
      },
      reason: 'ScalingReplicaSet',
      message: 'Scaled up',
      type: 'Normal',
      source: { component: 'suite' },
      firstTimestamp: '2026-01-01T00:00:00Z',
      lastTimestamp: '2026-01-01T00:00:00Z',
      count: 1,
    };
    await session.ok('create', '-f', session.manifest('event', event));
    const described = await session.ok('describe', 'deploy', 'cart');
    expect(described).toContain('StrategyType:           RollingUpdate');
    expect(described).toContain('example.test/cart:1');
    expect(described).toMatch(/Normal\s+ScalingReplicaSet.*Scaled up/);
    expect(await session.ok('events', '--for', 'deployment/cart')).toContain('Scaled up');
    expect(await session.ok('get', 'events')).toContain('deployment/cart');
    expect(await session.ok('describe', 'httproute', 'cart')).toContain('cart.example');
    expect(await session.ok('describe', 'svc', 'cart')).toContain('ClusterIP');
  });

  it('explains built-in and custom kinds', async () => {
    const built = await session.ok('explain', 'deployment.spec.replicas');
    expect(built).toContain('FIELD: replicas <integer>');
    expect(built).toContain('How many pods');
    const custom = await session.ok('explain', 'httproute.spec.rules.backendRefs.weight');
    expect(custom).toContain('FIELD: weight <integer>');
    expect(custom).toContain('Share of the requests');
    expect(await session.ok('explain', 'deploy', '--recursive')).toContain(
      'terminationGracePeriodSeconds',
    );
  });

  it('patches in all three forms', async () => {
    await session.ok('patch', 'deploy/cart', '-p', image('2'));
    const container = await session.ok(
      'get',
      'deploy/cart',
      '-o',
      'jsonpath={.spec.template.spec.containers[0]}',
    );
    expect(JSON.parse(container)).toMatchObject({
      image: 'example.test/cart:2',
      ports: [{ containerPort: 8080 }],
    });
    await session.ok(
      'patch',
      'deploy/cart',
      '--type=merge',
      '-p',
      '{"spec":{"minReadySeconds":1}}',
    );
    await session.ok(
      'patch',
      'deploy/cart',
      '--type=json',
      '-p',
      '[{"op":"replace","path":"/spec/minReadySeconds","value":2}]',
    );
    expect(await session.ok('get', 'deploy/cart', '-o', 'jsonpath={.spec.minReadySeconds}')).toBe(
      '2',
    );
    const weights = JSON.stringify({
      spec: { rules: [{ backendRefs: [{ name: 'cart', port: 80, weight: 7 }] }] },
    });
    await session.ok('patch', 'httproute/cart', '--type=merge', '-p', weights);
    expect((await session.run('patch', 'httproute/cart', '-p', weights)).err).toContain(
      'is not supported by gateway.networking.k8s.io/v1',
    );
  });

  it('scales, and waits for a rollout', async () => {
    await session.ok('scale', 'deploy/cart', '--replicas=3');
    expect(await session.ok('get', 'deploy/cart', '-o', 'jsonpath={.spec.replicas}')).toBe('3');
    const waiting = session.ok('rollout', 'status', 'deploy/cart', '--timeout=15s');
    await ready(3);
    expect(await waiting).toContain('successfully rolled out');
    expect(
      await session.ok('wait', 'deploy/cart', '--for=condition=Available', '--timeout=10s'),
    ).toContain('condition met');
  });

  it('labels and annotates', async () => {
    expect(await session.ok('label', 'deploy/cart', 'tier=front')).toContain('labeled');
    expect(await session.ok('annotate', 'httproute/cart', 'note=hello')).toContain('annotated');
    expect(await session.ok('get', 'deploy', '-l', 'tier in (front,back)', '-o', 'name')).toContain(
      'cart',
    );
    expect(await session.ok('set', 'image', 'deploy/cart', 'cart=example.test/cart:3')).toContain(
      'image updated',
    );
  });

  it('creates what it has generators for', async () => {
    await session.ok('create', 'namespace', 'shop');
    await session.ok('create', 'configmap', 'settings', '--from-literal=a=b', '-n', 'shop');
    await session.ok(
      'create',
      'secret',
      'generic',
      'token',
      '--from-literal=t=s3cret',
      '-n',
      'shop',
    );
    expect(await session.ok('get', 'cm/settings', '-n', 'shop', '-o', 'jsonpath={.data.a}')).toBe(
      'b',
    );
    expect(await session.ok('get', 'secret/token', '-n', 'shop', '-o', 'jsonpath={.data.t}')).toBe(
      'czNjcmV0',
    );
    await session.ok(
      'create',
      'deployment',
      'web',
      '--image=example.test/web',
      '--port=80',
      '--replicas=0',
      '-n',
      'shop',
    );
    expect(
      await session.ok('get', 'deploy/web', '-n', 'shop', '-o', 'jsonpath={.spec.replicas}'),
    ).toBe('0');
    await session.ok('create', 'service', 'clusterip', 'web', '--tcp=80:8080', '-n', 'shop');
    await session.ok('create', 'serviceaccount', 'web', '-n', 'shop');
    expect(
      await session.ok(
        'get',
        'svc/web',
        '-n',
        'shop',
        '-o',
        'jsonpath={.spec.ports[0].targetPort}',
      ),
    ).toBe('8080');
    const { err } = await session.run('create', 'configmap', 'settings', '-n', 'shop');
    expect(err).toContain('already exists');
  });

  it('deletes, and waits until it is gone', async () => {
    const held = {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'held', finalizers: ['suite.test/hold'] },
    };
    await session.ok('create', '-f', session.manifest('held', held));
    const deleting = session.ok('delete', 'configmap', 'held', '--timeout=15s');
    await session.ok(
      'wait',
      'configmap/held',
      '--for=jsonpath={.metadata.deletionTimestamp}',
      '--timeout=10s',
    );
    await session.ok(
      'patch',
      'configmap/held',
      '--type=merge',
      '-p',
      '{"metadata":{"finalizers":null}}',
    );
    expect(await deleting).toContain('configmap "held" deleted');
    expect(await session.ok('delete', '-f', session.manifest('cart', route))).toContain('deleted');
    expect((await session.run('get', 'httproute', 'cart')).err).toContain('NotFound');
    await session.ok(
      'create',
      '-f',
      session.manifest('room', { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'room' } }),
    );
    expect(await session.ok('delete', 'namespace', 'room', '--timeout=15s')).toContain('deleted');
  });

  it('lists kinds with their short names', async () => {
    const kinds = await session.ok('api-resources');
    expect(kinds).toMatch(/deployments\s+deploy\s+apps\/v1\s+true\s+Deployment/);
    expect(kinds).toMatch(/gateways\s+gtw\s+gateway.networking.k8s.io\/v1\s+true\s+Gateway/);
  });

  it('is let in by its token only', async () => {
    const { code, err } = await session.runAs('stranger', 'get', 'deploy');
    expect(code).toBe(1);
    expect(err).toMatch(/Unauthorized|provide credentials/);
  });

  it('is told that server-side apply is not there', async () => {
    const { code, err } = await session.run(
      'apply',
      '--server-side',
      '-f',
      session.manifest('ssa', service),
    );
    expect(code).toBe(1);
    expect(err).toContain('server-side apply is not supported');
  });
});
