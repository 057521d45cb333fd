/** The kinds that scenarios read and write, and where the API server keeps them. */
import type { Canary } from '../../../src/api/canary.ts';
import type {
  Deployment,
  KubeObject,
  Pod,
  Service,
} from '../../../src/sandbox/controllers/objects.ts';
import type { HttpRoute } from '../../../src/sandbox/gateway/route-objects.ts';

export interface KubeEvent extends KubeObject {
  readonly type?: string;
  readonly reason?: string;
  readonly message?: string;
  readonly involvedObject: { readonly kind?: string; readonly name?: string };
  readonly firstTimestamp?: string;
}

/** What scenarios look into; everything else passes as it is. */
export interface Kinds {
  readonly Canary: Canary & KubeObject;
  readonly Deployment: Deployment;
  readonly HTTPRoute: HttpRoute;
  readonly Service: Service;
  readonly Pod: Pod;
  readonly Event: KubeEvent;
}

export type Group = 'serin.dev' | 'flagger.app';

interface Place {
  readonly prefix: string;
  readonly plural: string;
}

const places: Readonly<Record<string, Place>> = {
  'v1 Namespace': { prefix: '/api/v1', plural: 'namespaces' },
  ...Object.fromEntries(
    [
      ['v1', 'ServiceAccount'],
      ['v1', 'ConfigMap'],
      ['v1', 'Secret'],
      ['v1', 'Service'],
      ['v1', 'Pod'],
      ['v1', 'Event'],
      ['apps/v1', 'Deployment'],
      ['gateway.networking.k8s.io/v1', 'GatewayClass'],
      ['gateway.networking.k8s.io/v1', 'Gateway'],
      ['gateway.networking.k8s.io/v1', 'HTTPRoute'],
      ['rbac.authorization.k8s.io/v1', 'ClusterRole'],
      ['rbac.authorization.k8s.io/v1', 'ClusterRoleBinding'],
      ['serin.dev/v1beta1', 'Canary'],
      ['serin.dev/v1beta1', 'AlertProvider'],
      ['serin.dev/v1beta1', 'MetricTemplate'],
      ['flagger.app/v1beta1', 'Canary'],
      ['flagger.app/v1beta1', 'AlertProvider'],
    ].map(([version = '', kind = '']) => [`${version} ${kind}`, placeOf(version, kind)]),
  ),
};

const versions: Readonly<Record<Exclude<keyof Kinds, 'Canary'>, string>> = {
  Deployment: 'apps/v1',
  HTTPRoute: 'gateway.networking.k8s.io/v1',
  Service: 'v1',
  Pod: 'v1',
  Event: 'v1',
};

function placeOf(version: string, kind: string): Place {
  const prefix = version === 'v1' ? '/api/v1' : `/apis/${version}`;
  const word = kind.toLowerCase();
  const [stem, ending] = /[^aeiou]y$/.test(word) ? [word.slice(0, -1), 'ies'] : [word, 's'];
  return { prefix, plural: word.endsWith('ss') ? `${word}es` : `${stem}${ending}` };
}

/** Path of a collection, or with a name of one object. */
export function pathOf(
  version: string,
  kind: string,
  namespace: string | undefined,
  name?: string,
): string {
  const place = places[`${version} ${kind}`];
  if (place === undefined) throw new Error(`no scenario knows ${version} ${kind}`);
  const { prefix, plural } = place;
  const within = namespace === undefined ? '' : `/namespaces/${namespace}`;
  return `${prefix}${within}/${plural}${name === undefined ? '' : `/${name}`}`;
}

/** As `pathOf`, in the version that a kind is usually read in; `group` is the Canary's. */
export function pathOfKind(
  group: Group,
  kind: keyof Kinds,
  namespace: string,
  name?: string,
): string {
  const version = kind === 'Canary' ? `${group}/v1beta1` : versions[kind];
  return pathOf(version, kind, namespace, name);
}
