/**
 * Evaluates the CEL rules of our definitions on a manifest, as the API server would at apply time.
 */
import { Environment } from '@marcbachmann/cel-js';

import type { StructuralSchema } from '../api/structural.ts';

export interface BrokenRule {
  /** Path of the value the rule is put on; empty for the whole object. */
  readonly field: string;
  readonly message: string;
}

/** CEL itself plus the one function of Kubernetes that our rules use. */
const environment = new Environment({
  unlistedVariablesAreDyn: true,
  enableOptionalTypes: true,
}).registerFunction('list.isSorted(): bool', (list: readonly bigint[]) =>
  list.every((item, index) => index === 0 || (list[index - 1] ?? item) <= item),
);

/** Every rule below `schema` that `value` breaks; a rule that cannot be evaluated counts as broken. */
export function brokenRules(
  schema: StructuralSchema,
  value: unknown,
  field = '',
): readonly BrokenRule[] {
  const self = toCel(schema, value);
  const own = (schema['x-kubernetes-validations'] ?? [])
    .filter(({ rule }) => !holds(rule, self))
    .map(({ message }) => ({ field, message }));
  const below = children(schema, value, field).flatMap((child) =>
    brokenRules(child.schema, child.value, child.field),
  );
  return [...own, ...below];
}

interface Child {
  readonly schema: StructuralSchema;
  readonly value: unknown;
  readonly field: string;
  readonly key: string;
}

function children(schema: StructuralSchema, value: unknown, field: string): readonly Child[] {
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, item]: [string, unknown]) => {
    const inner = Array.isArray(value)
      ? schema.items
      : (schema.properties?.[key] ?? schema.additionalProperties);
    if (inner === undefined) return [];
    const step = Array.isArray(value) ? `[${key}]` : key;
    const path = field === '' || Array.isArray(value) ? `${field}${step}` : `${field}.${step}`;
    return [{ schema: inner, value: item, field: path, key }];
  });
}

/** CEL counts in 64-bit integers and tells them from floating-point numbers; JavaScript does not. */
function toCel(schema: StructuralSchema, value: unknown): unknown {
  if (schema.type === 'integer') return Number.isInteger(value) ? BigInt(Number(value)) : value;
  if (typeof value !== 'object' || value === null) return value;
  const converted = children(schema, value, '').map(
    ({ schema: inner, value: item, key }) => [key, toCel(inner, item)] as const,
  );
  return Array.isArray(value) ? converted.map(([, item]) => item) : Object.fromEntries(converted);
}

function holds(rule: string, self: unknown): boolean {
  try {
    return environment.evaluate(rule, { self }) === true;
  } catch {
    return false; // the API server refuses an object whose rule it cannot evaluate
  }
}
