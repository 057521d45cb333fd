import { beforeEach, describe, expect, it } from 'vitest';

import { Client } from '../../../src/adapters/kubernetes/client.ts';
import {
  KubernetesEventRecorder,
  type EventRecorderOptions,
} from '../../../src/adapters/kubernetes/event-recorder.ts';
import { silentLog } from '../../../src/adapters/kubernetes/log.ts';
import type { ApiResponse } from '../../../src/adapters/kubernetes/transport.ts';
import type { EventFact } from '../../../src/ports/event-recorder.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { ScriptedTransport, statusOf } from './scripted-transport.ts';

const never = new AbortController().signal;
const made: ApiResponse = { status: 201, body: {} };

let clock: FakeClock;
let transport: ScriptedTransport;
let dropped: object[];

beforeEach(() => {
  clock = new FakeClock(Date.UTC(2025, 2, 1, 10));
  transport = new ScriptedTransport(() => made);
  dropped = [];
});

function aRecorder(more: Partial<EventRecorderOptions> = {}): KubernetesEventRecorder {
  return new KubernetesEventRecorder({
    client: new Client({ transport, clock, random: () => 0.5 }),
    log: { ...silentLog, debug: noteDrop, warn: noteDrop },
    instance: 'serin-0',
    ...more,
  });
}

function noteDrop(fields: object): void {
  dropped.push(fields);
}

function aFact(message: string, name = 'cart'): EventFact {
  return {
    about: {
      apiVersion: 'serin.dev/v1beta1',
      kind: 'Canary',
      namespace: 'shop',
      name,
      uid: `uid-${name}`,
      resourceVersion: '7',
    },
    type: 'Warning',
    reason: 'RolledBack',
    message,
  };
}

const methods = (): string[] => transport.requests.map(({ method }) => method);

describe('event recorder', () => {
  it('shows a fact at its object', async () => {
    aRecorder().record(aFact('error rate 12 % > 1 %'));
    await clock.settle();
    expect(transport.requests).toHaveLength(1);
    expect(transport.requests[0]).toMatchObject({
      method: 'POST',
      path: '/api/v1/namespaces/shop/events',
      body: {
        apiVersion: 'v1',
        kind: 'Event',
        metadata: { namespace: 'shop', name: expect.stringMatching(/^cart\.[0-9a-f]+$/) },
        involvedObject: { kind: 'Canary', namespace: 'shop', name: 'cart', uid: 'uid-cart' },
        type: 'Warning',
        reason: 'RolledBack',
        message: 'error rate 12 % > 1 %',
        source: { component: 'serin' },
        firstTimestamp: '2025-03-01T10:00:00Z',
        lastTimestamp: '2025-03-01T10:00:00Z',
        count: 1,
      },
    });
  });

  it('counts a fact that is stated again', async () => {
    const recorder = aRecorder();
    recorder.record(aFact('waiting'));
    await clock.advance(60_000);
    recorder.record(aFact('waiting'));
    await clock.advance(1_000);
    recorder.record(aFact('something else'));
    await clock.settle();
    expect(methods()).toEqual(['POST', 'PATCH', 'POST']);
    expect(transport.requests[1]).toMatchObject({
      contentType: 'application/merge-patch+json',
      body: { count: 2, lastTimestamp: '2025-03-01T10:01:00Z' },
    });
  });

  it('merges equal facts that wait into one', async () => {
    const recorder = aRecorder();
    for (let times = 0; times < 5; times += 1) recorder.record(aFact('waiting'));
    await clock.settle();
    expect(transport.requests).toHaveLength(1);
    expect(transport.requests[0]?.body).toMatchObject({ count: 5 });
  });

  it('shows a fact anew, with its count, when the server has forgotten it', async () => {
    const recorder = aRecorder();
    recorder.record(aFact('waiting'));
    await clock.settle();
    transport.answer = ({ method }) => (method === 'PATCH' ? statusOf(404) : made);
    recorder.record(aFact('waiting'));
    await clock.settle();
    expect(methods()).toEqual(['POST', 'PATCH', 'POST']);
    expect(transport.requests[2]?.body).toMatchObject({
      count: 2,
      firstTimestamp: '2025-03-01T10:00:00Z',
    });
  });

  it('lets one object say only so much, and another one still speak', async () => {
    const recorder = aRecorder({ burst: 3, refillMs: 30_000 });
    for (let number = 0; number < 10; number += 1) recorder.record(aFact(`step ${number}`));
    recorder.record(aFact('step 0', 'pay'));
    await clock.settle();
    expect(transport.requests).toHaveLength(4);
    expect(dropped).toHaveLength(7);
    await clock.advance(30_000);
    recorder.record(aFact('later'));
    recorder.record(aFact('too soon'));
    await clock.settle();
    expect(transport.requests).toHaveLength(5);
  });

  it('keeps no more waiting than it may', async () => {
    transport.answer = () => new Promise(() => {});
    const recorder = aRecorder({ maxWaiting: 5 });
    for (let number = 0; number < 20; number += 1) recorder.record(aFact('x', `canary-${number}`));
    expect(dropped).toHaveLength(15);
  });

  it('repeats while the server is unavailable, and gives up in the end', async () => {
    transport.answer = () => statusOf(503);
    aRecorder().record(aFact('x'));
    await clock.advance(120_000);
    expect(transport.requests).toHaveLength(5);
    expect(dropped).toHaveLength(1);
  });

  it('does not repeat what is refused, and goes on with the next', async () => {
    const answers = [statusOf(403), statusOf(422)];
    transport.answer = () => answers.shift() ?? made;
    const recorder = aRecorder();
    for (const message of ['a', 'b', 'c']) recorder.record(aFact(message));
    await clock.settle();
    expect(transport.requests).toHaveLength(3);
    expect(dropped).toHaveLength(2);
  });

  it('sends what waits before it ends', async () => {
    const recorder = aRecorder();
    recorder.record(aFact('a'));
    recorder.record(aFact('b'));
    await recorder.flush(never);
    expect(transport.requests).toHaveLength(2);
    await recorder.flush(never);
  });

  it('ends in time although the server never answers', async () => {
    transport.answer = () => new Promise(() => {});
    const recorder = aRecorder();
    recorder.record(aFact('a'));
    recorder.record(aFact('b'));
    const limit = new AbortController();
    clock.after(2_000, () => limit.abort());
    let ended = false;
    void recorder.flush(limit.signal).then(() => (ended = true));
    await clock.advance(2_000);
    expect(ended).toBe(true);
    expect(dropped).toHaveLength(2);
  });
});
