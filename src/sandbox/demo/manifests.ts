/** What the demo applies: one application and its Canary. */
import type { Deployment } from '../controllers/objects.ts';

export const APP = 'hello';
export const NAMESPACE = 'demo';
export const HOST = 'hello.demo.local';

export const FIRST_IMAGE = 'serin.dev/demo:1.0.0';
export const GOOD_IMAGE = 'serin.dev/demo:1.1.0';
export const BAD_IMAGE = 'serin.dev/demo:1.2.0-flaky';

export function deployment(image: string): Deployment {
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: APP, namespace: NAMESPACE },
    spec: {
      replicas: 2,
      selector: { matchLabels: { app: APP } },
      template: {
        metadata: { labels: { app: APP } },
        spec: {
          containers: [
            {
              name: 'app',
              image,
              ports: [{ name: 'http', containerPort: 8080 }],
              readinessProbe: { httpGet: { path: '/readyz', port: 'http' }, periodSeconds: 1 },
            },
          ],
        },
      },
    },
  };
}

/** Short intervals, so that a person can watch it; `examples/` has those of real life. */
export const canary = {
  apiVersion: 'serin.dev/v1beta1',
  kind: 'Canary',
  metadata: { name: APP, namespace: NAMESPACE },
  spec: {
    provider: 'gatewayapi',
    targetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: APP },
    progressDeadlineSeconds: 60,
    service: {
      port: 80,
      targetPort: 'http',
      hosts: [HOST],
      gatewayRefs: [{ name: 'sandbox', namespace: 'serin-system' }],
    },
    analysis: {
      interval: '2s',
      threshold: 2,
      maxWeight: 100,
      stepWeight: 25,
      metrics: [
        { name: 'request-success-rate', interval: '5s', thresholdRange: { min: 99 } },
        { name: 'request-duration', interval: '5s', thresholdRange: { max: 500 } },
      ],
    },
  },
};
