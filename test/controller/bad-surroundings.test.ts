/**
 * A sound spec in a cluster that does not go with it: something is missing, belongs to somebody else, or is not
 * allowed. Said by name; and the moment it is put right the rollout goes on by itself.
 */
import { describe, expect, it } from 'vitest';

import type { KubernetesObject } from '../../src/api/object.ts';
import { httpRouteDefinition } from '../simulate/http-route.ts';
import {
  alertProvider,
  canary,
  deployment,
  forbidden,
  metricTemplate,
  namespace,
  shippedDefinitions,
  Stage,
} from './stage.ts';

interface Surroundings {
  readonly what: string;
  readonly reason: string;
  readonly says: readonly string[];
  readonly canary?: KubernetesObject;
  readonly deployment?: KubernetesObject | 'none';
  readonly spoil?: (stage: Stage) => unknown;
  readonly repair: (stage: Stage) => unknown;
  /** A wait, not a refusal. */
  readonly reconciling?: true;
  /** Kinds that come late are asked for again every so often. */
  readonly withinMs?: number;
}

const routes = 'httproutes.gateway.networking.k8s.io';

const withTemplate = canary({
  metrics: [{ name: 'latency', templateRef: { name: 'latency' }, thresholdRange: { max: 500 } }],
});
const withAlert = canary({ alerts: [{ name: 'team', providerRef: { name: 'on-call' } }] });

/** The owner must exist, or its things are collected as garbage. */
function foreign(stage: Stage): object {
  const { apiVersion, kind, metadata } = stage.create({
    ...withSelector({ app: 'main' }),
    metadata: { name: 'main', namespace },
  });
  const owner = { apiVersion, kind, name: metadata.name, uid: metadata.uid, controller: true };
  return { ownerReferences: [owner] };
}

const service = (name: string, metadata: object = {}): KubernetesObject => ({
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name, namespace, ...metadata },
  spec: { selector: { app: 'cart' }, ports: [{ port: 80, targetPort: 8080 }] },
});

const route = (name: string, backend: string, metadata: object = {}): KubernetesObject => ({
  apiVersion: 'gateway.networking.k8s.io/v1',
  kind: 'HTTPRoute',
  metadata: { name, namespace, ...metadata },
  spec: {
    parentRefs: [{ name: 'public' }],
    rules: [{ backendRefs: [{ name: backend, port: 80 }] }],
  },
});

const withSelector = (matchLabels: Readonly<Record<string, string>>): KubernetesObject => {
  const plain = deployment('demo:1');
  const spec = plain['spec'] as { readonly template: object };
  const template = { ...spec.template, metadata: { labels: matchLabels } };
  return { ...plain, spec: { ...spec, selector: { matchLabels }, template } };
};

