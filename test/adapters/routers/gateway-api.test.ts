import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';

import { Ajv } from 'ajv';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';

import { isObject, member } from '../../../src/api/narrow.ts';
import type { KubernetesObject } from '../../../src/api/object.ts';
import {
  gatewayApi,
  gatewayApiV1Beta1,
} from '../../../src/adapters/routers/gateway-api/gateway-api.ts';
import { trafficRouters } from '../../../src/adapters/routers/registry.ts';
import { routeOf } from '../../../src/adapters/routers/gateway-api/rules.ts';
import { splitAt } from '../../../src/core/traffic.ts';
import { InvalidError } from '../../../src/errors.ts';
import { describeTrafficRouter } from '../../contract/traffic-router.contract.ts';
import { aRouteTarget } from './route-target.ts';

const target = aRouteTarget();

type Json = Readonly<Record<string, unknown>>;

function aRoute(rules: readonly Json[], more: Json = {}, metadata: Json = {}): KubernetesObject {
  return {
    apiVersion: 'gateway.networking.k8s.io/v1',
    kind: 'HTTPRoute',
    metadata: { name: 'shop', namespace: 'shop', generation: 3, ...metadata },
    spec: { parentRefs: [{ name: 'public', namespace: 'infra' }], rules, ...more },
  };
}

function ref(name: string, more: Json = {}): Json {
  return { group: '', kind: 'Service', name, port: 80, weight: 1, ...more };
}

const pair = (primary: number, canary: number): Json => ({
  backendRefs: [ref('cart-primary', { weight: primary }), ref('cart-canary', { weight: canary })],
});

const made = {
  controller: true,
  kind: 'Canary',
  name: 'cart',
  apiVersion: 'serin.dev/v1beta1',
  uid: 'u',
};

/** Everything of a route but the backends of the rules at these places. */
function allBut(...places: readonly number[]) {
  return (object: KubernetesObject): unknown => {
    const { rules = [], ...spec } = routeOf(object).spec;
    const others = rules.map((rule, place) =>
      places.includes(place) ? { ...rule, backendRefs: 'ours' } : rule,
    );
    return { ...object, spec, others };
  };
}

const awkward = aRoute(
  [
    { matches: [{ path: { value: '/old' } }], filters: [{ type: 'RequestRedirect' }] },
    { backendRefs: [{ name: 'health' }] },
    {
      name: 'front',
      matches: [{ path: { type: 'PathPrefix', value: '/' } }],
      filters: [
        { type: 'RequestMirror', requestMirror: { backendRef: { name: 'cart', port: 9000 } } },
      ],
      backendRefs: [ref('cart', { port: 8080, filters: [{ type: 'ExtensionRef' }] })],
      timeouts: { request: '3s' },
      sessionPersistence: { type: 'Cookie' },
    },
    {
      backendRefs: [
        { name: 'cart', port: 81 },
        { name: 'fallback', port: 80, weight: 0 },
      ],
    },
    { backendRefs: [{ name: 'cart', namespace: 'elsewhere', port: 80 }] },
    { backendRefs: [{ name: 'cart', group: 'example.com', kind: 'Bucket' }] },
    {
      matches: [{ headers: [{ name: 'x-preview', value: '1' }] }],
      backendRefs: [ref('cart-canary')],
    },
    { backendRefs: [{ name: 'cart', port: 9090 }] },
  ],
  {
    hostnames: ['cart.example.com', '*.example.org'],
    parentRefs: [{ name: 'public' }, { name: 'mesh', kind: 'Service', group: '' }],
    someFieldOfTomorrow: { kept: true },
  },
  { labels: { team: 'checkout' }, annotations: { 'serin.dev/unknown': 'x', note: '{"odd": [}' } },
);

const strangers = [
  aRoute([{ backendRefs: [ref('other')] }], {}, { name: 'other' }),
  aRoute([{ filters: [{ type: 'RequestRedirect' }] }], {}, { name: 'redirect' }),
  aRoute([{ backendRefs: [ref('cart'), ref('other')] }], {}, { name: 'mixed' }),
  aRoute([{ backendRefs: [ref('cart', { weight: 0 })] }], {}, { name: 'closed' }),
  aRoute([{ backendRefs: [ref('cart-canary')] }], {}, { name: 'preview' }),
  aRoute([{ backendRefs: [ref('cart')] }], {}, { name: 'elsewhere', namespace: 'elsewhere' }),
  { ...aRoute([], {}, { name: 'empty' }), spec: {} },
  { ...aRoute([], {}, { name: 'odd' }), spec: { rules: 'none of ours' } },
];

