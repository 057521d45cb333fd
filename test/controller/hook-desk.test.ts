import { describe, expect, it } from 'vitest';

import type { ResolvedWebhook } from '../../src/api/resolved.ts';
import type { WebhookType } from '../../src/api/canary-analysis.ts';
import { CallPool } from '../../src/controller/call-pool.ts';
import { HookDesk } from '../../src/controller/hook-desk.ts';
import type { HookQuestion } from '../../src/core/questions.ts';
import type { WebhookAnswer, WebhookCall } from '../../src/ports/webhook-client.ts';
import { FakeClock } from '../support/fake-clock.ts';

interface Open {
  readonly call: WebhookCall;
  readonly signal: AbortSignal;
  readonly answer: (answer: WebhookAnswer) => void;
}

const aHook = (name: string, type: WebhookType, host = 'tester'): ResolvedWebhook => ({
  id: name,
  name,
  type,
  url: `http://${host}/${name}`,
  timeoutMs: 10_000,
  retries: 0,
  metadata: {},
  muteAlert: false,
  disableTLS: false,
  onDeadline: 'rollback',
});

const ask = (hook: ResolvedWebhook, more: Partial<HookQuestion> = {}): HookQuestion => ({
  id: `${hook.type}/${hook.name}`,
  hook,
  phase: 'Progressing',
  ...more,
});

function aDesk() {
  const clock = new FakeClock();
  const calls: Open[] = [];
  const woken: string[] = [];
  const client = {
    call: (call: WebhookCall, signal: AbortSignal) =>
      new Promise<WebhookAnswer>((answer) => calls.push({ call, signal, answer })),
  };
  const desk = new HookDesk(client, new CallPool(), clock, (key) => woken.push(key));
  const consult = (questions: readonly HookQuestion[], key = 'cart') =>
    desk.consult(key, questions, ({ hook }) => ({ asked: hook.name }));
  return { clock, calls, woken, desk, consult };
}

const yes: WebhookAnswer = { kind: 'yes' };
const no: WebhookAnswer = { kind: 'no', status: 403, text: 'closed' };

describe('the hook desk', () => {
  it('asks a question once, and wakes the canary with the answer', async () => {
    const { clock, calls, woken, consult } = aDesk();
    const question = ask(aHook('smoke', 'pre-rollout'));
    expect(consult([question])['pre-rollout/smoke']).toEqual({
      kind: 'pending',
      since: clock.now(),
    });
    consult([question]);
    expect(calls.map(({ call }) => call.body)).toEqual([{ asked: 'smoke' }]);
    calls[0]?.answer(yes);
    await clock.settle();
    expect(woken).toEqual(['cart']);
    expect(consult([question])['pre-rollout/smoke']).toEqual(yes);
    expect(calls).toHaveLength(1);
  });

  it('says a refusal in words', async () => {
    const { clock, calls, consult } = aDesk();
    const question = ask(aHook('gate', 'confirm-rollout'));
    consult([question]);
    calls[0]?.answer(no);
    await clock.settle();
    expect(consult([question])['confirm-rollout/gate']).toEqual({
      kind: 'no',
      why: 'answered 403: closed',
    });
  });

  it('gives up a call that nobody asks for any more, and does not listen to it', async () => {
    const { clock, calls, woken, consult } = aDesk();
    const question = ask(aHook('smoke', 'pre-rollout'));
    consult([question]);
    expect(consult([])).toEqual({});
    expect(calls[0]?.signal.aborted).toBe(true);
    calls[0]?.answer(yes);
    await clock.settle();
    expect(woken).toEqual([]);
    expect(consult([question])['pre-rollout/smoke']?.kind).toBe('pending');
    expect(calls).toHaveLength(2);
  });

  it('asks hooks of one type in their order, each after the one before has said yes', async () => {
    const { clock, calls, consult } = aDesk();
    const questions = ['first', 'second'].map((name) => ask(aHook(name, 'rollout')));
    consult(questions);
    expect(calls.map(({ call }) => call.url)).toEqual(['http://tester/first']);
    calls[0]?.answer(yes);
    await clock.settle();
    consult(questions);
    expect(calls.map(({ call }) => call.url)).toEqual([
      'http://tester/first',
      'http://tester/second',
    ]);
  });

  it('asks hooks of different types, and all rollback hooks, at the same time', () => {
    const { calls, consult } = aDesk();
    consult([
      ask(aHook('one', 'rollback')),
      ask(aHook('two', 'rollback')),
      ask(aHook('gate', 'confirm-promotion')),
    ]);
    expect(calls).toHaveLength(3);
  });

  it('asks again when the answer is not yes and old enough, and shows the old one meanwhile', async () => {
    const { clock, calls, consult } = aDesk();
    const question = ask(aHook('gate', 'confirm-rollout'), { repeatAfterMs: 10_000 });
    consult([question]);
    calls[0]?.answer(no);
    await clock.settle();
    await clock.advance(9_000);
    consult([question]);
    expect(calls).toHaveLength(1);
    await clock.advance(1_000);
    expect(consult([question])['confirm-rollout/gate']?.kind).toBe('no');
    expect(calls).toHaveLength(2);
    calls[1]?.answer(yes);
    await clock.settle();
    await clock.advance(60_000);
    expect(consult([question])['confirm-rollout/gate']).toEqual(yes);
    expect(calls).toHaveLength(2);
  });

  it('wakes the canary when it is time to ask again', async () => {
    const { clock, calls, woken, consult } = aDesk();
    consult([ask(aHook('gate', 'confirm-rollout'), { repeatAfterMs: 10_000 })]);
    calls[0]?.answer(no);
    await clock.settle();
    woken.length = 0;
    await clock.advance(10_000);
    expect(woken).toEqual(['cart']);
  });

  it('has at most 8 calls under way to one host, and still calls another', async () => {
    const { clock, calls, consult } = aDesk();
    for (let index = 0; index < 20; index += 1)
      consult([ask(aHook('slow', 'rollout', 'dead'))], `slow-${index}`);
    expect(calls).toHaveLength(8);
    consult([ask(aHook('quick', 'rollout', 'alive'))], 'quick');
    expect(calls.at(-1)?.call.url).toBe('http://alive/quick');
    calls[0]?.answer(yes);
    await clock.settle();
    expect(calls).toHaveLength(10);
  });

  it('has at most 64 calls under way in all', () => {
    const { calls, consult } = aDesk();
    for (let index = 0; index < 100; index += 1)
      consult([ask(aHook('slow', 'rollout', `host-${index}`))], `canary-${index}`);
    expect(calls).toHaveLength(64);
  });

  it('never makes a call that was given up while it waited for its turn', async () => {
    const { clock, calls, consult } = aDesk();
    for (let index = 0; index < 9; index += 1)
      consult([ask(aHook('slow', 'rollout', 'dead'))], `slow-${index}`);
    consult([], 'slow-8');
    for (const { answer } of calls) answer(yes);
    await clock.settle();
    expect(calls).toHaveLength(8);
  });

  it('gives up everything when it stops', () => {
    const { calls, desk, consult } = aDesk();
    consult([ask(aHook('one', 'rollout'))], 'one');
    consult([ask(aHook('two', 'rollout'))], 'two');
    desk.stop();
    expect(calls.map(({ signal }) => signal.aborted)).toEqual([true, true]);
  });
});
