/**
 * From a metric of a Canary to the question that a backend is asked.
 */
import { describe, expect, it } from 'vitest';

import type { MetricsAccess } from '../../src/ports/metrics-provider.ts';
import { canary, deployment, metricTemplate, secret, Stage } from './stage.ts';

async function asked(
  metric: object,
  prepare: (stage: Stage) => unknown = () => {},
  value = 0.2,
): Promise<{
  readonly access: MetricsAccess | undefined;
  readonly query: string | undefined;
  readonly stage: Stage;
}> {
  const accesses: MetricsAccess[] = [];
  const queries: string[] = [];
  const stage = new Stage({
    parts: {
      metrics: {
        get: (type) => ({
          name: type,
          create(access) {
            accesses.push(access);
            return {
              async query(query) {
                queries.push(query);
                return { kind: 'value', value };
              },
            };
          },
        }),
      },
    },
  });
  prepare(stage);
  stage.create(deployment('demo:1'));
  stage.create(canary({ metrics: [metric] }));
  stage.start();
  await stage.untilPhase('Initialized');
  stage.push('demo:2');
  await stage.until('a check', () => (stage.status().checks ?? []).length > 0, 60_000);
  return { access: accesses[0], query: queries[0], stage };
}

describe('a metric', () => {
  it('with a template asks the template’s backend, with its headers and its Secret', async () => {
    const { access, query } = await asked(
      {
        name: 'latency',
        templateRef: { name: 'latency' },
        interval: '2m',
        thresholdRange: { max: 500 },
        templateVariables: { code: '5..' },
      },
      (stage) => {
        stage.create(secret('prom', { token: 'abc' }));
        stage.create(
          metricTemplate({
            provider: {
              type: 'prometheus',
              address: 'http://elsewhere:9090',
              headers: { 'x-scope-orgid': ['shop'] },
              insecureSkipVerify: true,
              secretRef: { name: 'prom' },
            },
            query:
              'x{ns="{{ namespace }}",t="{{ target }}",n="{{ name }}",s="{{ service }}",c="{{ variables.code }}"}[{{ interval }}]',
          }),
        );
      },
    );
    expect(query).toBe('x{ns="shop",t="cart",n="cart",s="cart",c="5.."}[2m]');
    expect(access).toEqual({
      type: 'prometheus',
      address: 'http://elsewhere:9090',
      headers: { 'x-scope-orgid': ['shop'] },
      insecureSkipVerify: true,
      secret: { token: 'abc' },
    });
  });

  it('with a query of its own asks the operator’s Prometheus', async () => {
    const { access, query } = await asked({
      name: 'errors',
      query: 'errors{app="{{ target }}"}',
      thresholdRange: { max: 1 },
    });
    expect(query).toBe('errors{app="cart"}');
    expect(access).toMatchObject({ type: 'prometheus', address: 'http://prometheus:9090' });
  });

  it('with a metrics server of the Canary asks that one', async () => {
    const stage = new Stage();
    stage.create(deployment('demo:1'));
    stage.create(canary({}, { metricsServer: 'http://ours:9090' }));
    const addresses: string[] = [];
    stage.start({
      metrics: {
        get: (type) => ({
          name: type,
          create(access) {
            addresses.push(access.address);
            return { query: async () => ({ kind: 'value', value: 100 }) };
          },
        }),
      },
    });
    await stage.untilPhase('Initialized');
    stage.push('demo:2');
    await stage.until('a check', () => addresses.length > 0, 60_000);
    expect(addresses[0]).toBe('http://ours:9090');
    await stage.end();
  });

  it('that is built in speaks of milliseconds, whatever Prometheus keeps', async () => {
    const { stage } = await asked({ name: 'request-duration', thresholdRange: { max: 500 } });
    expect(stage.status().checks?.[0]).toMatchObject({ verdict: 'passed', value: '200' });
  });

  it('whose template vanishes between observation and question is invalid, by name', async () => {
    const { stage } = await asked(
      { name: 'latency', templateRef: { name: 'latency' }, thresholdRange: { max: 500 } },
      (early) => early.create(metricTemplate({ query: 'latency' })),
    );
    stage.delete('MetricTemplate', 'latency');
    await stage.pass(15_000);
    expect(stage.condition('Reconciling')?.message).toContain('shop/latency');
    await stage.end();
  });
});
