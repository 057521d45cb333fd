/** The reflector over real sockets: everything that a server or a network does to a watch. */

import { createServer, type Server, type ServerResponse } from 'node:http';

import { KubeConfig } from '@kubernetes/client-node';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { KubernetesCluster } from '../../../src/adapters/kubernetes/cluster.ts';
import {
  httpTransport,
  type HttpTransport,
} from '../../../src/adapters/kubernetes/http-transport.ts';
import { silentLog } from '../../../src/adapters/kubernetes/log.ts';
import type { Clock } from '../../../src/ports/clock.ts';
import { aService } from './scripted-transport.ts';

const service = { apiVersion: 'v1', kind: 'Service' };

const realClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  after(ms, callback) {
    const timer = setTimeout(callback, ms);
    return () => clearTimeout(timer);
  },
};

let server: Server;
let transport: HttpTransport;
let stop: AbortController;
let running: Promise<void>;
let cluster: KubernetesCluster;
/** Versions from which watches were opened, and how often was listed. */
let watchedFrom: (string | null)[];
let lists: number;
let onWatch: (response: ServerResponse) => void;
let onList: (response: ServerResponse) => void;

beforeEach(async () => {
  watchedFrom = [];
  lists = 0;
  onList = (response) => sendList(response, '10');
  onWatch = () => {};
  server = createServer((request, response) => {
    const { searchParams } = new URL(request.url ?? '', 'http://localhost');
    if (searchParams.get('watch') === null) {
      lists += 1;
      return onList(response);
    }
    watchedFrom.push(searchParams.get('resourceVersion'));
    return onWatch(response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  transport = httpTransport({ kubeConfig: kubeConfig(), version: '0' });
  cluster = new KubernetesCluster({
    transport,
    clock: realClock,
    random: Math.random,
    log: silentLog,
    watches: [service],
    namespaces: [],
    reflector: { idleMs: 100, delay: { minMs: 1, maxMs: 10 } },
  });
  stop = new AbortController();
  running = cluster.run(stop.signal);
  await cluster.synced;
});

afterEach(async () => {
  stop.abort();
  await running;
  await transport.close();
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

function kubeConfig(): KubeConfig {
  const bound = server.address();
  if (bound === null || typeof bound === 'string') throw new Error('the server is not listening');
  const config = new KubeConfig();
  config.loadFromOptions({
    clusters: [{ name: 'c', server: `http://127.0.0.1:${bound.port}`, skipTLSVerify: true }],
    users: [{ name: 'u' }],
    contexts: [{ name: 'x', cluster: 'c', user: 'u' }],
    currentContext: 'x',
  });
  return config;
}

function sendList(response: ServerResponse, resourceVersion: string): void {
  const items = [aService('cart', resourceVersion)];
  response.end(JSON.stringify({ metadata: { resourceVersion }, items }));
}

const line = (type: string, object: unknown): string => `${JSON.stringify({ type, object })}\n`;

const version = (): number =>
  Number(cluster.list(service, 'shop')[0]?.metadata.resourceVersion ?? 0);

/** From now on each watch delivers one newer version and then ends in the given way. */
function deliverThen(end: (response: ServerResponse) => void, after = version()): void {
  let next = after;
  onWatch = (response) => {
    next += 1;
    response.writeHead(200);
    response.write(line('MODIFIED', aService('cart', String(next))), () => end(response));
  };
}

describe('a watch over HTTP', () => {
  it.each<[string, (response: ServerResponse) => void]>([
    ['ends', (response) => response.end()],
    ['is cut', (response) => response.destroy()],
    ['falls silent', () => {}],
    ['ends in the middle of a line', (response) => response.end('{"type":"MODI')],
  ])('that %s is opened again where it was', async (_, end) => {
    deliverThen(end);
    await expect.poll(version).toBeGreaterThan(14);
    expect(lists).toBe(1);
    const numbers = watchedFrom.map(Number);
    expect(numbers).toEqual(numbers.toSorted((left, right) => left - right));
  });

  it('that is refused with 5xx for a while goes on afterwards', async () => {
    let refusals = 0;
    onWatch = (response) => {
      refusals += 1;
      response.writeHead(503).end('{}');
    };
    await expect.poll(() => refusals).toBeGreaterThan(4);
    deliverThen(() => {});
    await expect.poll(version).toBeGreaterThan(10);
    expect(lists).toBe(1);
  });

  it.each<[string, (response: ServerResponse) => void]>([
    ['with 410', (response) => response.writeHead(410).end('{}')],
    ['with a 410 event', (response) => response.end(line('ERROR', { code: 410 }))],
    ['with damaged lines only', (response) => response.end('{"type":"MOD\n')],
  ])('that ends %s leads to another list', async (_, end) => {
    onList = (response) => {
      sendList(response, '50');
      deliverThen(() => {}, 50);
    };
    onWatch = (response) => end(response);
    await expect.poll(version).toBeGreaterThanOrEqual(50);
    await expect.poll(() => watchedFrom.includes('50')).toBe(true);
    expect(lists).toBe(2);
  });
});
