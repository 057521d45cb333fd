import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { resolveSpec, stepsUpTo } from '../../../src/api/resolved.ts';
import { aCanary } from './manifests.ts';

const ours = (parts?: Parameters<typeof aCanary>[0]) => resolveSpec(aCanary(parts), 'serin.dev');
const flaggers = (parts?: Parameters<typeof aCanary>[0]) =>
  resolveSpec(aCanary(parts), 'flagger.app');
const metric = (value: object, of = ours) => of({ analysis: { metrics: [value] } }).metrics;

describe('a resolved spec', () => {
  it('has every default', () => {
    expect(ours()).toMatchObject({
      group: 'serin.dev',
      name: 'cart',
      namespace: 'shop',
      uid: 'u1',
      generation: 3,
      provider: 'gatewayapi',
      intervalMs: 60_000,
      threshold: 5,
      primaryReadyPercent: 100,
      canaryReadyPercent: 100,
      progressDeadlineMs: 600_000,
      holdDeadlineMs: 3_600_000,
      skipAnalysis: false,
      suspend: false,
      revertOnDeletion: undefined,
      metrics: [],
      webhooks: [],
      alerts: [],
      warnings: [],
      service: {
        name: 'cart',
        port: 80,
        portName: 'http',
        targetPort: 80,
        hosts: [],
        gatewayRefs: [],
      },
    });
  });

  it('takes the provider of the operator when the Canary names none', () => {
    expect(resolveSpec(aCanary(), 'flagger.app', 'kubernetes').provider).toBe('kubernetes');
    expect(ours({ spec: { provider: 'gatewayapi:v1' } }).provider).toBe('gatewayapi:v1');
  });

  it.each([0, -3])('counts a threshold of %d as 1', (threshold) => {
    expect(ours({ analysis: { threshold } }).threshold).toBe(1);
  });

  it('tells an explicit false of revertOnDeletion from none', () => {
    expect(ours({ spec: { revertOnDeletion: false } }).revertOnDeletion).toBe(false);
    expect(ours().revertOnDeletion).toBeUndefined();
  });
});

describe('the strategy', () => {
  it.each([
    [{ stepWeight: 20, maxWeight: 50 }, [20, 40, 50]],
    [{ stepWeight: 10, maxWeight: 30 }, [10, 20, 30]],
    [{ stepWeight: 50 }, [50, 100]],
    [{ stepWeight: 150 }, [100]],
    [{ stepWeight: 30, maxWeight: 500 }, [30, 60, 90, 100]],
    [{ stepWeights: [1, 2, 10, 80] }, [1, 2, 10, 80]],
    [{ stepWeights: [10, 60], maxWeight: 50 }, [10, 60]],
    [{ stepWeights: [1, 200, 300] }, [1, 100]],
  ])('makes of %j the steps %j', (analysis, steps) => {
    expect(ours({ analysis }).strategy).toEqual({ kind: 'weighted', steps, promotionStep: 0 });
  });

  it('rises, and ends at the maximum', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 150 }),
        fc.integer({ min: 1, max: 100 }),
        (step, max) => {
          const steps = stepsUpTo(step, max);
          expect(steps.at(-1)).toBe(max);
          expect(steps.every((weight, index) => weight > (steps[index - 1] ?? 0))).toBe(true);
        },
      ),
    );
  });

  it('is blue/green when there are iterations', () => {
    expect(ours({ analysis: { iterations: 3 } }).strategy).toEqual({
      kind: 'blueGreen',
      iterations: 3,
    });
  });

  it('is ten rounds for weights that provider kubernetes cannot split, under flagger.app', () => {
    const { strategy, warnings } = flaggers({
      spec: { provider: 'kubernetes' },
      analysis: { stepWeight: 10 },
    });
    expect(strategy).toEqual({ kind: 'blueGreen', iterations: 10 });
    expect(warnings).toEqual([expect.stringContaining('10 rounds')]);
  });

  it('keeps the step back to the primary', () => {
    expect(ours({ analysis: { stepWeight: 10, stepWeightPromotion: 120 } }).strategy).toMatchObject(
      { promotionStep: 100 },
    );
  });
});

