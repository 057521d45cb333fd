import { describe, expect, it } from 'vitest';

import { apiVersionOf, groupOf } from '../../../src/api/group.ts';
import { keyText, refKey, refOf } from '../../../src/api/object.ts';

describe('an object', () => {
  const service = {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: 'cart', namespace: 'shop' },
  };

  it('is named by version, kind, namespace and name', () => {
    expect(refOf(service)).toEqual({
      apiVersion: 'v1',
      kind: 'Service',
      namespace: 'shop',
      name: 'cart',
    });
    expect(refKey(refOf(service))).toBe('v1/Service/shop/cart');
    expect(keyText(refOf(service))).toBe('shop/cart');
  });

  it('has the empty namespace when it is in none', () => {
    expect(refOf({ ...service, metadata: { name: 'cart' } }).namespace).toBe('');
  });

  it('has another key when any part of its name differs', () => {
    const ref = refOf(service);
    const others = [{ apiVersion: 'v2' }, { kind: 'Pod' }, { namespace: 'x' }, { name: 'x' }];
    for (const other of others) expect(refKey({ ...ref, ...other })).not.toBe(refKey(ref));
  });
});

describe('a group', () => {
  it('is known by its apiVersion', () => {
    expect(groupOf('serin.dev/v1beta1')).toBe('serin.dev');
    expect(groupOf(apiVersionOf('flagger.app'))).toBe('flagger.app');
    expect(groupOf('flagger.app/v1alpha3')).toBeUndefined();
    expect(groupOf('apps/v1')).toBeUndefined();
  });
});