const surroundings: readonly Surroundings[] = [
  {
    what: 'no target',
    reason: 'TargetNotFound',
    says: ['Deployment', 'cart.shop'],
    deployment: 'none',
    reconciling: true,
    repair: (stage) => stage.create(deployment('demo:1')),
  },
  {
    what: 'no MetricTemplate',
    reason: 'MetricTemplateNotFound',
    says: ['latency', 'shop/latency', 'create it'],
    canary: withTemplate,
    repair: (stage) => stage.create(metricTemplate({ query: 'latency' })),
  },
  {
    what: 'a MetricTemplate for a backend that is not built',
    reason: 'NotSupported',
    says: ['MetricTemplate shop/latency', 'spec.provider.type', 'datadog', 'prometheus'],
    canary: withTemplate,
    spoil: (stage) =>
      stage.create(metricTemplate({ provider: { type: 'datadog' }, query: 'latency' })),
    repair: (stage) =>
      stage.patch('MetricTemplate', 'latency', {
        spec: { provider: { type: 'prometheus', address: 'http://prometheus:9090' } },
      }),
  },
  {
    what: 'a MetricTemplate whose address is none',
    reason: 'InvalidMetricTemplate',
    says: ['MetricTemplate shop/latency', 'spec.provider.address', 'http://'],
    canary: withTemplate,
    spoil: (stage) =>
      stage.create(metricTemplate({ provider: { type: 'prometheus' }, query: 'latency' })),
    repair: (stage) =>
      stage.patch('MetricTemplate', 'latency', {
        spec: { provider: { address: 'http://prometheus:9090' } },
      }),
  },
  {
    what: 'a MetricTemplate whose query cannot be filled in',
    reason: 'InvalidMetricTemplate',
    says: ['MetricTemplate shop/latency', 'spec.query', 'nothing'],
    canary: withTemplate,
    spoil: (stage) => stage.create(metricTemplate({ query: 'up{job="{{ nothing }}"}' })),
    repair: (stage) => stage.patch('MetricTemplate', 'latency', { spec: { query: 'up' } }),
  },
  {
    what: 'no AlertProvider',
    reason: 'AlertProviderNotFound',
    says: ['team', 'shop/on-call', 'create it'],
    canary: withAlert,
    repair: (stage) => stage.create(alertProvider({ address: 'https://hooks.slack.example/a' })),
  },
  {
    what: 'an AlertProvider of a type that is not built',
    reason: 'NotSupported',
    says: ['AlertProvider shop/on-call', 'spec.type', 'msteams', 'slack'],
    canary: withAlert,
    spoil: (stage) =>
      stage.create(alertProvider({ type: 'msteams', address: 'https://hooks.example/a' })),
    repair: (stage) => stage.patch('AlertProvider', 'on-call', { spec: { type: 'slack' } }),
  },
  {
    what: 'a selector that cannot be split',
    reason: 'SelectorNotSupported',
    says: ['Deployment cart', 'app, name, app.kubernetes.io/name', '--selector-labels'],
    deployment: withSelector({ tier: 'front' }),
    repair(stage) {
      stage.delete('Deployment', 'cart');
      stage.create(deployment('demo:1'));
    },
  },
  {
    what: 'a target that is taken down at each release',
    reason: 'UnsafeStrategy',
    says: ['cart', 'Recreate', 'RollingUpdate'],
    deployment: {
      ...deployment('demo:1'),
      spec: { ...(deployment('demo:1')['spec'] as object), strategy: { type: 'Recreate' } },
    },
    repair: (stage) =>
      stage.patch('Deployment', 'cart', { spec: { strategy: { type: 'RollingUpdate' } } }),
  },
  {
    what: 'an apex Service that somebody else runs',
    reason: 'NotOurs',
    says: ['Service cart', 'Deployment main'],
    spoil: (stage) => stage.create(service('cart', foreign(stage))),
    repair: (stage) => stage.delete('Service', 'cart'),
  },
  {
    what: 'an HTTPRoute that somebody else runs',
    reason: 'NotOurs',
    says: ['HTTPRoute front', 'Deployment main'],
    spoil: (stage) => stage.create(route('front', 'cart', foreign(stage))),
    repair: (stage) => stage.delete('HTTPRoute', 'front'),
  },
  {
    what: 'a primary that somebody else runs',
    reason: 'NotOurs',
    says: ['cart-primary', 'Deployment main'],
    spoil: (stage) =>
      stage.create({
        ...withSelector({ app: 'cart-primary' }),
        metadata: { name: 'cart-primary', namespace, ...foreign(stage) },
      }),
    repair: (stage) => stage.delete('Deployment', 'cart-primary'),
  },
  {
    what: 'a route of the same name that sends elsewhere',
    reason: 'NotOurs',
    says: ['HTTPRoute cart', 'Service cart', 'rename'],
    spoil: (stage) =>
      stage.create({
        ...route('cart', 'orders'),
        spec: {
          parentRefs: [{ name: 'public' }],
          hostnames: ['orders.example.com'],
          rules: [{ backendRefs: [{ name: 'orders', port: 80 }] }],
        },
      }),
    repair: (stage) => stage.delete('HTTPRoute', 'cart'),
  },
  {
    what: 'an older route that would win',
    reason: 'RouteShadowed',
    says: ['HTTPRoute', 'everything', 'Service cart', 'service.hosts'],
    spoil: (stage) => stage.create(route('everything', 'front')),
    repair: (stage) => stage.delete('HTTPRoute', 'everything'),
  },
  {
    what: 'no Gateway API',
    reason: 'KindNotServed',
    says: ['HTTPRoute', 'gateway.networking.k8s.io/v1', 'install the Gateway API'],
    spoil: (stage) => stage.delete('CustomResourceDefinition', routes),
    repair: (stage) => stage.create(httpRouteDefinition),
    withinMs: 120_000,
  },
  {
    what: 'a Gateway API without the version that is asked for',
    reason: 'KindNotServed',
    says: ['HTTPRoute', 'gateway.networking.k8s.io/v1beta1'],
    canary: canary({}, { provider: 'gatewayapi:v1beta1' }),
    spoil: (stage) => serveOnly(stage, 'v1'),
    repair: (stage) => serveOnly(stage, 'v1', 'v1beta1'),
    withinMs: 120_000,
  },
];

