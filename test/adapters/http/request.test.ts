import { readFileSync } from 'node:fs';
import http from 'node:http';
import https from 'node:https';
import { connect } from 'node:net';
import { inspect } from 'node:util';

import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { hostOf, request, type HttpCall } from '../../../src/adapters/http/request.ts';
import { StubServer } from './stub-server.ts';

describe('an HTTP call', () => {
  let server: StubServer;
  beforeEach(async () => {
    server = await StubServer.start();
  });
  afterEach(() => server[Symbol.asyncDispose]());

  const { signal } = new AbortController();
  const call = (more: Partial<HttpCall> = {}): HttpCall => ({
    method: 'POST',
    url: `${server.url}/hook/T0/secret-path?key=secret-key`,
    headers: { 'content-type': 'application/json' },
    body: '{"a":1}',
    maxBytes: 100,
    ...more,
  });

  it('sends method, path, headers and body as given', async () => {
    server.answers(201, 'made', { 'x-answer': '1' });
    const answer = await request(call(), signal);
    expect(answer).toMatchObject({ status: 201, text: 'made', truncated: false });
    expect(answer.headers['x-answer']).toBe('1');
    expect(server.received[0]).toMatchObject({
      method: 'POST',
      path: '/hook/T0/secret-path?key=secret-key',
      body: '{"a":1}',
      headers: { 'content-type': 'application/json' },
    });
  });

  it('logs in with what the address carries', async () => {
    await request(call({ url: server.url.replace('//', '//me:p%40ss%zz@') }), signal);
    const { authorization } = server.received[0]?.headers ?? {};
    expect(authorization).toBe(`Basic ${Buffer.from('me:p%40ss%zz').toString('base64')}`);
  });

  it('reads no more than the limit', async () => {
    server.answers(200, 'ä'.repeat(100_000));
    const answer = await request(call(), signal);
    expect(answer.truncated).toBe(true);
    expect(answer.text).toBe('ä'.repeat(50));
  });

  it.each([
    [301, 'GET', ''],
    [302, 'GET', ''],
    [303, 'GET', ''],
    [307, 'POST', '{"a":1}'],
    [308, 'POST', '{"a":1}'],
  ])('follows a %i within the host with a %s', async (status, method, body) => {
    server.does(
      { kind: 'answer', status, headers: { location: '/there' } },
      { kind: 'answer', status: 200, body: 'ok' },
    );
    expect(await request(call(), signal)).toMatchObject({ status: 200, text: 'ok' });
    expect(server.received[1]).toMatchObject({ method, path: '/there', body });
  });

  it('does not follow a redirect to another host', async () => {
    const other = await StubServer.start();
    server.answers(307, '', { location: `${other.url}/there` });
    const failure = request(call(), signal);
    await expect(failure).rejects.toMatchObject({ kind: 'invalid', reason: 'RedirectRefused' });
    await expect(failure).rejects.toThrow(`redirects to another host, 127.0.0.1:${other.port}`);
    expect(other.received).toEqual([]);
    await other[Symbol.asyncDispose]();
  });

  it.each(['mailto:me@example.com', 'http://[', 'http://localhost:1/'])(
    'does not follow a redirect to %s',
    async (location) => {
      server.answers(302, '', { location });
      await expect(request(call(), signal)).rejects.toMatchObject({ reason: 'RedirectRefused' });
    },
  );

  it('gives up on redirects without end', async () => {
    server.answers(302, '', { location: '/again' });
    await expect(request(call(), signal)).rejects.toThrow('redirects without end');
    expect(server.received).toHaveLength(6);
  });

  it('hands on a redirect that says not where', async () => {
    server.answers(302);
    expect(await request(call(), signal)).toMatchObject({ status: 302 });
  });

  it('calls silence until the deadline unavailable', async () => {
    server.does({ kind: 'hang' });
    const deadline = new AbortController();
    const arrival = server.arrival();
    const failure = request(call(), deadline.signal);
    await arrival;
    deadline.abort();
    await expect(failure).rejects.toMatchObject({ kind: 'unavailable', reason: 'NoAnswer' });
    await expect(failure).rejects.toThrow(/^127\.0\.0\.1:[0-9]+ did not answer in time$/);
  });

  it.each([{ kind: 'cut' }, { kind: 'reset' }] as const)(
    'calls a $kind connection unavailable',
    async (behaviour) => {
      server.does(behaviour);
      const failure = request(call({ maxBytes: 10_000 }), signal);
      await expect(failure).rejects.toMatchObject({ kind: 'unavailable', reason: 'NoAnswer' });
    },
  );

  it.each(['', 'hooks.slack.test/T0', 'ftp://hooks.test', 'http://'])(
    'refuses the address %j without showing it',
    async (url) => {
      const failure = request(call({ url }), signal);
      await expect(failure).rejects.toMatchObject({ kind: 'invalid', reason: 'InvalidAddress' });
      await expect(failure).rejects.toThrow(/^the address does not begin with/);
    },
  );

  it('shows no more of an address than the host', async () => {
    const address = server.url.replace('//', '//secret-user:secret-password@');
    const url = `${address}/secret-path?secret-key#secret`;
    const proxy = 'http://secret-user:secret-password@127.0.0.1:9/';
    for (const behaviour of [{ kind: 'cut' }, { kind: 'reset' }] as const) {
      server.does(behaviour);
      const thrown: unknown = await request(call({ url, maxBytes: 10_000 }), signal).catch(
        (error) => error,
      );
      expect(inspect(thrown, { depth: Infinity, showHidden: true })).not.toContain('secret');
    }
    const thrown: unknown = await request(call({ url, proxy }), signal).catch((error) => error);
    expect(thrown).toMatchObject({ kind: 'unavailable' });
    expect(inspect(thrown, { depth: Infinity, showHidden: true })).not.toContain('secret');
    expect(hostOf(url)).toBe(`127.0.0.1:${server.port}`);
  });

  it('goes through a proxy when given one, and logs in there', async () => {
    server.answers(200, 'ok');
    const proxy = server.url.replace('//', '//u:p@');
    const answer = await request(call({ url: 'http://hooks.test/T0', proxy }), signal);
    expect(answer.text).toBe('ok');
    expect(server.received[0]).toMatchObject({
      path: 'http://hooks.test/T0',
      headers: { 'proxy-authorization': 'Basic dTpw' },
    });
  });

  it('asks a proxy for a tunnel to a server that speaks TLS', async () => {
    const secure = await listening(
      https.createServer({ cert: pem('server.crt'), key: pem('server.key') }, (_, response) =>
        response.end('ok'),
      ),
    );
    const tunnels: (string | undefined)[] = [];
    const proxy = await listening(
      http.createServer().on('connect', ({ url, headers }, socket) => {
        tunnels.push(url, headers['proxy-authorization']);
        const upstream = connect(secure.port, '127.0.0.1', () => {
          socket.write('HTTP/1.1 200 OK\r\n\r\n');
          upstream.pipe(socket).pipe(upstream);
        });
        upstream.on('error', () => socket.destroy());
        socket.on('error', () => upstream.destroy());
      }),
    );
    const url = `https://127.0.0.1:${secure.port}/`;
    const through = `http://u:p@127.0.0.1:${proxy.port}`;

    const answer = await request(call({ url, proxy: through, insecureSkipVerify: true }), signal);
    expect(answer.text).toBe('ok');
    expect(tunnels).toEqual([`127.0.0.1:${secure.port}`, 'Basic dTpw']);
    const verified = request(call({ url, proxy: through }), signal);
    await expect(verified).rejects.toMatchObject({ kind: 'unavailable' });
    secure.close();
    proxy.close();
  });

  it('refuses a proxy it cannot use, without showing it', async () => {
    const failure = request(call({ proxy: 'socks5://me:secret@proxy' }), signal);
    await expect(failure).rejects.toThrow(
      /^the address of the proxy does not begin with http:\/\/ or https:\/\/$/,
    );
  });
});

const pem = (name: string): Buffer =>
  readFileSync(new URL(`../../fixtures/prometheus-api/${name}`, import.meta.url));

async function listening(
  server: http.Server | https.Server,
): Promise<{ readonly port: number; close(): void }> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  return {
    port: typeof address === 'object' && address !== null ? address.port : 0,
    close() {
      server.closeAllConnections();
      server.close();
    },
  };
}
