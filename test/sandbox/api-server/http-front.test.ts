import { connect } from 'node:net';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse, stringify } from 'yaml';

import { ApiServer } from '../../../src/sandbox/api-server/server.ts';
import { serveApi, type Front } from '../../../src/sandbox/http-front.ts';
import { seeded } from './cluster.ts';

const MAPS = '/api/v1/namespaces/default/configmaps';
const body = (name: string, data: object = {}) => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name },
  data,
});

describe('the HTTP front', () => {
  const server = new ApiServer({ now: Date.now, random: seeded(3) });
  let front: Front;

  beforeAll(async () => {
    front = await serveApi(server, { tickMs: 20 });
  });
  afterAll(() => front.close());

  const post = (text: string, type: string) =>
    fetch(`${front.url}${MAPS}`, { method: 'POST', body: text, headers: { 'content-type': type } });

  it('listens on loopback only', () => {
    expect(front.url).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
  });

  it('reads and writes YAML', async () => {
    expect((await post(stringify(body('yaml', { k: 'v' })), 'application/yaml')).status).toBe(201);
    const headers = { accept: 'application/yaml' };
    const read = await fetch(`${front.url}${MAPS}/yaml`, { headers });
    expect(read.headers.get('content-type')).toBe('application/yaml');
    expect(parse(await read.text())).toMatchObject({ kind: 'ConfigMap', data: { k: 'v' } });
  });

  it('answers 400 with a Status for a body that is not JSON', async () => {
    const reply = await post('{"kind":', 'application/json');
    expect(reply.status).toBe(400);
    expect(await reply.json()).toMatchObject({ kind: 'Status', reason: 'BadRequest', code: 400 });
  });

  it('answers 413 for a body above 3 MiB', async () => {
    const reply = await post(
      JSON.stringify(body('big', { k: 'x'.repeat(3 * 1024 * 1024) })),
      'application/json',
    );
    expect(reply.status).toBe(413);
    expect(await reply.json()).toMatchObject({ kind: 'Status', reason: 'RequestEntityTooLarge' });
  });

  it('answers 415 for protobuf it cannot read', async () => {
    const reply = await post('no envelope', 'application/vnd.kubernetes.protobuf');
    expect(reply.status).toBe(415);
    expect(await reply.json()).toMatchObject({ message: 'the protobuf body has no envelope' });
  });

  it('answers 405 for methods of other protocols', async () => {
    expect((await fetch(`${front.url}${MAPS}`, { method: 'OPTIONS' })).status).toBe(405);
  });

  it('passes on headers such as Retry-After', async () => {
    server.intercept = () => ({
      kind: 'object',
      status: 429,
      headers: { 'retry-after': '7' },
      body: {},
    });
    const reply = await fetch(`${front.url}${MAPS}`);
    server.intercept = undefined;
    expect([reply.status, reply.headers.get('retry-after')]).toEqual([429, '7']);
  });

  it('streams events one per line, and breaks the connection when it is cut', async () => {
    const reply = await fetch(
      `${front.url}${MAPS}?watch=true&fieldSelector=metadata.name%3Dstreamed`,
    );
    const reader = reply.body?.pipeThrough(new TextDecoderStream()).getReader();
    await post(JSON.stringify(body('streamed')), 'application/json');
    const { value } = (await reader?.read()) ?? {};
    expect(value?.endsWith('}\n')).toBe(true);
    expect(JSON.parse(value ?? '')).toMatchObject({
      type: 'ADDED',
      object: { metadata: { name: 'streamed' } },
    });
    server.cutWatches();
    await expect(reader?.read()).rejects.toThrow('terminated');
  });

  it('forgets a watch whose client has gone', async () => {
    const before = server.openWatches;
    const abort = new AbortController();
    await fetch(`${front.url}${MAPS}?watch=true`, { signal: abort.signal });
    expect(server.openWatches).toBe(before + 1);
    abort.abort();
    await expect.poll(() => server.openWatches).toBe(before);
  });

  it('drops a watcher that does not read', async () => {
    const before = server.openWatches;
    const { port } = new URL(front.url);
    const socket = connect(Number(port), '127.0.0.1');
    socket.write(`GET ${MAPS}?watch=true HTTP/1.1\r\nhost: sandbox\r\n\r\n`);
    socket.pause();
    await expect.poll(() => server.openWatches).toBe(before + 1);
    const closed = new Promise((resolve) => socket.once('close', resolve));
    const path = `${MAPS}/fat`;
    const call = (method: 'POST' | 'PUT', at: string, k: number) =>
      server.handle({
        method,
        path: at,
        query: {},
        headers: {},
        body: body('fat', { k: `${k}${'x'.repeat(1_000_000)}` }),
      });
    call('POST', MAPS, 0);
    for (let k = 1; k < 60; k++) call('PUT', path, k);
    await expect.poll(() => server.openWatches).toBe(before);
    socket.destroy();
    await closed;
  });
});
