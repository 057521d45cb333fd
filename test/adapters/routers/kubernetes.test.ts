import { describe, expect, it } from 'vitest';

import { asService } from '../../../src/api/narrow.ts';
import type { KubernetesObject } from '../../../src/api/object.ts';
import { kubernetes } from '../../../src/adapters/routers/kubernetes.ts';
import { splitAt } from '../../../src/core/traffic.ts';
import { describeTrafficRouter } from '../../contract/traffic-router.contract.ts';
import { aRouteTarget } from './route-target.ts';

const target = aRouteTarget();

function anApex(selector: Readonly<Record<string, string>> | undefined): KubernetesObject {
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: {
      name: 'cart',
      namespace: 'shop',
      labels: { team: 'checkout' },
      annotations: { a: 'b' },
    },
    spec: {
      ...(selector === undefined ? {} : { selector }),
      ports: [
        { port: 80, nodePort: 30_000 },
        { port: 81, name: 'admin' },
      ],
      clusterIP: '10.0.0.1',
      type: 'NodePort',
    },
  };
}

function allButSelector(object: KubernetesObject): unknown {
  return { ...object, spec: { ...asService(object).spec, selector: 'ours' } };
}

describeTrafficRouter({
  router: kubernetes,
  target,
  strangers: [],
  existing: [
    {
      name: 'an apex Service that selects the target',
      object: anApex({ app: 'cart' }),
      foreign: allButSelector,
      unobservable: true,
    },
    {
      name: 'an apex Service that selects by something else',
      object: anApex({ tier: 'front', track: 'stable' }),
      foreign: allButSelector,
      unobservable: true,
    },
    {
      name: 'an apex Service without selector',
      object: anApex(undefined),
      foreign: allButSelector,
      unobservable: true,
    },
    {
      name: 'an apex Service on the primary',
      object: anApex({ app: 'cart-primary' }),
      foreign: allButSelector,
      unobservable: true,
    },
  ],
});

describe('traffic by selector', () => {
  it('asks for the one side and nothing else', () => {
    const narrow = anApex({ app: 'cart-primary', tier: 'front' });
    expect(asService(kubernetes.render(target, splitAt(0), narrow)).spec.selector).toEqual({
      app: 'cart-primary',
    });
  });

  it('cannot be split', () => {
    expect(() => kubernetes.render(target, splitAt(50), anApex({ app: 'cart' }))).toThrow('50 %');
  });

  it('waits for the apex Service, which is made elsewhere', () => {
    expect(() => kubernetes.render(target, splitAt(0), undefined)).toThrow(
      expect.objectContaining({ kind: 'waiting', reason: 'ServiceMissing' }),
    );
    expect(kubernetes.select(target, { apex: undefined, routes: [] })).toEqual([]);
  });

  it('is seen on the canary when an adopted selector was taken back', () => {
    const adopted = anApex({ app: 'cart' });
    const annotations = { 'serin.dev/adopted-by': 'uid-of-canary' };
    const object = { ...adopted, metadata: { ...adopted.metadata, annotations } };
    expect(kubernetes.observe(target, object)).toEqual(splitAt(100));
  });

  it('is nobody’s that we know when the selector means neither side', () => {
    const owner = { controller: true, kind: 'Canary', name: 'cart', apiVersion: 'v', uid: 'u' };
    const object = anApex({ app: 'other' });
    const made = { ...object, metadata: { ...object.metadata, ownerReferences: [owner] } };
    expect(kubernetes.observe(target, made)).toBeUndefined();
  });
});
