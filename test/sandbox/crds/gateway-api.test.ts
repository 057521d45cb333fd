import { existsSync, globSync, readFileSync } from 'node:fs';

import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';

import { isObject } from '../../../src/sandbox/api-server/json.ts';
import { gatewayApiDefinitions } from '../../../src/sandbox/crds/gateway-api.ts';
import { Cluster } from '../api-server/cluster.ts';

const CRDS = new URL('../../../../shared/testdata/crds/', import.meta.url).pathname;
const STANDARD = `${CRDS}gateway-api-v1.5-standard/`;
const hasTestdata = existsSync(CRDS);
const WITHOUT = hasTestdata ? '' : ' (skipped: ../shared/testdata is not there)';

const ROUTES = '/apis/gateway.networking.k8s.io/v1/namespaces/default/httproutes';
const GATEWAYS = '/apis/gateway.networking.k8s.io/v1/namespaces/default/gateways';
const CLASSES = '/apis/gateway.networking.k8s.io/v1/gatewayclasses';

const ref = (name: string, more: object = {}) => ({ name, port: 80, ...more });

function route(name: string, spec: object): object {
  return {
    apiVersion: 'gateway.networking.k8s.io/v1',
    kind: 'HTTPRoute',
    metadata: { name },
    spec: { parentRefs: [{ name: 'gw' }], ...spec },
  };
}

const modifier = { set: [{ name: 'x-canary', value: 'yes' }], remove: ['x-old'] };

const accepted = [
  route('bare', {}),
  route('weights', {
    rules: [{ backendRefs: [ref('a', { weight: 90 }), ref('b', { weight: 10 })] }],
  }),
  route('hosts', {
    hostnames: ['shop.example', '*.shop.example'],
    rules: [{ backendRefs: [ref('a')] }],
  }),
  route('matches', {
    rules: [
      {
        matches: [
          { path: { type: 'Exact', value: '/cart' }, method: 'GET' },
          { headers: [{ name: 'x-user', value: 'me' }] },
          { queryParams: [{ name: 'v', type: 'RegularExpression', value: '^2' }] },
        ],
        backendRefs: [ref('a')],
      },
    ],
  }),
  route('filters', {
    rules: [
      {
        filters: [
          { type: 'RequestHeaderModifier', requestHeaderModifier: modifier },
          { type: 'RequestMirror', requestMirror: { backendRef: ref('b'), percent: 10 } },
          { type: 'CORS', cors: { allowOrigins: ['https://shop.example'] } },
        ],
        backendRefs: [
          ref('a', {
            filters: [{ type: 'ResponseHeaderModifier', responseHeaderModifier: modifier }],
          }),
        ],
        timeouts: { request: '10s', backendRequest: '2s' },
      },
    ],
  }),
  route('redirect', {
    rules: [{ filters: [{ type: 'RequestRedirect', requestRedirect: { scheme: 'https' } }] }],
  }),
  route('rewrite', {
    rules: [
      {
        filters: [
          {
            type: 'URLRewrite',
            urlRewrite: { path: { type: 'ReplacePrefixMatch', replacePrefixMatch: '/' } },
          },
        ],
        backendRefs: [ref('a')],
      },
    ],
  }),
  route('unknown', { rules: [{ backendRefs: [ref('a', { colour: 'red' })], shape: 1 }], size: 2 }),
];

const refused = [
  route('no-port', { rules: [{ backendRefs: [{ name: 'a' }] }] }),
  route('relative-path', { rules: [{ matches: [{ path: { value: 'cart' } }] }] }),
  route('double-slash', { rules: [{ matches: [{ path: { value: '/a//b' } }] }] }),
  route('bad-host', { hostnames: ['Shop!'] }),
  route('negative', { rules: [{ backendRefs: [ref('a', { weight: -1 })] }] }),
  route('no-rules', { rules: [] }),
  route('filter-type', { rules: [{ filters: [{ type: 'URLRewrite' }] }] }),
  route('filter-twice', {
    rules: [
      {
        filters: [
          { type: 'RequestHeaderModifier', requestHeaderModifier: modifier },
          { type: 'RequestHeaderModifier', requestHeaderModifier: modifier },
        ],
      },
    ],
  }),
  route('redirect-backend', {
    rules: [
      {
        filters: [{ type: 'RequestRedirect', requestRedirect: { scheme: 'https' } }],
        backendRefs: [ref('a')],
      },
    ],
  }),
  route('timeouts', { rules: [{ timeouts: { request: '1s', backendRequest: '2s' } }] }),
  route('same-parent', { parentRefs: [{ name: 'gw' }, { name: 'gw' }] }),
  route('rewrite-two', {
    rules: [
      {
        matches: [{ path: { value: '/a' } }, { path: { value: '/b' } }],
        filters: [
          {
            type: 'URLRewrite',
            urlRewrite: { path: { type: 'ReplacePrefixMatch', replacePrefixMatch: '/' } },
          },
        ],
      },
    ],
  }),
  route('headers-twice', {
    rules: [
      {
        matches: [
          {
            headers: [
              { name: 'a', value: '1' },
              { name: 'a', value: '2' },
            ],
          },
        ],
      },
    ],
  }),
];

