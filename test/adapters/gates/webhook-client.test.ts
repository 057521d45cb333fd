import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { webhookClient } from '../../../src/adapters/gates/webhook-client.ts';
import type { Clock } from '../../../src/ports/clock.ts';
import type { WebhookAnswer, WebhookCall } from '../../../src/ports/webhook-client.ts';
import { StubServer, type Behaviour } from '../http/stub-server.ts';

const body = { name: 'cart', namespace: 'shop', phase: 'Progressing', checksum: 'abc' };
const timeoutMs = 12_345;
const now = Date.parse('Fri, 02 Jan 2026 03:04:05 GMT');

const answer = (status: number, text = '', headers = {}): Behaviour => ({
  kind: 'answer',
  status,
  body: text,
  headers,
});

/** Deadlines come only when told to; every other wait is noted and over at once. */
class NotingClock implements Clock {
  readonly waits: number[] = [];
  readonly deadlines = new Set<() => void>();

  now = (): number => now;
  monotonic = (): number => 0;

  after(ms: number, callback: () => void): () => void {
    if (ms === timeoutMs) {
      this.deadlines.add(callback);
      return () => this.deadlines.delete(callback);
    }
    this.waits.push(ms);
    queueMicrotask(callback);
    return () => undefined;
  }
}

describe('webhook client', () => {
  let server: StubServer;
  let clock: NotingClock;
  beforeEach(async () => {
    server = await StubServer.start();
    clock = new NotingClock();
  });
  afterEach(() => server[Symbol.asyncDispose]());

  function calling(
    more: Partial<WebhookCall> = {},
    signal = new AbortController().signal,
  ): Promise<WebhookAnswer> {
    const call = {
      url: `${server.url}/gate`,
      timeoutMs,
      retries: 0,
      disableTLS: false,
      body,
      ...more,
    };
    return webhookClient(clock).call(call, signal);
  }

  it('posts the payload as JSON and says nothing else', async () => {
    await calling();
    const [received] = server.received;
    expect(received).toMatchObject({ method: 'POST', path: '/gate' });
    expect(JSON.parse(received?.body ?? '')).toEqual(body);
    const {
      host: _host,
      connection: _connection,
      'content-length': _length,
      ...headers
    } = received?.headers ?? {};
    expect(headers).toEqual({ 'content-type': 'application/json' });
  });

  it.each([200, 201, 202])('takes a %i for yes', async (status) => {
    server.answers(status, 'anything');
    expect(await calling({ retries: 3 })).toEqual({ kind: 'yes' });
    expect(server.received).toHaveLength(1);
  });

  it.each([203, 204, 206, 400, 403, 404, 409])(
    'takes a %i for no, and does not ask again',
    async (status) => {
      server.answers(status, 'not\nyet');
      expect(await calling({ retries: 3 })).toEqual({
        kind: 'no',
        status,
        text: status === 204 ? '' : 'not',
      });
      expect(server.received).toHaveLength(1);
    },
  );

  it('keeps the reason of a refusal short', async () => {
    server.answers(403, 'x'.repeat(5_000));
    expect(await calling()).toMatchObject({ kind: 'no', text: `${'x'.repeat(200)}…` });
  });

  it.each([429, 500, 502, 503])(
    'asks again after a %i and then says why nobody answered',
    async (status) => {
      server.answers(status, 'tests failed: cart\nstack');
      expect(await calling({ retries: 2 })).toEqual({
        kind: 'unreachable',
        why: `it answered ${status}: tests failed: cart`,
      });
      expect(server.received).toHaveLength(3);
      expect(clock.waits).toEqual([1_000, 2_000]);
    },
  );

  it('does not ask again after a 501', async () => {
    server.answers(501);
    expect(await calling({ retries: 2 })).toEqual({ kind: 'unreachable', why: 'it answered 501' });
    expect(server.received).toHaveLength(1);
  });

  it('waits longer each time, and never longer than half a minute', async () => {
    server.answers(500);
    await calling({ retries: 7 });
    expect(clock.waits).toEqual([1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000]);
  });

  it.each([429, 503])('waits as long as a %i asks, within reason', async (status) => {
    server.does(
      answer(status, '', { 'retry-after': '7' }),
      answer(status, '', { 'retry-after': 'Fri, 02 Jan 2026 03:04:35 GMT' }),
      answer(status, '', { 'retry-after': '86400' }),
      answer(200),
    );
    expect(await calling({ retries: 3 })).toEqual({ kind: 'yes' });
    expect(clock.waits).toEqual([7_000, 30_000, 300_000]);
  });

  it('takes the answer of the attempt that got one', async () => {
    server.does({ kind: 'reset' }, answer(500), { kind: 'cut' }, answer(403, 'closed'));
    expect(await calling({ retries: 5 })).toEqual({ kind: 'no', status: 403, text: 'closed' });
    expect(server.received).toHaveLength(4);
  });

  it('gives each attempt its own time', async () => {
    server.does({ kind: 'hang' });
    const first = server.arrival();
    const pending = calling({ retries: 1 });
    await first;
    const second = server.arrival();
    for (const deadline of clock.deadlines) deadline();
    await second;
    for (const deadline of clock.deadlines) deadline();
    expect(await pending).toEqual({
      kind: 'unreachable',
      why: `127.0.0.1:${server.port} did not answer in time`,
    });
    expect(clock.waits).toEqual([1_000]);
    expect(clock.deadlines.size).toBe(0);
  });

  it('stops at once when called off, in a call and in a wait', async () => {
    server.does({ kind: 'hang' });
    const during = new AbortController();
    const arrival = server.arrival();
    const pending = calling({ retries: 5 }, during.signal);
    await arrival;
    during.abort();
    expect(await pending).toMatchObject({ kind: 'unreachable' });

    server.answers(500, 'down');
    const waiting = new AbortController();
    clock.after = (ms) => {
      if (ms !== timeoutMs) queueMicrotask(() => waiting.abort());
      return () => undefined;
    };
    expect(await calling({ retries: 5 }, waiting.signal)).toMatchObject({ kind: 'unreachable' });
    expect(server.received).toHaveLength(1);
  });

  it('follows redirects within the host only', async () => {
    server.does(answer(307, '', { location: '/there' }), answer(200));
    expect(await calling()).toEqual({ kind: 'yes' });
    server.does(answer(307, '', { location: 'http://elsewhere.test/' }));
    expect(await calling({ retries: 3 })).toMatchObject({
      kind: 'unreachable',
      why: expect.stringContaining('redirects to another host, elsewhere.test'),
    });
    expect(server.received).toHaveLength(1);
  });

  it('does not take a redirect to nowhere for a refusal', async () => {
    server.answers(302);
    expect(await calling()).toEqual({ kind: 'unreachable', why: 'it answered 302' });
  });

  it('does not believe an answer that is too large', async () => {
    server.answers(200, 'x'.repeat(1024 * 1024 + 1));
    expect(await calling()).toEqual({
      kind: 'unreachable',
      why: 'its answer is larger than 1 MiB',
    });
  });

  it('says so when nobody can call the address', async () => {
    expect(await calling({ url: 'cart-gate/check', retries: 3 })).toMatchObject({
      kind: 'unreachable',
      why: expect.stringContaining('does not begin with http:// or https://'),
    });
    expect(clock.waits).toEqual([]);
  });
});
