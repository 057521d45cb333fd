/**
 * OpenAPI validation compiled to closures, with Kubernetes' messages.
 *
 * A part that is identical to the one stored before is skipped: it was valid when it was written, and
 * Kubernetes lets unchanged parts pass too when the schema has become stricter ("ratcheting").
 */

import type { Cause } from '../faults.ts';
import { equalJson, isArray, isObject, sizeOf, type JsonObject } from '../json.ts';
import * as say from './field-errors.ts';
import { integerFormats, stringFormats } from './formats.ts';
import { renderPath, type PathSegment, type SchemaNode } from './schema-node.ts';

export interface ValidateRun {
  readonly path: PathSegment[];
  readonly causes: Cause[];
}

export type Validate = (value: unknown, previous: unknown, run: ValidateRun) => void;

type Check = Validate;

const NOTHING: Validate = () => {};

export function compileValidate(schema: SchemaNode, isResource = false): Validate {
  const checks: Check[] = [];
  const isType = compileType(schema);
  const options = compileEnum(schema);
  const junctors: Check[] = [];
  if (options !== undefined) checks.push(options);
  addScalarChecks(schema, checks);
  addListChecks(schema, checks);
  addObjectChecks(schema, checks, isResource);
  addCombinations(schema, junctors);
  checks.push(...junctors);
  if (isType === undefined && checks.length === 0) return NOTHING;
  const nullable = schema.nullable === true;

  return (value, previous, run) => {
    if (value === previous && previous !== undefined) return;
    if (value === null && nullable) return;
    if (isType !== undefined && !isType(value)) {
      const field = renderPath(run.path);
      run.causes.push(say.wrongType(field, typeName(value), expectedType(schema)));
      // What does not look into the value is said as well.
      options?.(value, previous, run);
      for (const junctor of junctors) junctor(value, previous, run);
      return;
    }
    for (const check of checks) check(value, previous, run);
  };
}

export function typeName(value: unknown): string {
  if (value === null || value === undefined) return 'null';
  if (Array.isArray(value)) return 'array';
  if (typeof value === 'number') return Number.isInteger(value) ? 'integer' : 'number';
  return typeof value;
}

function expectedType(schema: SchemaNode): string {
  return schema['x-kubernetes-int-or-string'] === true ? 'integer,string' : (schema.type ?? 'any');
}

function compileType(schema: SchemaNode): ((value: unknown) => boolean) | undefined {
  if (schema['x-kubernetes-int-or-string'] === true)
    return (value) => typeof value === 'string' || Number.isInteger(value);
  switch (schema.type) {
    case 'object':
      return isObject;
    case 'array':
      return Array.isArray;
    case 'string':
      return (value) => typeof value === 'string';
    case 'integer':
      return Number.isInteger;
    case 'number':
      return (value) => typeof value === 'number';
    case 'boolean':
      return (value) => typeof value === 'boolean';
    case undefined:
    default:
      return undefined;
  }
}

function body(run: ValidateRun): string {
  return `${renderPath(run.path)} in body`;
}

function refuse(run: ValidateRun, value: unknown, detail: string): void {
  run.causes.push(say.invalidValue(renderPath(run.path), value, detail));
}

/** Not of a place: Kubernetes says in words where it is. */
function refuseSomewhere(run: ValidateRun, detail: string): void {
  run.causes.push(say.invalidValue('<nil>', '', detail));
}

function compileEnum({ enum: allowed }: SchemaNode): Check | undefined {
  if (allowed === undefined) return undefined;
  return (value, _previous, run) => {
    if (allowed.some((item) => equalJson(item, value))) return;
    run.causes.push(say.unsupportedValue(renderPath(run.path), value, allowed));
  };
}

function addScalarChecks(schema: SchemaNode, checks: Check[]): void {
  const { format } = schema;
  addTextChecks(schema, checks);
  addNumberChecks(schema, checks);
  const holds =
    schema.type === 'string' && format !== undefined ? stringFormats[format] : undefined;
  if (holds !== undefined && format !== undefined)
    checks.push((value, _previous, run) => {
      if (typeof value !== 'string' || holds(value)) return;
      run.causes.push(say.wrongType(renderPath(run.path), value, format));
    });
}

function addTextChecks({ minLength, maxLength, pattern }: SchemaNode, checks: Check[]): void {
  if (minLength !== undefined)
    checks.push((value, _previous, run) => {
      if (typeof value !== 'string' || value.length >= 2 * minLength) return;
      if (lengthOf(value) >= minLength) return;
      refuse(run, value, `${body(run)} should be at least ${minLength} chars long`);
    });
  if (maxLength !== undefined)
    checks.push((value, _previous, run) => {
      if (typeof value !== 'string' || value.length <= maxLength || lengthOf(value) <= maxLength)
        return;
      run.causes.push(say.tooLong(renderPath(run.path), maxLength));
    });
  if (pattern === undefined) return;
  const expression = compilePattern(pattern);
  // Of a text with the wrong length nothing more is said.
  const isWrongLength = (value: string) =>
    lengthOf(value) < (minLength ?? 0) || lengthOf(value) > (maxLength ?? Infinity);
  checks.push((value, _previous, run) => {
    if (typeof value !== 'string' || expression.test(value) || isWrongLength(value)) return;
    refuse(run, value, `${body(run)} should match '${pattern}'`);
  });
}

