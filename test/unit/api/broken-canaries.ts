/** Canaries with one thing wrong, each with the field that is to blame. */
import type { aManifest } from './manifests.ts';

type Parts = NonNullable<Parameters<typeof aManifest>[0]>;

export const gate = { name: 'gate', type: 'confirm-rollout', url: 'http://gate/' };
const longName = 'n'.repeat(56);

/** What is wrong, the parts of the manifest, the fields that the operator complains about. */
export const brokenCanaries: readonly [string, Parts, readonly string[]][] = [
  ['no strategy', { analysis: { stepWeight: undefined } }, ['spec.analysis']],
  ['two strategies', { analysis: { stepWeight: 10, iterations: 2 } }, ['spec.analysis']],
  ['no steps', { analysis: { stepWeights: [] } }, ['spec.analysis.stepWeights']],
  ['steps that repeat', { analysis: { stepWeights: [10, 10] } }, ['spec.analysis.stepWeights']],
  ['steps that fall', { analysis: { stepWeights: [10, 50, 20] } }, ['spec.analysis.stepWeights']],
  ['no iterations', { analysis: { iterations: 0 } }, ['spec.analysis.iterations']],
  ['an interval below a second', { analysis: { interval: '999ms' } }, ['spec.analysis.interval']],
  [
    'an interval too long to count',
    { analysis: { interval: '9999999999h' } },
    ['spec.analysis.interval'],
  ],
  [
    'a webhook that never ends',
    { analysis: { webhooks: [{ ...gate, timeout: '0s' }] } },
    ['spec.analysis.webhooks[0].timeout'],
  ],
  [
    'a webhook without an address',
    { analysis: { webhooks: [{ ...gate, url: 'gate' }] } },
    ['spec.analysis.webhooks[0].url'],
  ],
  [
    'a webhook that speaks something else',
    { analysis: { webhooks: [{ ...gate, url: 'ftp://gate' }] } },
    ['spec.analysis.webhooks[0].url'],
  ],
  [
    'a deadline on a hook',
    { analysis: { webhooks: [{ ...gate, type: 'rollout', deadline: '1h' }] } },
    ['spec.analysis.webhooks[0].deadline'],
  ],
  [
    'an outcome on a hook',
    { analysis: { webhooks: [{ name: 'x', url: 'http://x', onDeadline: 'proceed' }] } },
    ['spec.analysis.webhooks[0].onDeadline'],
  ],
  [
    'a range upside down',
    { analysis: { metrics: [{ name: 'request-duration', thresholdRange: { min: 2, max: 1 } }] } },
    ['spec.analysis.metrics[0].thresholdRange'],
  ],
  [
    'a metric that nobody knows',
    { analysis: { metrics: [{ name: 'latency' }] } },
    ['spec.analysis.metrics[0].name'],
  ],
  [
    'a metric without a window',
    { analysis: { metrics: [{ name: 'request-duration', interval: '0s' }] } },
    ['spec.analysis.metrics[0].interval'],
  ],
  ['no service', { spec: { service: undefined } }, ['spec.service.port']],
  ['a service name that is too long', { service: { name: longName } }, ['spec.service.name']],
  [
    'a target name that is too long for a service',
    { spec: { targetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: longName } } },
    ['spec.service.name'],
  ],
  ['a service name with a dot', { service: { name: 'a.b' } }, ['spec.service.name']],
  [
    'a target name that no workload can have',
    {
      spec: { targetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'Cart_1' } },
      service: { name: 'cart' },
    },
    ['spec.targetRef.name'],
  ],
  ['a timeout that is no duration', { service: { timeout: 'soon' } }, ['spec.service.timeout']],
  ['every host', { service: { hosts: ['a.example', '*'] } }, ['spec.service.hosts[1]']],
  [
    'a mirror without a port',
    { service: { mirror: [{ backendRef: { name: 'copy' } }] } },
    ['spec.service.mirror[0].backendRef.port'],
  ],
  [
    'two ways to match',
    { service: { match: [{ uri: { exact: '/', prefix: '/' } }] } },
    ['spec.service.match[0].uri'],
  ],
  [
    'weights for provider kubernetes',
    { spec: { provider: 'kubernetes' }, analysis: { stepWeight: 5 } },
    ['spec.analysis.stepWeight'],
  ],
  [
    'a route for provider kubernetes',
    { spec: { provider: 'kubernetes' }, analysis: { iterations: 2 }, service: { timeout: '1s' } },
    ['spec.service.timeout'],
  ],
  [
    'a time limit for the older Gateway API',
    {
      spec: { provider: 'gatewayapi:v1beta1' },
      service: { timeout: '1s', hosts: ['a.example'] },
    },
    ['spec.service.timeout'],
  ],
  [
    'a match for provider kubernetes',
    {
      spec: { provider: 'kubernetes' },
      analysis: { iterations: 2, match: [{ headers: { a: { exact: 'b' } } }] },
    },
    ['spec.analysis.match'],
  ],
  [
    'an A/B test',
    { analysis: { iterations: 2, match: [{ headers: { a: { exact: 'b' } } }] } },
    ['spec.analysis.match'],
  ],
  ['another router', { spec: { provider: 'istio' } }, ['spec.provider']],
  [
    'a DaemonSet',
    { spec: { targetRef: { apiVersion: 'apps/v1', kind: 'DaemonSet', name: 'cart' } } },
    ['spec.targetRef.kind'],
  ],
];
