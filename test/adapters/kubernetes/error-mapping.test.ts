import { describe, expect, it } from 'vitest';

import { errorFor, type Verb } from '../../../src/adapters/kubernetes/error-mapping.ts';
import { statusOf } from './scripted-transport.ts';

const about = (verb: Verb) =>
  ({ verb, resource: 'httproutes', namespace: 'shop', name: 'cart' }) as const;

describe('an answer of the API server', () => {
  it.each([
    [409, 'Conflict', 'patch', 'conflict', 'Conflict'],
    [409, 'AlreadyExists', 'create', 'conflict', 'AlreadyExists'],
    [404, 'NotFound', 'patch', 'conflict', 'Gone'],
    [404, 'NotFound', 'create', 'unavailable', 'ApiServerUnavailable'],
    [401, 'Unauthorized', 'get', 'denied', 'Unauthenticated'],
    [403, 'Forbidden', 'patch', 'denied', 'Forbidden'],
    [400, 'BadRequest', 'patch', 'invalid', 'RefusedByServer'],
    [415, 'UnsupportedMediaType', 'patch', 'invalid', 'RefusedByServer'],
    [422, 'Invalid', 'create', 'invalid', 'RefusedByServer'],
    [429, 'TooManyRequests', 'patch', 'unavailable', 'TooManyRequests'],
    [500, 'InternalError', 'patch', 'unavailable', 'ApiServerUnavailable'],
    [503, 'ServiceUnavailable', 'get', 'unavailable', 'ApiServerUnavailable'],
    [302, '', 'get', 'unavailable', 'ApiServerUnavailable'],
  ] as const)('%i %s to a %s is %s/%s', (status, reason, verb, kind, ours) => {
    expect(errorFor(statusOf(status, reason), about(verb))).toMatchObject({ kind, reason: ours });
  });

  it('that forbids names verb, resource and namespace, and what to give', () => {
    const said = 'User "system:serviceaccount:serin:serin" cannot patch resource "httproutes"';
    const error = errorFor(statusOf(403, 'Forbidden', said), about('patch'));
    expect(error.message).toBe(
      'may not patch httproutes in shop: give the ServiceAccount of the operator the verb "patch" on "httproutes"',
    );
  });

  it('of an admission controller is quoted, not taken for a missing role', () => {
    const said = 'admission webhook "policy.example.com" denied the request: no routes on Fridays';
    const error = errorFor(statusOf(403, 'Forbidden', said), about('patch'));
    expect(error.message).toContain('no routes on Fridays');
    expect(error.message).not.toContain('ServiceAccount');
  });

  it('carries how long the server wants to be left alone', () => {
    expect(errorFor(statusOf(429, '', '', 7_000), about('patch'))).toMatchObject({
      retryAfterMs: 7_000,
    });
  });

  it('that is no Status is not quoted: something in between wrote it', () => {
    const page = { status: 502, body: '<html>token=hunter2</html>' };
    const error = errorFor(page, about('get'));
    expect(JSON.stringify([error.message, error.details])).not.toContain('hunter2');
  });

  it('that is very long is cut', () => {
    const error = errorFor(statusOf(422, 'Invalid', 'x'.repeat(10_000)), about('patch'));
    expect(error.message.length).toBeLessThan(700);
  });
});
