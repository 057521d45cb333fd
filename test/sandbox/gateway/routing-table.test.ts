import { describe, expect, it } from 'vitest';

import { plainRequest, type RequestFacts } from '../../../src/sandbox/gateway/matching.ts';
import type { RouteRule } from '../../../src/sandbox/gateway/route-objects.ts';
import { RoutingTable } from '../../../src/sandbox/gateway/routing-table.ts';
import { objects, route, slice, weighted } from './fixtures.ts';

const HOST = 'shop.example.com';

function ruleTo(name: string, matches?: RouteRule['matches']): RouteRule {
  return {
    name,
    ...(matches === undefined ? {} : { matches }),
    backendRefs: [{ name: 'cart-primary', port: 80 }],
  };
}

function ruleFor(rules: readonly RouteRule[], request: Partial<RequestFacts>): string | undefined {
  const table = new RoutingTable(objects([route(rules)]));
  const found = table.find({ ...plainRequest(HOST), ...request });
  return found.kind === 'rule' ? found.rule.rule.name : undefined;
}

describe('routing table', () => {
  it('prefers exact paths to long prefixes and those to short ones', () => {
    const rules = [
      ruleTo('short', [{ path: { type: 'PathPrefix', value: '/' } }]),
      ruleTo('long', [{ path: { type: 'PathPrefix', value: '/api' } }]),
      ruleTo('exact', [{ path: { type: 'Exact', value: '/api/me' } }]),
    ];
    expect(ruleFor(rules, { path: '/api/me' })).toBe('exact');
    expect(ruleFor(rules, { path: '/api/you' })).toBe('long');
    expect(ruleFor(rules, { path: '/apiary' })).toBe('short');
  });

  it('matches regular expressions against the whole path', () => {
    const rules = [
      ruleTo('number', [{ path: { type: 'RegularExpression', value: '/item/\\d+' } }]),
    ];
    expect(ruleFor(rules, { path: '/item/42' })).toBe('number');
    expect(ruleFor(rules, { path: '/item/42/x' })).toBeUndefined();
  });

  it('wants every header, parameter and the method of a match', () => {
    const rules = [
      ruleTo('rest'),
      ruleTo('insider', [
        {
          method: 'GET',
          headers: [{ name: 'X-Insider', value: 'yes' }],
          queryParams: [{ name: 'v', type: 'RegularExpression', value: '[0-9]+' }],
        },
      ]),
    ];
    const headers = { 'x-insider': 'yes' };
    const query = new URLSearchParams('v=2');
    expect(ruleFor(rules, { headers, query })).toBe('insider');
    expect(ruleFor(rules, { headers })).toBe('rest');
    expect(ruleFor(rules, { headers, query, method: 'POST' })).toBe('rest');
  });

  it('gives a tie to the older route', () => {
    const older = route([ruleTo('older')], [HOST], 'z', {
      creationTimestamp: '2026-01-01T00:00:00Z',
    });
    const newer = route([ruleTo('newer')], [HOST], 'a', {
      creationTimestamp: '2026-02-01T00:00:00Z',
    });
    const found = new RoutingTable(objects([newer, older])).find(plainRequest(HOST));
    expect(found).toMatchObject({ kind: 'rule', rule: { rule: { name: 'older' } } });
  });

  it('prefers a host by name to a wildcard, and answers no other host', () => {
    const table = new RoutingTable(
      objects([
        route([ruleTo('wild')], ['*.example.com'], 'wild'),
        route([ruleTo('named')], [HOST], 'named'),
      ]),
    );
    expect(table.find(plainRequest(HOST))).toMatchObject({ rule: { rule: { name: 'named' } } });
    expect(table.find(plainRequest('a.example.com'))).toMatchObject({
      rule: { rule: { name: 'wild' } },
    });
    expect(table.find(plainRequest('example.org')).kind).toBe('none');
  });

  it('finds a Service by its name even beside a route for every host', () => {
    const table = new RoutingTable(objects([route([ruleTo('any')], [])]));
    for (const host of ['cart-canary.shop', 'cart-canary.shop.svc.cluster.local']) {
      expect(table.find(plainRequest(host))).toMatchObject({
        kind: 'service',
        backend: { service: 'shop/cart-canary', targets: [{ pod: 'c1' }] },
      });
    }
    expect(table.find(plainRequest('elsewhere.org')).kind).toBe('rule');
  });

  it('leaves out endpoints that are not ready', () => {
    const slices = [slice('cart-primary', [{ pod: 'p1', ready: false }, { pod: 'p2' }])];
    const table = new RoutingTable(objects([route([ruleTo('only')])], slices));
    expect(table.find(plainRequest(HOST))).toMatchObject({
      rule: { backends: [{ targets: [{ pod: 'p2', port: 8080 }] }] },
    });
  });

  it('says why a backend cannot be reached', () => {
    const refs = [
      { name: 'nowhere', port: 80 },
      { name: 'cart', port: 81 },
      { name: 'cart', port: 80, namespace: 'other' },
      { name: 'bucket', kind: 'Bucket', port: 80 },
    ];
    const table = new RoutingTable(objects([route([{ backendRefs: refs }])]));
    const found = table.find(plainRequest(HOST));
    const problems = found.kind === 'rule' ? found.rule.backends.map(({ problem }) => problem) : [];
    expect(problems).toEqual([
      'Service shop/nowhere not found',
      'Service shop/cart has no port 81',
      'Service other/cart is in another namespace',
      'backend bucket is a Bucket, only Services are served',
    ]);
  });

  it('serves no route of a gateway of another class, nor one it was not asked to', () => {
    const all = objects([route([{ backendRefs: weighted(1, 0) }])]);
    const [own] = [...all.gateways];
    if (own === undefined) throw new Error('no gateway');
    const other = { ...own, spec: { ...own.spec, gatewayClassName: 'envoy' } };
    expect(new RoutingTable({ ...all, gateways: [other] }).find(plainRequest(HOST)).kind).toBe(
      'none',
    );
    const closed = {
      ...own,
      spec: { ...own.spec, listeners: [{ name: 'http', port: 80, protocol: 'HTTP' }] },
    };
    expect(new RoutingTable({ ...all, gateways: [closed] }).find(plainRequest(HOST)).kind).toBe(
      'none',
    );
  });
});
