import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { describe, expect, it } from 'vitest';
import * as z from 'zod';

import { builtinMetrics } from '../../../src/api/resolved.ts';
import { builtinQuery, isWindow } from '../../../src/core/queries.ts';
import { evaluate } from '../../../src/sandbox/prometheus/promql/evaluate.ts';
import { SampleStore } from '../../../src/sandbox/prometheus/sample-store.ts';

const scope = { namespace: 'shop', target: 'cart', interval: '1m' };
const at = Date.UTC(2026, 0, 2, 3, 0, 0);
const stepMs = 15_000;

/** What one series counted, every 15 s, the last time when it is asked; `undefined`: not there yet. */
interface Counted {
  readonly metric?: 'count' | 'bucket';
  readonly pod?: string;
  readonly namespace?: string;
  readonly status?: string;
  readonly le?: string;
  readonly values: readonly (number | undefined)[];
}

interface Case {
  readonly title: string;
  readonly metric: (typeof builtinMetrics)[number];
  readonly target?: string;
  readonly series: readonly Counted[];
  /** `undefined`: no data. */
  readonly expected: number | undefined;
}

const none = undefined;
const idle = [7, 7, 7, 7, 7];
const ten = [0, 10, 20, 30, 40];
const one = [0, 1, 2, 3, 4];

const successRates: readonly Omit<Case, 'metric'>[] = [
  {
    title: 'is the share of requests that did not fail',
    series: [
      { status: '200', values: [0, 9, 18, 27, 36] },
      { status: '500', values: one },
    ],
    expected: 90,
  },
  {
    title: 'is 100 when none fails',
    series: [{ status: '200', values: ten }],
    expected: 100,
  },
  {
    title: 'counts redirects and faults of the client as successes',
    series: [
      { status: '302', values: one },
      { status: '404', values: one },
      { status: '503', values: one },
      { status: '599', values: one },
    ],
    expected: 50,
  },
  {
    title: 'is 0 when all requests fail and none ever succeeded',
    series: [{ status: '500', values: ten }],
    expected: 0,
  },
  {
    title: 'is 0 when all requests fail and earlier ones succeeded',
    series: [
      { status: '200', values: idle },
      { status: '500', values: one },
    ],
    expected: 0,
  },
  { title: 'has no data without any series', series: [], expected: none },
  {
    title: 'has no data without requests in the window',
    series: [
      { status: '200', values: idle },
      { status: '500', values: idle },
    ],
    expected: none,
  },
  {
    title: 'has no data while a counter has only just been born',
    series: [{ status: '200', values: [none, none, none, none, 5] }],
    expected: none,
  },
  {
    title: 'has no data while a counter of failures has only just been born',
    series: [{ status: '500', values: [none, none, none, none, 5] }],
    expected: none,
  },
  {
    title: 'counts a counter from its second sample on',
    series: [
      { status: '200', values: [none, none, none, 30, 60] },
      { status: '500', values: [none, none, none, 10, 20] },
    ],
    expected: 75,
  },
  {
    title: 'goes on counting when a restart resets the counters',
    series: [
      { status: '200', values: [90, 100, 5, 15, 25] },
      { status: '500', values: [10, 10, 0, 0, 5] },
    ],
    expected: 87.5,
  },
  {
    title: 'adds up all pods of the target',
    series: [
      { status: '200', values: ten },
      { status: '500', pod: 'cart-6b7f9-zzzzz', values: ten },
    ],
    expected: 50,
  },
  {
    title: 'leaves out the primary, other workloads and other namespaces',
    series: [
      { status: '500', pod: 'cart-primary-6b7f9-x2k4j', values: ten },
      { status: '500', pod: 'cart-api-v2-6b7f9-x2k4j', values: ten },
      { status: '500', pod: 'my-cart-6b7f9-x2k4j', values: ten },
      { status: '500', namespace: 'shop2', values: ten },
    ],
    expected: none,
  },
  {
    title: 'takes a dot in a name for a dot',
    target: 'cart.v2',
    series: [
      { status: '200', pod: 'cart.v2-6b7f9-x2k4j', values: ten },
      { status: '500', pod: 'cartxv2-6b7f9-x2k4j', values: ten },
    ],
    expected: 100,
  },
];

