import { Agent, request as send } from 'node:https';
import type { IncomingMessage } from 'node:http';

import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { newCertificate } from '../../../src/sandbox/certificate.ts';
import { openControlPort } from './control-port.ts';
import { startPlainServer, type PlainServer } from './plain-server.ts';
import { FaultProxy } from './proxy.ts';
import { described, targetOf, type RequestRecord } from './request-record.ts';

const services = '/api/v1/namespaces/shop/services';
const certificate = newCertificate(Date.now());
let server: PlainServer;
let proxy: FaultProxy;
let agent: Agent;

beforeEach(async () => {
  server = await startPlainServer(certificate);
  const { url: target } = server;
  proxy = await FaultProxy.start({ target, ca: certificate.cert, certificate });
  agent = new Agent({ keepAlive: true, ca: certificate.cert });
});

afterEach(async () => {
  agent.destroy();
  await proxy[Symbol.asyncDispose]();
  await server[Symbol.asyncDispose]();
});

interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: string;
}

function open(method: string, path: string, body = ''): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const headers = { authorization: 'Bearer abc', 'x-odd': 'kept', 'content-type': 'text/plain' };
    const request = send(new URL(path, proxy.url), { method, agent, headers }, resolve);
    request.on('error', reject);
    request.end(body);
  });
}

async function ask(method: string, path: string, body = ''): Promise<Answer> {
  const answer = await open(method, path, body);
  let text = '';
  for await (const chunk of answer) text += String(chunk);
  return { status: answer.statusCode ?? 0, headers: answer.headers, body: text };
}

/** What became of a request so far, without waiting for it. */
function watched(promise: Promise<unknown>): { isSettled: boolean } {
  const state = { isSettled: false };
  const settle = (): void => {
    state.isSettled = true;
  };
  promise.then(settle, settle);
  return state;
}

const firstByte = (answer: IncomingMessage): Promise<string> =>
  new Promise((resolve) => answer.once('data', (chunk) => resolve(String(chunk))));