/** What was stored, without what differs from server to server. */
function stored(body: unknown): unknown {
  if (!isObject(body)) return body;
  return { kind: body['kind'], spec: body['spec'], status: body['status'] };
}

function fieldsOf(body: unknown): readonly unknown[] {
  const details = isObject(body) ? body['details'] : undefined;
  const causes = isObject(details) ? details['causes'] : undefined;
  const list = Array.isArray(causes) ? causes : [];
  return list
    .map((cause) => (isObject(cause) ? [cause['reason'], cause['field']] : cause))
    .map((cause) => JSON.stringify(cause))
    .sort();
}

function upstream(folder: string): readonly object[] {
  return globSync(`${folder}/*.yaml`).map((file) => parse(readFileSync(file, 'utf8')) as object);
}

describe('our Gateway API definitions', () => {
  const ours = new Cluster({ definitions: gatewayApiDefinitions });

  it('fills in the defaults of the real ones', () => {
    const { status, body } = ours.create(ROUTES, accepted[1]);
    expect(status).toBe(201);
    expect(body).toMatchObject({
      spec: {
        parentRefs: [{ group: 'gateway.networking.k8s.io', kind: 'Gateway', name: 'gw' }],
        rules: [
          {
            matches: [{ path: { type: 'PathPrefix', value: '/' } }],
            backendRefs: [{ group: '', kind: 'Service', weight: 90 }, { weight: 10 }],
          },
        ],
      },
    });
  });

  it('serves every route in v1beta1 too', () => {
    const { body } = ours.get(`${ROUTES.replace('/v1/', '/v1beta1/')}/weights`);
    expect(body).toMatchObject({
      apiVersion: 'gateway.networking.k8s.io/v1beta1',
      kind: 'HTTPRoute',
    });
  });

  it.each(refused.map((body) => ({ body })))('refuses $body.metadata.name', ({ body }) => {
    expect(ours.create(ROUTES, body)).toMatchObject({ status: 422, body: { reason: 'Invalid' } });
  });

  it('shows a Gateway as waiting until its controller has spoken', () => {
    const { body } = ours.create(GATEWAYS, {
      apiVersion: 'gateway.networking.k8s.io/v1',
      kind: 'Gateway',
      metadata: { name: 'gw' },
      spec: {
        gatewayClassName: 'sandbox',
        listeners: [{ name: 'http', port: 80, protocol: 'HTTP' }],
      },
    });
    expect(body).toMatchObject({
      spec: { listeners: [{ allowedRoutes: { namespaces: { from: 'Same' } } }] },
      status: { conditions: [{ type: 'Accepted', status: 'Unknown' }, { type: 'Programmed' }] },
    });
  });

  it('keeps the controller of a GatewayClass', () => {
    const body = {
      apiVersion: 'gateway.networking.k8s.io/v1',
      kind: 'GatewayClass',
      metadata: { name: 'sandbox' },
      spec: { controllerName: 'serin.dev/sandbox' },
    };
    expect(ours.create(CLASSES, body).status).toBe(201);
    const change = { spec: { controllerName: 'other.dev/gateway' } };
    expect(ours.merge(`${CLASSES}/sandbox`, change).status).toBe(422);
  });
});

describe.skipIf(!hasTestdata)(`beside the real Gateway API definitions${WITHOUT}`, () => {
  const ours = new Cluster({ definitions: gatewayApiDefinitions });
  const theirs = new Cluster({ definitions: hasTestdata ? upstream(STANDARD) : [] });

  it.each(accepted.map((body) => ({ body })))('stores $body.metadata.name alike', ({ body }) => {
    const real = theirs.create(ROUTES, body);
    expect(real.status).toBe(201);
    const own = ours.create(ROUTES, body);
    expect(stored(own.body)).toEqual(stored(real.body));
    expect(own.headers).toEqual(real.headers);
  });

  it.each(refused.map((body) => ({ body })))('refuses $body.metadata.name alike', ({ body }) => {
    const real = theirs.create(ROUTES, body);
    const own = ours.create(ROUTES, body);
    expect([real.status, own.status]).toEqual([422, 422]);
    expect(fieldsOf(own.body)).toEqual(fieldsOf(real.body));
  });
});

describe.skipIf(!hasTestdata)(`definitions of other systems${WITHOUT}`, () => {
  const files = hasTestdata ? globSync(`${CRDS}*/*.yaml`).sort() : [];
  const cases = files.map((file) => ({ file, name: file.slice(CRDS.length) }));

  it.each(cases)('installs $name', ({ file }) => {
    const cluster = new Cluster();
    const definition: unknown = parse(readFileSync(file, 'utf8'));
    const path = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions';
    const { status, body } = cluster.create(path, definition);
    expect({ status, message: isObject(body) ? body['message'] : '' }).toMatchObject({
      status: 201,
    });
    const name = isObject(body) && isObject(body['metadata']) ? body['metadata']['name'] : '';
    expect(cluster.get(`${path}/${String(name)}`).body).toMatchObject({
      status: { conditions: [{ type: 'NamesAccepted' }, { type: 'Established', status: 'True' }] },
    });
  });
});
