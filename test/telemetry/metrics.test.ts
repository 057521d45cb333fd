import { describe, expect, it } from 'vitest';

import {
  metricsMarkdown,
  OperatorMetrics,
  type MetricSources,
  type MetricsOptions,
} from '../../src/telemetry/metrics.ts';

const cart = { group: 'serin.dev', namespace: 'shop', name: 'cart-canary' };
const pay = { group: 'flagger.app', namespace: 'money', name: 'pay' };

const quiet: MetricSources = { queueDepth: () => 0, watches: () => [], isLeader: () => false };

function metrics(more: Partial<MetricsOptions> = {}): OperatorMetrics {
  return new OperatorMetrics({
    version: '1.2.3',
    provider: 'gatewayapi',
    flaggerApi: false,
    sources: quiet,
    ...more,
  });
}

/** The samples of one scrape, without help, types and buckets. */
async function samples(from: OperatorMetrics): Promise<readonly string[]> {
  const { text } = await from.page();
  return text
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#') && !/_bucket\{/.test(line));
}

/** Samples without their values. */
function names(lines: readonly string[]): readonly string[] {
  return lines.map((line) => line.replace(/ [^ ]*$/, ''));
}

describe('operator metrics', () => {
  it('count passes and time them', async () => {
    const own = metrics();
    own.passed('ok', 250);
    own.passed('ok', 500);
    own.passed('conflict', 750);
    const lines = await samples(own);
    expect(lines).toContain('serin_passes_total{outcome="ok"} 2');
    expect(lines).toContain('serin_passes_total{outcome="conflict"} 1');
    expect(lines).toContain('serin_pass_duration_seconds_count 3');
    expect(lines).toContain('serin_pass_duration_seconds_sum 1.5');
  });

  it('count requests, checks and notifications by result', async () => {
    const own = metrics();
    own.requested({ verb: 'patch', resource: 'httproutes', code: 200 });
    own.requested({ verb: 'patch', resource: 'httproutes', code: 0 });
    own.checked('anything users write', 'failed');
    own.notified('alert', 'delivered');
    expect(await samples(own)).toEqual(
      expect.arrayContaining([
        'serin_api_requests_total{verb="patch",resource="httproutes",code="200"} 1',
        'serin_api_requests_total{verb="patch",resource="httproutes",code="0"} 1',
        'serin_checks_total{result="failed"} 1',
        'serin_notifications_total{kind="alert",result="delivered"} 1',
      ]),
    );
  });

  it('ask for queue, watches and leadership at each scrape', async () => {
    let [depth, isLeader] = [3, true];
    let watches = [
      { resource: 'canaries', namespace: '', ageMs: 1_500 },
      { resource: 'services', namespace: 'shop', ageMs: 0 },
    ];
    const own = metrics({
      sources: { queueDepth: () => depth, watches: () => watches, isLeader: () => isLeader },
    });
    expect(await samples(own)).toEqual(
      expect.arrayContaining([
        'serin_queue_depth 3',
        'serin_leader 1',
        'serin_watch_age_seconds{resource="canaries",namespace=""} 1.5',
        'serin_watch_age_seconds{resource="services",namespace="shop"} 0',
      ]),
    );
    [depth, isLeader, watches] = [0, false, watches.slice(0, 1)];
    const lines = await samples(own);
    expect(lines).toEqual(expect.arrayContaining(['serin_queue_depth 0', 'serin_leader 0']));
    expect(lines.filter((line) => line.startsWith('serin_watch_age'))).toHaveLength(1);
  });

  it('show the one phase and the weight of a Canary', async () => {
    const own = metrics();
    own.observed(cart, { phase: 'Initialized', weight: 0, target: 'cart' });
    own.observed(cart, { phase: 'Progressing', weight: 20, target: 'cart' });
    const lines = await samples(own);
    expect(lines.filter((line) => line.startsWith('serin_canary_'))).toEqual([
      'serin_canary_phase{group="serin.dev",namespace="shop",name="cart-canary",phase="Progressing"} 1',
      'serin_canary_weight{group="serin.dev",namespace="shop",name="cart-canary"} 20',
    ]);
  });

  it('time aborts, and only aborts', async () => {
    const own = metrics();
    own.finished(cart, 'succeeded', 90_000);
    own.finished(cart, 'failed', 45_000);
    own.finished(cart, 'failed', undefined);
    const lines = await samples(own);
    expect(lines).toContain('serin_time_to_abort_seconds_count 1');
    expect(lines).toContain('serin_time_to_abort_seconds_sum 45');
    expect(lines).toContain(
      'serin_releases_total{group="serin.dev",namespace="shop",name="cart-canary",outcome="failed"} 2',
    );
  });

  it.each([false, true])('forget a Canary that has gone (flagger %s)', async (flaggerApi) => {
    const own = metrics({ flaggerApi });
    const before = await samples(own);
    for (const canary of [cart, pay]) {
      own.observed(canary, { phase: 'Progressing', weight: 20, target: canary.name });
      own.measured(canary, 'request-duration', 500);
      own.passed('ok', 10, canary);
      own.finished(canary, 'failed', undefined);
      own.finished(canary, 'succeeded', undefined, 'blue-green');
    }
    own.forgotten(cart);
    const rest = await samples(own);
    expect(rest.filter((line) => line.includes('cart-canary'))).toEqual([]);
    expect(rest.filter((line) => line.includes('"pay"')).length).toBeGreaterThan(3);
    own.forgotten(pay);
    const left = names(await samples(own)).filter(
      (name) => !/^(serin_pass|flagger_canary_total)/.test(name),
    );
    expect(left.toSorted()).toEqual(
      names(before)
        .filter((name) => !name.startsWith('serin_pass'))
        .toSorted(),
    );
  });

  it('say the names of Flagger only where its API is served', async () => {
    const own = metrics();
    own.observed(pay, { phase: 'Progressing', weight: 20, target: 'pay' });
    const { text } = await own.page();
    expect(text).not.toContain('flagger_');
  });

  it('say what Flagger says, under its names', async () => {
    const own = metrics({ flaggerApi: true });
    own.observed(cart, { phase: 'Progressing', weight: 20, target: 'cart' });
    own.observed(pay, { phase: 'Failed', weight: 0, target: 'pay' });
    own.measured(cart, 'request-success-rate', 99.5);
    own.measured(cart, 'request-duration', 500);
    own.passed('ok', 250, cart);
    own.passed('ok', 250);
    own.finished(cart, 'succeeded', 1_000, 'blue-green');
    own.finished(cart, 'skipped', undefined);
    own.finished(pay, 'failed', 1_000, 'ab-testing');
    const lines = (await samples(own)).filter((line) => line.startsWith('flagger_'));
    expect(lines.toSorted()).toEqual(
      [
        'flagger_info{version="1.2.3",mesh_provider="gatewayapi"} 1',
        'flagger_canary_total{namespace="shop"} 1',
        'flagger_canary_total{namespace="money"} 1',
        'flagger_canary_status{name="cart",namespace="shop"} 0',
        'flagger_canary_status{name="pay",namespace="money"} 2',
        'flagger_canary_weight{workload="cart",namespace="shop"} 20',
        'flagger_canary_weight{workload="cart-primary",namespace="shop"} 80',
        'flagger_canary_weight{workload="pay",namespace="money"} 0',
        'flagger_canary_weight{workload="pay-primary",namespace="money"} 100',
        'flagger_canary_metric_analysis{name="cart",namespace="shop",metric="request-success-rate"} 99.5',
        'flagger_canary_metric_analysis{name="cart",namespace="shop",metric="request-duration"} 0.5',
        'flagger_canary_duration_seconds_sum{name="cart",namespace="shop"} 0.25',
        'flagger_canary_duration_seconds_count{name="cart",namespace="shop"} 1',
        'flagger_canary_successes_total{name="cart",namespace="shop",deployment_strategy="blue-green",analysis_status="completed"} 1',
        'flagger_canary_successes_total{name="cart",namespace="shop",deployment_strategy="canary",analysis_status="skipped"} 1',
        'flagger_canary_failures_total{name="pay",namespace="money",deployment_strategy="ab-testing",analysis_status="completed"} 1',
      ].toSorted(),
    );
  });

  it('say 0 for a namespace whose Canaries have gone', async () => {
    const own = metrics({ flaggerApi: true });
    own.observed(cart, { phase: 'Initialized', weight: 0, target: 'cart' });
    own.forgotten(cart);
    expect(await samples(own)).toContain('flagger_canary_total{namespace="shop"} 0');
  });

  it.each([
    ['Progressing', 0],
    ['Failed', 2],
    ['Succeeded', 1],
    ['Promoting', 1],
    ['constructor', 1],
  ])('give the phase %s the status %i', async (phase, status) => {
    const own = metrics({ flaggerApi: true });
    own.observed(cart, { phase, weight: 0, target: 'cart' });
    expect(await samples(own)).toContain(
      `flagger_canary_status{name="cart",namespace="shop"} ${status}`,
    );
  });

  it('explain each metric, in the page and in the documentation', async () => {
    const own = metrics({ flaggerApi: true }).withProcessMetrics();
    const { text, contentType } = await own.page();
    expect(contentType).toContain('text/plain');
    expect(text).toContain('process_resident_memory_bytes');
    expect(own.docs.length).toBeGreaterThan(15);
    for (const { name, type, help } of own.docs) {
      expect(help).toMatch(/^[A-Z0-9].{10,}\.$/);
      expect(text).toContain(`# HELP ${name} ${help}\n# TYPE ${name} ${type}\n`);
      expect(metricsMarkdown()).toContain(`| \`${name}\` | ${type} |`);
    }
  });
});
