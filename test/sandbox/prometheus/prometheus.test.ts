import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import { PrometheusDriver } from 'prometheus-query';
import { afterEach, describe, expect, it } from 'vitest';

import { startPrometheus } from '../../../src/sandbox/prometheus/prometheus.ts';
import { query, until } from './support/real-prometheus.ts';

const open: (() => Promise<void>)[] = [];
afterEach(async () => {
  await Promise.all(open.splice(0).map((close) => close()));
});

async function targetThat(listener: RequestListener): Promise<string> {
  const server = createServer(listener).listen(0, '127.0.0.1');
  await once(server, 'listening');
  open.push(async () => {
    server.closeAllConnections();
    server.close();
    await once(server, 'close');
  });
  return `http://127.0.0.1:${Object(server.address()).port}/metrics`;
}

async function prometheusFor(targets: () => readonly { url: string; labels: { pod: string } }[]) {
  const { url, close } = await startPrometheus({ targets, scrapeIntervalMs: 200 });
  open.push(close);
  return {
    url,
    seen: async (text: string): Promise<readonly unknown[]> => {
      return Object((await query(url, { query: text, atMs: Date.now() })).body).data.result;
    },
  };
}

describe('embedded Prometheus', () => {
  it('scrapes a target and answers a client library', async () => {
    const target = await targetThat((_request, response) => response.end('hits_total 5\n'));
    const { url, seen } = await prometheusFor(() => [{ url: target, labels: { pod: 'a' } }]);
    await until(async () => (await seen('up == 1')).length === 1);
    const driver = new PrometheusDriver({ endpoint: url, preferPost: true });
    const { resultType, result } = await driver.instantQuery('sum by (pod) (hits_total) * 2');
    expect(resultType).toBe('vector');
    expect(result).toMatchObject([{ metric: { labels: { pod: 'a' } }, value: { value: 10 } }]);
  });

  it('gives a target its address as instance', async () => {
    const target = await targetThat((_request, response) => response.end('a 1\n'));
    const { seen } = await prometheusFor(() => [{ url: target, labels: { pod: 'a' } }]);
    await until(async () => (await seen('a')).length === 1);
    expect(await seen('a')).toMatchObject([{ metric: { instance: new URL(target).host } }]);
  });

  it.each<[string, RequestListener]>([
    ['answers with an error', (_request, response) => response.writeHead(500).end('a 1\n')],
    ['answers with something else', (_request, response) => response.end('<html>\n')],
    ['hangs up', (request) => request.destroy()],
    ['does not answer', () => undefined],
  ])('shows a target as down that %s', async (_what, listener) => {
    const target = await targetThat(listener);
    const { seen } = await prometheusFor(() => [{ url: target, labels: { pod: 'a' } }]);
    await until(async () => (await seen('up')).length === 1);
    expect(await seen('up')).toMatchObject([{ value: [expect.any(Number), '0'] }]);
    expect(await seen('a')).toEqual([]);
  });

  it('follows targets that come and go', async () => {
    const target = await targetThat((_request, response) => response.end('a 1\n'));
    let pods = ['first'];
    const { seen } = await prometheusFor(() =>
      pods.map((pod) => ({ url: target, labels: { pod } })),
    );
    await until(async () => (await seen('a{pod="first"}')).length === 1);
    pods = ['second'];
    await until(
      async () => (await seen('a{pod="second"} unless on() a{pod="first"}')).length === 1,
    );
    expect(await seen('up')).toMatchObject([{ metric: { pod: 'second' } }]);
  });

  it('names its version and is ready', async () => {
    const { url } = await prometheusFor(() => []);
    const info = await fetch(`${url}/api/v1/status/buildinfo`);
    expect(await info.json()).toMatchObject({ status: 'success', data: { version: '2.42.0' } });
    expect((await fetch(`${url}/-/ready`)).status).toBe(200);
    expect((await fetch(`${url}/-/healthy`)).status).toBe(200);
  });

  it('refuses a body that is too long', async () => {
    const { url } = await prometheusFor(() => []);
    const body = new URLSearchParams({ query: 'a'.repeat(2 << 20) });
    expect((await fetch(`${url}/api/v1/query`, { method: 'POST', body })).status).toBe(413);
  });

  it('does not listen any more once it is closed', async () => {
    const { url, close } = await startPrometheus({ targets: () => [], scrapeIntervalMs: 1000 });
    await fetch(`${url}/-/ready`);
    await close();
    await expect(fetch(`${url}/-/ready`)).rejects.toThrow('fetch failed');
  });
});
