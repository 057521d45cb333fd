/**
 * What Flagger leaves in a cluster, as recorded from version 1.44: names, labels, annotations, owners, status.
 */
import type { KubernetesObject } from '../../src/api/object.ts';
import { canary, deployment, namespace, type World } from '../simulate/world.ts';

export interface LeftByFlagger {
  readonly phase: string;
  /** What the target holds; the primary holds `demo:1` unless said otherwise. */
  readonly target: string;
  readonly primary?: string;
  readonly replicas?: number;
  readonly weight?: number;
  /** Flagger had copied a Secret for the primary. */
  readonly configCopies?: true;
  readonly analysis?: object;
  readonly status?: object;
}

const silenced = {
  'helm.toolkit.fluxcd.io/driftDetection': 'disabled',
  'kustomize.toolkit.fluxcd.io/reconcile': 'disabled',
};

export const flaggerCanary = (analysis: object = {}): KubernetesObject => ({
  ...canary(analysis),
  apiVersion: 'flagger.app/v1beta1',
});

/** Puts everything there, lets the pods come up, and writes Flagger's status last. */
export async function leaveFlagger(world: World, left: LeftByFlagger): Promise<void> {
  const path = `/apis/flagger.app/v1beta1/namespaces/${namespace}/canaries`;
  const { metadata } = world.call('POST', path, flaggerCanary(left.analysis));
  const ownerReferences = [
    {
      apiVersion: 'flagger.app/v1beta1',
      kind: 'Canary',
      name: metadata.name,
      uid: metadata.uid ?? '',
      controller: true,
      blockOwnerDeletion: true,
    },
  ];
  world.create(withSecret(deployment(left.target, left.replicas ?? 0), left.configCopies, 'cart'));
  world.create(primary(left, ownerReferences));
  for (const [name, app] of [
    ['cart', 'cart-primary'],
    ['cart-primary', 'cart-primary'],
    ['cart-canary', 'cart'],
  ] as const)
    world.create(service(name, app, ownerReferences));
  world.create(route(left.weight ?? 0, ownerReferences));
  await world.clock.advance(5_000);
  const lastTransitionTime = new Date(world.clock.now()).toISOString();
  const status = {
    phase: left.phase,
    canaryWeight: left.weight ?? 0,
    failedChecks: 0,
    iterations: 0,
    lastAppliedSpec: '997899ddd',
    lastPromotedSpec: '8657f97b88',
    lastTransitionTime,
    ...left.status,
  };
  world.call('PATCH', `${path}/cart/status`, { status }, flagger);
}

const flagger = 'flagger/v1.44.0';

/** Flagger, which still runs, takes the target for a new revision: it writes the status as it knows it, whole. */
export function flaggerWrites(world: World): void {
  const path = `/apis/flagger.app/v1beta1/namespaces/${namespace}/canaries/cart`;
  const live = world.call('GET', path);
  const { lastPromotedSpec } = (live['status'] ?? {}) as { readonly lastPromotedSpec?: string };
  const status = {
    phase: 'Progressing',
    canaryWeight: 0,
    failedChecks: 0,
    iterations: 0,
    lastAppliedSpec: '6d4f9c8b5',
    lastPromotedSpec,
    lastTransitionTime: new Date(world.clock.now()).toISOString(),
  };
  world.call('PUT', `${path}/status`, { ...live, status }, flagger);
}

function primary(left: LeftByFlagger, ownerReferences: readonly object[]): KubernetesObject {
  const plain = withSecret(
    deployment(left.primary ?? 'demo:1', 2),
    left.configCopies,
    'cart-primary',
  );
  const text = JSON.stringify(plain['spec']).replaceAll('"app":"cart"', '"app":"cart-primary"');
  const spec = JSON.parse(text) as { readonly template: { readonly metadata: object } };
  const annotations = { 'flagger-id': '3906fe28-5608-4839-a4f0-1f6c1d1f2a3b' };
  return {
    ...plain,
    metadata: {
      name: 'cart-primary',
      namespace,
      labels: { app: 'cart-primary' },
      ownerReferences,
    } as KubernetesObject['metadata'],
    spec: {
      ...spec,
      progressDeadlineSeconds: 60,
      template: { ...spec.template, metadata: { ...spec.template.metadata, annotations } },
    },
  };
}

function withSecret(
  object: KubernetesObject,
  isUsed: true | undefined,
  owner: string,
): KubernetesObject {
  if (isUsed !== true) return object;
  const name = owner === 'cart' ? 'cart-keys' : 'cart-keys-primary';
  const text = JSON.stringify(object).replaceAll(
    '"name":"cart","image"',
    `"name":"cart","envFrom":[{"secretRef":{"name":"${name}"}}],"image"`,
  );
  return JSON.parse(text) as KubernetesObject;
}

function service(name: string, app: string, ownerReferences: readonly object[]): KubernetesObject {
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: {
      name,
      namespace,
      labels: { app: name },
      annotations: silenced,
      ownerReferences,
    } as KubernetesObject['metadata'],
    spec: {
      type: 'ClusterIP',
      selector: { app },
      ports: [{ name: 'http', protocol: 'TCP', port: 80, targetPort: 8080 }],
    },
  };
}

const backend = (name: string, share: number): object => ({
  group: '',
  kind: 'Service',
  name,
  port: 80,
  weight: share,
});

function route(weight: number, ownerReferences: readonly object[]): KubernetesObject {
  return {
    apiVersion: 'gateway.networking.k8s.io/v1',
    kind: 'HTTPRoute',
    metadata: {
      name: 'cart',
      namespace,
      annotations: silenced,
      ownerReferences,
    } as KubernetesObject['metadata'],
    spec: {
      parentRefs: [{ group: 'gateway.networking.k8s.io', kind: 'Gateway', name: 'public' }],
      rules: [
        {
          matches: [{ path: { type: 'PathPrefix', value: '/' } }],
          backendRefs: [backend('cart-primary', 100 - weight), backend('cart-canary', weight)],
        },
      ],
    },
  };
}

/** The definition as it was before the operator kept its record there. */
export function installOldDefinition(world: World): void {
  const path = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions/canaries.flagger.app';
  const { spec } = world.call('GET', path) as {
    readonly spec?: { readonly versions: readonly object[] };
  };
  const text = JSON.stringify(spec?.versions ?? [], (key, value: unknown) =>
    key === 'run' ? undefined : value,
  );
  world.call('PATCH', path, { spec: { versions: JSON.parse(text) as object[] } });
}
