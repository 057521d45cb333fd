/**
 * Where the objects of each kind live in the API.
 *
 * A table instead of discovery: discovery costs two requests per group at every start, and we know the few
 * kinds we touch. A kind that is not here cannot be read or written by mistake.
 */

import type { KubernetesObject, ObjectRef } from '../../api/object.ts';
import { InvalidError } from '../../errors.ts';
import type { ObjectKind } from '../../ports/cluster.ts';

interface Resource {
  readonly plural: string;
  readonly namespaced: boolean;
}

const inNamespaces = (plural: string): Resource => ({ plural, namespaced: true });
const inCluster = (plural: string): Resource => ({ plural, namespaced: false });

const resources: ReadonlyMap<string, Resource> = new Map([
  ...['serin.dev/v1beta1', 'flagger.app/v1beta1'].flatMap((group): [string, Resource][] => [
    [`${group}/Canary`, inNamespaces('canaries')],
    [`${group}/MetricTemplate`, inNamespaces('metrictemplates')],
    [`${group}/AlertProvider`, inNamespaces('alertproviders')],
  ]),
  ['apps/v1/Deployment', inNamespaces('deployments')],
  ['apps/v1/ReplicaSet', inNamespaces('replicasets')],
  ['v1/Service', inNamespaces('services')],
  ['v1/Pod', inNamespaces('pods')],
  ['v1/ConfigMap', inNamespaces('configmaps')],
  ['v1/Secret', inNamespaces('secrets')],
  ['v1/Event', inNamespaces('events')],
  ['v1/Namespace', inCluster('namespaces')],
  ['discovery.k8s.io/v1/EndpointSlice', inNamespaces('endpointslices')],
  ['gateway.networking.k8s.io/v1/HTTPRoute', inNamespaces('httproutes')],
  ['gateway.networking.k8s.io/v1beta1/HTTPRoute', inNamespaces('httproutes')],
  ['coordination.k8s.io/v1/Lease', inNamespaces('leases')],
  ['apiextensions.k8s.io/v1/CustomResourceDefinition', inCluster('customresourcedefinitions')],
]);

/** A text that is equal for equal kinds. */
export function kindKey({ apiVersion, kind }: ObjectKind): string {
  return `${apiVersion}/${kind}`;
}

/** The plural name in paths and in roles: `httproutes`. Throws `InvalidError` for a kind we do not know. */
export function pluralOf(kind: ObjectKind): string {
  return resourceOf(kind).plural;
}

export function isNamespaced(kind: ObjectKind): boolean {
  return resourceOf(kind).namespaced;
}

/** The path of all objects of a kind, in one namespace or (`undefined`) in all. */
export function collectionPath(kind: ObjectKind, namespace: string | undefined): string {
  const { plural, namespaced } = resourceOf(kind);
  const root = kind.apiVersion.includes('/') ? '/apis' : '/api';
  const within =
    namespaced && namespace !== undefined ? `/namespaces/${encodeURIComponent(namespace)}` : '';
  return `${root}/${kind.apiVersion}${within}/${plural}`;
}

/** The path of one object. */
export function objectPath(ref: ObjectRef): string {
  const namespace = isNamespaced(ref) ? ref.namespace : undefined;
  return `${collectionPath(ref, namespace)}/${encodeURIComponent(ref.name)}`;
}

/** Whether something that came over the wire is an object of the API. */
export function isObject(value: unknown): value is KubernetesObject {
  if (!isRecord(value) || !isRecord(value['metadata'])) return false;
  return typeof value['kind'] === 'string' && typeof value['metadata']['name'] === 'string';
}

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function resourceOf(kind: ObjectKind): Resource {
  const resource = resources.get(kindKey(kind));
  if (resource !== undefined) return resource;
  throw new InvalidError(`objects of kind ${kind.kind} (${kind.apiVersion}) are not supported`, {
    reason: 'NotSupported',
    details: { kind: kindKey(kind) },
  });
}
