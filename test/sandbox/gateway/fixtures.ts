/** Objects for gateway tests, as a cluster would have them. */
import type { EndpointSlice, Service } from '../../../src/sandbox/controllers/objects.ts';
import type {
  BackendRef,
  Gateway,
  HttpRoute,
  RouteRule,
} from '../../../src/sandbox/gateway/route-objects.ts';
import type { RoutingObjects } from '../../../src/sandbox/gateway/routing-table.ts';

export const gateway: Gateway = {
  apiVersion: 'gateway.networking.k8s.io/v1',
  kind: 'Gateway',
  metadata: { name: 'public', namespace: 'infra', generation: 1 },
  spec: {
    gatewayClassName: 'sandbox',
    listeners: [
      { name: 'http', port: 80, protocol: 'HTTP', allowedRoutes: { namespaces: { from: 'All' } } },
    ],
  },
};

export function route(
  rules: readonly RouteRule[],
  hostnames: readonly string[] = ['shop.example.com'],
  name = 'cart',
  more: Partial<HttpRoute['metadata']> = {},
): HttpRoute {
  return {
    apiVersion: 'gateway.networking.k8s.io/v1',
    kind: 'HTTPRoute',
    metadata: { name, namespace: 'shop', generation: 1, ...more },
    spec: { parentRefs: [{ name: 'public', namespace: 'infra' }], hostnames, rules },
  };
}

export function weighted(primary: number, canary: number): readonly BackendRef[] {
  return [
    { name: 'cart-primary', port: 80, weight: primary },
    { name: 'cart-canary', port: 80, weight: canary },
  ];
}

export function service(name: string): Service {
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name, namespace: 'shop' },
    spec: { selector: { app: name }, ports: [{ name: 'http', port: 80, targetPort: 8080 }] },
  };
}

interface PodAddress {
  readonly pod: string;
  readonly address?: string;
  readonly port?: number;
  readonly ready?: boolean;
}

export function slice(serviceName: string, pods: readonly PodAddress[]): EndpointSlice {
  return {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: {
      name: `${serviceName}-x`,
      namespace: 'shop',
      labels: { 'kubernetes.io/service-name': serviceName },
    },
    addressType: 'IPv4',
    ports: [{ name: 'http', port: pods[0]?.port ?? 8080, protocol: 'TCP' }],
    endpoints: pods.map(({ pod, address = '10.0.0.1', ready = true }) => ({
      addresses: [address],
      conditions: { ready },
      targetRef: { kind: 'Pod', namespace: 'shop', name: pod },
    })),
  };
}

export function objects(
  routes: readonly HttpRoute[],
  slices: readonly EndpointSlice[] = [
    slice('cart-primary', [{ pod: 'p1' }, { pod: 'p2' }]),
    slice('cart-canary', [{ pod: 'c1' }]),
  ],
): RoutingObjects {
  const services = ['cart', 'cart-primary', 'cart-canary'].map(service);
  return { gateways: [gateway], routes, services, slices };
}
