/** What a user applies for one canary: a Deployment of 3 kB, a Canary, and where alerts go. */
import type { KubernetesObject } from '../../src/api/object.ts';

/** A name that occurs nowhere else, so that copies are made by replacing it. */
export const sourceNamespace = 'bench-source';

export interface CanaryShape {
  readonly namespace: string;
  readonly interval: string;
  readonly threshold: number;
  readonly stepWeights?: readonly number[];
  readonly stepWeight?: number;
  readonly alerts: boolean;
}

export function namespaceNamed(name: string): KubernetesObject {
  return { apiVersion: 'v1', kind: 'Namespace', metadata: { name } };
}

export function gateway(namespace: string): KubernetesObject {
  return {
    apiVersion: 'gateway.networking.k8s.io/v1',
    kind: 'Gateway',
    metadata: { namespace, name: 'public' },
    spec: {
      gatewayClassName: 'sandbox',
      listeners: [
        {
          name: 'http',
          port: 80,
          protocol: 'HTTP',
          allowedRoutes: { namespaces: { from: 'All' } },
        },
      ],
    },
  };
}

export function deployment(namespace: string): KubernetesObject {
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { namespace, name: 'cart', labels: { app: 'cart', team: 'checkout' } },
    spec: {
      replicas: 1,
      selector: { matchLabels: { app: 'cart' } },
      template: {
        metadata: { labels: { app: 'cart', team: 'checkout' } },
        spec: {
          containers: [
            {
              name: 'cart',
              image: 'cart:1',
              ports: [{ name: 'http', containerPort: 8080 }],
              readinessProbe: { httpGet: { path: '/healthz', port: 'http' }, periodSeconds: 5 },
              livenessProbe: { httpGet: { path: '/healthz', port: 'http' }, periodSeconds: 10 },
              resources: {
                requests: { cpu: '100m', memory: '128Mi' },
                limits: { memory: '256Mi' },
              },
            },
          ],
        },
      },
    },
  };
}

export function canary(shape: CanaryShape): KubernetesObject {
  const { namespace, interval, threshold, stepWeights, stepWeight, alerts } = shape;
  return {
    apiVersion: 'serin.dev/v1beta1',
    kind: 'Canary',
    metadata: { namespace, name: 'cart' },
    spec: {
      targetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'cart' },
      service: {
        port: 80,
        targetPort: 8080,
        hosts: ['cart.example.com'],
        gatewayRefs: [{ name: 'public', namespace }],
      },
      analysis: {
        interval,
        threshold,
        ...(stepWeights === undefined ? { stepWeight, maxWeight: 50 } : { stepWeights }),
        metrics: [
          { name: 'request-success-rate', thresholdRange: { min: 99 }, interval: '1m' },
          { name: 'request-duration', thresholdRange: { max: 500 }, interval: '1m' },
        ],
        ...(alerts
          ? { alerts: [{ name: 'slack', severity: 'info', providerRef: { name: 'slack' } }] }
          : {}),
      },
    },
  };
}

export function alertProvider(namespace: string, standInPort: number): KubernetesObject {
  return {
    apiVersion: 'serin.dev/v1beta1',
    kind: 'AlertProvider',
    metadata: { namespace, name: 'slack' },
    spec: { type: 'slack', channel: 'releases', address: `http://127.0.0.1:${standInPort}/slack` },
  };
}