describe('the fault proxy', () => {
  it('carries request and answer as they are, the token included', async () => {
    const answer = await ask('POST', `${services}?dryRun=All`, 'käse');
    expect(answer).toMatchObject({ status: 201, body: `answer to POST ${services}?dryRun=All` });
    expect(answer.headers['x-served-by']).toBe('plain');
    expect(server.received).toMatchObject([
      {
        method: 'POST',
        path: `${services}?dryRun=All`,
        headers: { authorization: 'Bearer abc', 'x-odd': 'kept' },
        body: 'käse',
      },
    ]);
  });

  it('records who did what to which object, and counts writes without Leases', async () => {
    await ask('GET', `${services}/cart`);
    await ask('PATCH', '/apis/serin.dev/v1beta1/namespaces/shop/canaries/cart/status', '{}');
    await ask('PUT', '/apis/coordination.k8s.io/v1/namespaces/shop/leases/serin');
    await ask('POST', '/api/v1/namespaces/shop/events', '{}');
    expect(
      proxy.requests.map((record) => [record.number, record.write, described(record)]),
    ).toEqual([
      [1, 0, 'GET services/cart → 200'],
      [2, 1, 'PATCH canaries/cart/status → 200'],
      [3, 0, 'PUT leases/serin → 200'],
      [4, 2, 'POST events → 201'],
    ]);
    expect(proxy.writes[0]).toMatchObject({
      group: 'serin.dev',
      resource: 'canaries',
      subresource: 'status',
      namespace: 'shop',
      name: 'cart',
      body: '{}',
      outcome: 'answered',
      answer: 'answer to PATCH /apis/serin.dev/v1beta1/namespaces/shop/canaries/cart/status',
    });
  });

  it('streams a watch while it is open', async () => {
    const answer = await open('GET', `${services}?watch=true`);
    expect(await firstByte(answer)).toBe('{"type":"ADDED"}\n');
    server.watches[0]?.write('{"type":"MODIFIED"}\n');
    expect(await firstByte(answer)).toBe('{"type":"MODIFIED"}\n');
    server.watches[0]?.end();
    await new Promise((resolve) => answer.once('end', resolve));
  });

  it('ends the one who asks before the k-th write is forwarded, and forwards nothing more', async () => {
    const killed = Promise.withResolvers<RequestRecord>();
    proxy.faults.kill = { write: 2, when: 'before', kill: killed.resolve };
    await ask('POST', services, 'first');
    const second = ask('POST', services, 'second');
    expect(await killed.promise).toMatchObject({ write: 2, outcome: 'dropped' });
    const third = ask('GET', services);
    const states = [watched(second), watched(third)];
    await eventually(() => proxy.requests.length === 3);
    expect(server.received.map(({ body }) => body)).toEqual(['first']);
    expect(states).toEqual([{ isSettled: false }, { isSettled: false }]);
  });

  it('ends the one who asks once the k-th write was answered, and withholds the answer', async () => {
    const killed = Promise.withResolvers<RequestRecord>();
    proxy.faults.kill = { write: 1, when: 'after', kill: killed.resolve };
    const state = watched(ask('POST', services, 'first'));
    expect(await killed.promise).toMatchObject({
      outcome: 'withheld',
      status: 201,
      answer: `answer to POST ${services}`,
    });
    expect(server.received.map(({ body }) => body)).toEqual(['first']);
    expect(state.isSettled).toBe(false);
  });

  it('holds what matches until it is released, and lets the rest through', async () => {
    const held = proxy.faults.hold(({ body }) => body === 'mine');
    const mine = ask('PATCH', `${services}/cart`, 'mine');
    expect(await held.first).toMatchObject({ name: 'cart', outcome: 'underway' });
    await ask('PATCH', `${services}/cart`, 'theirs');
    expect(server.received.map(({ body }) => body)).toEqual(['theirs']);
    held.release();
    expect((await mine).status).toBe(200);
    expect(server.received.map(({ body }) => body)).toEqual(['theirs', 'mine']);
  });

  it('forwards what it held although the one who asked has gone', async () => {
    const held = proxy.faults.hold(({ write }) => write > 0);
    const gone = ask('PATCH', `${services}/cart`, 'mine').catch((error: unknown) => error);
    const record = await held.first;
    agent.destroy();
    expect(await gone).toBeInstanceOf(Error);
    await eventually(() => record.outcome === 'abandoned');
    held.release();
    await eventually(() => record.status === 200);
    expect(server.received.map(({ body }) => body)).toEqual(['mine']);
  });

  it('refuses everything but Leases with 429 for a time', async () => {
    proxy.faults.throttle = { until: Date.now() + 60_000, retryAfterSeconds: 7 };
    const answer = await ask('GET', services);
    expect(answer).toMatchObject({ status: 429, headers: { 'retry-after': '7' } });
    expect(JSON.parse(answer.body)).toMatchObject({ kind: 'Status', reason: 'TooManyRequests' });
    const lease = '/apis/coordination.k8s.io/v1/namespaces/shop/leases/serin';
    expect((await ask('PUT', lease)).status).toBe(200);
    proxy.faults.throttle = { until: Date.now() - 1, retryAfterSeconds: 7 };
    expect((await ask('GET', services)).status).toBe(200);
    expect(proxy.faults.committed.get('throttled')).toBe(1);
  });

  it('loses the answer to a write that was applied', async () => {
    proxy.faults.loses = ({ resource, write }) => resource === 'services' && write > 0;
    await expect(ask('PATCH', `${services}/cart`, 'mine')).rejects.toThrow(/ECONNRESET|hang up/);
    expect(server.received.map(({ body }) => body)).toEqual(['mine']);
    expect(proxy.writes).toMatchObject([{ outcome: 'withheld', status: 200 }]);
    expect((await ask('GET', `${services}/cart`)).status).toBe(200);
  });

  it('cuts watches silently: the stream stays open and says nothing more', async () => {
    const answer = await open('GET', `${services}?watch=true`);
    await firstByte(answer);
    const state = watched(new Promise((resolve) => answer.once('close', resolve)));
    const more: string[] = [];
    answer.on('data', (chunk) => more.push(String(chunk)));
    expect(proxy.cutWatches()).toBe(1);
    const noticed = new Promise((resolve) => server.watches[0]?.once('close', resolve));
    await noticed;
    const another = await open('GET', `${services}?watch=true`);
    expect(await firstByte(another)).toBe('{"type":"ADDED"}\n');
    expect([state.isSettled, more]).toEqual([false, []]);
  });

  it('delays each request', async () => {
    proxy.faults.delayMs = 50;
    const state = watched(ask('GET', services));
    await eventually(() => proxy.requests.length === 1);
    expect([state.isSettled, server.received.length]).toEqual([false, 0]);
    await eventually(() => state.isSettled);
    expect(proxy.faults.committed.get('delayed')).toBe(1);
  });

  it('resets every connection while it refuses', async () => {
    const answer = await open('GET', `${services}?watch=true`);
    const ended = new Promise((resolve) => answer.once('error', resolve));
    await firstByte(answer);
    proxy.refuse(true);
    expect(await ended).toBeInstanceOf(Error);
    await expect(ask('GET', services)).rejects.toThrow(/ECONNRESET|hang up|disconnected/);
    proxy.refuse(false);
    expect((await ask('GET', services)).status).toBe(200);
  });
});

