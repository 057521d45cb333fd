import { beforeEach, describe, expect, it } from 'vitest';

import { ApiServer } from '../../../src/sandbox/api-server/server.ts';
import {
  Client,
  ENDPOINT_SLICES,
  GATEWAYS,
  HTTP_ROUTES,
  SERVICES,
} from '../../../src/sandbox/controllers/api.ts';
import type { KubeObject } from '../../../src/sandbox/controllers/objects.ts';
import { gatewayApiDefinitions } from '../../../src/sandbox/crds/gateway-api.ts';
import { CONTROLLER_NAME } from '../../../src/sandbox/gateway/attachment.ts';
import { GatewayFollower } from '../../../src/sandbox/gateway/follower.ts';
import type { Gateway, HttpRoute } from '../../../src/sandbox/gateway/route-objects.ts';
import {
  shareOfService,
  whereTrafficGoes,
} from '../../../src/sandbox/gateway/where-traffic-goes.ts';
import { gateway, route, service, slice, weighted } from './fixtures.ts';

const HOST = 'shop.example.com';
const START = Date.parse('2026-11-21T12:00:00Z');

let now: number;
let random: number;
let api: ApiServer;
let client: Client;
let follower: GatewayFollower;

beforeEach(() => {
  now = START;
  random = 0;
  api = new ApiServer({
    now: () => now,
    // Distinct uids are all that is asked for.
    random: () => (random = (random + 0.618_033_988_7) % 1),
    definitions: gatewayApiDefinitions,
  });
  client = new Client(api, 'test');
  for (const name of ['infra', 'shop']) {
    const namespace: KubeObject = { apiVersion: 'v1', kind: 'Namespace', metadata: { name } };
    client.create({ apiVersion: 'v1', kind: 'Namespace', plural: 'namespaces' }, namespace);
  }
  follower = new GatewayFollower({ api, lagMs: 300 });
  follower.start();
  client.create(GATEWAYS, gateway);
  for (const name of ['cart', 'cart-primary', 'cart-canary']) {
    client.create(SERVICES, service(name));
    client.create(ENDPOINT_SLICES, slice(name, [{ pod: `${name}-1`, address: '10.0.0.1' }]));
  }
  const created = client.create(HTTP_ROUTES, route([{ backendRefs: weighted(100, 0) }]));
  if (created.outcome !== 'done') throw new Error(JSON.stringify(created));
  advance(1_000);
});

function advance(ms: number): void {
  const until = now + ms;
  for (let steps = 0; steps < 1_000; steps++) {
    const { changed, nextAt = Infinity } = follower.step(now);
    if (changed) continue;
    if (nextAt > until) {
      now = until;
      return;
    }
    now = Math.max(now, nextAt);
  }
  throw new Error('the gateway did not come to rest');
}

function read<T extends KubeObject>(resource: typeof GATEWAYS, object: T): T {
  const { namespace = '', name } = object.metadata;
  const found = client.get<T>(resource, namespace, name);
  if (found.outcome !== 'done') throw new Error(found.outcome);
  return found.object;
}

function currentRoute(): HttpRoute {
  return read(HTTP_ROUTES, route([]));
}

function setWeight(canary: number): void {
  const before = currentRoute();
  const rules = [{ backendRefs: weighted(100 - canary, canary) }];
  const written = client.replace(HTTP_ROUTES, { ...before, spec: { ...before.spec, rules } });
  expect(written.outcome).toBe('done');
}

function canaryShare(): number {
  return shareOfService(whereTrafficGoes(follower.table, HOST), 'shop/cart-canary');
}

function conditions(): Record<string, string> {
  const parent = currentRoute().status?.parents?.find(
    ({ controllerName }) => controllerName === CONTROLLER_NAME,
  );
  return Object.fromEntries(
    (parent?.conditions ?? []).map(({ type, status, reason, observedGeneration }) => [
      type,
      `${status} ${reason} ${observedGeneration}`,
    ]),
  );
}

function attached(): string | undefined {
  const { status } = read<Gateway>(GATEWAYS, gateway);
  return /"attachedRoutes":(\d+)/.exec(JSON.stringify(status))?.[1];
}

describe('gateway follower', () => {
  it('says for each route what it makes of it', () => {
    expect(currentRoute().status?.parents).toMatchObject([
      { parentRef: { name: 'public', namespace: 'infra' }, controllerName: CONTROLLER_NAME },
    ]);
    expect(conditions()).toEqual({
      Accepted: 'True Accepted 1',
      ResolvedRefs: 'True ResolvedRefs 1',
    });
  });

  it('serves a new weight after the lag, and only then says so', () => {
    setWeight(20);
    advance(299);
    expect(canaryShare()).toBe(0);
    expect(conditions()['Accepted']).toBe('True Accepted 1');
    advance(2);
    expect(canaryShare()).toBeCloseTo(0.2, 10);
    expect(conditions()['Accepted']).toBe('True Accepted 2');
  });

  it('can be told not to follow at all, and to catch up', () => {
    follower.setLag(Infinity);
    setWeight(20);
    advance(3_600_000);
    expect(canaryShare()).toBe(0);
    follower.setLag(0);
    advance(0);
    expect(canaryShare()).toBeCloseTo(0.2, 10);
  });

  it('names a backend that is missing, and sees it come', () => {
    const before = currentRoute();
    const rules = [{ backendRefs: [{ name: 'late', port: 80 }] }];
    client.replace(HTTP_ROUTES, { ...before, spec: { ...before.spec, rules } });
    advance(1_000);
    expect(conditions()['ResolvedRefs']).toBe('False BackendNotFound 2');
    client.create(SERVICES, service('late'));
    advance(1_000);
    expect(conditions()['ResolvedRefs']).toBe('True ResolvedRefs 2');
  });

  it("leaves other gateways' entries alone", () => {
    const before = currentRoute();
    const foreign = {
      parentRef: { name: 'other' },
      controllerName: 'example.com/other',
      conditions: [
        {
          type: 'Accepted',
          status: 'True',
          reason: 'Accepted',
          message: '',
          lastTransitionTime: '2026-11-21T12:00:00Z',
        },
      ],
    };
    const parents = [...(before.status?.parents ?? []), foreign];
    const told = client.replaceStatus(HTTP_ROUTES, { ...before, status: { parents } });
    expect(told.outcome).toBe('done');
    setWeight(10);
    advance(1_000);
    const names = currentRoute().status?.parents?.map(({ controllerName }) => controllerName);
    expect(names).toHaveLength(2);
    expect(names).toEqual(expect.arrayContaining(['example.com/other', CONTROLLER_NAME]));
    expect(conditions()['Accepted']).toBe('True Accepted 2');
  });

  it('counts the routes of its listeners', () => {
    expect(attached()).toBe('1');
    client.create(HTTP_ROUTES, route([{ backendRefs: weighted(1, 0) }], ['b.example.com'], 'b'));
    advance(1_000);
    expect(attached()).toBe('2');
    client.remove(HTTP_ROUTES, currentRoute());
    advance(1_000);
    expect(attached()).toBe('1');
  });

  it('goes on when its watches are cut', () => {
    api.cutWatches();
    setWeight(30);
    advance(1_000);
    expect(canaryShare()).toBeCloseTo(0.3, 10);
  });

  it('is quiet when nothing changes', () => {
    const before = api.resourceVersion;
    advance(3_600_000);
    expect(api.resourceVersion).toBe(before);
  });
});
