/**
 * What an unset field means, in both groups alike.
 *
 * One table for the schema, which lets the API server fill some of them in, and for `resolved.ts`, which fills
 * in all of them. Where the groups differ, see `group.ts`.
 */
export const defaults = {
  provider: 'gatewayapi',
  progressDeadlineSeconds: 600,
  portName: 'http',
  interval: '1m',
  threshold: 1,
  maxWeight: 100,
  primaryReadyThreshold: 100,
  canaryReadyThreshold: 100,
  holdDeadline: '1h',
  metricInterval: '1m',
  webhookTimeout: '10s',
  onDeadline: 'rollback',
  sessionMaxAge: 86_400,
  gatewayGroup: 'gateway.networking.k8s.io',
  gatewayKind: 'Gateway',
  /** Rounds of a blue/green run under `flagger.app` whose Canary names weights that nothing can split. */
  kubernetesIterations: 10,
} as const;