function serveOnly(stage: Stage, ...served: readonly string[]): void {
  const versions = httpRouteDefinition.spec.versions.map((version) => ({
    ...version,
    served: served.includes(version.name),
  }));
  stage.patch('CustomResourceDefinition', routes, { spec: { versions } });
}

describe('a Canary whose surroundings do not go with it', () => {
  it.each(surroundings.map((row) => [row.what, row] as const))(
    'says so for %s, touches nothing, and goes on by itself once that is put right',
    async (_what, row) => {
      const stage = new Stage();
      row.spoil?.(stage);
      if (row.deployment !== 'none') stage.create(row.deployment ?? deployment('demo:1'));
      await stage.pass(2_000);
      stage.create(row.canary ?? canary());
      stage.start();
      await stage.pass(90_000);

      const shown = stage.condition(row.reconciling === true ? 'Reconciling' : 'Stalled');
      expect(shown).toMatchObject({ status: 'True', reason: row.reason });
      expect(stage.condition('Ready')).toMatchObject({ status: 'False', reason: row.reason });
      for (const word of row.says) expect(shown?.message).toContain(word);
      if (row.reconciling !== true) {
        const warning = stage.events().find(({ reason }) => reason === row.reason);
        expect(warning).toMatchObject({ type: 'Warning', count: 1 });
        expect(stage.touched()).toEqual([]);
      }

      row.repair(stage);
      await stage.untilPhase('Initialized', (row.withinMs ?? 0) + 60_000);
      expect(stage.condition('Ready')).toMatchObject({ status: 'True' });
      await stage.end();
    },
  );

  it('is refused as the younger of two with one target, and goes on when the older is gone', async () => {
    const stage = new Stage();
    stage.create(deployment('demo:1'));
    stage.create(canary());
    stage.start();
    await stage.untilPhase('Initialized');
    const plain = canary();
    stage.mark();
    stage.create({ ...plain, metadata: { name: 'second', namespace } });
    await stage.pass(30_000);
    const stalled = stage.condition('Stalled', 'second');
    expect(stalled).toMatchObject({ status: 'True', reason: 'TargetInUse' });
    for (const word of ['Deployment cart', 'Canary cart', 'delete one of them'])
      expect(stalled?.message).toContain(word);
    expect(stage.touched()).toEqual([]);
    expect(stage.status().phase).toBe('Initialized');

    stage.delete('Canary', 'cart');
    await stage.until('second is ready', () => stage.status('second').phase === 'Initialized');
    await stage.end();
  });
});

const definition = (name: string): KubernetesObject => {
  const found = shippedDefinitions.find(({ metadata }) => metadata.name === name);
  if (found === undefined) throw new Error(`${name} is not shipped`);
  return { ...found };
};

