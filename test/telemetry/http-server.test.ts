import { connect } from 'node:net';

import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { startHttpServer, type HttpServer } from '../../src/telemetry/http-server.ts';

const oneMetric = (): Promise<{ contentType: string; text: string }> =>
  Promise.resolve({ contentType: 'text/plain; version=0.0.4', text: 'serin_leader 1\n' });

describe('the HTTP server', () => {
  let reasons: string[] = [];
  let page = oneMetric;
  let server: HttpServer;

  beforeEach(async () => {
    reasons = [];
    page = oneMetric;
    server = await startHttpServer({
      port: 0,
      host: '127.0.0.1',
      unreadyBecause: () => reasons,
      metrics: () => page(),
    });
  });
  afterEach(() => server.close());

  const get = (path: string, init: RequestInit = {}): Promise<Response> =>
    fetch(`http://127.0.0.1:${server.port}${path}`, init);

  it('says that it lives', async () => {
    const answer = await get('/healthz');
    expect([answer.status, await answer.text()]).toEqual([200, 'OK\n']);
  });

  it('says whether it is ready, and why not', async () => {
    reasons = ['canaries are not listed yet', 'httproutes are not listed yet'];
    const unready = await get('/readyz');
    expect(unready.status).toBe(503);
    expect(await unready.text()).toBe(
      'canaries are not listed yet\nhttproutes are not listed yet\n',
    );
    reasons = [];
    expect((await get('/readyz?verbose')).status).toBe(200);
  });

  it('lives also while it is not ready', async () => {
    reasons = ['nothing is listed yet'];
    expect((await get('/healthz')).status).toBe(200);
  });

  it('serves metrics in the type they have', async () => {
    const answer = await get('/metrics');
    expect(answer.headers.get('content-type')).toBe('text/plain; version=0.0.4');
    expect(await answer.text()).toBe('serin_leader 1\n');
  });

  it('answers 500 when the metrics cannot be made, without saying what broke', async () => {
    page = () => Promise.reject(new Error('secret'));
    const answer = await get('/metrics');
    expect(answer.status).toBe(500);
    expect(await answer.text()).not.toContain('secret');
  });

  it('answers nothing else', async () => {
    expect((await get('/')).status).toBe(404);
    expect((await get('/metrics/x')).status).toBe(404);
    const answer = await get('/metrics', { method: 'POST', body: 'x' });
    expect([answer.status, answer.headers.get('allow')]).toEqual([405, 'GET, HEAD']);
    const head = await get('/healthz', { method: 'HEAD' });
    expect([head.status, await head.text()]).toEqual([200, '']);
  });

  it('rejects when the port is taken', async () => {
    const second = startHttpServer({
      port: server.port,
      host: '127.0.0.1',
      unreadyBecause: () => [],
      metrics: oneMetric,
    });
    await expect(second).rejects.toMatchObject({ code: 'EADDRINUSE' });
  });

  it('closes although somebody keeps a connection open', async () => {
    const socket = connect(server.port, '127.0.0.1');
    await new Promise((resolve) => socket.once('connect', resolve));
    const ended = new Promise((resolve) => socket.once('close', resolve));
    await server.close();
    await ended;
    await expect(get('/healthz')).rejects.toThrow('fetch failed');
  });
});
