/**
 * Backends, receivers and hooks that answer nonsense, through the real adapters and a real HTTP server.
 */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { StubServer, type Behaviour } from '../adapters/http/stub-server.ts';
import { Wire } from './live.ts';
import { alertProvider, canary, deployment, metricTemplate, secret, Stage } from './stage.ts';

let prometheus: StubServer;
let other: StubServer;

beforeEach(async () => {
  prometheus = await StubServer.start();
  other = await StubServer.start();
});

afterEach(async () => {
  await prometheus[Symbol.asyncDispose]();
  await other[Symbol.asyncDispose]();
});

const json = (status: number, body: unknown): Behaviour => ({
  kind: 'answer',
  status,
  body: JSON.stringify(body),
  headers: { 'content-type': 'application/json' },
});

const vector = (...values: readonly string[]): Behaviour =>
  json(200, {
    status: 'success',
    data: {
      resultType: 'vector',
      result: values.map((value, index) => ({ metric: { pod: `${index}` }, value: [1, value] })),
    },
  });

const good = vector('100');
const page = '<html><body>Sign in</body></html>';

interface Answer {
  readonly what: string;
  readonly behaviour: Behaviour;
  readonly verdict: string;
  readonly reason: string;
  readonly says: string;
}

const answers: readonly Answer[] = [
  {
    what: 'NaN',
    behaviour: vector('NaN'),
    verdict: 'noData',
    reason: 'NoData',
    says: 'not a number',
  },
  {
    what: 'nothing',
    behaviour: vector(),
    verdict: 'noData',
    reason: 'NoData',
    says: 'no series',
  },
  {
    what: 'Inf',
    behaviour: vector('+Inf'),
    verdict: 'invalid',
    reason: 'MetricsInvalid',
    says: 'Inf',
  },
  {
    what: 'several values',
    behaviour: vector('100', '99.5'),
    verdict: 'invalid',
    reason: 'MetricsInvalid',
    says: '2 series',
  },
  {
    what: '400',
    behaviour: json(400, {
      status: 'error',
      errorType: 'bad_data',
      error: 'parse error at char 7',
    }),
    verdict: 'invalid',
    reason: 'MetricsInvalid',
    says: 'parse error at char 7',
  },
  {
    what: '401',
    behaviour: { kind: 'answer', status: 401, body: page },
    verdict: 'denied',
    reason: 'MetricsDenied',
    says: '401',
  },
  {
    what: '403',
    behaviour: { kind: 'answer', status: 403 },
    verdict: 'denied',
    reason: 'MetricsDenied',
    says: '403',
  },
  {
    what: '404',
    behaviour: { kind: 'answer', status: 404, body: page },
    verdict: 'invalid',
    reason: 'MetricsInvalid',
    says: '404',
  },
  {
    what: '500',
    behaviour: { kind: 'answer', status: 500, body: 'boom' },
    verdict: 'unavailable',
    reason: 'MetricsUnavailable',
    says: '500',
  },
  {
    what: '503',
    behaviour: { kind: 'answer', status: 503, headers: { 'retry-after': '7' } },
    verdict: 'unavailable',
    reason: 'MetricsUnavailable',
    says: '503',
  },
  {
    what: 'HTML',
    behaviour: {
      kind: 'answer',
      status: 200,
      body: page,
      headers: { 'content-type': 'text/html' },
    },
    verdict: 'invalid',
    reason: 'MetricsInvalid',
    says: 'not the API of Prometheus',
  },
  {
    what: 'half an answer',
    behaviour: { kind: 'cut' },
    verdict: 'unavailable',
    reason: 'MetricsUnavailable',
    says: 'did not answer',
  },
  {
    what: 'a broken connection',
    behaviour: { kind: 'reset' },
    verdict: 'unavailable',
    reason: 'MetricsUnavailable',
    says: 'did not answer',
  },
  {
    what: 'nothing at all, for ever',
    behaviour: { kind: 'hang' },
    verdict: 'unavailable',
    reason: 'MetricsUnavailable',
    says: 'in time',
  },
  {
    what: 'more than anybody can read',
    behaviour: { kind: 'answer', status: 200, body: `"${'x'.repeat(5 * 1024 * 1024)}"` },
    verdict: 'invalid',
    reason: 'MetricsInvalid',
    says: '4 MiB',
  },
];

