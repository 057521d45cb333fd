import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { type SlackSink, startSlackSink } from '../../src/sandbox/slack-sink.ts';

let sink: SlackSink;

beforeEach(async () => {
  sink = await startSlackSink({});
});

afterEach(() => sink.close());

function post(url: string, body: unknown, headers: Record<string, string> = {}): Promise<Response> {
  return fetch(url, { method: 'POST', body: JSON.stringify(body), headers });
}

describe('slack sink', () => {
  it('takes an incoming webhook and keeps all its words', async () => {
    const answer = await post(sink.webhookUrl, {
      channel: '#releases',
      text: 'cart.shop',
      attachments: [{ text: 'rolled back', fields: [{ title: 'Weight', value: '&gt; 40' }] }],
    });
    expect([answer.status, await answer.text()]).toEqual([200, 'ok']);
    expect(sink.messages).toMatchObject([
      { by: 'webhook', channel: '#releases', text: 'cart.shop\nrolled back\nWeight: > 40' },
    ]);
  });

  it('takes chat.postMessage with a token, and refuses it without one as Slack does', async () => {
    const url = `${sink.apiUrl}/chat.postMessage`;
    const body = { channel: 'C1', text: 'hello' };
    const refused = await post(url, body);
    expect(await refused.json()).toEqual({ ok: false, error: 'not_authed' });
    const taken = await post(url, body, { authorization: 'Bearer xoxb-1' });
    expect(await taken.json()).toMatchObject({ ok: true, channel: 'C1' });
    expect(sink.messages).toMatchObject([{ by: 'bot', text: 'hello' }]);
  });

  it('can be told to fail', async () => {
    sink.answerWith(404);
    expect((await post(sink.webhookUrl, { text: 'lost' })).status).toBe(404);
    expect(sink.messages).toEqual([]);
  });
});
