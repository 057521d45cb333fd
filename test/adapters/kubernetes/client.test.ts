import { beforeEach, describe, expect, it } from 'vitest';

import { Client, type Call, type ClientOptions } from '../../../src/adapters/kubernetes/client.ts';
import { ConflictError, type OperatorError } from '../../../src/errors.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { cut, ScriptedTransport, statusOf } from './scripted-transport.ts';

const about = { verb: 'get', resource: 'services', namespace: 'shop', name: 'cart' } as const;
const path = '/api/v1/namespaces/shop/services/cart';
const reading: Call = { request: { method: 'GET', path, query: {} }, about };
const writing: Call = {
  request: { method: 'PATCH', path, query: {}, body: {} },
  about: { ...about, verb: 'patch' },
};
const never = new AbortController().signal;
const fine = { status: 200, body: { fine: true } };

let clock: FakeClock;
let transport: ScriptedTransport;

beforeEach(() => {
  clock = new FakeClock();
  transport = new ScriptedTransport(() => fine);
});

function aClient(more: Partial<ClientOptions> = {}): Client {
  return new Client({ transport, clock, random: () => 0.5, ...more });
}

function refuse(): never {
  throw new ConflictError('no longer leading', { reason: 'NotLeading' });
}

/** What a promise has come to; errors as values, so that nothing is left unhandled. */
function watch<T>(promise: Promise<T>): { value?: T; error?: OperatorError } {
  const outcome: { value?: T; error?: OperatorError } = {};
  promise.then(
    (value) => Object.assign(outcome, { value }),
    (error: unknown) => Object.assign(outcome, { error }),
  );
  return outcome;
}

describe('a read', () => {
  it('is repeated a few times while the server is unavailable', async () => {
    const answers = [statusOf(503), statusOf(500), fine];
    transport.answer = () => answers.shift() ?? statusOf(500);
    const outcome = watch(aClient().read(reading, never));
    await clock.advance(5_000);
    expect(outcome.value).toEqual(fine);
  });

  it('is given up in the end', async () => {
    transport.answer = () => {
      throw cut();
    };
    const outcome = watch(aClient().read(reading, never));
    await clock.advance(60_000);
    expect(outcome.error?.kind).toBe('unavailable');
    expect(transport.requests).toHaveLength(4);
  });

  it('is not repeated sooner than the server asks', async () => {
    const answers = [statusOf(429, '', 'later', 3_000), fine];
    transport.answer = () => answers.shift() ?? fine;
    const outcome = watch(aClient().read(reading, never));
    await clock.advance(2_900);
    expect(transport.requests).toHaveLength(1);
    await clock.advance(200);
    expect(outcome.value).toEqual(fine);
  });

  it('is not repeated when the answer would be the same', async () => {
    transport.answer = () => statusOf(403);
    const outcome = watch(aClient().read(reading, never));
    await clock.advance(60_000);
    expect(outcome.error?.kind).toBe('denied');
    expect(transport.requests).toHaveLength(1);
  });

  it('knows "not there" from "no answer"', async () => {
    transport.answer = () => statusOf(404, 'NotFound');
    expect(await aClient().read(reading, never)).toBeUndefined();
  });

  it('ends at its deadline although the transport never settles', async () => {
    transport.answer = () => new Promise(() => {});
    const outcome = watch(aClient({ timeoutMs: 1_000 }).readOnce(reading, never));
    await clock.advance(1_000);
    expect(outcome.error).toMatchObject({ kind: 'unavailable', reason: 'ApiServerUnavailable' });
    expect(outcome.error?.message).toContain('no answer within 1000 ms');
  });

  it('ends at once when it is called off', async () => {
    const { signal, stop } = stoppable();
    transport.answer = () => new Promise(() => {});
    const outcome = watch(aClient().read(reading, signal));
    await clock.settle();
    stop();
    await clock.settle();
    expect(outcome.error).toMatchObject({ kind: 'unavailable', reason: 'GivenUp' });
    expect(clock.pending).toBe(0);
  });
});

