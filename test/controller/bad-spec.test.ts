import { describe, expect, it } from 'vitest';

import type { KubernetesObject } from '../../src/api/object.ts';
import { notSupported } from '../../src/api/not-supported.ts';
import { canary, deployment, pathOf, Stage } from './stage.ts';

/** A spec that an older definition let through, what is said about it, and what makes it right. */
interface BadSpec {
  readonly what: string;
  readonly analysis?: object;
  readonly spec?: object;
  readonly reason?: string;
  /** Every one of these words is in the condition and in the event: field and remedy. */
  readonly says: readonly string[];
}

const hook = { name: 'smoke', type: 'pre-rollout', url: 'http://tester/' };
const sound = canary()['spec'] as {
  readonly analysis: object;
  readonly service: object;
  readonly targetRef: object;
};

const badSpecs: readonly BadSpec[] = [
  {
    what: 'a weight that is no number',
    analysis: { stepWeight: 'many' },
    says: ['spec.analysis.stepWeight'],
  },
  {
    what: 'a step weight of 0',
    analysis: { stepWeight: 0 },
    says: ['spec.analysis.stepWeight'],
  },
  {
    what: 'half an iteration',
    analysis: { stepWeight: undefined, iterations: 1.5 },
    says: ['spec.analysis.iterations'],
  },
  {
    what: 'step weights that do not rise',
    analysis: { stepWeight: undefined, stepWeights: [20, 40, 40] },
    says: ['spec.analysis.stepWeights', 'does not rise', 'make each weight greater'],
  },
  {
    what: 'two ways to move traffic',
    analysis: { iterations: 3 },
    says: ['spec.analysis', 'more than one way', 'exactly one of'],
  },
  {
    what: 'a duration that cannot be read',
    analysis: { interval: '10 seconds' },
    says: ['spec.analysis.interval', '1m30s'],
  },
  {
    what: 'an interval below one second',
    analysis: { interval: '500ms' },
    says: ['spec.analysis.interval', '1s'],
  },
  {
    what: 'a range with min above max',
    analysis: {
      metrics: [{ name: 'request-success-rate', thresholdRange: { min: 99, max: 1 } }],
    },
    says: ['spec.analysis.metrics[0].thresholdRange', 'swap them'],
  },
  {
    what: 'a metric that nobody knows',
    analysis: { metrics: [{ name: 'happiness', thresholdRange: { min: 1 } }] },
    says: ['spec.analysis.metrics[0].name', 'happiness', 'add a templateRef'],
  },
  {
    what: 'a webhook that is no address',
    analysis: { webhooks: [{ ...hook, url: 'tester:8080' }] },
    says: ['spec.analysis.webhooks[0].url', 'http://'],
  },
  {
    what: 'a deadline for a hook that is no gate',
    analysis: { webhooks: [{ ...hook, deadline: '1m' }] },
    says: ['spec.analysis.webhooks[0].deadline', 'confirm-rollout'],
  },
  {
    what: 'a host that is none',
    spec: { service: { ...sound.service, hosts: ['shop example'] } },
    says: ['spec.service.hosts[0]', 'shop.example.com'],
  },
  {
    what: 'a port that is no number',
    spec: { service: { ...sound.service, port: 'eighty' } },
    says: ['spec.service.port'],
  },
  {
    what: 'no port',
    spec: { service: { gatewayRefs: [{ name: 'public' }] } },
    says: ['spec.service.port'],
  },
  {
    what: 'a Service name that leaves no room for -primary',
    spec: { service: { ...sound.service, name: 'a'.repeat(60) } },
    says: ['spec.service.name', '-primary', '55'],
  },
  {
    what: 'a target name that leaves no room for -primary',
    spec: {
      targetRef: { ...sound.targetRef, name: 'a'.repeat(250) },
      service: { ...sound.service, name: 'cart' },
    },
    says: ['spec.targetRef.name', '245'],
  },
  {
    what: 'neither a gateway nor a route to adopt',
    spec: { service: { port: 80 } },
    says: ['gatewayRefs'],
  },
  {
    what: 'weights with a provider that can only switch',
    spec: { provider: 'kubernetes' },
    says: ['spec.analysis.stepWeight', 'kubernetes', 'use iterations'],
  },
  {
    what: 'requests to match with a provider that cannot tell them apart',
    analysis: {
      stepWeight: undefined,
      maxWeight: undefined,
      iterations: 2,
      match: [{ headers: { 'x-canary': { exact: 'yes' } } }],
    },
    spec: { provider: 'kubernetes' },
    says: ['spec.analysis.match', 'kubernetes', 'gatewayapi'],
  },
  {
    what: 'a route setting with a provider that makes no route',
    analysis: { stepWeight: undefined, maxWeight: undefined, iterations: 2 },
    spec: { provider: 'kubernetes', service: { port: 80, timeout: '5s' } },
    reason: 'NotSupported',
    says: ['spec.service.timeout', 'kubernetes'],
  },
  {
    what: 'a newer route setting on an older Gateway API',
    spec: { provider: 'gatewayapi:v1beta1', service: { ...sound.service, timeout: '5s' } },
    reason: 'NotSupported',
    says: ['spec.service.timeout', 'gatewayapi:v1beta1', 'gatewayapi'],
  },
  {
    what: 'a provider that nobody knows',
    spec: { provider: 'isto' },
    says: ['spec.provider', 'gatewayapi'],
  },
];