describeTrafficRouter({
  router: gatewayApi,
  target,
  strangers,
  existing: [
    {
      name: 'a route with one plain rule',
      object: aRoute([{ backendRefs: [ref('cart')] }]),
      foreign: allBut(0),
    },
    {
      name: 'a route with filters, several rules and odd annotations',
      object: awkward,
      foreign: allBut(2, 7),
    },
    {
      name: 'a route whose pair has no weights',
      object: aRoute([
        {
          backendRefs: [
            { name: 'cart-canary', port: 1 },
            { name: 'cart-primary', port: 2 },
          ],
        },
      ]),
      foreign: allBut(0),
    },
    {
      name: 'a route on which half of our pair was taken away',
      object: aRoute(
        [{ backendRefs: [ref('cart-canary')] }],
        {},
        { annotations: { 'serin.dev/applied': '{}' } },
      ),
      foreign: allBut(0),
    },
    {
      name: 'a route that we have made',
      object: {
        ...gatewayApi.render(target, splitAt(30), undefined),
        metadata: { name: 'cart', namespace: 'shop', labels: { a: 'b' }, ownerReferences: [made] },
        status: { parents: [] },
      },
      foreign: allBut(0),
    },
  ],
});

describeTrafficRouter({
  router: gatewayApiV1Beta1,
  target,
  strangers,
  existing: [{ name: 'a route that has been there', object: awkward, foreign: allBut(2, 7) }],
});

describe('an adopted HTTPRoute', () => {
  it('keeps the port and the filters of its backend on both sides', () => {
    const object = aRoute([
      { backendRefs: [ref('cart', { port: 8080, filters: [{ type: 'X' }] })] },
    ]);
    expect(gatewayApi.render(target, splitAt(25), object)).toHaveProperty(
      'spec.rules[0].backendRefs',
      [
        ref('cart-primary', { port: 8080, filters: [{ type: 'X' }], weight: 75 }),
        ref('cart-canary', { port: 8080, filters: [{ type: 'X' }], weight: 25 }),
        ref('cart', { port: 8080, filters: [{ type: 'X' }], weight: 0 }),
      ],
    );
  });

  it('first names both sides beside the apex, which keeps the traffic', () => {
    const object = aRoute([{ backendRefs: [ref('cart', { port: 8080 })] }]);
    const prepared = gatewayApi.prepare(target, object);
    expect(prepared).toHaveProperty('spec.rules[0].backendRefs', [
      ref('cart-primary', { port: 8080, weight: 0 }),
      ref('cart-canary', { port: 8080, weight: 0 }),
      ref('cart', { port: 8080, weight: 100 }),
    ]);
    expect(gatewayApi.observe(target, prepared)).toEqual(splitAt(0));
    expect(gatewayApi.isByApex(target, prepared)).toBe(true);
    expect(gatewayApi.isByApex(target, gatewayApi.render(target, splitAt(0), prepared))).toBe(
      false,
    );
  });

  it('comes out of a release exactly as an API server had stored it', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 100 }), (weight) => {
        const stored = aRoute([
          { backendRefs: [ref('cart', { port: 8080 })] },
          { backendRefs: [] },
        ]);
        const rendered = gatewayApi.render(target, splitAt(weight), stored);
        expect(gatewayApi.release(target, rendered)).toEqual(stored);
      }),
    );
  });

  it('is the very same object when nothing changes', () => {
    const object = aRoute([pair(90, 10), { backendRefs: [ref('other')] }]);
    expect(gatewayApi.render(target, splitAt(10), object)).toBe(object);
    const idle = aRoute([{ backendRefs: [ref('cart')] }]);
    expect(gatewayApi.release(target, idle)).toBe(idle);
  });

  it('is one of several that all get the same weights', () => {
    const routes = [
      aRoute([{ backendRefs: [ref('cart')] }], {}, { name: 'inside' }),
      aRoute([pair(100, 0)], {}, { name: 'outside' }),
    ];
    const selected = gatewayApi.select(target, {
      apex: undefined,
      routes: [...strangers, ...routes],
    });
    expect(selected).toEqual(routes);
    const splits = selected.map((route) =>
      gatewayApi.observe(target, gatewayApi.render(target, splitAt(40), route)),
    );
    expect(splits).toEqual([splitAt(40), splitAt(40)]);
  });

  it('cannot be rendered when no rule leads to us', () => {
    const object = aRoute([{ backendRefs: [ref('other')] }]);
    expect(() => gatewayApi.render(target, splitAt(0), object)).toThrow(
      expect.objectContaining({ kind: 'invalid', reason: 'UnknownRouteShape' }),
    );
  });
});