async function midRun(wire: Wire, analysis: object = {}): Promise<Stage> {
  const stage = new Stage({
    settings: { metricsServer: prometheus.url },
    parts: wire.parts(),
  });
  prometheus.does(good);
  stage.create(deployment('demo:1'));
  stage.create(canary({ holdDeadline: '60s', ...analysis }));
  stage.start();
  await wire.untilPhase(stage, 'Initialized');
  stage.push('demo:2');
  await wire.until(stage, 'weight 20', () => stage.routeWeight() === 20);
  return stage;
}

describe('a metrics backend that answers', () => {
  it.each(answers.map((row) => [row.what, row] as const))(
    '%s holds the round, with a name for it, and the run goes on when it answers',
    async (_what, { behaviour, verdict, reason, says }) => {
      const wire = new Wire();
      const stage = await midRun(wire);
      prometheus.does(behaviour);
      await wire.until(stage, reason, () => stage.condition('Ready')?.reason === reason, 60_000);
      const [check] = stage.status().checks ?? [];
      expect(check).toMatchObject({ name: 'request-success-rate', verdict });
      expect(check).not.toHaveProperty('value');
      expect(check?.why).toContain(says);
      expect(stage.condition('Reconciling')).toMatchObject({ status: 'True', reason });
      expect(stage.events().find((event) => event.reason === reason)?.type).toBe('Warning');
      expect(stage.status()).toMatchObject({ phase: 'Progressing', failedChecks: 0 });
      expect(stage.routeWeight()).toBe(20);

      prometheus.does(good);
      await wire.untilPhase(stage, 'Succeeded', 180_000);
      await stage.end();
    },
  );

  it.each(
    answers
      .filter(({ what }) => ['NaN', 'Inf', '401', '500'].includes(what))
      .map((row) => [row.what, row] as const),
  )(
    '%s for longer than holdDeadline rolls back with that reason',
    async (_what, { behaviour, reason }) => {
      const wire = new Wire();
      const stage = await midRun(wire);
      prometheus.does(behaviour);
      await wire.untilPhase(stage, 'Failed', 120_000);
      expect(stage.routeWeight()).toBe(0);
      expect(stage.condition('Stalled')).toMatchObject({ status: 'True', reason });
      await stage.end();
    },
  );
});