describe('definitions of our own that are not installed', () => {
  it('are waited for, and the operator says so', async () => {
    const stage = new Stage();
    stage.delete('CustomResourceDefinition', 'canaries.serin.dev');
    await stage.pass(5_000);
    stage.start();
    await stage.pass(60_000);
    const line = stage.world.logs.find((text) => text.includes('not served'));
    expect(line).toContain('Canary');
    stage.create(definition('canaries.serin.dev'));
    stage.create(deployment('demo:1'));
    stage.create(canary());
    await stage.untilPhase('Initialized', 180_000);
    await stage.end();
  });

  it('of a template are told by the template that is missing', async () => {
    const stage = new Stage();
    stage.delete('CustomResourceDefinition', 'metrictemplates.serin.dev');
    await stage.pass(5_000);
    stage.create(deployment('demo:1'));
    stage.create(withTemplate);
    stage.start();
    await stage.pass(60_000);
    expect(stage.condition('Stalled')).toMatchObject({ reason: 'MetricTemplateNotFound' });
    stage.create(definition('metrictemplates.serin.dev'));
    stage.create(metricTemplate({ query: 'latency' }));
    await stage.untilPhase('Initialized', 180_000);
    await stage.end();
  });
});

async function midRun(
  object: KubernetesObject,
  prepare: (stage: Stage) => unknown = () => {},
): Promise<Stage> {
  const stage = new Stage();
  prepare(stage);
  stage.create(deployment('demo:1'));
  stage.create(object);
  stage.start();
  await stage.untilPhase('Initialized');
  stage.push('demo:2');
  await stage.until('weight 20', () => stage.routeWeight() === 20);
  return stage;
}

describe('a Canary whose surroundings break in the middle of a run', () => {
  const held = { holdDeadline: '60s' };
  const broken: readonly (readonly [
    string,
    {
      readonly reason: string;
      readonly says: readonly string[];
      readonly object: KubernetesObject;
      readonly prepare?: (stage: Stage) => unknown;
      readonly spoil: (stage: Stage) => unknown;
      readonly repair: (stage: Stage) => unknown;
    },
  ])[] = [
    [
      'a MetricTemplate that vanishes',
      {
        reason: 'MetricTemplateNotFound',
        says: ['shop/latency'],
        object: canary({
          ...held,
          metrics: [
            { name: 'latency', templateRef: { name: 'latency' }, thresholdRange: { max: 500 } },
          ],
        }),
        prepare: (stage) => stage.create(metricTemplate({ query: 'latency' })),
        spoil: (stage) => stage.delete('MetricTemplate', 'latency'),
        repair: (stage) => stage.create(metricTemplate({ query: 'latency' })),
      },
    ],
    [
      'an AlertProvider that vanishes',
      {
        reason: 'AlertProviderNotFound',
        says: ['shop/on-call'],
        object: canary({ ...held, alerts: [{ name: 'team', providerRef: { name: 'on-call' } }] }),
        prepare: (stage) =>
          stage.create(alertProvider({ address: 'https://hooks.slack.example/a' })),
        spoil: (stage) => stage.delete('AlertProvider', 'on-call'),
        repair: (stage) =>
          stage.create(alertProvider({ address: 'https://hooks.slack.example/a' })),
      },
    ],
    [
      'a field that is not supported',
      {
        reason: 'NotSupported',
        says: ['spec.analysis.mirror', 'remove it'],
        object: canary(held),
        spoil: (stage) => stage.patch('Canary', 'cart', { spec: { analysis: { mirror: true } } }),
        repair: (stage) => stage.patch('Canary', 'cart', { spec: { analysis: { mirror: null } } }),
      },
    ],
    [
      'a spec that does not even parse',
      {
        reason: 'InvalidSpec',
        says: ['spec.analysis.interval'],
        object: canary(held),
        prepare: (stage) => stage.loosenCanaries(),
        spoil: (stage) => stage.patch('Canary', 'cart', { spec: { analysis: { interval: 7 } } }),
        repair: (stage) =>
          stage.patch('Canary', 'cart', { spec: { analysis: { interval: '10s' } } }),
      },
    ],
  ];

  it.each(broken)(
    'stops steps and promotion for %s, and goes on when it is repaired',
    async (_what, { object, prepare, spoil, repair, says, reason }) => {
      const stage = await midRun(object, prepare);
      spoil(stage);
      await stage.pass(35_000);
      expect(stage.routeWeight()).toBe(20);
      expect(stage.status().phase).toBe('Progressing');
      expect(stage.condition('Reconciling')?.reason).toBe(reason);
      for (const word of says) expect(stage.condition('Reconciling')?.message).toContain(word);
      repair(stage);
      await stage.untilPhase('Succeeded', 180_000);
      await stage.end();
    },
  );

  it.each(broken)(
    'rolls back after holdDeadline for %s, with a reason of its own',
    async (_what, { object, prepare, spoil, reason }) => {
      const stage = await midRun(object, prepare);
      spoil(stage);
      await stage.untilPhase('Failed', 90_000);
      expect(stage.routeWeight()).toBe(0);
      expect(stage.status().run?.['reason']).toBe(reason);
      expect(stage.condition('Stalled')?.reason).toBe(reason);
      await stage.end();
    },
  );
});