const observed = (...rules: readonly Json[]) => gatewayApi.observe(target, aRoute(rules));

describe('weights of an HTTPRoute', () => {
  it('are shares, rounded so that the canary is never understated', () => {
    expect(observed(pair(2, 1))).toEqual(splitAt(34));
    expect(observed(pair(999, 1))).toEqual(splitAt(1));
    expect(observed(pair(1, 999))).toEqual(splitAt(100));
    expect(observed(pair(9, 1))).toEqual(splitAt(10));
    expect(observed(pair(0, 0))).toEqual(splitAt(0));
    fc.assert(
      fc.property(fc.nat(1_000_000), fc.nat(1_000_000), (primary, canary) => {
        const seen = observed(pair(primary, canary))?.canary ?? Number.NaN;
        fc.pre(primary + canary > 0);
        expect(seen).toBeGreaterThanOrEqual((100 * canary) / (primary + canary));
        expect(seen).toBeLessThan((100 * canary) / (primary + canary) + 1);
      }),
    );
  });

  it('count 1 where none is said', () => {
    expect(observed({ backendRefs: [{ name: 'cart-primary' }, { name: 'cart-canary' }] })).toEqual(
      splitAt(50),
    );
  });

  it('of different rules are the highest of the canary', () => {
    expect(observed(pair(90, 10), pair(60, 40), { backendRefs: [ref('cart')] })).toEqual(
      splitAt(40),
    );
  });

  it('of a rule with the apex alone are primary 100', () => {
    expect(observed({ backendRefs: [{ name: 'cart', port: 80 }] })).toEqual(splitAt(0));
  });

  it('do not exist where no rule leads to us', () => {
    expect(observed({ backendRefs: [ref('other')] })).toBeUndefined();
    expect(gatewayApi.observe(target, aRoute([]))).toBeUndefined();
  });
});

describe('an HTTPRoute that cannot be read', () => {
  const odd = [{ backendRefs: 'cart' }, { backendRefs: [{ name: 'cart', weight: 'all' }] }, 7];

  it.each(odd)('is refused with its name and the place when it speaks of us: %j', (rule) => {
    const object = { ...aRoute([]), spec: { rules: [rule, { backendRefs: [ref('cart')] }] } };
    for (const look of [
      () => gatewayApi.select(target, { apex: undefined, routes: [object] }),
      () => gatewayApi.observe(target, object),
      () => gatewayApi.render(target, splitAt(0), object),
    ]) {
      expect(look).toThrow(InvalidError);
      expect(look).toThrow(/shop\/shop.*rules\[0\]/s);
    }
  });
});

