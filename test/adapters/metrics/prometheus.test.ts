import { readFileSync } from 'node:fs';
import { createServer } from 'node:https';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import * as z from 'zod';

import { prometheus } from '../../../src/adapters/metrics/prometheus.ts';
import { metricsProviders } from '../../../src/adapters/metrics/registry.ts';
import type { MetricsAccess } from '../../../src/ports/metrics-provider.ts';
import {
  describeMetricsProvider,
  type RecordedAnswer,
} from '../../contract/metrics-provider.contract.ts';
import { StubServer } from '../http/stub-server.ts';

const Fixture = z.object({ status: z.number(), contentType: z.string(), body: z.string() });

function fixture(name: string): RecordedAnswer {
  const file = new URL(`../../fixtures/prometheus-api/${name}.json`, import.meta.url);
  return Fixture.parse(JSON.parse(readFileSync(file, 'utf8')));
}

const answers = {
  value: fixture('value'),
  noSeries: fixture('empty'),
  notANumber: fixture('nan'),
  manySeries: fixture('many-series'),
  infinities: ['inf', 'inf-negative', 'inf-scalar'].map(fixture),
  otherKinds: ['string', 'matrix', 'native-histogram'].map(fixture),
  badQueries: ['bad-query', 'execution-error'].map(fixture),
};
const given = { kind: prometheus, query: 'sum(up)', value: 1, answers };

describe('with a token', () => {
  describeMetricsProvider({ ...given, secret: { token: 'tok-4711-very-secret' } });
});

describe('with a password', () => {
  describeMetricsProvider({
    ...given,
    secret: { username: 'reader-of-all', password: 'pässword"4711' },
  });
});

describe('prometheus', () => {
  const at = Date.UTC(2026, 0, 2, 3, 4, 5, 678);
  const { signal } = new AbortController();
  let server: StubServer;

  beforeEach(async () => {
    server = await StubServer.start();
  });
  afterEach(() => server[Symbol.asyncDispose]());

  function access(more: Partial<MetricsAccess> = {}): MetricsAccess {
    return {
      type: 'prometheus',
      address: server.url,
      headers: {},
      insecureSkipVerify: false,
      secret: undefined,
      ...more,
    };
  }

  async function sample(name: string, more: Partial<MetricsAccess> = {}): Promise<unknown> {
    const { status, body } = fixture(name);
    server.answers(status, body);
    return prometheus.create(access(more)).query('sum(up)', at, signal);
  }

  it('asks for the exact moment, below the path of the address', async () => {
    await sample('value', { address: `${server.url}/tenants/a/` });
    const [request] = server.received;
    const { pathname, searchParams } = new URL(request?.path ?? '', server.url);
    expect(request).toMatchObject({ method: 'GET', body: '' });
    expect(request?.headers).not.toHaveProperty('content-type');
    expect(pathname).toBe('/tenants/a/api/v1/query');
    expect(Object.fromEntries(searchParams)).toEqual({ query: 'sum(up)', time: String(at / 1000) });
  });

  it('sends a query as it was written', async () => {
    const query = 'sum(rate(a{path=~"/x +.*", name="ä%2B&"}[1m]))\n  # per second';
    server.answers(200, answers.value.body);
    await prometheus.create(access()).query(query, at, signal);
    const { searchParams } = new URL(server.received[0]?.path ?? '', server.url);
    expect(searchParams.get('query')).toBe(query);
  });

  it('reads scalars and small numbers', async () => {
    expect(await sample('scalar')).toEqual({ kind: 'value', value: 1.5 });
    expect(await sample('exponent')).toEqual({ kind: 'value', value: 1e-9 });
  });

  it('keeps odd values among several series', async () => {
    expect(await sample('many-odd-series')).toEqual({
      kind: 'manySeries',
      values: [Number.NaN, Number.POSITIVE_INFINITY, 3],
    });
  });

  it.each(['', 'null', '0x10', '1_000'])('does not take the text %j for a number', async (text) => {
    const body = { status: 'success', data: { resultType: 'scalar', result: [1, text] } };
    server.answers(200, JSON.stringify(body));
    const failure = prometheus.create(access()).query('1', at, signal);
    await expect(failure).rejects.toMatchObject({ kind: 'invalid' });
  });

  it('passes on why a query cannot run', async () => {
    await expect(sample('bad-query')).rejects.toThrow(
      '1:5: parse error: unclosed left parenthesis',
    );
  });

  it('sends every value of every header, and logs in', async () => {
    await sample('value', { headers: { 'X-Tenant': ['a', 'b'] }, secret: { token: 'tok\n' } });
    expect(server.received[0]?.headers).toMatchObject({
      'x-tenant': 'a, b',
      authorization: 'Bearer tok',
    });
  });

  it('logs in with a name and a password, from the Secret or the address', async () => {
    await sample('value', { secret: { username: 'u', password: 'p' } });
    expect(server.received[0]?.headers['authorization']).toBe('Basic dTpw');
    await sample('value', { address: server.url.replace('//', '//me:p%40ss@') });
    const expected = `Basic ${Buffer.from('me:p@ss').toString('base64')}`;
    expect(server.received[0]?.headers['authorization']).toBe(expected);
  });

  it('prefers a token to a password', async () => {
    await sample('value', { secret: { token: 't', username: 'u', password: 'p' } });
    expect(server.received[0]?.headers['authorization']).toBe('Bearer t');
  });

  it.each([{}, { other: 'x' }, { username: 'u' }, { password: 'p' }, { 'tls.crt': 'x' }])(
    'refuses a Secret with %j and names the keys',
    (secret) => {
      expect(() => prometheus.create(access({ secret }))).toThrow(/token, username with password/);
    },
  );

  it('refuses certificates that cannot be read, without showing them', () => {
    const secret = { 'tls.crt': 'no certificate 4711', 'tls.key': 'no key 4711' };
    const create = (): unknown => prometheus.create(access({ secret }));
    expect(create).toThrow(expect.objectContaining({ kind: 'invalid' }));
    expect(create).toThrow(/^(?!.*4711)/);
  });

  it('does not take its proxy from the environment', async () => {
    const before = process.env['HTTP_PROXY'];
    process.env['HTTP_PROXY'] = 'http://127.0.0.1:1';
    try {
      expect(await sample('value')).toEqual({ kind: 'value', value: 1 });
    } finally {
      if (before === undefined) delete process.env['HTTP_PROXY'];
      else process.env['HTTP_PROXY'] = before;
    }
  });

  it('asks once more when an idle connection had gone', async () => {
    await sample('value');
    const { body } = answers.value;
    server.does({ kind: 'reset' }, { kind: 'answer', status: 200, body });
    const result = await prometheus.create(access()).query('sum(up)', at, signal);
    expect(result).toEqual({ kind: 'value', value: 1 });
    expect(server.received).toHaveLength(2);
  });
});

