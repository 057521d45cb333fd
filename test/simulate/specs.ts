/** What the users of a trial write: the Canary, and the Service and route that were there before it. */
import { apiVersionOf } from '../../src/api/group.ts';
import type { KubernetesObject } from '../../src/api/object.ts';
import type { Plan, Strategy } from './plan.ts';
import { namespace } from './world.ts';

export function strategyFields(strategy: Strategy): object {
  return strategy.kind === 'iterations'
    ? { iterations: strategy.iterations }
    : {
        stepWeights: strategy.steps,
        ...(strategy.back === 0 ? {} : { stepWeightPromotion: strategy.back }),
      };
}

function seconds(ms: number): string {
  return `${ms / 1_000}s`;
}

export function canaryOf(plan: Plan): KubernetesObject {
  return {
    apiVersion: apiVersionOf(plan.group),
    kind: 'Canary',
    metadata: { name: 'cart', namespace },
    spec: {
      provider: plan.router,
      targetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'cart' },
      progressDeadlineSeconds: plan.progressDeadlineMs / 1_000,
      ...(plan.revertOnDeletion === undefined ? {} : { revertOnDeletion: plan.revertOnDeletion }),
      ...(plan.skipAnalysis ? { skipAnalysis: true } : {}),
      service: {
        port: 80,
        targetPort: 8080,
        ...(plan.router === 'gatewayapi' ? { gatewayRefs: [{ name: 'public' }] } : {}),
      },
      analysis: {
        interval: seconds(plan.intervalMs),
        threshold: plan.threshold,
        holdDeadline: seconds(plan.holdDeadlineMs),
        ...(plan.onNoData === undefined ? {} : { onNoData: plan.onNoData }),
        ...strategyFields(plan.strategy),
        metrics: plan.metrics.map((name) => ({
          name,
          interval: '1m',
          thresholdRange: name === 'request-duration' ? { max: 500 } : { min: 99 },
        })),
        webhooks: plan.hooks.map(({ type, deadline, onDeadline }) => ({
          name: type,
          type,
          url: `http://hooks/${type}`,
          ...(deadline && type.startsWith('confirm-') ? { deadline: '15s', onDeadline } : {}),
        })),
      },
    },
  };
}

export function adoptedService(): KubernetesObject {
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: {
      name: 'cart',
      namespace,
      labels: { team: 'shop' },
      annotations: { note: 'theirs' },
    },
    spec: {
      selector: { app: 'cart' },
      ports: [
        { name: 'web', port: 80, targetPort: 8080 },
        { name: 'admin', port: 9000, targetPort: 9000 },
      ],
    },
  };
}

export function adoptedRoute(): KubernetesObject {
  return {
    apiVersion: 'gateway.networking.k8s.io/v1',
    kind: 'HTTPRoute',
    metadata: { name: 'front', namespace, annotations: { note: 'theirs' } },
    spec: {
      parentRefs: [{ name: 'public' }],
      hostnames: ['shop.example'],
      rules: [
        {
          matches: [{ path: { type: 'PathPrefix', value: '/static' } }],
          backendRefs: [{ name: 'files', port: 80 }],
        },
        { backendRefs: [{ name: 'cart', port: 80 }] },
      ],
    },
  };
}