describe('acceptance of an HTTPRoute', () => {
  const parentRef = { name: 'public', namespace: 'infra' };
  const says = (status: string, observedGeneration: number, more: Json = {}) => ({
    parentRef: { group: 'gateway.networking.k8s.io', kind: 'Gateway', ...parentRef },
    controllerName: 'example.com/a',
    conditions: [
      { type: 'ResolvedRefs', status: 'True', observedGeneration },
      { type: 'Accepted', status, observedGeneration, reason: 'Because', message: 'so' },
    ],
    ...more,
  });
  const accepted = (parents: readonly Json[], parentRefs: readonly Json[] = [parentRef]) =>
    gatewayApi.acceptance(target, { ...aRoute([], { parentRefs }), status: { parents } }).kind;

  it('is given by Accepted at this very generation', () => {
    expect(accepted([says('True', 3)])).toBe('accepted');
    expect(accepted([says('True', 2)])).toBe('pending');
    expect(accepted([says('Unknown', 3)])).toBe('pending');
  });

  it('is refused by a parent that says no at this generation, not by an old no', () => {
    expect(accepted([says('False', 3)])).toBe('refused');
    expect(accepted([says('False', 2)])).toBe('pending');
  });

  it('counts the newest of several entries for one parent', () => {
    expect(accepted([says('False', 1), says('True', 3, { controllerName: 'example.com/b' })])).toBe(
      'accepted',
    );
    expect(accepted([says('True', 3), says('False', 3, { controllerName: 'example.com/b' })])).toBe(
      'refused',
    );
  });

  it('does not wait for parents that report nothing, nor listen to those it did not name', () => {
    const stranger = says('False', 3, { parentRef: { name: 'private' } });
    expect(accepted([])).toBe('accepted');
    expect(accepted([stranger])).toBe('accepted');
    expect(accepted([says('True', 3)], [parentRef, { name: 'silent' }])).toBe('accepted');
  });

  it('needs every parent that reports', () => {
    const second = { parentRef: { name: 'mesh', group: '', kind: 'Service' } };
    const refs = [parentRef, second.parentRef];
    expect(accepted([says('True', 3), says('True', 2, second)], refs)).toBe('pending');
    expect(accepted([says('True', 2), says('False', 3, second)], refs)).toBe('refused');
    expect(accepted([says('True', 3), says('True', 3, second)], refs)).toBe('accepted');
  });

  it('tells sections of one Gateway apart', () => {
    const https = { ...parentRef, sectionName: 'https' };
    expect(
      accepted([says('False', 3, { parentRef: { ...https, sectionName: 'http' } })], [https]),
    ).toBe('accepted');
    expect(accepted([says('True', 2, { parentRef: https })], [https])).toBe('pending');
  });
});

describe('the HTTPRoute that is made', () => {
  it('follows spec.service again after somebody else has edited it', () => {
    const object = {
      ...gatewayApi.render(target, splitAt(10), undefined),
      metadata: { name: 'cart', namespace: 'shop', ownerReferences: [made] },
    };
    const edited = { ...object, spec: { parentRefs: [], hostnames: ['a'], rules: [] } };
    expect(gatewayApi.select(target, { apex: undefined, routes: [edited] })).toEqual([edited]);
    expect(gatewayApi.render(target, splitAt(10), edited)).toEqual(object);
  });

  it('can still be set to weight 0 when spec.service has become impossible', () => {
    const object = {
      ...gatewayApi.render(target, splitAt(10), undefined),
      metadata: { name: 'cart', namespace: 'shop', ownerReferences: [made] },
    };
    const broken = aRouteTarget({ gatewayRefs: [], match: [{ scheme: { exact: 'ftp' } }] });
    const rendered = gatewayApi.render(broken, splitAt(0), object);
    expect(gatewayApi.observe(broken, rendered)).toEqual(splitAt(0));
    expect(gatewayApi.unsupported(broken)).toContain('gatewayRefs');
  });

  it.each([
    [{ gatewayRefs: [] }, 'gatewayRefs'],
    [{ match: [{}, { scheme: { exact: 'https' } }] }, 'service.match[1].scheme'],
    [{ match: [{ method: { prefix: 'P' } }] }, 'service.match[0].method'],
    [{ match: [{ headers: { 'x-a': { prefix: 'a' } } }] }, 'service.match[0].headers.x-a'],
    [{ match: [{ queryParams: { q: {} } }] }, 'service.match[0].queryParams.q'],
    [{ match: [{ uri: {} }] }, 'service.match[0].uri'],
    [{ corsPolicy: { allowOrigins: [{ prefix: 'https://' }] } }, 'allowOrigins'],
  ])('is refused for %j', (service, words) => {
    const odd = aRouteTarget(service);
    expect(gatewayApi.unsupported(odd)).toContain(words);
    expect(() => gatewayApi.render(odd, splitAt(0), undefined)).toThrow(
      expect.objectContaining({ kind: 'invalid', reason: 'RouteNotExpressible' }),
    );
  });

  it('has no time limits in v1beta1, and says so', () => {
    const odd = aRouteTarget({ timeout: '15s' });
    expect(gatewayApi.unsupported(odd)).toBeUndefined();
    expect(gatewayApiV1Beta1.unsupported(odd)).toContain('gatewayapi:v1');
  });

  it('sorts what a map has no order for', () => {
    const match = [
      {
        headers: { b: { exact: '1' }, a: { regex: '2' } },
        method: { exact: 'GET' },
        queryParams: { q: { exact: 'x' } },
      },
    ];
    const route = gatewayApi.render(aRouteTarget({ match }), splitAt(0), undefined);
    expect(route).toHaveProperty('spec.rules[0].matches', [
      {
        path: { type: 'PathPrefix', value: '/' },
        method: 'GET',
        headers: [
          { name: 'a', type: 'RegularExpression', value: '2' },
          { name: 'b', type: 'Exact', value: '1' },
        ],
        queryParams: [{ name: 'q', type: 'Exact', value: 'x' }],
      },
    ]);
  });
});