describe('a write', () => {
  it('is sent once, whatever becomes of it', async () => {
    for (const answer of [statusOf(503), statusOf(409), statusOf(429, '', '', 1_000)]) {
      transport = new ScriptedTransport(() => answer);
      const outcome = watch(aClient().write(writing, never));
      await clock.advance(60_000);
      expect(outcome.error).toBeDefined();
      expect(transport.requests).toHaveLength(1);
    }
  });

  it('is not sent when we no longer lead', async () => {
    await expect(aClient({ beforeWrite: refuse }).write(writing, never)).rejects.toThrow(
      'no longer leading',
    );
    expect(transport.requests).toEqual([]);
  });

  it('is preceded by the question whether we lead at the very moment it leaves', async () => {
    let leads = true;
    const beforeWrite = (): void => {
      if (!leads) refuse();
    };
    const client = aClient({ beforeWrite });
    transport.answer = () => statusOf(429, '', '', 1_000);
    watch(client.write(writing, never));
    await clock.settle();
    const waiting = watch(client.write(writing, never));
    await clock.advance(500);
    leads = false;
    await clock.advance(1_000);
    expect(waiting.error?.kind).toBe('conflict');
    expect(transport.requests).toHaveLength(1);
  });

  it('waits out the moment that the server asked of another write, and reads do not', async () => {
    const client = aClient();
    const answers = [statusOf(429, '', '', 1_000), fine];
    transport.answer = () => answers.shift() ?? fine;
    const first = watch(client.write(writing, never));
    await clock.settle();
    const second = watch(client.write(writing, never));
    const read = watch(client.read(reading, never));
    await clock.advance(900);
    expect(first.error).toMatchObject({ kind: 'unavailable', retryAfterMs: 1_000 });
    expect(read.value).toEqual(fine);
    expect(second).toEqual({});
    await clock.advance(200);
    expect(second.value).toEqual(fine);
  });

  it('is refused at once when the server wants more than a moment: by then it would say old things', async () => {
    const client = aClient();
    transport.answer = () => statusOf(429, '', '', 2_000);
    watch(client.write(writing, never));
    await clock.advance(500);
    transport.answer = () => fine;
    const refused = watch(client.write(writing, never));
    await clock.settle();
    expect(refused.error).toMatchObject({ kind: 'unavailable', retryAfterMs: 1_500 });
    await clock.advance(1_500);
    expect(transport.requests).toHaveLength(1);
    const later = watch(client.write(writing, never));
    await clock.settle();
    expect(later.value).toEqual(fine);
  });

  it('is held for one such moment and no other, also when the server goes on asking', async () => {
    const client = aClient();
    const answers = [0, 900].map((ms) => async () => {
      await new Promise<void>((resolve) => clock.after(ms, resolve));
      return statusOf(429, '', '', 1_000);
    });
    transport.answer = () => answers.shift()?.() ?? fine;
    watch(client.write(writing, never));
    watch(client.write(writing, never));
    await clock.advance(100);
    const held = watch(client.write(writing, never));
    await clock.advance(899);
    expect(held).toEqual({});
    await clock.advance(1);
    expect(held.error).toMatchObject({ kind: 'unavailable', retryAfterMs: 900 });
    expect(transport.requests).toHaveLength(2);
  });

  it('is refused when the server asks for a pause while it waits for its turn', async () => {
    const client = aClient({ inFlight: 1 });
    transport.answer = async () => {
      await new Promise<void>((resolve) => clock.after(100, resolve));
      return statusOf(429, '', '', 500);
    };
    watch(client.write(writing, never));
    await clock.settle();
    const next = watch(client.write(writing, never));
    await clock.advance(100);
    expect(next.error).toMatchObject({ kind: 'unavailable', retryAfterMs: 500 });
    expect(transport.requests).toHaveLength(1);
  });

  it('never rests longer than a minute, whatever the server wants', async () => {
    const client = aClient();
    transport.answer = () => statusOf(429, '', '', 3_600_000);
    const asked = watch(client.write(writing, never));
    await clock.settle();
    transport.answer = () => fine;
    const refused = watch(client.write(writing, never));
    await clock.settle();
    for (const { error } of [asked, refused])
      expect(error).toMatchObject({ kind: 'unavailable', retryAfterMs: 60_000 });
    await clock.advance(60_000);
    const later = watch(client.write(writing, never));
    await clock.settle();
    expect(later.value).toEqual(fine);
  });
});

describe('calls', () => {
  it('are never more in flight than allowed, and take turns', async () => {
    let inFlight = 0;
    let most = 0;
    const started: string[] = [];
    transport.answer = async (request) => {
      inFlight += 1;
      most = Math.max(most, inFlight);
      started.push(request.path);
      await new Promise<void>((resolve) => clock.after(10, resolve));
      inFlight -= 1;
      return fine;
    };
    const client = aClient({ inFlight: 3 });
    const paths = Array.from({ length: 10 }, (_, index) => `/${index}`);
    for (const each of paths) {
      watch(client.read({ about, request: { method: 'GET', path: each, query: {} } }, never));
    }
    await clock.advance(1_000);
    expect(most).toBe(3);
    expect(started).toEqual(paths);
  });

  it('leave the queue when they are called off', async () => {
    transport.answer = () => new Promise(() => {});
    const client = aClient({ inFlight: 1, timeoutMs: 5_000 });
    watch(client.readOnce(reading, never));
    const { signal, stop } = stoppable();
    const waiting = watch(client.readOnce(reading, signal));
    await clock.settle();
    stop();
    await clock.settle();
    expect(waiting.error).toMatchObject({ reason: 'GivenUp' });
    await clock.advance(5_000);
    transport.answer = () => fine;
    const next = watch(client.readOnce(reading, never));
    await clock.settle();
    expect(next.value).toEqual(fine);
  });

  it('are counted by verb, resource and code, also the unanswered', async () => {
    const seen: unknown[] = [];
    const client = aClient({ observe: (each) => seen.push(each), timeoutMs: 50 });
    watch(client.readOnce(reading, never));
    await clock.settle();
    transport.answer = () => new Promise(() => {});
    watch(client.write(writing, never));
    await clock.advance(50);
    expect(seen).toEqual([
      { verb: 'get', resource: 'services', code: 200, durationMs: 0 },
      { verb: 'patch', resource: 'services', code: 0, durationMs: 50 },
    ]);
  });
});

function stoppable(): { signal: AbortSignal; stop: () => void } {
  const controller = new AbortController();
  return { signal: controller.signal, stop: () => controller.abort() };
}
