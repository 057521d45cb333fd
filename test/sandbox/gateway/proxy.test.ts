import { Agent, createServer, type IncomingMessage, request, type ServerResponse } from 'node:http';
import { text } from 'node:stream/consumers';
import { afterEach, describe, expect, it } from 'vitest';

import type { EndpointSlice } from '../../../src/sandbox/controllers/objects.ts';
import { startProxy } from '../../../src/sandbox/gateway/proxy.ts';
import type { RouteRule } from '../../../src/sandbox/gateway/route-objects.ts';
import { RoutingTable } from '../../../src/sandbox/gateway/routing-table.ts';
import { listen } from '../../../src/sandbox/listening.ts';
import { objects, route, slice, weighted } from './fixtures.ts';

const HOST = 'shop.example.com';
const agent = new Agent({ keepAlive: true });
const closers: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

type Handler = (incoming: IncomingMessage, response: ServerResponse) => void;

/** A backend that says its name; answers with its port. */
async function backend(handler: Handler): Promise<number> {
  const server = await listen(createServer(handler));
  closers.push(() => server.close());
  return server.port;
}

const says =
  (name: string): Handler =>
  (_, response) => {
    response.setHeader('x-app-version', name);
    response.end(name);
  };

function at(service: string, port: number): EndpointSlice {
  return slice(service, [{ pod: `${service}-0`, address: '127.0.0.1', port }]);
}

/** A gateway over a table that the test may exchange. */
async function gatewayOver(first: RoutingTable) {
  let table = first;
  const proxy = await startProxy(() => table);
  closers.push(() => proxy.close());
  return {
    port: proxy.port,
    use: (next: RoutingTable) => {
      table = next;
    },
  };
}

interface Answer {
  readonly status: number;
  readonly body: string;
  readonly headers: IncomingMessage['headers'];
}

function call(port: number, options: object = {}, body?: string): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const outgoing = request({ port, agent, headers: { host: HOST }, ...options });
    outgoing.on('error', reject);
    outgoing.on('response', (response) => {
      const { statusCode: status = 0, headers } = response;
      text(response).then((whole) => resolve({ status, body: whole, headers }), reject);
    });
    outgoing.end(body);
  });
}

function tableOf(rule: RouteRule, slices: readonly EndpointSlice[]): RoutingTable {
  return new RoutingTable(objects([route([rule])], slices));
}

