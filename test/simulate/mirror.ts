/**
 * What really is in the cluster, and where traffic really goes: kept up to date by watches of its own.
 */
import type { KubernetesObject } from '../../src/api/object.ts';
import type { ApiServer } from '../../src/sandbox/api-server/server.ts';

export type Side = 'primary' | 'canary';

export interface Shares {
  readonly primary: number;
  readonly canary: number;
  /** Nobody answers: no route, no Service, no ready endpoint. */
  readonly nobody: number;
}

interface RouteSpec {
  readonly parentRefs?: readonly { readonly name: string }[];
  readonly rules?: readonly {
    readonly matches?: readonly { readonly path?: { readonly value?: string } }[];
    readonly backendRefs?: readonly { readonly name: string; readonly weight?: number }[];
  }[];
}

const watched = {
  Deployment: '/apis/apps/v1/deployments',
  Service: '/api/v1/services',
  HTTPRoute: '/apis/gateway.networking.k8s.io/v1/httproutes',
  EndpointSlice: '/apis/discovery.k8s.io/v1/endpointslices',
  Pod: '/api/v1/pods',
  ReplicaSet: '/apis/apps/v1/replicasets',
} as const;

export class Mirror {
  readonly #objects = new Map<string, Map<string, KubernetesObject>>();
  readonly #listeners: (() => void)[] = [];