/** The smallest value that asks for a field of the list. */
function specWith(field: string): object {
  const samples: Readonly<Record<string, unknown>> = {
    'spec.provider': 'istio',
    'spec.targetRef.kind': 'DaemonSet',
    'spec.autoscalerRef': {
      apiVersion: 'autoscaling/v2',
      kind: 'HorizontalPodAutoscaler',
      name: 'cart',
    },
    'spec.upstreamRef': { kind: 'Upstream', name: 'cart', apiVersion: 'gloo.solo.io/v1' },
    'spec.analysis.match': [{ headers: { 'x-canary': { exact: 'yes' } } }],
    'spec.analysis.mirror': true,
    'spec.analysis.mirrorWeight': 50,
    'spec.analysis.sessionAffinity': { cookieName: 'canary' },
    'spec.service.trafficPolicy': { tls: { mode: 'DISABLE' } },
    'spec.service.retries': { attempts: 3 },
    'spec.service.gateways': ['public'],
    'spec.service.delegation': true,
    'spec.service.meshName': 'mesh',
    'spec.service.backends': ['orders'],
    'spec.service.corsPolicy.allowOrigins': [{ exact: 'https://shop' }],
    'spec.service.match[].authority': { exact: 'shop' },
    'spec.service.match[].scheme': { exact: 'https' },
    'spec.service.match[].withoutHeaders': { 'x-a': { exact: 'b' } },
    'spec.service.match[].ignoreUriCase': true,
    'spec.service.match[].port': 80,
    'spec.service.match[].gateways': ['public'],
    'spec.service.match[].sourceLabels': { app: 'front' },
    'spec.service.match[].sourceNamespace': 'front',
    'spec.service.match[].method.prefix': 'P',
    'spec.service.match[].method.regex': 'P.*',
    'spec.service.match[].headers.*.prefix': 'a',
    'spec.service.match[].queryParams.*.prefix': 'a',
  };
  if (!(field in samples)) throw new Error(`no sample for ${field}`);
  const steps = field.replaceAll('*', 'x-name').replaceAll('[]', '.[]').split('.').slice(1);
  const build = (at: number): unknown => {
    const step = steps[at];
    if (step === undefined) return samples[field];
    return step === '[]' ? [build(at + 1)] : { [step]: build(at + 1) };
  };
  return build(0) as object;
}

function isPlain(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function merged(left: unknown, right: unknown): unknown {
  if (!isPlain(left) || !isPlain(right)) return right === undefined ? left : right;
  const keys = new Set([...Object.keys(left), ...Object.keys(right)]);
  return Object.fromEntries([...keys].map((key) => [key, merged(left[key], right[key])]));
}

async function expectRefusal(
  bad: KubernetesObject,
  { reason, says }: { readonly reason: string; readonly says: readonly string[] },
): Promise<void> {
  const stage = new Stage();
  stage.loosenCanaries();
  stage.create(deployment('demo:1'));
  stage.create(bad);
  stage.start();
  await stage.pass(120_000);

  const stalled = stage.condition('Stalled');
  expect(stalled).toMatchObject({ status: 'True', reason });
  expect(stage.condition('Ready')).toMatchObject({ status: 'False', reason });
  const warning = stage.events().find((event) => event.reason === reason);
  expect(warning?.type).toBe('Warning');
  for (const word of says) {
    expect(stalled?.message).toContain(word);
    expect(warning?.message).toContain(word);
  }
  expect(stage.touched()).toEqual([]);

  stage.put({ ...canary(), metadata: stage.get('Canary', 'cart')?.metadata ?? bad.metadata });
  await stage.untilPhase('Initialized', 120_000);
  expect(stage.condition('Stalled')).toBeUndefined();
  await stage.end();
}

describe('a spec that an older definition let through', () => {
  it.each(badSpecs.map((bad) => [bad.what, bad] as const))(
    'is refused for %s, touches nothing, and goes on when it is repaired',
    async (_what, { analysis, spec, reason = 'InvalidSpec', says }) => {
      await expectRefusal(canary(analysis, spec), { reason, says });
    },
  );

  it.each(
    notSupported.filter(({ kind }) => kind === 'Canary').map(({ field }) => [field] as const),
  )('is refused for %s as NotSupported, by that word', async (field) => {
    const spec = merged(canary()['spec'], specWith(field)) as object;
    const name = field.replaceAll('[]', '[0]').replaceAll('*', 'x-name');
    await expectRefusal({ ...canary(), spec }, { reason: 'NotSupported', says: [name] });
  });

  it('names every problem at once', async () => {
    const stage = new Stage();
    stage.loosenCanaries();
    stage.create(deployment('demo:1'));
    stage.create(
      canary({
        stepWeight: undefined,
        stepWeights: [5, 5],
        metrics: [{ name: 'happiness', thresholdRange: { min: 1 } }],
      }),
    );
    stage.start();
    await stage.pass(10_000);
    expect(stage.condition('Stalled')?.message).toContain('spec.analysis.stepWeights');
    expect(stage.condition('Stalled')?.message).toContain('spec.analysis.metrics[0].name');
    await stage.end();
  });
});

describe('a spec that the definition refuses', () => {
  it.each([
    ['stepWeights', { stepWeight: undefined, maxWeight: undefined, stepWeights: [20, 10] }],
    ['stepWeight', { stepWeight: -1 }],
    ['interval', { interval: 'soon' }],
  ])('is not stored, and the answer names %s', (field, analysis) => {
    const stage = new Stage();
    const answer = stage.world.server.handle({
      method: 'POST',
      path: pathOf('serin.dev/v1beta1', 'Canary'),
      query: {},
      headers: { 'user-agent': 'kubectl' },
      body: JSON.parse(JSON.stringify(canary(analysis))) as unknown,
    });
    if (answer.kind !== 'object') throw new Error('unexpected stream');
    expect(answer.status).toBe(422);
    expect(JSON.stringify(answer.body)).toContain(`spec.analysis.${field}`);
    expect(stage.get('Canary', 'cart')).toBeUndefined();
  });
});