const pem = (name: string): string =>
  readFileSync(new URL(`../../fixtures/prometheus-api/${name}`, import.meta.url), 'utf8');

describe('prometheus behind TLS', () => {
  const server = createServer(
    {
      cert: pem('server.crt'),
      key: pem('server.key'),
      ca: pem('server.crt'),
      requestCert: true,
      rejectUnauthorized: false,
    },
    (request, response) => {
      clients.push('authorized' in request.socket && request.socket.authorized === true);
      response.end(answers.value.body);
    },
  );
  const clients: boolean[] = [];
  let address = '';

  beforeAll(async () => {
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const bound = server.address();
    address = `https://127.0.0.1:${typeof bound === 'object' ? bound?.port : ''}`;
  });
  afterAll(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });

  const ask = (more: Partial<MetricsAccess>): Promise<unknown> =>
    prometheus
      .create({
        type: 'prometheus',
        address,
        headers: {},
        insecureSkipVerify: false,
        secret: undefined,
        ...more,
      })
      .query('sum(up)', 1_000, new AbortController().signal);

  it('does not trust a certificate that nobody vouches for', async () => {
    await expect(ask({})).rejects.toMatchObject({ kind: 'unavailable' });
    await expect(ask({})).rejects.toThrow('SELF_SIGNED');
  });

  it('trusts it when told not to verify', async () => {
    expect(await ask({ insecureSkipVerify: true })).toEqual({ kind: 'value', value: 1 });
  });

  it('trusts the authority in the Secret, and shows its own certificate', async () => {
    expect(await ask({ secret: { 'ca.crt': pem('server.crt') } })).toEqual({
      kind: 'value',
      value: 1,
    });
    expect(clients.at(-1)).toBe(false);
    const secret = {
      ca: pem('server.crt'),
      'tls.crt': pem('server.crt'),
      'tls.key': pem('server.key'),
    };
    expect(await ask({ secret })).toEqual({ kind: 'value', value: 1 });
    expect(clients.at(-1)).toBe(true);
  });
});

describe('metrics providers', () => {
  it('names the known ones to who asks for another', () => {
    expect(() => metricsProviders.get('promethius')).toThrow(
      'unknown metrics provider "promethius"; known: prometheus',
    );
  });

  it('finds each by its name', () => {
    for (const name of metricsProviders.names) expect(metricsProviders.get(name).name).toBe(name);
  });
});