describe('a mistake that takes many words', () => {
  it('does not make the status too long to be stored', async () => {
    const stage = await midRun(
      canary({
        holdDeadline: '60s',
        metrics: [
          { name: 'latency', templateRef: { name: 'latency' }, thresholdRange: { max: 500 } },
        ],
      }),
      (early) => early.create(metricTemplate({ query: 'latency' })),
    );
    const query = `{{ ${'nonsense'.repeat(400)} }}`;
    stage.patch('MetricTemplate', 'latency', { spec: { query } });
    await stage.untilPhase('Failed', 90_000);
    expect(stage.routeWeight()).toBe(0);
    expect(stage.condition('Stalled')?.reason).toBe('InvalidMetricTemplate');
    await stage.end();
  });
});

describe('an operator that lacks a role', () => {
  const roles: readonly (readonly [
    string,
    { readonly verb: string; readonly resource: string; readonly method: string; path: RegExp },
  ])[] = [
    [
      'making Deployments',
      { verb: 'create', resource: 'deployments', method: 'POST', path: /\/deployments$/ },
    ],
    [
      'making Services',
      { verb: 'create', resource: 'services', method: 'POST', path: /\/services$/ },
    ],
    [
      'making routes',
      { verb: 'create', resource: 'httproutes', method: 'POST', path: /\/httproutes$/ },
    ],
    [
      'scaling Deployments',
      { verb: 'patch', resource: 'deployments/scale', method: 'PATCH', path: /\/scale$/ },
    ],
    [
      'setting a finalizer',
      { verb: 'patch', resource: 'canaries', method: 'PATCH', path: /\/canaries\/cart$/ },
    ],
    [
      'reading EndpointSlices',
      { verb: 'list', resource: 'endpointslices', method: 'GET', path: /\/endpointslices$/ },
    ],
  ];

  it.each(roles)(
    'names verb and resource for %s in a condition, an event and the log, and goes on when it is given',
    async (_what, { verb, resource, method, path }) => {
      const stage = new Stage();
      stage.create(deployment('demo:1'));
      stage.create(canary());
      stage.intercept((call) =>
        call.headers['user-agent']?.startsWith('serin') === true &&
        call.method === method &&
        path.test(call.path)
          ? forbidden(verb, resource)
          : undefined,
      );
      stage.start();
      await stage.pass(60_000);
      const words = [`"${verb}"`, `"${resource}"`, 'ServiceAccount'];
      const stalled = stage.condition('Stalled');
      expect(stalled).toMatchObject({ status: 'True', reason: 'Forbidden' });
      const warning = stage.events().find(({ reason }) => reason === 'Forbidden');
      const line = stage.world.logs.find((text) => text.startsWith('warn'));
      for (const word of words) {
        expect(stalled?.message).toContain(word);
        expect(warning?.message).toContain(word);
        expect(line?.replaceAll('\\"', '"')).toContain(word);
      }
      stage.intercept(() => undefined);
      await stage.untilPhase('Initialized', 120_000);
      expect(stage.condition('Stalled')).toBeUndefined();
      await stage.end();
    },
  );

  it('says in the log what it may not write when that is the status itself', async () => {
    const stage = new Stage();
    stage.create(deployment('demo:1'));
    stage.create(canary());
    stage.intercept((call) =>
      call.headers['user-agent']?.startsWith('serin') === true && call.path.endsWith('/status')
        ? forbidden('patch', 'canaries/status')
        : undefined,
    );
    stage.start();
    await stage.pass(60_000);
    const lines = stage.world.logs.filter((text) => text.includes('canaries/status'));
    expect(lines.length).toBeGreaterThan(0);
    expect(stage.events().map(({ reason }) => reason)).toContain('Forbidden');
    stage.intercept(() => undefined);
    await stage.untilPhase('Initialized', 120_000);
    await stage.end();
  });

  it('lets a Canary go although it may not mark the target', async () => {
    const stage = new Stage();
    stage.create(deployment('demo:1'));
    stage.create(canary());
    stage.start();
    await stage.untilPhase('Initialized', 120_000);
    stage.push('demo:2');
    await stage.until('weight 20', () => stage.routeWeight() === 20);
    let refused = 0;
    stage.intercept((call) => {
      if (call.method !== 'PATCH' || !call.path.endsWith('/deployments/cart')) return undefined;
      refused += 1;
      return forbidden('patch', 'deployments');
    });
    stage.delete('Canary', 'cart');
    await stage.until('the Canary to be gone', () => stage.get('Canary', 'cart') === undefined);
    expect(refused).toBeGreaterThan(0);
    expect(stage.routeWeight()).toBe(0);
    await stage.end();
  });

  it('says so when it may not watch a kind, and begins when it may', async () => {
    const stage = new Stage();
    stage.create(deployment('demo:1'));
    stage.create(canary());
    stage.intercept((call) =>
      call.headers['user-agent']?.startsWith('serin') === true &&
      call.method === 'GET' &&
      call.path === '/api/v1/services'
        ? forbidden('list', 'services')
        : undefined,
    );
    stage.start();
    await stage.pass(60_000);
    const line = stage.world.logs.find((text) => text.includes('services'));
    expect(line?.replaceAll('\\"', '"')).toContain('"list" on "services"');
    expect(stage.touched()).toEqual([]);
    stage.intercept(() => undefined);
    await stage.untilPhase('Initialized', 180_000);
    await stage.end();
  });
});

