import { describe, expect, it } from 'vitest';

import { classify, counts, tally } from './requests.ts';

const classified = (method: string, path: string, query = {}) => {
  const { verb, resource, namespace, name } = classify({ method, path, query });
  return [verb, resource, namespace, name].join(' ').trim();
};

describe('requests to an API server', () => {
  it.each([
    ['GET', '/api/v1/namespaces/shop/services', 'list services shop'],
    ['GET', '/api/v1/namespaces/shop/services/cart', 'get services shop cart'],
    ['GET', '/api/v1/services', 'list services'],
    ['GET', '/api/v1/namespaces/shop', 'get namespaces  shop'],
    ['GET', '/api/v1/namespaces', 'list namespaces'],
    ['POST', '/api/v1/namespaces/shop/events', 'create events shop'],
    [
      'PATCH',
      '/apis/serin.dev/v1beta1/namespaces/shop/canaries/cart/status',
      'patch canaries/status shop cart',
    ],
    ['DELETE', '/apis/apps/v1/namespaces/shop/deployments/cart', 'delete deployments shop cart'],
    ['PUT', '/apis/coordination.k8s.io/v1/namespaces/x/leases/serin', 'update leases x serin'],
    [
      'GET',
      '/apis/apiextensions.k8s.io/v1/customresourcedefinitions/a.b',
      'get customresourcedefinitions  a.b',
    ],
    ['GET', '/readyz', 'get /readyz'],
  ])('are named by verb, resource, namespace and name: %s %s', (method, path, expected) => {
    expect(classified(method, path)).toBe(expected);
  });

  it('are counted unless they are watches or about Leases', () => {
    const watch = classify({ method: 'GET', path: '/api/v1/services', query: { watch: 'true' } });
    const lease = classify({
      method: 'PUT',
      path: '/apis/coordination.k8s.io/v1/namespaces/x/leases/serin',
      query: {},
    });
    const list = classify({ method: 'GET', path: '/api/v1/services', query: {} });
    expect([watch, lease, list].map(counts)).toEqual([false, false, true]);
  });

  it('are added up, most frequent first', () => {
    const get = classify({ method: 'GET', path: '/api/v1/namespaces/a/secrets/b', query: {} });
    const list = classify({ method: 'GET', path: '/api/v1/services', query: {} });
    expect(tally([list, get, get])).toEqual(['2 get secrets', '1 list services']);
  });
});
