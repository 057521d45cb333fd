/** What a team applies: an application, perhaps with a Service and a route of its own, and its Canary. */
import type { Canary } from '../../../src/api/canary.ts';
import type { CanaryAnalysis } from '../../../src/api/canary-analysis.ts';
import { RECEIVER_URL } from '../apps/receiver-manifest.ts';
import { type Manifest, patient, scraped } from '../planes/manifest.ts';
import type { Group } from './kinds.ts';
import type { PlaneInUse } from './plane.ts';

export const APP = 'app';

export interface AppOptions {
  readonly image: string;
  /** Left out of the manifest when not given, as it should be beside a Canary. */
  readonly replicas?: number;
  /** More variables of the container. */
  readonly env?: Readonly<Record<string, string>>;
}

/**
 * Drains as a server should: it goes on serving for a while after it was told to end, says goodbye on each
 * connection, and closes the idle ones last. The image decides whether it keeps to that.
 */
export function application(
  namespace: string,
  { image, replicas, env = {} }: AppOptions,
): Manifest {
  const labels = { app: APP };
  const container = {
    name: 'app',
    image,
    env: [
      { name: 'POD_NAME', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } },
      { name: 'APP_DRAIN_MS', value: '3000' },
      ...Object.entries(env).map(([name, value]) => ({ name, value })),
    ],
    ports: [{ name: 'http', containerPort: 8080 }],
    readinessProbe: { httpGet: { path: '/readyz', port: 'http' }, ...patient },
    ...(isAbrupt(image) ? {} : { lifecycle: { preStop: { sleep: { seconds: 3 } } } }),
  };
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: APP, namespace },
    spec: {
      ...(replicas === undefined ? {} : { replicas }),
      selector: { matchLabels: labels },
      template: {
        metadata: { labels, annotations: scraped(8080) },
        spec: { terminationGracePeriodSeconds: 15, containers: [container] },
      },
    },
  };
}

function isAbrupt(image: string): boolean {
  return image.endsWith('-abrupt');
}

export function service(namespace: string): Manifest {
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: APP, namespace },
    spec: { selector: { app: APP }, ports: [{ name: 'http', port: 80, targetPort: 'http' }] },
  };
}

export function hostOf(namespace: string): string {
  return `${namespace}.test`;
}

/** A route that was there before the Canary. */
export function route(namespace: string, { gateway }: PlaneInUse): Manifest {
  return {
    apiVersion: 'gateway.networking.k8s.io/v1',
    kind: 'HTTPRoute',
    metadata: { name: APP, namespace },
    spec: {
      parentRefs: [gateway],
      hostnames: [hostOf(namespace)],
      rules: [{ backendRefs: [{ name: APP, port: 80 }] }],
    },
  };
}

/** With its address in a Secret, where who knows it may write to the channel. */
export function alertProvider(
  namespace: string,
  group: Group,
  address = `${RECEIVER_URL}/slack/${namespace}`,
): readonly Manifest[] {
  const metadata = { name: 'slack', namespace };
  const spec = { type: 'slack', channel: 'releases', secretRef: { name: 'slack' } };
  return [
    { apiVersion: 'v1', kind: 'Secret', metadata, stringData: { address } },
    { apiVersion: `${group}/v1beta1`, kind: 'AlertProvider', metadata, spec },
  ];
}

const PROXY_ERRORS = 'errors that the proxy saw';

/** Percent of the requests to the canary that the proxy itself saw fail; nothing where there is none to ask. */
export function proxyErrors(namespace: string, { counter }: PlaneInUse): readonly Manifest[] {
  if (counter === undefined) return [];
  const { metric, selector, failed } = counter;
  const rate = (labels: string) => `sum(rate(${metric}{${labels}}[{{ interval }}]))`;
  const query = `(${rate(`${selector}, ${failed}`)} or vector(0)) / ${rate(selector)} * 100`;
  const address = 'http://prometheus.monitoring:9090';
  return [
    {
      apiVersion: 'serin.dev/v1beta1',
      kind: 'MetricTemplate',
      metadata: { name: 'proxy-errors', namespace },
      spec: { provider: { type: 'prometheus', address }, query },
    },
  ];
}

/** Both built-in checks, and the proxy's own where it has one. */
export function metrics({ counter }: PlaneInUse): Analysis['metrics'] {
  const templateRef = { name: 'proxy-errors' };
  const own = { name: PROXY_ERRORS, templateRef, interval: '5s', thresholdRange: { max: 1 } };
  return [
    { name: 'request-success-rate', interval: '5s', thresholdRange: { min: 99 } },
    { name: 'request-duration', interval: '5s', thresholdRange: { max: 500 } },
    ...(counter === undefined ? [] : [own]),
  ];
}

export type Analysis = Partial<CanaryAnalysis>;
export type MoreSpec = Partial<Omit<Canary['spec'], 'analysis'>>;

export interface CanaryOptions {
  readonly analysis?: Analysis;
  readonly spec?: MoreSpec;
  readonly group?: Group;
}

/** Short intervals, both built-in checks, everything told to Slack. */
export function canary(
  namespace: string,
  { provider, gateway }: PlaneInUse,
  { analysis = {}, spec = {}, group = 'serin.dev' }: CanaryOptions,
): Manifest {
  const gateways = gateway === undefined ? {} : { gatewayRefs: [gateway] };
  const steps = provider === 'kubernetes' ? { iterations: 3 } : { stepWeights: [10, 50, 90] };
  return {
    apiVersion: `${group}/v1beta1`,
    kind: 'Canary',
    metadata: { name: APP, namespace },
    spec: {
      provider,
      targetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: APP },
      progressDeadlineSeconds: 60,
      service: { port: 80, targetPort: 'http', hosts: [hostOf(namespace)], ...gateways },
      ...spec,
      analysis: {
        interval: '3s',
        threshold: 2,
        ...('stepWeight' in analysis || 'stepWeights' in analysis ? {} : steps),
        metrics: [
          { name: 'request-success-rate', interval: '5s', thresholdRange: { min: 99 } },
          { name: 'request-duration', interval: '5s', thresholdRange: { max: 500 } },
        ],
        alerts: [{ name: 'slack', severity: 'info', providerRef: { name: 'slack' } }],
        ...analysis,
      },
    },
  };
}
