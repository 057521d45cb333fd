import { existsSync, readFileSync } from 'node:fs';
import { inspect } from 'node:util';

import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import * as z from 'zod';

import { notifiers } from '../../../src/adapters/notifiers/registry.ts';
import { slack } from '../../../src/adapters/notifiers/slack.ts';
import { asOperatorError } from '../../../src/errors.ts';
import type { Message, NotifierAccess } from '../../../src/ports/notifier.ts';
import { StubServer } from '../http/stub-server.ts';

const { signal } = new AbortController();

const aborted: Message = {
  id: '7d0c-v2-abort-slack',
  severity: 'error',
  author: 'cart.shop',
  text: 'Rolled back: request-success-rate 42.1 % < 99 % & falling',
  fields: [
    { title: 'Target', value: 'Deployment/cart.shop' },
    { title: 'Exposed', value: '45s at <= 20 %' },
  ],
};

const Answers = z.array(
  z.object({
    to: z.enum(['webhook', 'bot']),
    status: z.number(),
    body: z.string(),
    means: z.enum(['taken', 'invalid', 'denied', 'unavailable']),
  }),
);
const answers = Answers.parse(
  JSON.parse(readFileSync(new URL('../../fixtures/slack/answers.json', import.meta.url), 'utf8')),
);

const Posted = z.looseObject({
  attachments: z.tuple([z.looseObject({ color: z.string(), text: z.string() })]),
});

describe('slack', () => {
  let server: StubServer;
  beforeEach(async () => {
    server = await StubServer.start();
    server.answers(200, 'ok');
  });
  afterEach(() => server[Symbol.asyncDispose]());

  const access = (more: Partial<NotifierAccess> = {}): NotifierAccess => ({
    address: `${server.url}/services/T0/B0/secret-path`,
    token: undefined,
    channel: 'releases',
    username: 'serin',
    proxy: undefined,
    ...more,
  });
  const posted = (): z.infer<typeof Posted> =>
    Posted.parse(JSON.parse(server.received[0]?.body ?? ''));

  it('says who, what and how bad, and which fact it was', async () => {
    await slack.send(access(), aborted, signal);
    expect(server.received).toHaveLength(1);
    expect(server.received[0]).toMatchObject({
      method: 'POST',
      path: '/services/T0/B0/secret-path',
    });
    expect(server.received[0]?.headers['authorization']).toBeUndefined();
    expect(posted()).toEqual({
      channel: 'releases',
      username: 'serin',
      icon_url: '',
      icon_emoji: ':rocket:',
      attachments: [
        {
          color: 'danger',
          author_name: 'cart.shop',
          text: 'Rolled back: request-success-rate 42.1 % &lt; 99 % &amp; falling',
          mrkdwn_in: ['text'],
          fields: [
            { title: 'Target', value: 'Deployment/cart.shop', short: false },
            { title: 'Exposed', value: '45s at &lt;= 20 %', short: false },
          ],
          footer: '7d0c-v2-abort-slack',
        },
      ],
    });
  });

  it('gives each severity its own colour', async () => {
    const colors = new Set<string>();
    for (const severity of ['info', 'warn', 'error'] as const) {
      server.answers(200, 'ok');
      await slack.send(access(), { ...aborted, severity }, signal);
      colors.add(posted().attachments[0].color);
    }
    expect([...colors]).toEqual(['good', 'warning', 'danger']);
  });

  it('posts as a bot when it has a token', async () => {
    server.answers(200, '{"ok":true}');
    await slack.send(access({ token: 'xoxb-secret\n' }), aborted, signal);
    expect(server.received[0]?.headers['authorization']).toBe('Bearer xoxb-secret');
  });

  it('leaves the channel to the webhook when none is named', async () => {
    await slack.send(access({ channel: '' }), aborted, signal);
    expect(posted()).not.toHaveProperty('channel');
  });

  it('cuts off what nobody would read', async () => {
    await slack.send(access(), { ...aborted, text: '<'.repeat(100_000) }, signal);
    expect(posted().attachments[0].text).toBe(`${'&lt;'.repeat(3_000)}…`);
  });

  it.each(answers)(
    'takes $status $body from a $to for $means',
    async ({ to, status, body, means }) => {
      server.answers(status, body);
      const token = to === 'bot' ? 'xoxb-secret' : undefined;
      const outcome = await slack.send(access({ token }), aborted, signal).then(
        () => 'taken',
        (thrown: unknown) => {
          expect(inspect(thrown, { depth: Infinity, showHidden: true })).not.toContain('secret');
          return asOperatorError(thrown).kind;
        },
      );
      expect(outcome).toBe(means);
    },
  );

  it('passes on how long it was asked to wait', async () => {
    server.answers(429, 'rate_limited', { 'retry-after': '30' });
    const failure = slack.send(access(), aborted, signal);
    await expect(failure).rejects.toMatchObject({ kind: 'unavailable', retryAfterMs: 30_000 });
  });

  it('says what to do when the channel or the webhook is gone', async () => {
    server.answers(200, '{"ok":false,"error":"not_in_channel"}');
    await expect(slack.send(access(), aborted, signal)).rejects.toThrow(
      'invite the bot to the channel',
    );
    server.answers(404, 'no_service');
    await expect(slack.send(access(), aborted, signal)).rejects.toThrow('make a new one');
  });

  it('repeats no page that stands in between', async () => {
    server.answers(403, `blocked: ${server.url}/services/T0/B0/secret-path xoxb-secret`);
    const failure = slack.send(access(), aborted, signal);
    await expect(failure).rejects.toThrow(
      /^Slack at 127\.0\.0\.1:[0-9]+ refused our credentials: 403$/,
    );
  });

  it('takes silence for unavailable', async () => {
    server.does({ kind: 'reset' });
    await expect(slack.send(access(), aborted, signal)).rejects.toMatchObject({
      kind: 'unavailable',
    });
  });

  it('goes through the proxy it is given', async () => {
    const address = 'http://hooks.slack.test/services/T0';
    await slack.send(access({ address, proxy: server.url }), aborted, signal);
    expect(server.received[0]?.path).toBe(address);
  });
});