const shadow = (route: KubernetesObject, of = target) =>
  gatewayApi.shadowedBy(of, { apex: undefined, routes: [route] });

const schemas = resolve(
  import.meta.dirname,
  '../../../../shared/testdata/crds/gateway-api-v1.5-standard/httproutes.gateway.networking.k8s.io.yaml',
);

describe.skipIf(!existsSync(schemas))(
  'beside the schema of HTTPRoute (skipped without ../shared/testdata/crds)',
  () => {
    const full = {
      hosts: ['app.example.com'],
      gatewayRefs: [{ name: 'public' }, { name: 'mesh', kind: 'Service', group: '', port: 80 }],
      match: [
        { uri: { prefix: '/api' }, headers: { a: { exact: 'b' } } },
        { method: { exact: 'GET' } },
      ],
      rewrite: { uri: '/', authority: 'inside.example.com' },
      headers: { request: { add: { a: 'b' }, remove: ['c'] }, response: { set: { d: 'e' } } },
      mirror: [{ backendRef: { name: 'audit', port: 80 } }],
    };
    const onlyV1 = {
      timeout: '1m30s',
      backendTimeout: '500ms',
      corsPolicy: { allowOrigin: ['https://a.b'] },
    };
    it.each([
      ['v1', gatewayApi, { ...full, ...onlyV1 }],
      ['v1beta1', gatewayApiV1Beta1, full],
      ['v1', gatewayApi, {}],
    ])('leaves an API server nothing to refuse or to fill in: %s', (version, router, service) => {
      const crd: unknown = parse(readFileSync(schemas, 'utf8'));
      const stored = servedAs(version, crd);
      const aim = aRouteTarget(service);
      for (const weight of [0, 100]) {
        const route = router.render(aim, splitAt(weight), undefined);
        expect(stored(route)).toEqual(route);
        const released = router.release(aim, route);
        expect(stored(released)).toEqual(released);
      }
    });
  },
);

/** What an API server makes of an object: refused when it does not fit, and with its defaults. */
function servedAs(version: string, crd: unknown): (object: KubernetesObject) => unknown {
  const versions = member(member(crd, 'spec'), 'versions');
  const served =
    Array.isArray(versions) && versions.find((each) => member(each, 'name') === version);
  const schema = member(member(served, 'schema'), 'openAPIV3Schema');
  if (!isObject(schema)) throw new Error(`no schema for ${version}`);
  const validate = new Ajv({ strict: false, useDefaults: true, logger: false }).compile(schema);
  return (object) => {
    const copy = structuredClone(object);
    expect(validate(copy) ? [] : validate.errors).toEqual([]);
    return copy;
  };
}

