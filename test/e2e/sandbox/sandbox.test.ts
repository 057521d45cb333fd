import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Agent, request } from 'undici';
import { parse } from 'yaml';

import {
  DEPLOYMENTS,
  HTTP_ROUTES,
  type Resource,
  SERVICES,
} from '../../../src/sandbox/controllers/api.ts';
import type { Deployment, KubeObject, Service } from '../../../src/sandbox/controllers/objects.ts';
import { APP, deployment, HOST, NAMESPACE } from '../../../src/sandbox/demo/manifests.ts';
import { countByVersion, type RequestRecord } from '../../../src/sandbox/demo/request-record.ts';
import type { HttpRoute } from '../../../src/sandbox/gateway/route-objects.ts';
import { startTraffic, type TrafficProcess } from '../../../src/sandbox/processes.ts';
import { type Sandbox, startSandbox } from '../../../src/sandbox/sandbox.ts';

let sandbox: Sandbox;
let traffic: TrafficProcess;
const records: RequestRecord[] = [];

beforeAll(async () => {
  sandbox = await startSandbox({ prometheus: 'embedded', gatewayLagMs: 50 });
  for (const side of ['primary', 'canary']) {
    create(
      DEPLOYMENTS,
      side === 'primary' ? workload(side, '1.0.0') : workload(side, '2.0.0-flaky'),
    );
    create(SERVICES, service(side));
  }
  create(HTTP_ROUTES, route(0));
  await until(() => ['primary', 'canary'].every((side) => readyIn(side) === 2));
  await until(async () => (await statusThroughGateway()) === 200);
  traffic = startTraffic(sandbox, {
    host: HOST,
    rate: 100,
    onRecords: (batch) => records.push(...batch),
  });
});

afterAll(async () => {
  await traffic.close();
  await sandbox.close();
});

function create(resource: Resource, object: KubeObject): void {
  const { outcome } = sandbox.cluster.client.create(resource, object);
  expect(outcome).toBe('done');
}

function workload(side: string, version: string): Deployment {
  const base = deployment(`serin.dev/demo:${version}`);
  const labels = { app: `${APP}-${side}` };
  return {
    ...base,
    metadata: { ...base.metadata, name: `${APP}-${side}` },
    spec: {
      ...base.spec,
      selector: { matchLabels: labels },
      template: { ...base.spec.template, metadata: { labels } },
    },
  };
}

function service(side: string): Service {
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: `${APP}-${side}`, namespace: NAMESPACE },
    spec: {
      selector: { app: `${APP}-${side}` },
      ports: [{ name: 'http', port: 80, targetPort: 'http' }],
    },
  };
}

function route(canary: number): HttpRoute {
  return {
    apiVersion: 'gateway.networking.k8s.io/v1',
    kind: 'HTTPRoute',
    metadata: { name: APP, namespace: NAMESPACE },
    spec: {
      parentRefs: [{ name: 'sandbox', namespace: 'serin-system' }],
      hostnames: [HOST],
      rules: [
        {
          backendRefs: [
            { name: `${APP}-primary`, port: 80, weight: 100 - canary },
            { name: `${APP}-canary`, port: 80, weight: canary },
          ],
        },
      ],
    },
  };
}

function current<T extends KubeObject>(resource: Resource, object: T): T {
  const read = sandbox.cluster.client.get<T>(resource, NAMESPACE, object.metadata.name);
  if (read.outcome !== 'done') throw new Error(`${object.metadata.name}: ${read.outcome}`);
  return read.object;
}

function readyIn(side: string): number {
  return current(DEPLOYMENTS, workload(side, '1.0.0')).status?.readyReplicas ?? 0;
}

function setWeight(canary: number): void {
  const before = current(HTTP_ROUTES, route(0));
  const next = { ...before, spec: route(canary).spec };
  expect(sandbox.cluster.client.replace(HTTP_ROUTES, next).outcome).toBe('done');
}

/** Resolves when the gateway says that it serves the newest generation. */
async function served(): Promise<void> {
  await expect
    .poll(() => {
      const { metadata, status } = current(HTTP_ROUTES, route(0));
      const accepted = status?.parents?.[0]?.conditions.find(({ type }) => type === 'Accepted');
      return accepted?.observedGeneration === metadata.generation ? accepted?.status : undefined;
    })
    .toBe('True');
}

async function statusThroughGateway(): Promise<number> {
  const { statusCode, body } = await request(sandbox.cluster.gatewayUrl, {
    headers: { host: HOST },
  });
  await body.dump();
  return statusCode;
}

