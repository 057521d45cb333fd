import { resolveSpec } from '../../../src/api/resolved.ts';
import type { Canary } from '../../../src/api/canary.ts';
import type { RouteTarget } from '../../../src/ports/traffic-router.ts';

/** The traffic of Canary `shop/cart`, with this `spec.service`. */
export function aRouteTarget(
  service: Partial<NonNullable<Canary['spec']['service']>> = {},
  { namespace = 'shop', name = 'cart' } = {},
): RouteTarget {
  const canary: Canary = {
    apiVersion: 'serin.dev/v1beta1',
    kind: 'Canary',
    metadata: { name, namespace, uid: 'uid-of-canary', generation: 1 },
    spec: {
      targetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name },
      service: { port: 80, gatewayRefs: [{ name: 'public', namespace: 'infra' }], ...service },
      analysis: { interval: '10s', threshold: 1, stepWeights: [10, 50] },
    },
  };
  const resolved = resolveSpec(canary, 'serin.dev').service;
  return {
    namespace,
    apex: resolved.name,
    primaryService: `${resolved.name}-primary`,
    canaryService: `${resolved.name}-canary`,
    port: resolved.port,
    service: resolved,
    primarySelector: { app: `${name}-primary` },
    canarySelector: { app: name },
  };
}