/** In code points, of which a text has at least half as many as JavaScript counts. */
function lengthOf(text: string): number {
  return Array.from(text).length;
}

/** Go's syntax as far as JavaScript shares it; flags at the front and the anchors `\A`, `\z` are translated. */
export function compilePattern(pattern: string): RegExp {
  const [whole = '', anchor = '', modes = ''] = /^(\^?)\(\?([ims]+)\)/.exec(pattern) ?? [];
  const source = (anchor + pattern.slice(whole.length))
    .replaceAll('\\A', '^')
    .replaceAll('\\z', '$');
  try {
    return new RegExp(source, `u${modes}`);
  } catch {
    return new RegExp(source, modes); // escapes such as `\-` are errors in Unicode mode only
  }
}

function addNumberChecks(schema: SchemaNode, checks: Check[]): void {
  const { minimum, maximum, multipleOf, exclusiveMinimum, exclusiveMaximum } = schema;
  if (minimum !== undefined)
    checks.push((value, _previous, run) => {
      if (typeof value !== 'number') return;
      if (exclusiveMinimum === true ? value > minimum : value >= minimum) return;
      const than = exclusiveMinimum === true ? 'greater than' : 'greater than or equal to';
      refuse(run, value, `${body(run)} should be ${than} ${minimum}`);
    });
  if (maximum !== undefined)
    checks.push((value, _previous, run) => {
      if (typeof value !== 'number') return;
      if (exclusiveMaximum === true ? value < maximum : value <= maximum) return;
      const than = exclusiveMaximum === true ? 'less than' : 'less than or equal to';
      refuse(run, value, `${body(run)} should be ${than} ${maximum}`);
    });
  if (multipleOf !== undefined)
    checks.push((value, _previous, run) => {
      if (typeof value !== 'number' || value % multipleOf === 0) return;
      refuse(run, value, `${body(run)} should be a multiple of ${multipleOf}`);
    });
  const limits = schema.type === 'integer' ? integerFormats[schema.format ?? ''] : undefined;
  if (limits === undefined) return;
  const [low, high] = limits;
  checks.push((value, _previous, run) => {
    if (typeof value !== 'number' || (value >= low && value <= high)) return;
    const wanted = `type ${schema.type ?? ''} with format ${schema.format ?? ''}`;
    refuseSomewhere(run, `Checked value must be of ${wanted} in ${renderPath(run.path)}`);
  });
}

function addListChecks(schema: SchemaNode, checks: Check[]): void {
  const { minItems, maxItems, items } = schema;
  if (minItems !== undefined)
    checks.push((value, _previous, run) => {
      if (!isArray(value) || value.length >= minItems) return;
      refuse(run, value.length, `${body(run)} should have at least ${minItems} items`);
    });
  if (maxItems !== undefined)
    checks.push((value, _previous, run) => {
      if (!isArray(value) || value.length <= maxItems) return;
      run.causes.push(say.tooMany(renderPath(run.path), value.length, maxItems));
    });
  const listType = schema['x-kubernetes-list-type'];
  if (listType === 'map') checks.push(uniqueBy(schema['x-kubernetes-list-map-keys'] ?? [], items));
  if (listType === 'set') checks.push(unique);
  const item = items === undefined ? NOTHING : compileValidate(items);
  if (item === NOTHING) return;
  checks.push((value, previous, run) => {
    if (!isArray(value)) return;
    const before = isArray(previous) ? previous : [];
    for (const [index, element] of value.entries()) {
      run.path.push(index);
      item(element, before[index], run);
      run.path.pop();
    }
  });
}

const unique: Check = (value, _previous, run) => {
  if (!isArray(value)) return;
  const seen = new Set<string>();
  for (const [index, element] of value.entries()) {
    const text = JSON.stringify(element) ?? '';
    if (seen.has(text)) run.causes.push(say.duplicate(renderPath([...run.path, index]), element));
    seen.add(text);
  }
};

function uniqueBy(keys: readonly string[], items: SchemaNode | undefined): Check {
  return (value, _previous, run) => {
    if (!isArray(value) || value.length < 2) return;
    const seen = new Set<string>();
    for (const [index, element] of value.entries()) {
      if (!isObject(element)) continue;
      const identity = identityOf(element, keys, items);
      const text = JSON.stringify(identity);
      if (seen.has(text))
        run.causes.push(say.duplicate(renderPath([...run.path, index]), identity));
      seen.add(text);
    }
  };
}

/** The part of a list item that tells it from the others. */
export function identityOf(
  element: JsonObject,
  keys: readonly string[],
  items: SchemaNode | undefined,
): JsonObject {
  const pairs = keys.map(
    (key) => [key, element[key] ?? items?.properties?.[key]?.default] as const,
  );
  return Object.fromEntries(pairs.filter(([, part]) => part !== undefined));
}