describe('notifiers', () => {
  it('are found by name', () => {
    expect(notifiers.get('slack')).toBe(slack);
    expect(() => notifiers.get('pigeon')).toThrow('unknown notifier "pigeon"; known: slack');
  });
});

const recording = new URL(
  '../../../../shared/testdata/flagger-recordings/abort-slack.json',
  import.meta.url,
);

describe.skipIf(!existsSync(recording))(
  "Flagger's Slack messages (need ../shared/testdata)",
  () => {
    const Recorded = z.object({
      timeline: z.array(
        z.looseObject({ alert: z.string().optional(), body: z.unknown().optional() }),
      ),
    });

    it('have every field in ours, with the same value for the same facts', async () => {
      await using server = await StubServer.start();
      const { timeline } = Recorded.parse(JSON.parse(readFileSync(recording, 'utf8')));
      const bodies = timeline
        .filter(({ alert }) => alert !== undefined)
        .map(({ body }) => Flagger.parse(body));
      expect(bodies.length).toBeGreaterThan(3);
      for (const body of bodies) {
        const [{ color, author_name: author, text, fields }] = body.attachments;
        server.answers(200, 'ok');
        const { channel, username } = body;
        const address = server.url;
        await slack.send(
          { address, token: undefined, channel, username, proxy: undefined },
          { id: 'x', severity: color === 'good' ? 'info' : 'error', author, text, fields },
          signal,
        );
        expect(JSON.parse(server.received[0]?.body ?? '')).toMatchObject(body);
      }
    });

    const Flagger = z.looseObject({
      channel: z.string(),
      username: z.string(),
      attachments: z.tuple([
        z.looseObject({
          color: z.string(),
          author_name: z.string(),
          text: z.string(),
          fields: z.array(z.looseObject({ title: z.string(), value: z.string() })),
        }),
      ]),
    });
  },
);