describe('gateway proxy', () => {
  it('shares requests exactly by weight, and by the new one as soon as it changes', async () => {
    const slices = [
      at('cart-primary', await backend(says('primary'))),
      at('cart-canary', await backend(says('canary'))),
    ];
    const split = (canary: number) =>
      tableOf({ backendRefs: weighted(100 - canary, canary) }, slices);
    const gateway = await gatewayOver(split(10));
    const answers = async () => {
      const all = await Promise.all(Array.from({ length: 100 }, () => call(gateway.port)));
      expect(all.every(({ status }) => status === 200)).toBe(true);
      return all.filter(({ body }) => body === 'canary').length;
    };
    expect(await answers()).toBe(10);
    gateway.use(split(60));
    expect(await answers()).toBe(60);
    gateway.use(split(0));
    expect(await answers()).toBe(0);
  });

  it('asks the next pod when one refuses the connection', async () => {
    const gone = await listen(createServer());
    await gone.close();
    const alive = await backend(says('alive'));
    const slices = [
      slice('cart-primary', [{ pod: 'gone', address: '127.0.0.1', port: gone.port }]),
      { ...slice('cart-primary', [{ pod: 'alive', address: '127.0.0.1', port: alive }]) },
    ];
    const gateway = await gatewayOver(tableOf({ backendRefs: weighted(100, 0) }, slices));
    const posted = { method: 'POST', headers: { host: HOST, 'content-length': 2 } };
    for (let i = 0; i < 4; i++) {
      expect((await call(gateway.port)).body).toBe('alive');
      expect((await call(gateway.port, posted, 'hi')).body).toBe('alive');
    }
  });

  it('waits a moment for the endpoints to follow when all of them refuse', async () => {
    const gone = await listen(createServer());
    await gone.close();
    const rule = { backendRefs: weighted(100, 0) };
    const gateway = await gatewayOver(tableOf(rule, [at('cart-primary', gone.port)]));
    const answer = call(gateway.port);
    const alive = await backend(says('alive'));
    gateway.use(tableOf(rule, [at('cart-primary', alive)]));
    expect(await answer).toMatchObject({ status: 200, body: 'alive' });
  });

  it('does not send a request with a body twice', async () => {
    let seen = 0;
    const port = await backend((incoming) => {
      seen++;
      incoming.on('data', () => incoming.socket.destroy());
    });
    const gateway = await gatewayOver(
      tableOf({ backendRefs: weighted(1, 0) }, [at('cart-primary', port)]),
    );
    const { status } = await call(gateway.port, { method: 'POST' }, 'an order');
    expect({ status, seen }).toEqual({ status: 502, seen: 1 });
  });

  it('lets requests under way finish when their backend loses its weight', async () => {
    const held = Promise.withResolvers<ServerResponse>();
    const slow = await backend((_, response) => held.resolve(response));
    const quick = at('cart-primary', await backend(says('primary')));
    const onlyCanary = { backendRefs: weighted(0, 100) };
    const gateway = await gatewayOver(tableOf(onlyCanary, [quick, at('cart-canary', slow)]));
    const underWay = call(gateway.port);
    const response = await held.promise;
    gateway.use(tableOf({ backendRefs: weighted(100, 0) }, [quick]));
    expect((await call(gateway.port)).body).toBe('primary');
    response.end('slow but whole');
    expect(await underWay).toMatchObject({ status: 200, body: 'slow but whole' });
  });

  it('says what is missing: route, backend, endpoint', async () => {
    const gateway = await gatewayOver(tableOf({ backendRefs: weighted(1, 0) }, []));
    expect(await call(gateway.port)).toMatchObject({
      status: 503,
      body: 'no ready endpoint behind Service shop/cart-primary port 80\n',
    });
    expect(await call(gateway.port, { headers: { host: 'nobody' } })).toMatchObject({
      status: 404,
      body: 'no route for host "nobody"\n',
    });
    gateway.use(tableOf({ backendRefs: [{ name: 'lost', port: 80 }] }, []));
    expect(await call(gateway.port)).toMatchObject({
      status: 500,
      body: 'Service shop/lost not found\n',
    });
  });

  it('rewrites, modifies headers both ways and keeps the query', async () => {
    const seen: { url?: string | undefined; headers?: IncomingMessage['headers'] } = {};
    const port = await backend((incoming, response) => {
      seen.url = incoming.url;
      seen.headers = incoming.headers;
      response.setHeader('x-internal', 'secret').end('ok');
    });
    const rule: RouteRule = {
      matches: [{ path: { type: 'PathPrefix', value: '/api' } }],
      filters: [
        {
          type: 'URLRewrite',
          urlRewrite: {
            hostname: 'inner',
            path: { type: 'ReplacePrefixMatch', replacePrefixMatch: '/' },
          },
        },
        {
          type: 'RequestHeaderModifier',
          requestHeaderModifier: { set: [{ name: 'X-From', value: 'gw' }] },
        },
        { type: 'ResponseHeaderModifier', responseHeaderModifier: { remove: ['x-internal'] } },
      ],
      backendRefs: weighted(1, 0),
    };
    const gateway = await gatewayOver(tableOf(rule, [at('cart-primary', port)]));
    const answer = await call(gateway.port, { path: '/api/items?n=1' });
    expect(seen.url).toBe('/items?n=1');
    expect(seen.headers).toMatchObject({ host: 'inner', 'x-from': 'gw', 'x-forwarded-host': HOST });
    expect(answer.headers).not.toHaveProperty('x-internal');
  });

  it('mirrors bodies without changing the answer', async () => {
    const copies: Promise<string>[] = [];
    const copy = await backend((incoming, response) => {
      copies.push(text(incoming));
      response.writeHead(500).end();
    });
    const main = await backend((incoming, response) => incoming.pipe(response));
    const rule: RouteRule = {
      filters: [
        { type: 'RequestMirror', requestMirror: { backendRef: { name: 'cart-canary', port: 80 } } },
      ],
      backendRefs: weighted(1, 0),
    };
    const gateway = await gatewayOver(
      tableOf(rule, [at('cart-primary', main), at('cart-canary', copy)]),
    );
    expect(await call(gateway.port, { method: 'POST' }, 'an order')).toMatchObject({
      status: 200,
      body: 'an order',
    });
    await expect.poll(() => copies.length).toBe(1);
    expect(await copies[0]).toBe('an order');
  });

  it('answers 504 when a backend takes longer than the rule allows', async () => {
    const port = await backend(() => {});
    const rule = { backendRefs: weighted(1, 0), timeouts: { request: '30ms' } };
    const gateway = await gatewayOver(tableOf(rule, [at('cart-primary', port)]));
    expect((await call(gateway.port)).status).toBe(504);
  });
});
