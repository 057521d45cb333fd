/** The parts that all planes are put together from. */
import type { KubeObject } from '../../../src/sandbox/controllers/objects.ts';

/** An object as it is applied; what the API server does with its fields is its own business. */
export type Manifest = KubeObject & Readonly<Record<string, unknown>>;

export function namespaceOf(name: string): Manifest {
  return { apiVersion: 'v1', kind: 'Namespace', metadata: { name } };
}

export function configMap(at: Place, data: Readonly<Record<string, string>>): Manifest {
  return { apiVersion: 'v1', kind: 'ConfigMap', metadata: { ...at }, data };
}

export interface Place {
  readonly name: string;
  readonly namespace: string;
}

interface Rule {
  readonly apiGroups: readonly string[];
  readonly resources: readonly string[];
  readonly verbs: readonly string[];
}

export const look = ['get', 'list', 'watch'] as const;

/** A ServiceAccount that may do this in all namespaces. */
export function serviceAccount(
  { name, namespace }: Place,
  rules: readonly Rule[],
): readonly Manifest[] {
  const group = 'rbac.authorization.k8s.io';
  return [
    { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name, namespace } },
    { apiVersion: `${group}/v1`, kind: 'ClusterRole', metadata: { name }, rules },
    {
      apiVersion: `${group}/v1`,
      kind: 'ClusterRoleBinding',
      metadata: { name },
      roleRef: { apiGroup: group, kind: 'ClusterRole', name },
      subjects: [{ kind: 'ServiceAccount', name, namespace }],
    },
  ];
}

/** One replica, recognised by its name. */
export function deployment(
  at: Place,
  podSpec: Readonly<Record<string, unknown>>,
  annotations: Readonly<Record<string, string>> = {},
): Manifest {
  const labels = { app: at.name };
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { ...at },
    spec: {
      replicas: 1,
      selector: { matchLabels: labels },
      template: { metadata: { labels, annotations }, spec: podSpec },
    },
  };
}

export function service(at: Place, port: number, targetPort: number): Manifest {
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { ...at },
    spec: { selector: { app: at.name }, ports: [{ name: 'main', port, targetPort }] },
  };
}

/**
 * How often readiness is asked for. An answer may take its time: on two cores that everybody shares a proxy that does
 * not answer within the usual second is slow and not broken, and without endpoints nobody would reach it.
 */
export const patient = { periodSeconds: 1, timeoutSeconds: 5 } as const;

/** Who wants to be scraped says so, as is usual. */
export function scraped(port: number, path = '/metrics'): Readonly<Record<string, string>> {
  return {
    'prometheus.io/scrape': 'true',
    'prometheus.io/port': String(port),
    'prometheus.io/path': path,
  };
}

export function gateway(at: Place, gatewayClassName: string, port: number): Manifest {
  return {
    apiVersion: 'gateway.networking.k8s.io/v1',
    kind: 'Gateway',
    metadata: { ...at },
    spec: {
      gatewayClassName,
      listeners: [
        { name: 'http', protocol: 'HTTP', port, allowedRoutes: { namespaces: { from: 'All' } } },
      ],
    },
  };
}

export function gatewayClass(name: string, controllerName: string): Manifest {
  return {
    apiVersion: 'gateway.networking.k8s.io/v1',
    kind: 'GatewayClass',
    metadata: { name },
    spec: { controllerName },
  };
}
