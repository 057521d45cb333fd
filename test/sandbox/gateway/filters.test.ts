import { describe, expect, it } from 'vitest';

import {
  modifyRequestHeaders,
  modifyResponseHeaders,
  ownAnswer,
  rewritePath,
} from '../../../src/sandbox/gateway/filters.ts';
import { limitMs } from '../../../src/sandbox/gateway/durations.ts';
import { plainRequest, type RequestFacts } from '../../../src/sandbox/gateway/matching.ts';

function preflight(origin: string): RequestFacts {
  const headers = { origin, 'access-control-request-method': 'PUT' };
  return { ...plainRequest('a'), method: 'OPTIONS', headers };
}

describe('gateway filters', () => {
  it.each([
    ['/foo/bar', '/foo', '/xyz', '/xyz/bar'],
    ['/foo/bar', '/foo/', '/xyz', '/xyz/bar'],
    ['/foo/bar', '/foo', '/xyz/', '/xyz/bar'],
    ['/foo', '/foo', '/xyz', '/xyz'],
    ['/foo/', '/foo', '/xyz', '/xyz/'],
    ['/foo/bar', '/foo', '/', '/bar'],
    ['/foo', '/foo', '/', '/'],
    ['/foo', '/', '/api', '/api/foo'],
  ])('replaces in %s the prefix %s by %s', (path, prefix, replacement, expected) => {
    const match = { path: { type: 'PathPrefix', value: prefix } };
    const modifier = { type: 'ReplacePrefixMatch', replacePrefixMatch: replacement };
    expect(rewritePath(path, modifier, match)).toBe(expected);
  });

  it('sets, adds and removes headers whatever their case', () => {
    const requestHeaderModifier = {
      set: [{ name: 'X-A', value: '2' }],
      add: [{ name: 'X-B', value: 'more' }],
      remove: ['X-Debug'],
    };
    const headers = { 'x-a': '1', 'x-b': 'some', 'x-debug': 'on', host: 'h' };
    const filters = [{ type: 'RequestHeaderModifier', requestHeaderModifier }];
    expect(modifyRequestHeaders(filters, headers)).toEqual({
      'x-a': '2',
      'x-b': ['some', 'more'],
      host: 'h',
    });
  });

  it('redirects with the port of the new scheme left out', () => {
    const request = { ...plainRequest('a.example.com', '/x'), port: 8080 };
    const toHttps = {
      type: 'RequestRedirect',
      requestRedirect: { scheme: 'https', statusCode: 301 },
    };
    expect(ownAnswer([toHttps], request, {})).toEqual({
      status: 301,
      headers: { location: 'https://a.example.com/x' },
    });
    const elsewhere = { type: 'RequestRedirect', requestRedirect: { hostname: 'b.example.com' } };
    expect(ownAnswer([elsewhere], request, {})?.headers).toEqual({
      location: 'http://b.example.com:8080/x',
    });
  });

  it('answers a preflight for an allowed origin only', () => {
    const cors = {
      allowOrigins: ['https://*.example.com'],
      allowMethods: ['GET', 'PUT'],
      maxAge: 60,
    };
    const filters = [{ type: 'CORS', cors }];
    expect(ownAnswer(filters, preflight('https://a.example.com'), {})?.headers).toMatchObject({
      'access-control-allow-origin': 'https://a.example.com',
      'access-control-allow-methods': 'GET, PUT',
      'access-control-max-age': '60',
    });
    expect(ownAnswer(filters, preflight('https://example.org'), {})).toEqual({
      status: 200,
      headers: {},
    });
    const get = { ...plainRequest('a'), headers: { origin: 'https://a.example.com' } };
    expect(ownAnswer(filters, get, {})).toBeUndefined();
    expect(modifyResponseHeaders(filters, {}, get)).toMatchObject({
      'access-control-allow-origin': 'https://a.example.com',
    });
  });

  it('reads durations, and takes zero for no limit', () => {
    expect([limitMs('1h10m'), limitMs('500ms'), limitMs('0s'), limitMs(undefined)]).toEqual([
      4_200_000,
      500,
      undefined,
      undefined,
    ]);
  });
});