describe('a Secret for a metrics backend', () => {
  const analysis = {
    metrics: [{ name: 'latency', templateRef: { name: 'latency' }, thresholdRange: { max: 500 } }],
  };

  async function withTemplate(wire: Wire): Promise<Stage> {
    const stage = new Stage({ parts: wire.parts() });
    prometheus.does(good);
    stage.create(
      metricTemplate({
        provider: { type: 'prometheus', address: prometheus.url, secretRef: { name: 'prom' } },
        query: 'latency',
      }),
    );
    stage.create(deployment('demo:1'));
    stage.create(canary({ holdDeadline: '10m', ...analysis }));
    stage.start();
    await wire.untilPhase(stage, 'Initialized');
    stage.push('demo:2');
    await wire.until(stage, 'weight 20', () => stage.routeWeight() === 20);
    return stage;
  }

  it('that is missing is named, and used in the round after it appears', async () => {
    const wire = new Wire();
    const stage = await withTemplate(wire);
    await wire.pass(stage, 25_000);
    expect(stage.condition('Reconciling')?.message).toContain('Secret shop/prom does not exist');
    expect(stage.routeWeight()).toBe(20);
    stage.create(secret('prom', { token: 'abc' }));
    await wire.until(stage, 'weight 40', () => stage.routeWeight() === 40, 15_000);
    expect(prometheus.received.at(-1)?.headers['authorization']).toBe('Bearer abc');
    await stage.end();
  });

  it('without a key that is understood says which keys are', async () => {
    const wire = new Wire();
    const stage = await withTemplate(wire);
    stage.create(secret('prom', { apikey: 'abc' }));
    await wire.pass(stage, 25_000);
    expect(stage.condition('Reconciling')?.message).toContain('token, username with password');
    stage.patch('Secret', 'prom', secret('prom', { username: 'u', password: 'p' }));
    await wire.until(stage, 'weight 40', () => stage.routeWeight() === 40, 90_000);
    await stage.end();
  });

  it('that is rotated is read again as soon as the old one is refused', async () => {
    const wire = new Wire();
    const stage = await withTemplate(wire);
    stage.create(secret('prom', { token: 'old' }));
    await wire.until(stage, 'weight 40', () => stage.routeWeight() === 40, 30_000);
    stage.patch('Secret', 'prom', secret('prom', { token: 'new' }));
    prometheus.does({ kind: 'answer', status: 401 }, good);
    await wire.until(stage, 'weight 60', () => stage.routeWeight() === 60, 30_000);
    expect(prometheus.received.at(-1)?.headers['authorization']).toBe('Bearer new');
    await stage.end();
  });
});

async function withReceiver(
  wire: Wire,
  provider: object,
  prepare: (stage: Stage) => unknown = () => {},
): Promise<Stage> {
  const stage = new Stage({ settings: { metricsServer: prometheus.url }, parts: wire.parts() });
  prometheus.does(good);
  prepare(stage);
  stage.create(alertProvider(provider));
  stage.create(deployment('demo:1'));
  stage.create(canary({ alerts: [{ name: 'team', providerRef: { name: 'on-call' } }] }));
  stage.start();
  await wire.untilPhase(stage, 'Initialized');
  return stage;
}

describe('Slack', () => {
  const failures: readonly (readonly [string, Behaviour, string])[] = [
    ['404', { kind: 'answer', status: 404, body: 'no_service' }, '404 no_service'],
    [
      '200 with ok: false',
      json(200, { ok: false, error: 'channel_not_found' }),
      'channel_not_found',
    ],
    ['403', { kind: 'answer', status: 403, body: 'invalid_token' }, '403 invalid_token'],
    ['500', { kind: 'answer', status: 500, body: page }, '500'],
    ['nothing', { kind: 'hang' }, 'in time'],
  ];

  it.each(failures)(
    'answering %s does not disturb the rollout, is told, and gets the message when it is better',
    async (_what, behaviour, says) => {
      const wire = new Wire();
      other.does(behaviour);
      const stage = await withReceiver(wire, { address: `${other.url}/services/T0/B0/x` });
      const isTold = (): boolean =>
        stage.events().some(({ reason }) => reason === 'NotificationFailed');
      await wire.until(stage, 'an event', isTold, 60_000);
      const told = stage.events().find(({ reason }) => reason === 'NotificationFailed');
      expect(told?.type).toBe('Warning');
      expect(told?.message).toContain('shop/on-call');
      expect(told?.message).toContain(says);
      stage.push('demo:2');
      await wire.untilPhase(stage, 'Succeeded', 120_000);

      other.answers(200, 'ok');
      const texts = (): string[] =>
        other.received.map(
          ({ body }) =>
            (JSON.parse(body) as { attachments: { text: string }[] }).attachments[0]?.text ?? '',
        );
      await wire.until(stage, 'all three', () => texts().length >= 3, 15 * 60_000);
      expect(texts().sort()).toEqual([
        'Canary analysis completed successfully, promotion finished.',
        'New Deployment detected, initialization completed.',
        'New revision detected, progressing canary analysis.',
      ]);
      await stage.end();
    },
  );

  it('whose Secret is missing, or lacks the key, gets the message once it is there', async () => {
    const wire = new Wire();
    other.answers(200, 'ok');
    const stage = await withReceiver(wire, { secretRef: { name: 'slack' } });
    const told = (): string[] =>
      stage
        .events()
        .filter(({ reason }) => reason === 'NotificationFailed')
        .map(({ message }) => message);
    await wire.until(stage, 'an event', () => told().length > 0, 60_000);
    expect(told()[0]).toContain('Secret shop/slack does not exist');
    stage.create(secret('slack', { url: 'x' }));
    await wire.pass(stage, 60_000);
    const lines = stage.world.logs.filter((line) => line.includes('notification not delivered'));
    expect(lines.at(-1)).toContain('Secret shop/slack has no key');
    expect(lines.at(-1)).toContain('address');
    stage.patch('Secret', 'slack', secret('slack', { address: `${other.url}/hook` }));
    await wire.until(stage, 'a message', () => other.received.length > 0, 15 * 60_000);
    await stage.end();
  });
});

