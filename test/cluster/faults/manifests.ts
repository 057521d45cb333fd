/** The objects of one rollout under fault, all called `cart`, in a namespace of its own. */
import type { KubernetesObject } from '../../../src/api/object.ts';
import { onPaper, paperGateway } from './paper.ts';

export const images = { old: 'demo:1', new: 'demo:2' } as const;
export const steps = [30, 60] as const;
/** Of the two built-in checks. */
export const checks = 2;

export interface CanaryOptions {
  readonly interval?: string;
  readonly threshold?: number;
  readonly holdDeadline?: string;
}

export function namespaceObject(name: string): KubernetesObject {
  return { apiVersion: 'v1', kind: 'Namespace', metadata: { name } };
}

export function deployment(namespace: string): KubernetesObject {
  const labels = { app: 'cart' };
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: 'cart', namespace, labels },
    spec: {
      replicas: 1,
      selector: { matchLabels: labels },
      template: {
        metadata: { labels },
        spec: {
          ...onPaper,
          containers: [{ name: 'app', image: images.old, ports: [{ containerPort: 8080 }] }],
        },
      },
    },
  };
}

export function canary(namespace: string, options: CanaryOptions = {}): KubernetesObject {
  const { interval = '1s', threshold = 1, holdDeadline = '1h' } = options;
  return {
    apiVersion: 'serin.dev/v1beta1',
    kind: 'Canary',
    metadata: { name: 'cart', namespace },
    spec: {
      targetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'cart' },
      progressDeadlineSeconds: 120,
      service: { port: 80, targetPort: 8080, gatewayRefs: [{ name: paperGateway }] },
      analysis: {
        interval,
        threshold,
        holdDeadline,
        stepWeights: steps,
        metrics: [
          { name: 'request-success-rate', interval: '1m', thresholdRange: { min: 99 } },
          { name: 'request-duration', interval: '1m', thresholdRange: { max: 500 } },
        ],
      },
    },
  };
}

/** A strategic merge patch that releases an image. */
export function release(image: string): object {
  return { spec: { template: { spec: { containers: [{ name: 'app', image }] } } } };
}