describe('the control port of the proxy', () => {
  it('sets switches, and shows records and what was committed', async () => {
    await using control = await openControlPort(proxy);
    await post(control.url, { lose: { resource: 'services', method: 'PATCH' } });
    await expect(ask('PATCH', `${services}/cart`)).rejects.toThrow(/ECONNRESET|hang up/);
    expect(await post(control.url, { lose: null })).toEqual({
      committed: { 'answer lost': 1 },
      held: [],
      writes: 1,
    });
    expect((await ask('PATCH', `${services}/cart`)).status).toBe(200);
    const records = await (await fetch(`${control.url}/requests?from=2`)).json();
    expect(records).toMatchObject([{ number: 2, write: 2, name: 'cart', outcome: 'answered' }]);
  });

  it('holds and releases', async () => {
    await using control = await openControlPort(proxy);
    await post(control.url, { hold: { name: 'cart' } });
    const write = ask('PATCH', `${services}/cart`);
    await eventually(() => proxy.faults.committed.has('held'));
    expect(await (await fetch(`${control.url}/faults`)).json()).toMatchObject({ held: [1] });
    await post(control.url, { release: true });
    expect((await write).status).toBe(200);
  });

  it('says what is wrong with a switch that it does not know', async () => {
    await using control = await openControlPort(proxy);
    const answer = await fetch(`${control.url}/faults`, { method: 'POST', body: '{"slow":1}' });
    expect([answer.status, await answer.text()]).toEqual([400, expect.stringContaining('slow')]);
  });
});

describe('a path of the API', () => {
  it.each([
    ['/api/v1/namespaces/shop', { resource: 'namespaces', name: 'shop', namespace: '' }],
    ['/api/v1/pods?limit=5', { resource: 'pods', name: '', namespace: '' }],
    [
      '/apis/apps/v1/namespaces/shop/deployments/cart/scale',
      { group: 'apps', resource: 'deployments', name: 'cart', subresource: 'scale' },
    ],
    ['/version', { resource: '' }],
  ])('%s is understood', (path, expected) => {
    expect(targetOf(path)).toMatchObject(expected);
  });
});

async function post(url: string, body: object): Promise<unknown> {
  const answer = await fetch(`${url}/faults`, { method: 'POST', body: JSON.stringify(body) });
  return answer.json();
}

async function eventually(isSo: () => boolean): Promise<void> {
  const until = performance.now() + 10_000;
  while (!isSo()) {
    if (performance.now() > until) throw new Error('did not come true');
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