describe('an older HTTPRoute with the same parent, host and match', () => {
  const rules = [{ backendRefs: [ref('other')] }];
  const old = { name: 'old', creationTimestamp: '2026-01-01T00:00:00Z' };

  it('shadows the one that would be made', () => {
    expect(shadow(aRoute(rules, {}, old))).toBe('old');
    const explicit = [{ matches: [{ path: { type: 'PathPrefix', value: '/' } }], backendRefs: [] }];
    expect(shadow(aRoute(explicit, {}, old))).toBe('old');
  });

  it('does not when parent, section, host or match differ', () => {
    const elsewhere = { parentRefs: [{ name: 'public', namespace: 'shop' }] };
    const section = aRouteTarget({
      gatewayRefs: [{ name: 'public', namespace: 'infra', sectionName: 'a' }],
    });
    const otherSection = { parentRefs: [{ name: 'public', namespace: 'infra', sectionName: 'b' }] };
    expect(shadow(aRoute(rules, elsewhere, old))).toBeUndefined();
    expect(shadow(aRoute(rules, otherSection, old), section)).toBeUndefined();
    expect(shadow(aRoute(rules, { hostnames: ['a.example.com'] }, old))).toBeUndefined();
    const narrower = [{ matches: [{ path: { value: '/api' } }], backendRefs: [] }];
    expect(shadow(aRoute(narrower, {}, old))).toBeUndefined();
  });

  it('compares header names without regard to case, and in any order', () => {
    const match = [{ headers: { 'x-a': { exact: '1' }, 'x-b': { exact: '2' } } }];
    const headers = [
      { name: 'X-B', type: 'Exact', value: '2' },
      { name: 'X-A', value: '1' },
    ];
    const route = aRoute([{ matches: [{ headers }], backendRefs: [] }], {}, old);
    expect(shadow(route, aRouteTarget({ match }))).toBe('old');
  });

  it('stops shadowing when ours is the older one', () => {
    const ours = {
      ...gatewayApi.render(target, splitAt(0), undefined),
      metadata: {
        name: 'cart',
        namespace: 'shop',
        creationTimestamp: '2026-02-01T00:00:00Z',
        ownerReferences: [made],
      },
    };
    const newer = aRoute(rules, {}, { name: 'new', creationTimestamp: '2026-03-01T00:00:00Z' });
    const seen = (route: KubernetesObject) => ({ apex: undefined, routes: [ours, route] });
    expect(gatewayApi.shadowedBy(target, seen(newer))).toBeUndefined();
    expect(gatewayApi.shadowedBy(target, seen(aRoute(rules, {}, old)))).toBe('old');
  });

  it('is also one that has the name we would take and leads elsewhere', () => {
    expect(shadow(aRoute(rules, { hostnames: ['x'] }, { name: 'cart' }))).toBe('cart');
  });
});

describe('the registry of traffic routers', () => {
  it('knows every spelling, and lists what there is for an unknown one', () => {
    expect(trafficRouters.get('gatewayapi')).toBe(trafficRouters.get('gatewayapi:v1'));
    expect(trafficRouters.get('gatewayapi:v1beta1').kind?.apiVersion).toBe(
      'gateway.networking.k8s.io/v1beta1',
    );
    expect(trafficRouters.find('isto')).toBeUndefined();
    expect(() => trafficRouters.get('isto')).toThrow(
      'unknown traffic router "isto"; known: gatewayapi, gatewayapi:v1, gatewayapi:v1beta1, kubernetes',
    );
  });
});

interface RecordedRule {
  readonly filters?: readonly {
    readonly requestMirror?: { readonly backendRef: { readonly name: string } };
  }[];
}

interface Recording {
  readonly manifests: readonly {
    readonly kind: string;
    readonly spec: { readonly service: object };
  }[];
  readonly timeline: readonly {
    readonly resource?: string;
    readonly object: KubernetesObject & {
      readonly spec: { readonly rules: readonly RecordedRule[] };
    };
  }[];
}

const recordings = resolve(import.meta.dirname, '../../../../shared/testdata/flagger-recordings');

describe.skipIf(!existsSync(recordings))(
  'beside what Flagger wrote (skipped without ../shared/testdata/flagger-recordings)',
  () => {
    it.each(['gatewayapi-weights', 'gatewayapi-bluegreen-mirror'])(
      'renders the same specs: %s',
      (scenario) => {
        const { manifests, timeline }: Recording = JSON.parse(
          readFileSync(join(recordings, `${scenario}.json`), 'utf8'),
        );
        const canary = manifests.find(({ kind }) => kind === 'Canary');
        const recorded = aRouteTarget(canary?.spec.service, {
          namespace: scenario,
          name: 'podinfo',
        });
        const written = timeline
          .filter(({ resource }) => resource === 'httproutes')
          .map(({ object }) => object);
        expect(written.length).toBeGreaterThan(2);
        for (const route of written) {
          const split = gatewayApi.observe(recorded, route);
          const plain = { ...route.spec, rules: route.spec.rules.map(withoutCanaryMirror) };
          expect(split && gatewayApi.render(recorded, split, undefined)['spec']).toEqual(plain);
          expect(gatewayApi.select(recorded, { apex: undefined, routes: [route] })).toEqual([
            route,
          ]);
        }
      },
    );
  },
);

/** Mirroring to the canary comes later; until then it is the one thing in which the routes differ. */
function withoutCanaryMirror({ filters = [], ...rule }: RecordedRule): unknown {
  const others = filters.filter(
    ({ requestMirror }) => requestMirror?.backendRef.name !== 'podinfo-canary',
  );
  return others.length === 0 ? rule : { ...rule, filters: others };
}