  constructor(server: ApiServer, canaries: string) {
    for (const [kind, path] of Object.entries({ ...watched, Canary: canaries })) {
      const objects = new Map<string, KubernetesObject>();
      this.#objects.set(kind, objects);
      const answer = server.handle({
        method: 'GET',
        path,
        query: { watch: 'true', timeoutSeconds: '1000000' },
        headers: { 'user-agent': 'judge' },
      });
      if (answer.kind !== 'stream') throw new Error(`${path} cannot be watched`);
      answer.stream.open({
        event: ({ type, object }) => {
          const { metadata } = object as KubernetesObject;
          if (type === 'DELETED') objects.delete(metadata.name);
          else if (type !== 'BOOKMARK') objects.set(metadata.name, object as KubernetesObject);
          for (const listener of this.#listeners) listener();
        },
        end: () => {},
      });
    }
  }

  onChange(listener: () => void): void {
    this.#listeners.push(listener);
  }

  get(kind: string, name: string): KubernetesObject | undefined {
    return this.#objects.get(kind)?.get(name);
  }

  all(kind: string): readonly KubernetesObject[] {
    return [...(this.#objects.get(kind)?.values() ?? [])];
  }

  /** Available replicas as the Deployment itself says. */
  available(side: Side): number {
    return availableOf(this.get('Deployment', deploymentOf(side)));
  }

  /** Which side a Service sends to now, and to how many ready addresses. */
  behind(name: string): { readonly side: Side | undefined; readonly ready: number } {
    const service = this.get('Service', name);
    const side = sideOfService(service);
    const pods = this.all('EndpointSlice').flatMap((slice) => {
      const { metadata, endpoints } = slice as KubernetesObject & {
        readonly endpoints?: readonly {
          readonly conditions?: { readonly ready?: boolean };
          readonly targetRef?: { readonly name?: string };
        }[];
      };
      if (metadata.labels?.['kubernetes.io/service-name'] !== name) return [];
      return (endpoints ?? [])
        .filter(({ conditions }) => conditions?.ready !== false)
        .map(({ targetRef }) => targetRef?.name ?? '');
    });
    return { side, ready: service === undefined ? 0 : pods.length };
  }

  /** The pods of a Service's endpoints, by side; the slices may lag behind the selector. */
  sharesOf(name: string): Shares {
    const names = this.all('EndpointSlice').flatMap((slice) =>
      slice.metadata.labels?.['kubernetes.io/service-name'] === name ? readyPods(slice) : [],
    );
    if (names.length === 0 || this.get('Service', name) === undefined)
      return { primary: 0, canary: 0, nobody: 1 };
    const primaries = names.filter((pod) => pod.startsWith('cart-primary-')).length;
    const primary = primaries / names.length;
    return { primary, canary: 1 - primary, nobody: 0 };
  }

  /** Where users end up who come through this route. */
  sharesOfRoute(route: KubernetesObject | undefined): Shares {
    const refs = mainRule(route)?.backendRefs ?? [];
    const sum = refs.reduce((total, { weight = 1 }) => total + weight, 0);
    if (sum === 0) return { primary: 0, canary: 0, nobody: 1 };
    let shares: Shares = { primary: 0, canary: 0, nobody: 0 };
    for (const { name, weight = 1 } of refs) {
      if (weight === 0) continue;
      const part = this.sharesOf(name);
      shares = {
        primary: shares.primary + (part.primary * weight) / sum,
        canary: shares.canary + (part.canary * weight) / sum,
        nobody: shares.nobody + (part.nobody * weight) / sum,
      };
    }
    return shares;
  }

  /** Which share of a route's requests is meant for a side, whoever stands behind its Service. */
  wishOf(route: KubernetesObject | undefined): { readonly [side in Side]: number } {
    const refs = mainRule(route)?.backendRefs ?? [];
    const sum = refs.reduce((total, { weight = 1 }) => total + weight, 0);
    const wish = { primary: 0, canary: 0 };
    for (const { name, weight = 1 } of refs) {
      const side = sideOfService(this.get('Service', name));
      if (side !== undefined && sum > 0) wish[side] += weight / sum;
    }
    return wish;
  }
}

function readyPods(slice: KubernetesObject): readonly string[] {
  const { endpoints } = slice as KubernetesObject & {
    readonly endpoints?: readonly {
      readonly conditions?: { readonly ready?: boolean };
      readonly targetRef?: { readonly name?: string };
    }[];
  };
  return (endpoints ?? [])
    .filter(({ conditions }) => conditions?.ready !== false)
    .map(({ targetRef }) => targetRef?.name ?? '');
}

/** The rule that users of the cart come through. */
export function mainRule(route: KubernetesObject | undefined) {
  const { rules = [] } = (route?.['spec'] ?? {}) as RouteSpec;
  return rules.find(({ matches }) => (matches ?? [])[0]?.path?.value !== '/static');
}

/** The canary's weight in percent, if the rule carries the two sides. */
export function weightIn(route: KubernetesObject | undefined): number | undefined {
  const refs = mainRule(route)?.backendRefs ?? [];
  const canary = refs.find(({ name }) => name === 'cart-canary');
  const primary = refs.find(({ name }) => name === 'cart-primary');
  if (canary === undefined && primary === undefined) return undefined;
  const [c, p] = [canary, primary].map((ref) => (ref === undefined ? 0 : (ref.weight ?? 1)));
  return ((c ?? 0) * 100) / Math.max(1, (c ?? 0) + (p ?? 0));
}

export function deploymentOf(side: Side): string {
  return side === 'primary' ? 'cart-primary' : 'cart';
}

export function sideOfService(service: KubernetesObject | undefined): Side | undefined {
  const { selector } = (service?.['spec'] ?? {}) as {
    readonly selector?: Readonly<Record<string, string>>;
  };
  if (selector?.['app'] === 'cart-primary') return 'primary';
  return selector?.['app'] === 'cart' ? 'canary' : undefined;
}

export function availableOf(deployment: KubernetesObject | undefined): number {
  if (deployment === undefined || deployment.metadata.deletionTimestamp !== undefined) return 0;
  const { availableReplicas = 0 } = (deployment['status'] ?? {}) as {
    readonly availableReplicas?: number;
  };
  return availableReplicas;
}

export function replicasOf(deployment: KubernetesObject | undefined): number {
  const { replicas = 1 } = (deployment?.['spec'] ?? {}) as { readonly replicas?: number };
  return deployment === undefined ? 0 : replicas;
}

export function imageOf(deployment: KubernetesObject | undefined): string | undefined {
  const { template } = (deployment?.['spec'] ?? {}) as {
    readonly template?: {
      readonly spec?: { readonly containers?: readonly { readonly image?: string }[] };
    };
  };
  return template?.spec?.containers?.[0]?.image;
}

/** Whether its controller has finished rolling out what it asks for. */
export function isRolledOut(deployment: KubernetesObject | undefined): boolean {
  const status = (deployment?.['status'] ?? {}) as {
    readonly observedGeneration?: number;
    readonly updatedReplicas?: number;
    readonly replicas?: number;
    readonly availableReplicas?: number;
  };
  const wanted = replicasOf(deployment);
  return (
    wanted > 0 &&
    (status.observedGeneration ?? 0) >= (deployment?.metadata.generation ?? 0) &&
    status.updatedReplicas === wanted &&
    status.replicas === wanted &&
    (status.availableReplicas ?? 0) >= 1
  );
}