/** Asks until the answer is the wanted one; the test's own time limit ends it. */
async function until(ask: () => Promise<boolean> | boolean): Promise<void> {
  while (!(await ask())) await sleep(20);
}

async function sharesOfNext(count: number): Promise<Record<string, number>> {
  const from = records.length;
  await expect.poll(() => records.length - from, { timeout: 20_000 }).toBeGreaterThan(count);
  const batch = records.slice(from, from + count);
  return Object.fromEntries(batch.length === 0 ? [] : versions(batch));
}

function versions(batch: readonly RequestRecord[]): [string, number][] {
  return countByVersion(batch).map(({ version, requests }) => [version, requests]);
}

function rate(side: string, more: string): string {
  const labels = `kubernetes_namespace="${NAMESPACE}",kubernetes_pod_name=~"${APP}-${side}-.*"${more}`;
  return `sum(rate(http_request_duration_seconds_count{${labels}}[5s]))`;
}

async function successRate(side: string): Promise<number> {
  const query = `${rate(side, ',status!~"5.*"')} / ${rate(side, '')} * 100`;
  const url = `${sandbox.metrics.url}/api/v1/query?query=${encodeURIComponent(query)}`;
  const { data } = JSON.parse(await (await fetch(url)).text());
  return Number(data.result[0]?.value[1] ?? Number.NaN);
}

describe('sandbox', () => {
  it('sends all traffic to the primary at weight 0, without a failure', async () => {
    expect(await sharesOfNext(100)).toEqual({ '1.0.0': 100 });
  });

  it('shares requests by the weight of the route as soon as the route says so', async () => {
    setWeight(30);
    await served();
    await until(() => records.slice(-20).some(({ version }) => version === '2.0.0-flaky'));
    const shares = await sharesOfNext(200);
    expect(shares['2.0.0-flaky']).toBeGreaterThan(55);
    expect(shares['2.0.0-flaky']).toBeLessThan(65);
  });

  it('has the failures of the canary in Prometheus, and only its own', async () => {
    await expect.poll(() => successRate('canary'), { timeout: 15_000 }).toBeLessThan(85);
    expect(await successRate('primary')).toBe(100);
  });

  it('takes the canary out at weight 0 and loses nothing', async () => {
    setWeight(0);
    await served();
    const from = records.length + 20;
    await expect.poll(() => records.length, { timeout: 10_000 }).toBeGreaterThan(from + 100);
    expect(versions(records.slice(from))).toEqual([['1.0.0', records.length - from]]);
  });

  it('rolls the primary over under load without losing a request', async () => {
    const before = current(DEPLOYMENTS, workload('primary', '1.0.0'));
    const { spec } = workload('primary', '1.1.0');
    const next = { ...before, spec: { ...before.spec, template: spec.template } };
    expect(sandbox.cluster.client.replace(DEPLOYMENTS, next).outcome).toBe('done');
    await expect.poll(() => records.at(-1)?.version, { timeout: 15_000 }).toBe('1.1.0');
    await expect.poll(() => sandbox.cluster.pods.size, { timeout: 15_000, interval: 200 }).toBe(4);
    const lost = countByVersion(records).filter(({ version }) => version !== '2.0.0-flaky');
    expect(lost.every(({ failed }) => failed === 0)).toBe(true);
  });

  it('gives kubectl what it needs to find it', () => {
    const config = parse(readFileSync(sandbox.kubeconfigOf('admin'), 'utf8'));
    expect(config.clusters[0].cluster.server).toBe(sandbox.cluster.url);
    expect(config.users[0].user.token).toBe(sandbox.cluster.tokenOf('admin'));
  });

  it('lets people in by token only, and has faults for them when told', async () => {
    const url = `${sandbox.cluster.url}/api/v1/namespaces/${NAMESPACE}/pods`;
    const authorization = `Bearer ${sandbox.cluster.tokenOf('admin')}`;
    const dispatcher = new Agent({ connect: { ca: sandbox.cluster.authority } });
    const ask = async (headers: Record<string, string>) => {
      const { statusCode, body } = await request(url, { headers, dispatcher });
      await body.dump();
      return statusCode;
    };
    const list = () => ask({ authorization });
    expect(await ask({})).toBe(401);
    expect(await list()).toBe(200);
    const set = (faults: string) =>
      fetch(`${sandbox.controlUrl}/faults?set=${faults}`, { method: 'POST' });
    await set('429=100');
    expect(await list()).toBe(429);
    await set('off,latency=80ms');
    const startedAt = performance.now();
    expect(await list()).toBe(200);
    expect(performance.now() - startedAt).toBeGreaterThanOrEqual(79);
    expect((await set('nonsense')).status).toBe(400);
    await set('off');
  });
});
