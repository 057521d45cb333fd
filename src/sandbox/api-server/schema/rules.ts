/**
 * `x-kubernetes-validations`, compiled once per schema.
 *
 * A part without change is not looked at again, so a write to the status does not pay for the rules of the
 * spec. Rules that speak of `oldSelf` run only where there is something old to compare with.
 */

import type { Cause } from '../faults.ts';
import { isArray, isObject, type JsonObject } from '../json.ts';
import { compileCel, type CelProgram } from './cel-environment.ts';
import { compileToCel, type ToCel } from './cel-values.ts';
import { invalidValue } from './field-errors.ts';
import { renderPath, type CelRule, type PathSegment, type SchemaNode } from './schema-node.ts';
import { identityOf, type ValidateRun } from './validate.ts';

export type CheckRules = (value: unknown, previous: unknown, run: ValidateRun) => void;

const REASONS: Readonly<Record<string, string>> = {
  FieldValueRequired: 'Required value',
  FieldValueForbidden: 'Forbidden',
  FieldValueDuplicate: 'Duplicate value',
};

/** `undefined` when no rule is below. */
export function compileRules(schema: SchemaNode): CheckRules | undefined {
  const own = compileOwn(schema);
  const children = compileChildren(schema);
  if (own === undefined) return children;
  if (children === undefined) return own;
  return (value, previous, run) => {
    own(value, previous, run);
    children(value, previous, run);
  };
}

function compileChildren(schema: SchemaNode): CheckRules | undefined {
  const { properties, items, additionalProperties } = schema;
  if (properties !== undefined) return compileFields(properties);
  if (items !== undefined) return compileItems(schema, items);
  if (typeof additionalProperties !== 'object') return undefined;
  const inner = compileRules(additionalProperties);
  if (inner === undefined) return undefined;
  return (value, previous, run) => {
    if (value === previous || !isObject(value)) return;
    for (const key in value) descend(inner, { key }, value[key], at(previous, key), run);
  };
}

function compileFields(properties: Readonly<Record<string, SchemaNode>>): CheckRules | undefined {
  const withRules = Object.entries(properties).flatMap(([key, child]) => {
    const inner = compileRules(child);
    return inner === undefined ? [] : [{ key, inner }];
  });
  if (withRules.length === 0) return undefined;
  return (value, previous, run) => {
    if (value === previous || !isObject(value)) return;
    for (const { key, inner } of withRules)
      if (value[key] !== undefined) descend(inner, key, value[key], at(previous, key), run);
  };
}

/** Items have an old self only in lists whose items have an identity. */
function compileItems(schema: SchemaNode, items: SchemaNode): CheckRules | undefined {
  const inner = compileRules(items);
  if (inner === undefined) return undefined;
  const keys = schema['x-kubernetes-list-map-keys'] ?? [];
  const isMap = schema['x-kubernetes-list-type'] === 'map';
  return (value, previous, run) => {
    if (value === previous || !isArray(value)) return;
    const before = isMap && isArray(previous) ? byIdentity(previous, keys, items) : undefined;
    for (const [index, item] of value.entries()) {
      const key = isObject(item) ? JSON.stringify(identityOf(item, keys, items)) : '';
      descend(inner, index, item, before?.get(key), run);
    }
  };
}

function byIdentity(
  list: readonly unknown[],
  keys: readonly string[],
  items: SchemaNode,
): ReadonlyMap<string, unknown> {
  return new Map(
    list
      .filter((item): item is JsonObject => isObject(item))
      .map((item) => [JSON.stringify(identityOf(item, keys, items)), item]),
  );
}

function at(previous: unknown, key: string): unknown {
  return isObject(previous) ? previous[key] : undefined;
}

function descend(
  inner: CheckRules,
  segment: PathSegment,
  value: unknown,
  previous: unknown,
  run: ValidateRun,
): void {
  run.path.push(segment);
  inner(value, previous, run);
  run.path.pop();
}

function compileOwn(schema: SchemaNode): CheckRules | undefined {
  const rules = (schema['x-kubernetes-validations'] ?? []).map(compileRule);
  if (rules.length === 0) return undefined;
  const toCel: ToCel = compileToCel(schema) ?? ((value) => value);
  return (value, previous, run) => {
    if (value === previous || value === null) return;
    const self = toCel(value);
    const oldSelf = previous === undefined ? undefined : toCel(previous);
    for (const rule of rules) {
      const cause = rule(self, oldSelf, value, run.path);
      if (cause !== undefined) run.causes.push(cause);
    }
  };
}

type RunRule = (
  self: unknown,
  oldSelf: unknown,
  value: unknown,
  path: readonly PathSegment[],
) => Cause | undefined;

function compileRule(rule: CelRule): RunRule {
  const program = compileCel(rule.rule);
  const text = rule.messageExpression;
  const messageProgram = text === undefined ? undefined : compileCel(text);
  const isTransition = /\boldSelf\b/.test(rule.rule);
  return (self, oldSelf, value, path) => {
    if (isTransition && oldSelf === undefined) return undefined;
    const variables = isTransition ? { self, oldSelf } : { self };
    const problem = failureOf(program, variables, rule);
    if (problem === undefined) return undefined;
    const message = messageFrom(messageProgram, variables) ?? problem;
    const field = renderPath(path) + (rule.fieldPath ?? '');
    return causeOf(rule, field, value, message);
  };
}

/** A scalar is shown; an object or a list would be too long. */
function causeOf(rule: CelRule, field: string, value: unknown, message: string): Cause {
  const words = REASONS[rule.reason ?? ''];
  if (words === undefined || rule.reason === undefined) {
    if (!isObject(value) && !isArray(value)) return invalidValue(field, value, message);
    return { reason: 'FieldValueInvalid', message: `Invalid value: ${message}`, field };
  }
  return { reason: rule.reason, message: `${words}: ${message}`, field };
}

/** `undefined` when the rule holds. */
function failureOf(
  program: CelProgram,
  variables: Readonly<Record<string, unknown>>,
  rule: CelRule,
): string | undefined {
  try {
    if (program(variables) === true) return undefined;
    return rule.message ?? `failed rule: ${rule.rule.trim()}`;
  } catch (error) {
    const why = error instanceof Error ? error.message.split('\n')[0] : String(error);
    return `rule evaluation error: ${why ?? ''}`;
  }
}

function messageFrom(
  program: CelProgram | undefined,
  variables: Readonly<Record<string, unknown>>,
): string | undefined {
  if (program === undefined) return undefined;
  try {
    const text = program(variables);
    return typeof text === 'string' && text.trim() !== '' ? text : undefined;
  } catch {
    return undefined; // Kubernetes falls back to the fixed message as well
  }
}