const buckets = (counts: Readonly<Record<string, readonly (number | undefined)[]>>): Counted[] =>
  Object.entries(counts).map(([le, values]) => ({ metric: 'bucket', le, values }));

const durations: readonly Omit<Case, 'metric'>[] = [
  {
    title: 'is what 99 of 100 requests did not exceed, in milliseconds',
    series: buckets({ '0.1': idle, '0.5': ten, '+Inf': ten }),
    expected: 496,
  },
  {
    title: 'is the largest bound when requests took longer than that',
    series: buckets({ '0.1': idle, '0.5': idle, '+Inf': ten }),
    expected: 500,
  },
  {
    title: 'has no data without requests in the window',
    series: buckets({ '0.1': idle, '0.5': idle, '+Inf': idle }),
    expected: none,
  },
  { title: 'has no data without any series', series: [], expected: none },
  {
    title: 'has no data while a histogram has only just been born',
    series: buckets({
      '0.1': [none, none, none, none, 3],
      '+Inf': [none, none, none, none, 3],
    }),
    expected: none,
  },
  {
    title: 'goes on when a restart resets the buckets',
    series: buckets({ '0.1': [80, 90, 5, 15, 25], '+Inf': [80, 90, 5, 15, 25] }),
    expected: 99,
  },
];

const cases: readonly Case[] = [
  ...successRates.map((given) => ({ metric: 'request-success-rate' as const, ...given })),
  ...durations.map((given) => ({ metric: 'request-duration' as const, ...given })),
];

describe.each(builtinMetrics)('%s', (metric) => {
  it.each(cases.filter((given) => given.metric === metric))('$title', (given) => {
    const { query, scale } = queryOf(given);
    const value = askEmbedded(query, given.series);
    if (given.expected === undefined) expect(value).toBeUndefined();
    else expect((value ?? Number.NaN) * scale).toBeCloseTo(given.expected, 6);
  });
});

const promtool = spawnSync('promtool', ['--version']).status === 0;

describe.skipIf(!promtool)(
  'built-in metrics in the real Prometheus (needs promtool on the PATH)',
  () => {
    it.each(cases)('$metric $title', (given) => {
      const folder = mkdtempSync(path.join(tmpdir(), 'serin-queries-'));
      const file = path.join(folder, 'test.json');
      writeFileSync(file, JSON.stringify(promtoolTest(given)));
      const { status, stdout, stderr } = spawnSync('promtool', ['test', 'rules', file], {
        encoding: 'utf8',
      });
      rmSync(folder, { recursive: true });
      expect({ status, said: status === 0 ? '' : stdout + stderr }).toEqual({
        status: 0,
        said: '',
      });
    });
  },
);

describe('built-in metrics', () => {
  it('are those that have a query', () => {
    for (const name of builtinMetrics) expect(builtinQuery(name, scope)).toBeDefined();
    expect(builtinQuery('error-rate', scope)).toBeUndefined();
    expect(builtinQuery('constructor', scope)).toBeUndefined();
  });

  it.each([
    ['1m', true],
    ['1h30m', true],
    ['500ms', true],
    ['1d', true],
    ['', false],
    ['0s', false],
    ['1.5h', false],
    ['30m1h', false],
    ['1m ', false],
    ['60', false],
    ['1m])) or vector(100', false],
  ])('take the window %j: %s', (text, isOne) => {
    expect(isWindow(text)).toBe(isOne);
  });
});

const recordings = new URL('../../../../shared/testdata/flagger-recordings/', import.meta.url);

const Recording = z.object({
  provider: z.string(),
  timeline: z.array(z.object({ query: z.string().optional() })),
});

