/**
 * Secrets reach the server they are meant for, and nothing else: no log, event, status, error or other object.
 */
import { inspect } from 'node:util';

import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import type { Log } from '../../src/controller/ports.ts';
import { StubServer, type Behaviour } from '../adapters/http/stub-server.ts';
import { settings } from '../simulate/world.ts';
import { Wire } from './live.ts';
import { alertProvider, canary, deployment, metricTemplate, secret, Stage } from './stage.ts';

const planted = {
  slackPath: 'T0PLANTED/B0PLANTED/plantedwebhookpath',
  slackToken: 'xoxb-planted-bot-token',
  bearer: 'planted-bearer-token',
  userName: 'planted-user',
  password: 'planted-password',
  globalPath: 'plantedglobalpath',
  globalToken: 'xoxb-planted-global-token',
  hookToken: 'planted-hook-token',
};

/** As they are, and as they travel in a Secret or a header. */
const traces = [
  ...Object.values(planted),
  ...Object.values(planted).map((text) => Buffer.from(text).toString('base64')),
  Buffer.from(`${planted.userName}:${planted.password}`).toString('base64'),
];

let prometheus: StubServer;
let slack: StubServer;

beforeEach(async () => {
  prometheus = await StubServer.start();
  slack = await StubServer.start();
});

afterEach(async () => {
  await prometheus[Symbol.asyncDispose]();
  await slack[Symbol.asyncDispose]();
});

/** Everything that anybody writes down, down to own fields and causes of errors. */
function attentive(): { readonly log: Log; readonly lines: string[] } {
  const lines: string[] = [];
  const note =
    (level: string) =>
    (fields: object, message: string): void => {
      lines.push(`${level} ${message} ${inspect(fields, { depth: 12, showHidden: true })}`);
    };
  const log = {
    debug: note('debug'),
    info: note('info'),
    warn: note('warn'),
    error: note('error'),
  };
  return { log, lines };
}

/** Each side knows what it was sent. */
const toSlack = [
  planted.slackPath,
  planted.slackToken,
  planted.globalPath,
  planted.globalToken,
  planted.hookToken,
];
const basic = [
  planted.password,
  Buffer.from(`${planted.userName}:${planted.password}`).toString('base64'),
];

const echo =
  (status: number) =>
  (sent: readonly string[]): Behaviour => ({
    kind: 'answer',
    status,
    body: `{"ok":false,"status":"error","errorType":"x","error":"you sent ${sent.join(' ')}"}`,
    headers: { 'content-type': 'application/json', 'x-echo': sent.join(' ') },
  });

const failures: readonly (readonly [string, (sent: readonly string[]) => Behaviour])[] = [
  ['refuses and repeats what it was sent', echo(401)],
  ['complains and repeats what it was sent', echo(400)],
  ['breaks and repeats what it was sent', echo(500)],
  ['agrees and repeats what it was sent', echo(200)],
  ['hangs up', () => ({ kind: 'reset' })],
  ['stops half way', () => ({ kind: 'cut' })],
  [
    'redirects to another host',
    () => ({
      kind: 'answer',
      status: 302,
      headers: { location: `http://elsewhere.invalid/${planted.slackPath}` },
    }),
  ],
];

async function record(
  prepare: (stage: Stage) => { readonly analysis: object; readonly wire: Wire },
  global = true,
): Promise<{ readonly said: string; readonly stage: Stage }> {
  const { log, lines } = attentive();
  const stage = new Stage({
    settings: {
      metricsServer: `http://${planted.userName}:${planted.password}@127.0.0.1:${prometheus.port}`,
      ...(global
        ? {
            globalNotifier: {
              ...settings.globalNotifier,
              address: `${slack.url}/${planted.globalPath}`,
              token: planted.globalToken,
              channel: 'releases',
              username: 'serin',
              proxy: undefined,
            },
          }
        : {}),
    },
  });
  const { analysis, wire } = prepare(stage);
  stage.create(deployment('demo:1'));
  stage.create(canary({ threshold: 3, holdDeadline: '30s', ...analysis }));
  stage.start({ ...wire.parts(), webhooks: wire.webhooks(stage), log });
  await wire.untilPhase(stage, 'Initialized');
  stage.push('demo:2');
  await wire.untilPhase(stage, 'Failed', 120_000);
  await wire.pass(stage, 60_000);
  await stage.end();
  const sent = stage.world.records
    .filter(({ userAgent, method }) => userAgent.startsWith('serin') && method !== 'GET')
    .map(({ path, query, body }) => JSON.stringify({ path, query, body }));
  const held = [...stage.events(), stage.status(), stage.get('HTTPRoute', 'cart')].map((object) =>
    JSON.stringify(object),
  );
  return { stage, said: [...lines, ...sent, ...held].join('\n') };
}

function expectNothingLeaked(said: string): void {
  expect(traces.filter((trace) => said.includes(trace))).toEqual([]);
}

describe.each(failures)(
  'a secret stays where it is when the other side %s:',
  (_what, behaviour) => {
    it('of Slack and of Prometheus, from the operator-wide settings', async () => {
      const wire = new Wire();
      prometheus.does(behaviour(basic));
      slack.does(behaviour(toSlack));
      const { said } = await record(() => ({ analysis: {}, wire }));
      expect(prometheus.received[0]?.headers['authorization']).toContain('Basic');
      expect(slack.received[0]?.path).toContain(planted.globalPath);
      expect(said).toContain('notification not delivered');
      expectNothingLeaked(said);
    });

    it.each([
      ['a bearer token', { token: planted.bearer }, [planted.bearer]],
      ['a name and a password', { username: planted.userName, password: planted.password }, basic],
    ])('of Slack, and %s for Prometheus, from Secrets', async (_kind, values, sent) => {
      const wire = new Wire();
      prometheus.does(behaviour(sent));
      slack.does(behaviour(toSlack));
      const { said } = await record((stage) => {
        stage.create(secret('prom', values));
        stage.create(
          secret('slack', {
            address: `${slack.url}/services/${planted.slackPath}`,
            token: planted.slackToken,
          }),
        );
        stage.create(alertProvider({ secretRef: { name: 'slack' } }));
        stage.create(
          metricTemplate({
            provider: { type: 'prometheus', address: prometheus.url, secretRef: { name: 'prom' } },
            query: 'latency',
          }),
        );
        const analysis = {
          alerts: [{ name: 'team', providerRef: { name: 'on-call' } }],
          metrics: [
            { name: 'latency', templateRef: { name: 'latency' }, thresholdRange: { max: 500 } },
          ],
        };
        return { analysis, wire };
      }, false);
      expect(slack.received[0]?.path).toContain(planted.slackPath);
      expect(prometheus.received[0]?.headers['authorization']).toMatch(/^(Bearer|Basic) /);
      expectNothingLeaked(said);
    });

    it('in the address of a webhook, beyond the spec that names it', async () => {
      const wire = new Wire();
      prometheus.does(behaviour(basic));
      slack.does(behaviour(toSlack));
      const { said } = await record(() => ({
        analysis: {
          webhooks: [
            {
              name: 'smoke',
              type: 'pre-rollout',
              url: `${slack.url}/smoke?token=${planted.hookToken}`,
            },
          ],
        },
        wire,
      }));
      // What a receiver says in its answer is shown to people on purpose; its address is not.
      const words = said.replaceAll(/you sent [^"\\]*/g, '');
      expectNothingLeaked(words);
    });
  },
);
