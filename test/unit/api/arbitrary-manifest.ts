/** Random manifests in the shape of a definition, awkward values included. */
import * as fc from 'fast-check';

import type { StructuralSchema } from '../../../src/api/structural.ts';

const durations = fc.oneof(
  { weight: 20, arbitrary: fc.constantFrom('1m', '30s', '1m30s', '90m') },
  { weight: 1, arbitrary: fc.constantFrom('500ms', '0s', '30sfoo', '10m 5s', '15s15s') },
);
const words = fc.constantFrom(
  '',
  'cart',
  'x-user',
  'http://prometheus:9090',
  'shop.example.com',
  '*',
  'n'.repeat(60),
  'UPPER_case',
  'ümlaut',
  'm'.repeat(5_000),
);
const likelyWords = fc.oneof(
  { weight: 30, arbitrary: fc.constantFrom('cart', 'x-user', 'insider', 'a.b') },
  { weight: 1, arbitrary: words },
);
const numbers = fc.oneof(
  { weight: 20, arbitrary: fc.integer({ min: 0, max: 100 }) },
  { weight: 1, arbitrary: fc.constantFrom(-1, 0, 0.5, 1.5, 150, 65_536, 2 ** 31, 2 ** 40, 1e300) },
);
const whole = fc.oneof(
  { weight: 20, arbitrary: fc.integer({ min: 0, max: 100 }) },
  { weight: 1, arbitrary: fc.constantFrom(-1, 65_536, 2 ** 31 - 1) },
);

/** Manifests of one kind; most of them pass the schema they were made from, some do not. */
export function arbitraryOf(schema: StructuralSchema, kind: string): fc.Arbitrary<unknown> {
  const { spec } = schema.properties ?? {};
  if (spec === undefined) throw new Error('no spec');
  return fc
    .record({
      spec: fc.oneof(
        { weight: 40, arbitrary: valueOf(spec, 'spec') },
        { weight: 1, arbitrary: fc.constant(undefined) },
      ),
    })
    .map((parts) => ({
      apiVersion: 'flagger.app/v1beta1',
      kind,
      metadata: { name: 'cart', namespace: 'shop' },
      ...(parts.spec === undefined ? {} : { spec: parts.spec }),
    }));
}

function valueOf(schema: StructuralSchema, path: string): fc.Arbitrary<unknown> {
  if (schema['x-kubernetes-int-or-string']) return fc.oneof(whole, likelyWords);
  if (schema.enum) return fc.constantFrom(...schema.enum);
  switch (schema.type) {
    case 'boolean':
      return fc.boolean();
    case 'number':
      return numbers;
    case 'integer':
      return whole;
    case 'string':
      return /m\|s|ns\|us/.test(schema.pattern ?? '') ? durations : likelyWords;
    case 'array':
      return schema.items
        ? fc.array(valueOf(schema.items, `${path}[]`), { maxLength: 3 })
        : fc.constant([]);
    case 'object':
    case undefined:
      return objectOf(schema, path);
    default:
      throw new Error(`${path}: unknown type ${schema.type}`);
  }
}

const strategies = ['stepWeight', 'stepWeights', 'iterations'];

function objectOf(schema: StructuralSchema, path: string): fc.Arbitrary<unknown> {
  const { properties, additionalProperties } = schema;
  if (additionalProperties) {
    return fc.dictionary(
      fc.constantFrom('a', 'x-b', 'c.d/e'),
      valueOf(additionalProperties, `${path}.*`),
      { maxKeys: 2 },
    );
  }
  const fields = Object.entries(properties ?? {}).map(
    ([name, child]) => [name, valueOf(child, `${path}.${name}`)] as const,
  );
  const always = [
    ...(schema.required ?? []),
    ...(path === 'spec.analysis' ? ['interval', 'threshold'] : []),
  ];
  const whatIsThere = fc.record(Object.fromEntries(fields), {
    requiredKeys: always.filter((name) => properties?.[name] !== undefined),
  });
  if (path !== 'spec.analysis') return sparse(whatIsThere, always);
  return fc
    .tuple(
      sparse(whatIsThere, [...always, ...strategies]),
      fc.constantFrom(...strategies),
      fc.record(Object.fromEntries(fields)),
    )
    .map(([some, chosen, all]) => {
      const others = Object.entries(some).filter(([name]) => !strategies.includes(name));
      return Object.fromEntries([...others, [chosen, all[chosen]]]);
    });
}

/** Few of the optional fields at a time: a manifest with all of them is hardly ever right. */
function sparse(
  object: fc.Arbitrary<Record<string, unknown>>,
  always: readonly string[],
): fc.Arbitrary<Record<string, unknown>> {
  return fc
    .tuple(object, fc.integer({ min: 0, max: 2 ** 31 - 1 }))
    .map(([value, seed]) =>
      Object.fromEntries(
        Object.entries(value).filter(
          ([name], index) => always.includes(name) || ((seed >> (index % 31)) & 1) === 1,
        ),
      ),
    );
}