describe.skipIf(!existsSync(recordings))("Flagger's queries (need ../shared/testdata)", () => {
  const asked = new Map<string, string>();
  for (const file of existsSync(recordings) ? readdirSync(recordings) : []) {
    if (!file.endsWith('.json')) continue;
    const recorded = Recording.parse(JSON.parse(readFileSync(new URL(file, recordings), 'utf8')));
    if (!/^(gatewayapi|kubernetes)/.test(recorded.provider)) continue;
    for (const { query = '' } of recorded.timeline) {
      if (query.includes('http_request_duration_seconds')) asked.set(query, file);
    }
  }

  it('are ours, but for the success rate where nothing succeeded', () => {
    expect(asked.size).toBeGreaterThan(10);
    for (const query of asked.keys()) {
      const [, namespace = ''] = /kubernetes_namespace="([^"]*)"/.exec(query) ?? [];
      const [, target = ''] = /kubernetes_pod_name=~"([^"]*?)-\[/.exec(query) ?? [];
      const [, interval = ''] = /\}\[([^\]]*)\]/.exec(query) ?? [];
      const name = query.includes('_bucket') ? 'request-duration' : 'request-success-rate';
      const ours = builtinQuery(name, { namespace, target, interval })?.query ?? '';
      const withoutFallback = packed(ours).replace(/^\((.+)or0\*(.+)\)\/\2\*100$/, '$1/$2*100');
      expect(withoutFallback).toBe(packed(query));
    }
  });
});

function packed(query: string): string {
  return query.replaceAll(/\s+/g, '');
}

function queryOf({ metric, target = 'cart' }: Case): { query: string; scale: number } {
  const builtin = builtinQuery(metric, { ...scope, target });
  if (builtin === undefined) throw new Error(`no built-in ${metric}`);
  return builtin;
}

function labelsOf(counted: Counted): Record<string, string> {
  const { metric = 'count', pod = 'cart-6b7f9-x2k4j', namespace = 'shop', status, le } = counted;
  return {
    __name__: `http_request_duration_seconds_${metric}`,
    kubernetes_namespace: namespace,
    kubernetes_pod_name: pod,
    ...(status === undefined ? {} : { status }),
    ...(le === undefined ? {} : { le }),
  };
}

/** The one value; NaN and no series are both no data, as for the provider. */
function askEmbedded(query: string, series: readonly Counted[]): number | undefined {
  const store = new SampleStore();
  for (const counted of series) {
    counted.values.forEach((value, index) => {
      const ago = (counted.values.length - 1 - index) * stepMs;
      if (value !== undefined) store.append(labelsOf(counted), at - ago, value);
    });
  }
  const result = evaluate(store, query, at);
  if (result.type !== 'vector') throw new Error(`the query gives a ${result.type}`);
  expect(result.samples.length).toBeLessThanOrEqual(1);
  const value = result.samples[0]?.value;
  return Number.isNaN(value) ? undefined : value;
}

/** The same question as a unit test of Prometheus' own tool; comparing with itself leaves NaN out. */
function promtoolTest(given: Case): object {
  const { query, scale } = queryOf(given);
  return {
    tests: [
      {
        interval: '15s',
        input_series: given.series.map((counted) => ({
          series: seriesText(labelsOf(counted)),
          values: counted.values.map((value) => value ?? '_').join(' '),
        })),
        promql_expr_test: [
          {
            expr: `round(((${query}) == (${query})) * ${scale}, 0.0001)`,
            eval_time: '1m',
            exp_samples:
              given.expected === undefined ? [] : [{ labels: '{}', value: given.expected }],
          },
        ],
      },
    ],
  };
}

function seriesText({ __name__: name, ...labels }: Record<string, string>): string {
  const pairs = Object.entries(labels).map(([key, value]) => `${key}="${value}"`);
  return `${name}{${pairs.join(',')}}`;
}