function addObjectChecks(schema: SchemaNode, checks: Check[], isResource: boolean): void {
  const { required, properties, additionalProperties, minProperties, maxProperties } = schema;
  if (minProperties !== undefined)
    checks.push((value, _previous, run) => {
      if (!isObject(value) || sizeOf(value) >= minProperties) return;
      refuse(run, sizeOf(value), `${body(run)} should have at least ${minProperties} properties`);
    });
  if (maxProperties !== undefined)
    checks.push((value, _previous, run) => {
      if (!isObject(value) || sizeOf(value) <= maxProperties) return;
      run.causes.push(say.tooMany(renderPath(run.path), sizeOf(value), maxProperties));
    });
  addChildren(properties ?? {}, additionalProperties, checks, isResource);
  // What is there is looked at before what is missing.
  if (required !== undefined)
    checks.push((value, _previous, run) => {
      if (!isObject(value)) return;
      for (const key of required)
        if (value[key] === undefined) run.causes.push(say.required(renderPath([...run.path, key])));
    });
}

function addChildren(
  properties: Readonly<Record<string, SchemaNode>>,
  additional: SchemaNode | boolean | undefined,
  checks: Check[],
  isResource: boolean,
): void {
  const children = new Map<string, Validate>();
  for (const [key, child] of Object.entries(properties)) {
    if (isResource && (key === 'metadata' || key === 'apiVersion' || key === 'kind')) continue;
    const validate = compileValidate(child);
    if (validate !== NOTHING) children.set(key, validate);
  }
  const rest = typeof additional === 'object' ? compileValidate(additional) : NOTHING;
  if (children.size === 0 && rest === NOTHING) return;
  checks.push((value, previous, run) => {
    if (!isObject(value)) return;
    const before: JsonObject | undefined = isObject(previous) ? previous : undefined;
    const first = run.causes.length;
    const blamed: { readonly key: string; readonly from: number }[] = [];
    for (const key in value) {
      const child = children.get(key) ?? (properties[key] === undefined ? rest : NOTHING);
      if (child === NOTHING) continue;
      const from = run.causes.length;
      run.path.push(key);
      child(value[key], before?.[key], run);
      run.path.pop();
      if (run.causes.length > from) blamed.push({ key, from });
    }
    if (blamed.length > 1) sortCauses(run.causes, first, blamed);
  });
}

/** Fields are blamed in the order of the alphabet, not in that of the body. */
function sortCauses(
  causes: Cause[],
  first: number,
  blamed: readonly { readonly key: string; readonly from: number }[],
): void {
  const parts = blamed.map(({ key, from }, index) => ({
    key,
    own: causes.slice(from, blamed[index + 1]?.from),
  }));
  parts.sort((a, b) => (a.key < b.key ? -1 : 1));
  causes.splice(first, causes.length - first, ...parts.flatMap(({ own }) => own));
}

function quoted(run: ValidateRun): string {
  return JSON.stringify(renderPath(run.path));
}

function addCombinations(schema: SchemaNode, checks: Check[]): void {
  const { allOf, not } = schema;
  for (const part of allOf ?? []) checks.push(withoutSkipping(compileValidate(part)));
  if (schema.anyOf !== undefined) {
    const parts = schema.anyOf.map((part) => compileValidate(part));
    checks.push((value, _previous, run) => {
      const results = parts.map((part) => attempt(part, value, run));
      if (results.some(({ length }) => length === 0)) return;
      refuseSomewhere(run, `${quoted(run)} must validate at least one schema (anyOf)`);
      run.causes.push(...closest(results));
    });
  }
  if (schema.oneOf !== undefined) {
    const parts = schema.oneOf.map((part) => compileValidate(part));
    checks.push((value, _previous, run) => {
      const results = parts.map((part) => attempt(part, value, run));
      const valid = results.filter(({ length }) => length === 0).length;
      if (valid === 1) return;
      const found = valid === 0 ? 'Found none valid' : `Found ${valid} valid alternatives`;
      refuseSomewhere(
        run,
        `${quoted(run)} must validate one and only one schema (oneOf). ${found}`,
      );
      if (valid === 0) run.causes.push(...closest(results));
    });
  }
  if (not === undefined) return;
  const negated = compileValidate(not);
  checks.push((value, _previous, run) => {
    if (attempt(negated, value, run).length > 0) return;
    refuseSomewhere(run, `${quoted(run)} must not validate the schema (not)`);
  });
}

/** Alternatives are judged as wholes: an unchanged part may still belong to the other alternative now. */
function withoutSkipping(validate: Validate): Check {
  return (value, _previous, run) => validate(value, undefined, run);
}

function attempt(validate: Validate, value: unknown, run: ValidateRun): readonly Cause[] {
  const trial: ValidateRun = { path: [...run.path], causes: [] };
  validate(value, undefined, trial);
  return trial.causes;
}

function closest(results: readonly (readonly Cause[])[]): readonly Cause[] {
  return results.reduce(
    (best, next) => (next.length < best.length ? next : best),
    results[0] ?? [],
  );
}
