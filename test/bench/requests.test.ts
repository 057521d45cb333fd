import { describe, expect, it } from 'vitest';

import { counts, isRouteWrite, type Request, tally } from './requests.ts';

function request(verb: string, resource: string, status = 200): Request {
  return { atMs: 0, verb, resource, namespace: 'shop', name: 'cart', status };
}

describe('requests to the API server', () => {
  it('are counted unless they are watches or about Leases', () => {
    expect(counts(request('list', 'services'))).toBe(true);
    expect(counts(request('watch', 'services'))).toBe(false);
    expect(counts(request('update', 'leases'))).toBe(false);
  });

  it('are added up by verb and resource, most frequent first, refusals apart', () => {
    const patch = request('patch', 'canaries/status');
    const refused = request('patch', 'canaries/status', 409);
    expect(tally([refused, patch, request('get', 'secrets'), patch])).toEqual([
      '2 patch canaries/status',
      '1 get secrets',
      '1 patch canaries/status answered 409',
    ]);
  });

  it('write a route when they were not refused', () => {
    expect(isRouteWrite(request('patch', 'httproutes'))).toBe(true);
    expect(isRouteWrite(request('patch', 'httproutes', 409))).toBe(false);
    expect(isRouteWrite(request('patch', 'httproutes/status'))).toBe(false);
    expect(isRouteWrite(request('get', 'httproutes'))).toBe(false);
  });
});
