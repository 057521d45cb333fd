/**
 * Nothing that may be slow stands between a bad version and its end: hooks, receivers, Slack, other queries.
 */
import { describe, expect, it } from 'vitest';

import type { RequestRecord } from '../../src/sandbox/api-server/server.ts';
import { canary, deployment, Stage, type StageOptions } from './stage.ts';

const never = (): Promise<never> => new Promise<never>(() => {});

const hook = (type: string, more: object = {}): object => ({
  name: type,
  type,
  url: `http://${type}.example/`,
  ...more,
});

const deafNotifiers = { get: () => ({ name: 'slack', send: never }) };

interface Asked {
  readonly at: number;
  readonly query: string;
}

async function brokenRun(
  analysis: object,
  options: StageOptions = {},
): Promise<{ readonly stage: Stage; readonly asked: readonly Asked[] }> {
  const asked: Asked[] = [];
  const state = { rate: 100 };
  const stage = new Stage({
    metric(query, at) {
      asked.push({ at, query });
      return { kind: 'sample', sample: { kind: 'value', value: state.rate } };
    },
    ...options,
  });
  stage.create(deployment('demo:1'));
  stage.create(canary(analysis));
  stage.start();
  await stage.untilPhase('Initialized');
  stage.push('demo:2');
  await stage.until('weight 20', () => stage.routeWeight() === 20);
  await stage.pass(100);
  state.rate = 50;
  stage.mark();
  return { stage, asked };
}

/** The write of weight 0 and what the operator sent just before it. */
function abortOf(stage: Stage): { readonly abort: RequestRecord; readonly before: string[] } {
  const requests = stage.requests();
  const index = requests.findIndex(
    ({ resource, method }) => resource === 'httproutes' && method === 'PATCH',
  );
  const abort = requests[index];
  if (abort === undefined) throw new Error('no route was written');
  return {
    abort,
    before: requests.slice(0, index).map(({ method, path }) => `${method} ${path}`),
  };
}

describe('a metric that breaks', () => {
  it('ends the run in the same pass while a rollout hook, an event receiver and Slack never answer', async () => {
    const { stage, asked } = await brokenRun(
      { threshold: 1, webhooks: [hook('rollout', { timeout: '10m' }), hook('event')] },
      { webhook: never, parts: { notifiers: deafNotifiers } },
    );
    await stage.until('weight 0', () => stage.routeWeight() === 0, 60_000);
    const { abort, before } = abortOf(stage);
    expect(abort.at - (asked.at(-1)?.at ?? 0)).toBeLessThan(10);
    // Not even an Event goes out between the answer and the write.
    expect(before).toEqual([]);
    await stage.untilPhase('Failed', 1_000);
    expect(stage.status().run?.['reason']).toBe('FailedChecks');
    await stage.pass(60_000);
    expect(stage.get('Deployment', 'cart')?.['spec']).toMatchObject({ replicas: 0 });
    await stage.end();
  });

  it('counts each round while the hook is pending, and ends the run at the threshold', async () => {
    const { stage, asked } = await brokenRun(
      { threshold: 3, webhooks: [hook('rollout', { timeout: '10m' })] },
      { webhook: never },
    );
    const from = asked.length;
    await stage.untilPhase('Failed', 60_000);
    const rounds = new Set(asked.slice(from).map(({ at }) => at));
    expect(rounds.size).toBe(3);
    await stage.end();
  });

  it('ends the run without waiting for a query that never answers', async () => {
    const at: number[] = [];
    const state = { rate: 100 };
    const stage = new Stage({
      parts: {
        metrics: {
          get: () => ({
            name: 'prometheus',
            create: () => ({
              async query(query, when) {
                if (state.rate === 50) {
                  if (query.includes('histogram')) return never();
                  at.push(when);
                }
                return { kind: 'value', value: query.includes('histogram') ? 1 : state.rate };
              },
            }),
          }),
        },
      },
    });
    stage.create(deployment('demo:1'));
    stage.create(
      canary({
        threshold: 1,
        metrics: [
          { name: 'request-duration', thresholdRange: { max: 500 } },
          { name: 'request-success-rate', thresholdRange: { min: 99 } },
        ],
      }),
    );
    stage.start();
    await stage.untilPhase('Initialized');
    stage.push('demo:2');
    await stage.until('weight 20', () => stage.routeWeight() === 20);
    await stage.pass(100);
    state.rate = 50;
    stage.mark();
    await stage.until('weight 0', () => stage.routeWeight() === 0, 60_000);
    expect(abortOf(stage).abort.at - (at[0] ?? 0)).toBeLessThan(10);
    await stage.end();
  });
});

describe('a receiver that never answers', () => {
  it('does not stop a promotion', async () => {
    const stage = new Stage({ webhook: never, parts: { notifiers: deafNotifiers } });
    stage.create(deployment('demo:1'));
    stage.create(canary({ webhooks: [hook('event'), hook('post-rollout')] }));
    stage.start();
    await stage.untilPhase('Initialized');
    stage.push('demo:2');
    await stage.untilPhase('Succeeded', 120_000);
    await stage.end();
  });

  it('does not keep the operator from stopping', async () => {
    const stage = new Stage({ webhook: never, parts: { notifiers: deafNotifiers } });
    stage.create(deployment('demo:1'));
    stage.create(canary({ webhooks: [hook('event'), hook('rollout', { timeout: '10m' })] }));
    stage.start();
    await stage.untilPhase('Initialized');
    stage.push('demo:2');
    await stage.until('weight 20', () => stage.routeWeight() === 20);
    const before = stage.world.clock.monotonic();
    await stage.end();
    expect(stage.world.clock.monotonic() - before).toBe(30_000);
  });

  it('of one canary does not hold up another', async () => {
    const stage = new Stage({
      webhook: ({ url }) => (url.includes('pre-rollout') ? never() : { kind: 'yes' }),
      settings: { workers: 1 },
    });
    stage.create(deployment('demo:1'));
    stage.create(canary({ webhooks: [hook('pre-rollout')] }));
    const other = deployment('demo:1');
    const spec = JSON.parse(
      JSON.stringify(other['spec']).replaceAll('"cart"', '"orders"'),
    ) as object;
    stage.create({ ...other, metadata: { name: 'orders', namespace: 'shop' }, spec });
    const plain = canary();
    stage.create({
      ...plain,
      metadata: { name: 'orders', namespace: 'shop' },
      spec: {
        ...(plain['spec'] as object),
        targetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'orders' },
        service: {
          port: 80,
          targetPort: 8080,
          hosts: ['orders.example'],
          gatewayRefs: [{ name: 'public' }],
        },
      },
    });
    stage.start();
    await stage.untilPhase('Initialized');
    await stage.until('both', () => stage.status('orders').phase === 'Initialized');
    stage.push('demo:2');
    await stage.pass(5_000);
    stage.patch('Deployment', 'orders', {
      spec: { template: { metadata: { annotations: { restarted: 'now' } } } },
    });
    await stage.until('orders', () => stage.status('orders').phase === 'Succeeded', 120_000);
    expect(stage.status().phase).toBe('Progressing');
    await stage.end();
  });
});
