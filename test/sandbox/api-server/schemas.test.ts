import { describe, expect, it } from 'vitest';

import { compileCel } from '../../../src/sandbox/api-server/schema/cel-environment.ts';
import { compilePattern } from '../../../src/sandbox/api-server/schema/validate.ts';
import { Cluster } from './cluster.ts';

const DEFINITIONS = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions';
const THINGS = '/apis/test.dev/v1/namespaces/default/things';

function definition(
  spec: object,
  status: object = { type: 'object', 'x-kubernetes-preserve-unknown-fields': true },
) {
  const openAPIV3Schema = { type: 'object', properties: { spec, status } };
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: 'things.test.dev' },
    spec: {
      group: 'test.dev',
      scope: 'Namespaced',
      names: { kind: 'Thing', plural: 'things' },
      versions: [
        {
          name: 'v1',
          served: true,
          storage: true,
          schema: { openAPIV3Schema },
          subresources: { status: {} },
        },
      ],
    },
  };
}

const thing = (spec: object) => ({
  apiVersion: 'test.dev/v1',
  kind: 'Thing',
  metadata: { name: 'a' },
  spec,
});

function loose(): Cluster {
  const properties = {
    a: { type: 'string' },
    b: { type: 'string' },
    list: { type: 'array', items: { type: 'integer' } },
  };
  const cluster = new Cluster({ definitions: [definition({ type: 'object', properties })] });
  expect(cluster.create(THINGS, thing({ a: 'long', list: [1, 2] })).status).toBe(201);
  return cluster;
}

function tighten(cluster: Cluster, properties: object, more: object = {}): void {
  const { spec } = definition({ type: 'object', properties, ...more });
  const { status } = cluster.merge(`${DEFINITIONS}/things.test.dev`, { spec });
  expect(status).toBe(200);
}

describe('a definition that becomes stricter', () => {
  const strict = {
    a: { type: 'string', maxLength: 2 },
    b: { type: 'string' },
    list: { type: 'array', items: { type: 'integer' } },
  };

  it('lets objects with unchanged faults be changed elsewhere', () => {
    const cluster = loose();
    tighten(cluster, strict);
    expect(cluster.merge(`${THINGS}/a`, { spec: { b: 'new' } })).toMatchObject({ status: 200 });
    expect(cluster.merge(`${THINGS}/a`, { spec: { a: 'other' } })).toMatchObject({ status: 422 });
    expect(cluster.merge(`${THINGS}/a/status`, { status: { phase: 'x' } })).toMatchObject({
      status: 200,
    });
  });

  it('shows stored objects pruned and with the new defaults', () => {
    const cluster = loose();
    tighten(cluster, { a: { type: 'string' }, c: { type: 'integer', default: 7 } });
    const { body } = cluster.get(`${THINGS}/a`);
    expect((body as { spec: object }).spec).toEqual({ a: 'long', c: 7 });
    const { items } = cluster.get(THINGS).body as { items: readonly object[] };
    expect(items).toMatchObject([{ spec: { c: 7 } }]);
  });

  it('ends the watches that were opened under the old schema', () => {
    const cluster = loose();
    const watch = cluster.watch(THINGS);
    cluster.merge(`${DEFINITIONS}/things.test.dev`, { metadata: { labels: { x: 'y' } } });
    expect(watch.ended).toBe(false);
    tighten(cluster, strict);
    expect(watch.ended).toBe(true);
  });

  it('does not look at rules of parts that did not change', () => {
    const cluster = loose();
    tighten(cluster, strict, {
      'x-kubernetes-validations': [{ rule: 'self.list.size() < 2', message: 'one at most' }],
    });
    expect(cluster.merge(`${THINGS}/a`, { metadata: { labels: { x: 'y' } } })).toMatchObject({
      status: 200,
    });
    expect(cluster.merge(`${THINGS}/a`, { spec: { b: 'x' } })).toMatchObject({ status: 422 });
  });
});

describe('rules', () => {
  it.each([
    ['has(self.list[0].x)', { list: [{ x: 1n }] }, true],
    ['has(self.list[0].x)', { list: [{}] }, false],
    ['!has(self.list[0].a.b) || self.list[0].a.b == 1', { list: [{ a: {} }] }, true],
    ['self.steps.isSorted()', { steps: [1n, 2n, 2n] }, true],
    ['self.steps.isSorted()', { steps: [2n, 1n] }, false],
    ['self.steps.max() <= 3', { steps: [1n, 3n] }, true],
    ["self.url == '' || isURL(self.url)", { url: 'http://a.b' }, true],
    ["duration(self.d) > duration('1s')", { d: '90s' }, true],
    ["self.name.matches('^[a-z]+$')", { name: 'abc' }, true],
  ])('%s', (expression, self, expected) => {
    expect(compileCel(expression)({ self })).toBe(expected);
  });

  it('are not run on what is too broken for them', () => {
    const rules = [{ rule: 'self.a.size() < self.b.size()', message: 'a is shorter' }];
    const spec = {
      type: 'object',
      required: ['b'],
      properties: { a: { type: 'string' }, b: { type: 'string' } },
      'x-kubernetes-validations': rules,
    };
    const cluster = new Cluster({ definitions: [definition(spec)] });
    const { body } = cluster.create(THINGS, thing({ a: 'x' }));
    const { message } = body as { message: string };
    expect(message).toContain('spec.b: Required value');
    expect(message).toContain('some validation rules were not checked');
    expect(message).not.toContain('a is shorter');
  });
});

describe('patterns', () => {
  it.each([
    ['^(?i)(abort|warn)?$', 'WARN', true],
    ['(?i)^a$', 'A', true],
    ['\\Aa\\z', 'a', true],
    ['^[\\w\\-]+$', 'a-b', true],
    ['^[a-z]+$', 'A', false],
  ])('%s on %s', (pattern, text, expected) => {
    expect(compilePattern(pattern).test(text)).toBe(expected);
  });
});