describe('an API server that wants to be left alone', () => {
  it('gets the abort when its pause is over, made from what is there by then', async () => {
    const state = { rate: 100, busy: false };
    const sentAt: number[] = [];
    const stage = new Stage({
      metric: () => ({ kind: 'sample', sample: { kind: 'value', value: state.rate } }),
    });
    stage.create(deployment('demo:1'));
    stage.create(canary({ threshold: 1 }));
    stage.start();
    await stage.untilPhase('Initialized');
    stage.push('demo:2');
    await stage.until('weight 20', () => stage.routeWeight() === 20);
    await stage.pass(100);
    stage.intercept(({ method, path, headers }) => {
      if (method === 'GET' || headers['user-agent']?.startsWith('serin') !== true) return undefined;
      if (!path.includes('/httproutes/')) return undefined;
      sentAt.push(stage.world.clock.monotonic());
      return state.busy ? busy : undefined;
    });
    Object.assign(state, { rate: 50, busy: true });
    await stage.pass(60_000);
    // As often as it may, not less and less: nobody knows when the last pause is over.
    const pauses = sentAt.slice(1).map((at, index) => at - (sentAt[index] ?? 0));
    expect(pauses.length).toBeGreaterThan(10);
    for (const pause of pauses) expect(Math.round(pause / 100)).toBe(40);
    expect(stage.routeWeight()).toBe(20);

    state.busy = false;
    await stage.until('weight 0', () => stage.routeWeight() === 0, 4_100);
    await stage.untilPhase('Failed', 1_000);
    await stage.end();
  });
});

const busy = {
  kind: 'object' as const,
  status: 429,
  headers: { 'retry-after': '4' },
  body: { kind: 'Status', apiVersion: 'v1', status: 'Failure', code: 429, message: 'busy' },
};
