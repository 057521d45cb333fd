/** The three ways in which requests reach an application. */
import type { Api } from './api.ts';
import { isLikely, type Share } from './shares.ts';

export interface PlaneInUse {
  readonly name: 'traefik' | 'contour' | 'kubernetes';
  /** What the Canary names. */
  readonly provider: 'gatewayapi' | 'kubernetes';
  readonly gateway?: { readonly name: string; readonly namespace: string };
  /** The Service that clients call; the application's own where there is no gateway. */
  readonly entrance?: { readonly name: string; readonly namespace: string };
  /** Whether a share of the requests may come from its weight. */
  /** In which the proxy itself counts its answers from the canary; a MetricTemplate fills in the names. */
  readonly counter?: {
    readonly metric: string;
    readonly selector: string;
    readonly failed: string;
  };
  readonly isRight: (share: Share) => boolean;
}

const publicIn = (namespace: string) => ({ name: 'public', namespace });

export const traefik: PlaneInUse = {
  name: 'traefik',
  provider: 'gatewayapi',
  gateway: publicIn('traefik'),
  entrance: { name: 'traefik', namespace: 'traefik' },
  counter: {
    metric: 'traefik_service_requests_total',
    selector: 'service=~".*-svc-{{ namespace }}-{{ target }}-canary-[0-9]+@kubernetesgateway"',
    failed: 'code=~"5.."',
  },
  // It takes turns, so nothing is left to chance.
  isRight: ({ weight, requests, canary }) =>
    Math.abs(canary - (requests * weight) / 100) <= requests / 100,
};

export const contour: PlaneInUse = {
  name: 'contour',
  provider: 'gatewayapi',
  gateway: publicIn('projectcontour'),
  entrance: { name: 'envoy', namespace: 'projectcontour' },
  counter: {
    metric: 'envoy_cluster_upstream_rq',
    selector: 'envoy_cluster_name="{{ namespace }}_{{ target }}-canary_80"',
    failed: 'envoy_response_code=~"5.."',
  },
  isRight: ({ weight, requests, canary }) => isLikely(canary, requests, weight / 100, 1e-6),
};

export const kubernetes: PlaneInUse = {
  name: 'kubernetes',
  provider: 'kubernetes',
  isRight: () => true,
};

/** Address of a Service within the cluster, without its name: tests run where no names are known. */
export async function addressOf(api: Api, namespace: string, name: string): Promise<string> {
  const service = await api.get('Service', namespace, name);
  const { clusterIP, ports = [] } = service?.spec ?? {};
  if (clusterIP === undefined) throw new Error(`Service ${namespace}/${name} has no address`);
  return `http://${clusterIP}:${ports[0]?.port}`;
}