const hook = (type: string, url: string, more: object = {}): object => ({
  webhooks: [{ name: type, type, url, ...more }],
});

async function withHook(wire: Wire, analysis: object): Promise<Stage> {
  const stage = new Stage({ settings: { metricsServer: prometheus.url }, parts: wire.parts() });
  prometheus.does(good);
  stage.create(deployment('demo:1'));
  stage.create(canary({ threshold: 3, ...analysis }));
  stage.start({ webhooks: wire.webhooks(stage) });
  await wire.untilPhase(stage, 'Initialized');
  stage.push('demo:2');
  return stage;
}

describe('a webhook that', () => {
  it('answers too late is a failed check that names its deadline', async () => {
    const wire = new Wire();
    other.does({ kind: 'hang' });
    const stage = await withHook(wire, hook('pre-rollout', other.url, { timeout: '3s' }));
    await wire.until(stage, 'a failed check', () => stage.status().failedChecks === 1, 60_000);
    expect(stage.status().message).toContain('did not answer in time');
    other.answers(200);
    await wire.untilPhase(stage, 'Succeeded', 120_000);
    await stage.end();
  });

  it('answers more than a megabyte is a failed check', async () => {
    const wire = new Wire();
    other.answers(200, 'x'.repeat(2 * 1024 * 1024));
    const stage = await withHook(wire, hook('pre-rollout', other.url));
    await wire.until(stage, 'a failed check', () => stage.status().failedChecks === 1, 60_000);
    expect(stage.status().message).toContain('larger than 1 MiB');
    await stage.end();
  });

  it('redirects to another host is a failed check, and that host is not asked', async () => {
    const wire = new Wire();
    other.answers(302, '', { location: `${prometheus.url}/elsewhere` });
    const stage = await withHook(wire, hook('pre-rollout', other.url));
    await wire.until(stage, 'a failed check', () => stage.status().failedChecks === 1, 60_000);
    expect(stage.status().message).toContain('redirects to another host');
    expect(prometheus.received.map(({ path }) => path)).not.toContain('/elsewhere');
    await stage.end();
  });

  it.each([
    ['never answers', { kind: 'hang' } as const],
    ['answers 500', { kind: 'answer', status: 500, body: page } as const],
    ['refuses', { kind: 'answer', status: 403, body: 'not yet' } as const],
  ])('is a gate and %s never promotes', async (_what, behaviour) => {
    const wire = new Wire();
    other.does(behaviour);
    const stage = await withHook(wire, hook('confirm-promotion', other.url, { timeout: '2s' }));
    await wire.untilPhase(stage, 'WaitingPromotion', 120_000);
    await wire.pass(stage, 60_000);
    expect(stage.status().phase).toBe('WaitingPromotion');
    expect(stage.condition('Reconciling')?.reason).toBe('WaitingForGate');
    other.answers(200);
    await wire.untilPhase(stage, 'Succeeded', 60_000);
    await stage.end();
  });
});