describe('a metric', () => {
  it('is built in by its name', () => {
    expect(metric({ name: 'request-success-rate', threshold: 99 })).toEqual([
      {
        id: 'request-success-rate',
        name: 'request-success-rate',
        kind: 'builtin',
        intervalMs: 60_000,
        interval: '1m',
        range: { min: 99 },
        onNoData: 'hold',
        variables: {},
      },
    ]);
  });

  it.each([
    ['request-duration', { max: 500 }],
    ['mine', { max: 500 }],
  ])('takes the older threshold of %s as the largest value', (name, range) => {
    expect(metric({ name, threshold: 500, query: 'up' }).map((one) => one.range)).toContainEqual(
      range,
    );
  });

  it('prefers a range to the older threshold', () => {
    const [check] = metric({ name: 'mine', query: 'up', threshold: 1, thresholdRange: { min: 0 } });
    expect(check?.range).toEqual({ min: 0 });
  });

  it('is up to three checks, as in Flagger', () => {
    const checks = metric({
      name: 'request-success-rate',
      threshold: 9,
      query: 'up',
      templateRef: { name: 'mine' },
    });
    expect(checks.map(({ id, kind, range }) => ({ id, kind, range }))).toEqual([
      { id: 'request-success-rate', kind: 'builtin', range: { min: 9 } },
      { id: 'request-success-rate#2', kind: 'query', range: { max: 9 } },
      { id: 'request-success-rate#3', kind: 'template', range: { max: 9 } },
    ]);
    expect(checks[2]?.templateRef).toEqual({ name: 'mine', namespace: 'shop' });
  });

  it('warns of a bound that nobody wrote', () => {
    expect(ours({ analysis: { metrics: [{ name: 'request-duration' }] } }).warnings).toEqual([
      expect.stringContaining('request-duration'),
    ]);
  });

  it('without data holds the round, or fails under flagger.app, unless it says otherwise', () => {
    const plain = { name: 'request-duration', threshold: 1 };
    expect(metric(plain)[0]?.onNoData).toBe('hold');
    expect(metric(plain, flaggers)[0]?.onNoData).toBe('fail');
    expect(metric({ ...plain, onNoData: 'pass' }, flaggers)[0]?.onNoData).toBe('pass');
    expect(ours({ analysis: { onNoData: 'pass', metrics: [plain] } }).metrics[0]?.onNoData).toBe(
      'pass',
    );
  });
});

describe('webhooks and alerts', () => {
  it('have their defaults', () => {
    const webhooks = [
      { name: 'load', url: 'http://x/' },
      { name: 'load', url: 'http://x/', type: 'confirm-rollout', deadline: '1h' },
    ];
    expect(ours({ analysis: { webhooks } }).webhooks).toMatchObject([
      {
        id: 'load',
        type: 'rollout',
        timeoutMs: 10_000,
        retries: 0,
        deadlineMs: undefined,
        onDeadline: 'rollback',
      },
      { id: 'load#2', type: 'confirm-rollout', deadlineMs: 3_600_000 },
    ]);
  });

  it('send every message when no severity is named', () => {
    const alerts = [
      { name: 'a', providerRef: { name: 'slack' } },
      { name: 'b', severity: '', providerRef: { name: 'slack', namespace: 'ops' } },
      { name: 'c', severity: 'error', providerRef: { name: 'slack' } },
    ];
    expect(ours({ analysis: { alerts } }).alerts).toEqual([
      { name: 'a', severity: 'info', providerRef: { name: 'slack', namespace: 'shop' } },
      { name: 'b', severity: 'info', providerRef: { name: 'slack', namespace: 'ops' } },
      { name: 'c', severity: 'error', providerRef: { name: 'slack', namespace: 'shop' } },
    ]);
  });
});

describe('the service', () => {
  it('fills in what a route needs', () => {
    const service = {
      name: 'shop-cart',
      targetPort: 'web',
      gatewayRefs: [{ name: 'public', namespace: 'infra' }],
      rewrite: { uri: '/', type: 'ReplacePrefixMatch' },
      headers: { request: { add: { a: 'b' } } },
      mirror: [{ backendRef: { name: 'copy', port: 80 } }],
      corsPolicy: { maxAge: '24h' },
      timeout: '15s',
      apex: { labels: { team: 'checkout' } },
    };
    expect(ours({ service }).service).toMatchObject({
      name: 'shop-cart',
      port: 80,
      targetPort: 'web',
      gatewayRefs: [
        { group: 'gateway.networking.k8s.io', kind: 'Gateway', name: 'public', namespace: 'infra' },
      ],
      rewrite: { uri: '/', replacesPrefix: true },
      requestHeaders: { set: {}, add: { a: 'b' }, remove: [] },
      mirror: [{ group: '', kind: 'Service', name: 'copy', port: 80 }],
      corsMaxAgeMs: 86_400_000,
      timeoutMs: 15_000,
      apex: { labels: { team: 'checkout' }, annotations: {} },
    });
  });

  it('says which fields provider kubernetes leaves without effect', () => {
    const { warnings } = flaggers({
      spec: { provider: 'kubernetes' },
      analysis: { iterations: 2 },
      service: { timeout: '1s' },
    });
    expect(warnings).toEqual([expect.stringContaining('spec.service.timeout')]);
  });
});
