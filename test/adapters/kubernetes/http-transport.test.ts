import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer as createTlsServer } from 'node:https';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { KubeConfig } from '@kubernetes/client-node';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import {
  httpTransport,
  loadKubeConfig,
  type HttpTransport,
} from '../../../src/adapters/kubernetes/http-transport.ts';
import type { ApiRequest } from '../../../src/adapters/kubernetes/transport.ts';

type Handler = (request: IncomingMessage, response: ServerResponse) => unknown;

const never = new AbortController().signal;
const get = (where: string, query: Record<string, string> = {}): ApiRequest => ({
  method: 'GET',
  path: where,
  query,
  timeoutMs: 5_000,
});
const watching = get('/api/v1/services', { watch: 'true' });

let server: Server;
let handler: Handler;
let connections: number;
let transports: HttpTransport[];

beforeEach(async () => {
  connections = 0;
  transports = [];
  handler = (_, response) => json(response, 200, {});
  server = createServer((request, response) => handler(request, response));
  server.on('connection', () => (connections += 1));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
});

afterEach(async () => {
  await Promise.all(transports.map((transport) => transport.close()));
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

function json(response: ServerResponse, status: number, body: unknown, headers = {}): void {
  response.writeHead(status, { 'content-type': 'application/json', ...headers });
  response.end(JSON.stringify(body));
}

function address(): string {
  const bound = server.address();
  if (bound === null || typeof bound === 'string') throw new Error('the server is not listening');
  return `http://127.0.0.1:${bound.port}`;
}

function kubeConfig(user: object = { name: 'u', token: 'secret-token' }): KubeConfig {
  const config = new KubeConfig();
  config.loadFromOptions({
    clusters: [{ name: 'c', server: `${address()}/`, skipTLSVerify: true }],
    users: [user],
    contexts: [{ name: 'x', cluster: 'c', user: 'u' }],
    currentContext: 'x',
  });
  return config;
}

function aTransport(maxAnswerBytes?: number, config = kubeConfig()): HttpTransport {
  const limit = maxAnswerBytes === undefined ? {} : { maxAnswerBytes };
  const transport = httpTransport({ kubeConfig: config, version: '1.2.3', ...limit });
  transports.push(transport);
  return transport;
}

function tlsFile(name: string): string {
  return path.join(import.meta.dirname, 'tls', name);
}

/** All events of one watch, and how it ended. */
async function collect(transport = aTransport(), signal = never) {
  const events: [string, unknown][] = [];
  const ended = transport
    .stream(watching, (type, object) => events.push([type, object]), signal)
    .then(
      () => 'ended',
      (error: unknown) => error,
    );
  return { events, end: await ended };
}

describe('http transport', () => {
  it('makes hundreds of calls over a few connections', async () => {
    const transport = aTransport();
    for (let round = 0; round < 50; round += 1) {
      await Promise.all(Array.from({ length: 4 }, () => transport.request(get('/version'), never)));
    }
    // A connection whose answer was just read may not be free yet, so there are some more than four.
    expect(connections).toBeLessThan(20);
  });

  it('gives each transport connections of its own', async () => {
    await aTransport().request(get('/version'), never);
    await aTransport().request(get('/version'), never);
    expect(connections).toBe(2);
  });

  it('sends who we are, what we want and our credentials', async () => {
    const seen: IncomingMessage[] = [];
    let body = '';
    handler = (request, response) => {
      seen.push(request);
      request.on('data', (chunk: Buffer) => (body += chunk.toString()));
      request.on('end', () => json(response, 200, { made: true }));
    };
    const answer = await aTransport().request(
      {
        method: 'PATCH',
        path: '/api/v1/namespaces/a%2Fb/services/x',
        query: { fieldManager: 'serin', labelSelector: 'a=b,c=d' },
        body: { spec: { a: null } },
        contentType: 'application/merge-patch+json',
        timeoutMs: 5_000,
      },
      never,
    );
    expect(answer).toEqual({ status: 200, body: { made: true } });
    expect(seen[0]?.url).toBe(
      '/api/v1/namespaces/a%2Fb/services/x?fieldManager=serin&labelSelector=a%3Db%2Cc%3Dd',
    );
    expect(seen[0]?.headers).toMatchObject({
      authorization: 'Bearer secret-token',
      accept: 'application/json',
      'content-type': 'application/merge-patch+json',
      'user-agent': 'serin/1.2.3',
    });
    expect(JSON.parse(body)).toEqual({ spec: { a: null } });
  });

  it('sends basic credentials', async () => {
    let authorization: string | undefined;
    handler = (request, response) => {
      ({ authorization } = request.headers);
      json(response, 200, {});
    };
    const config = kubeConfig({ name: 'u', username: 'ann', password: 'pw' });
    await aTransport(undefined, config).request(get('/version'), never);
    expect(authorization).toBe(`Basic ${Buffer.from('ann:pw').toString('base64')}`);
  });

  it('hands over errors as answers, with the wish to be left alone', async () => {
    handler = (_, response) => json(response, 429, { reason: 'Busy' }, { 'retry-after': '3' });
    expect(await aTransport().request(get('/x'), never)).toEqual({
      status: 429,
      body: { reason: 'Busy' },
      retryAfterMs: 3_000,
    });
    handler = (_, response) => json(response, 504, { details: { retryAfterSeconds: 2 } });
    expect(await aTransport().request(get('/x'), never)).toMatchObject({ retryAfterMs: 2_000 });
    handler = (_, response) => {
      response.writeHead(502, { 'content-type': 'text/html' });
      response.end('<html>bad gateway</html>');
    };
    expect(await aTransport().request(get('/x'), never)).toEqual({
      status: 502,
      body: '<html>bad gateway</html>',
    });
  });

  it.each<[string, Handler]>([
    ['is not JSON', (_, response) => response.end('<html>')],
    ['is too long', (_, response) => json(response, 200, { text: 'x'.repeat(100_000) })],
    [
      'is cut',
      (_, response) =>
        response.writeHead(200, { 'content-length': '99' }) &&
        response.write('{', () => response.destroy()),
    ],
    ['is refused with the connection', (request) => request.socket.destroy()],
  ])('has no answer when it %s', async (_, answer) => {
    handler = answer;
    await expect(aTransport(10_000).request(get('/x'), never)).rejects.toMatchObject({
      kind: 'unavailable',
    });
  });

  it('gives up after its time limit', async () => {
    handler = () => {};
    const request = { ...get('/x'), timeoutMs: 30 };
    await expect(aTransport().request(request, never)).rejects.toMatchObject({
      kind: 'unavailable',
    });
  });

  it('gives up when it is called off, and works afterwards', async () => {
    const transport = aTransport();
    const stop = new AbortController();
    handler = () => stop.abort();
    await expect(transport.request(get('/x'), stop.signal)).rejects.toMatchObject({
      kind: 'unavailable',
    });
    handler = (_, response) => json(response, 200, { fine: true });
    expect(await transport.request(get('/x'), never)).toMatchObject({ body: { fine: true } });
  });

  it('never puts credentials into an error', async () => {
    handler = (request) => request.socket.destroy();
    const error: unknown = await aTransport()
      .request(get('/x'), never)
      .catch((thrown: unknown) => thrown);
    const text =
      error instanceof Error ? `${error.message}${error.stack}${String(error.cause)}` : '';
    expect(text).toContain('did not answer');
    expect(text).not.toContain('secret-token');
  });
});

describe('http watch', () => {
  it('hands over events, whatever the network does to their bytes', async () => {
    const line = `${JSON.stringify({ type: 'ADDED', object: { name: 'grüße' } })}\n`;
    const bytes = Buffer.from(line + line + line);
    handler = async (_, response) => {
      response.writeHead(200);
      for (const byte of bytes) {
        response.write(Buffer.from([byte]));
        if (byte > 0x7f) await new Promise((resolve) => setImmediate(resolve));
      }
      response.end();
    };
    const { events, end } = await collect();
    expect(end).toBe('ended');
    expect(events).toEqual(Array.from({ length: 3 }, () => ['ADDED', { name: 'grüße' }]));
  });

  it('says that it was refused, and with what', async () => {
    handler = (_, response) => json(response, 410, { reason: 'Expired' });
    const { end } = await collect();
    expect(end).toMatchObject({ name: 'RefusedStream', response: { status: 410 } });
  });

  it('says that a line cannot be read, after the events before it', async () => {
    handler = (_, response) => response.end('{"type":"ADDED","object":{}}\n{"type":"MOD\n');
    const { events, end } = await collect();
    expect(events).toHaveLength(1);
    expect(end).toMatchObject({ name: 'BrokenStream' });
  });

  it('says that it was cut, and drops the half event', async () => {
    handler = (_, response) => {
      response.writeHead(200);
      response.write('{"type":"ADDED","object":{}}\n{"type":"ADD', () => response.destroy());
    };
    const { events, end } = await collect();
    expect(events).toHaveLength(1);
    expect(end).toMatchObject({ kind: 'unavailable' });
  });

  it('ends when it is called off, and closes its connection', async () => {
    const stop = new AbortController();
    const closed = new Promise((resolve) => {
      handler = (request, response) => {
        request.on('close', resolve);
        response.writeHead(200);
        response.write('{"type":"ADDED","object":{}}\n', () => stop.abort());
      };
    });
    const { end } = await collect(aTransport(), stop.signal);
    expect(end).toMatchObject({ kind: 'unavailable' });
    await closed;
  });
});

describe('http transport over TLS', () => {
  // A certificate of a test CA, valid for kubernetes.test; clients must show one of the same CA.
  beforeEach(async () => {
    await new Promise((resolve) => server.close(resolve));
    const [ca, cert, key] = ['ca.pem', 'server.pem', 'server.key'].map((name) =>
      readFileSync(tlsFile(name)),
    );
    const options = { ca, cert, key, requestCert: true, rejectUnauthorized: true };
    server = createTlsServer(options, (request, response) => handler(request, response));
    server.on('secureConnection', () => (connections += 1));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  });

  function tlsConfig(cluster: object): KubeConfig {
    const config = new KubeConfig();
    const user = { name: 'u', certFile: tlsFile('client.pem'), keyFile: tlsFile('client.key') };
    config.loadFromOptions({
      clusters: [{ name: 'c', server: address().replace('http:', 'https:'), ...cluster }],
      users: [user],
      contexts: [{ name: 'x', cluster: 'c', user: 'u' }],
      currentContext: 'x',
    });
    return config;
  }

  const trusted = { caFile: tlsFile('ca.pem'), tlsServerName: 'kubernetes.test' };

  it('shows its certificate, checks the other, and shakes hands once for many calls', async () => {
    const transport = aTransport(undefined, tlsConfig(trusted));
    for (let call = 0; call < 100; call += 1) {
      expect((await transport.request(get('/version'), never)).status).toBe(200);
    }
    expect(connections).toBeLessThan(4);
  });

  it.each([
    ['of an unknown CA', { tlsServerName: 'kubernetes.test' }],
    ['for another name', { caFile: tlsFile('ca.pem'), tlsServerName: 'other.test' }],
  ])('does not talk to a server with a certificate %s', async (_, cluster) => {
    let asked = false;
    handler = () => {
      asked = true;
    };
    const transport = aTransport(undefined, tlsConfig(cluster));
    await expect(transport.request(get('/version'), never)).rejects.toMatchObject({
      kind: 'unavailable',
    });
    expect(asked).toBe(false);
  });
});

describe('kubeconfig', () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'serin-'));
  });
  afterEach(() => rm(folder, { recursive: true }));

  it('is read from a file', async () => {
    const file = path.join(folder, 'config');
    await writeFile(file, kubeConfig().exportConfig());
    let authorization: string | undefined;
    handler = (request, response) => {
      ({ authorization } = request.headers);
      json(response, 200, {});
    };
    await aTransport(undefined, loadKubeConfig(file)).request(get('/version'), never);
    expect(authorization).toBe('Bearer secret-token');
  });

  it('that cannot be read or names no cluster is refused in words', async () => {
    const file = path.join(folder, 'config');
    expect(() => loadKubeConfig(file)).toThrow('the kubeconfig cannot be read');
    await writeFile(file, 'apiVersion: v1\nkind: Config\n');
    expect(() => loadKubeConfig(file)).toThrow('names no cluster');
    const text = kubeConfig().exportConfig();
    await writeFile(
      file,
      text.replace('"insecure-skip-tls-verify":true', '"insecure-skip-tls-verify":false'),
    );
    expect(() => loadKubeConfig(file)).toThrow('is not encrypted');
  });
});
