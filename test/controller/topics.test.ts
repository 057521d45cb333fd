import { describe, expect, it } from 'vitest';

import type { KubernetesObject } from '../../src/api/object.ts';
import { keyOfCanary, Topics, topicsOfChange } from '../../src/controller/topics.ts';
import { canary, deployment, metricTemplate, namespace } from './stage.ts';

const service = (name: string, selector: Record<string, string>): KubernetesObject => ({
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name, namespace },
  spec: { selector },
});

const route = (name: string, backend: string): KubernetesObject => ({
  apiVersion: 'gateway.networking.k8s.io/v1',
  kind: 'HTTPRoute',
  metadata: { name, namespace },
  spec: { rules: [{ backendRefs: [{ name: backend }] }] },
});

const concerned = (topics: Topics, object: KubernetesObject, old?: KubernetesObject): string[] => [
  ...new Set(topics.concerned(object, old)),
];

describe('a change', () => {
  it('of a Canary concerns itself, and those that want the same target', () => {
    const topics = new Topics();
    topics.set('serin.dev/shop/second', ['canaries-of shop/cart']);
    expect(concerned(topics, canary())).toEqual(['serin.dev/shop/cart', 'serin.dev/shop/second']);
  });

  it('of a Service concerns who waits for its name or its selector, before or after', () => {
    const topics = new Topics();
    topics.set('named', ['service shop/cart']);
    topics.set('selected', ['selects shop/app=cart']);
    topics.set('left', ['selects shop/app=orders']);
    const now = service('cart', { app: 'cart' });
    expect(concerned(topics, now, service('cart', { app: 'orders' }))).toEqual([
      'named',
      'selected',
      'left',
    ]);
  });

  it('of a route concerns who owns a Service that it sends to', () => {
    const topics = new Topics();
    topics.set('cart', ['service shop/cart']);
    topics.set('orders', ['service shop/orders']);
    expect(concerned(topics, route('front', 'cart'))).toEqual(['cart']);
    expect(concerned(topics, route('front', 'cart'), route('front', 'orders'))).toEqual([
      'cart',
      'orders',
    ]);
  });

  it('of a template concerns all that use it, and nobody else', () => {
    const topics = new Topics();
    topics.set('one', ['MetricTemplate shop/latency']);
    topics.set('two', ['MetricTemplate shop/latency']);
    topics.set('three', ['MetricTemplate shop/errors']);
    expect(concerned(topics, metricTemplate({ query: 'x' }))).toEqual(['one', 'two']);
  });

  it('of a Deployment in another namespace concerns nobody here', () => {
    const topics = new Topics();
    const here = deployment('demo:1');
    topics.set('cart', [...topicsOfChange(here, undefined)]);
    const there = { ...here, metadata: { ...here.metadata, namespace: 'other' } };
    expect(concerned(topics, here)).toEqual(['cart']);
    expect(concerned(topics, there)).toEqual([]);
  });

  it('of a route whose rules are no list concerns who knows it by name', () => {
    const odd = { ...route('front', 'cart'), spec: { rules: 'none' } };
    expect([...topicsOfChange(odd, undefined)]).toContainEqual(expect.stringContaining('front'));
  });
});

describe('topics', () => {
  it('of a canary are exchanged as a whole', () => {
    const topics = new Topics();
    topics.set('cart', ['service shop/a']);
    topics.set('cart', ['service shop/b']);
    expect(concerned(topics, service('a', {}))).toEqual([]);
    expect(concerned(topics, service('b', {}))).toEqual(['cart']);
  });

  it('of a canary that is gone are forgotten', () => {
    const topics = new Topics();
    topics.set('cart', ['service shop/a']);
    topics.forget('cart');
    expect(concerned(topics, service('a', {}))).toEqual([]);
  });

  it('know a Canary of either group by its key', () => {
    expect(keyOfCanary(canary())?.group).toBe('serin.dev');
    expect(keyOfCanary({ ...canary(), apiVersion: 'flagger.app/v1beta1' })?.group).toBe(
      'flagger.app',
    );
    expect(keyOfCanary(deployment('demo:1'))).toBeUndefined();
  });
});
