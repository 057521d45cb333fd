/** What makes an OpenAPI schema a structural one, and thus acceptable in a CustomResourceDefinition. */

import type { Cause } from '../faults.ts';
import { compileCel } from './cel-environment.ts';
import { forbiddenField, invalidValue, required } from './field-errors.ts';
import type { SchemaNode } from './schema-node.ts';
import { compilePattern, compileValidate } from './validate.ts';

const TYPES = new Set(['object', 'array', 'string', 'integer', 'number', 'boolean']);

/** Inside `allOf`, `anyOf`, `oneOf` and `not` only values are judged, nothing is described. */
const DESCRIBES = ['description', 'type', 'default', 'additionalProperties', 'nullable'] as const;

export function structuralProblems(schema: SchemaNode, at: string): readonly Cause[] {
  const causes: Cause[] = [];
  if (schema.type !== 'object')
    causes.push(
      schema.type === undefined
        ? required(`${at}.type`, 'must not be empty at the root')
        : invalidValue(`${at}.type`, schema.type, 'must be object at the root'),
    );
  checkImplied(schema, at, causes);
  walk(schema, at, causes);
  return causes;
}

/** What every object has is not for a definition to describe, but for the names it allows. */
function checkImplied({ properties = {} }: SchemaNode, at: string, causes: Cause[]): void {
  for (const key of ['apiVersion', 'kind']) {
    const type = properties[key]?.type;
    if (type !== undefined && type !== 'string')
      causes.push(invalidValue(`${at}.properties[${key}].type`, type, 'must be string'));
  }
  const { type: _type, properties: named = {}, ...more } = properties['metadata'] ?? {};
  const others = Object.keys(named).filter((key) => key !== 'name' && key !== 'generateName');
  if (Object.keys(more).length + others.length === 0) return;
  causes.push(
    forbiddenField(
      `${at}.properties[metadata]`,
      'must not specify anything other than name and generateName, but metadata is implicitly specified',
    ),
  );
}

function walk(schema: SchemaNode, at: string, causes: Cause[]): void {
  checkType(schema, at, causes);
  checkRules(schema, at, causes);
  checkLists(schema, at, causes);
  checkForbidden(schema, at, causes);
  checkDefault(schema, at, causes);
  if (schema.properties !== undefined && schema.additionalProperties !== undefined)
    causes.push(
      forbiddenField(
        `${at}.additionalProperties`,
        'additionalProperties and properties are mutual exclusive',
      ),
    );
  for (const [key, child] of Object.entries(schema.properties ?? {}))
    walk(child, `${at}.properties[${key}]`, causes);
  if (schema.items !== undefined) walk(schema.items, `${at}.items`, causes);
  if (typeof schema.additionalProperties === 'object')
    walk(schema.additionalProperties, `${at}.additionalProperties`, causes);
  for (const junctor of ['allOf', 'anyOf', 'oneOf'] as const)
    for (const [index, part] of (schema[junctor] ?? []).entries())
      walkValues(part, schema, `${at}.${junctor}[${index}]`, causes);
  if (schema.not !== undefined) walkValues(schema.not, schema, `${at}.not`, causes);
}

function checkType(schema: SchemaNode, at: string, causes: Cause[]): void {
  const isOpen =
    schema['x-kubernetes-int-or-string'] === true ||
    schema['x-kubernetes-preserve-unknown-fields'] === true;
  if (schema.type === undefined) {
    if (!isOpen)
      causes.push(required(`${at}.type`, 'must not be empty for specified object fields'));
  } else if (!TYPES.has(schema.type))
    causes.push(
      invalidValue(
        `${at}.type`,
        schema.type,
        'must be one of array, boolean, integer, number, object, string',
      ),
    );
  if (schema.type === 'array' && schema.items === undefined)
    causes.push(required(`${at}.items`, 'must be specified'));
}

function checkForbidden(schema: SchemaNode, at: string, causes: Cause[]): void {
  for (const key of ['$ref', 'patternProperties', 'definitions', 'dependencies'])
    if (Object.hasOwn(schema, key))
      causes.push(forbiddenField(`${at}.${key}`, `${key} is not supported`));
  if (schema.uniqueItems === true)
    causes.push(
      forbiddenField(
        `${at}.uniqueItems`,
        'uniqueItems cannot be set to true since the runtime complexity becomes quadratic',
      ),
    );
  if (schema.additionalProperties === false)
    causes.push(
      forbiddenField(`${at}.additionalProperties`, 'additionalProperties cannot be set to false'),
    );
  if (schema.pattern === undefined) return;
  try {
    compilePattern(schema.pattern);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    causes.push(
      invalidValue(
        `${at}.pattern`,
        schema.pattern,
        `must be a valid regular expression, but isn't: ${why}`,
      ),
    );
  }
}

/** A default is a value like any other. */
function checkDefault(schema: SchemaNode, at: string, causes: Cause[]): void {
  if (schema.default === undefined) return;
  const run = { path: [], causes: [] };
  compileValidate(schema)(schema.default, undefined, run);
  for (const { field, ...cause } of run.causes as Cause[])
    causes.push({ ...cause, field: `${at}.default${field === '<nil>' ? '' : `.${field}`}` });
}

function checkLists(schema: SchemaNode, at: string, causes: Cause[]): void {
  const keys = schema['x-kubernetes-list-map-keys'];
  const isSet = schema['x-kubernetes-list-type'] === 'set';
  if (
    isSet &&
    schema.items?.type === 'object' &&
    schema.items['x-kubernetes-map-type'] !== 'atomic'
  )
    causes.push(
      invalidValue(
        `${at}.items.x-kubernetes-map-type`,
        null,
        'must be atomic as item of a list with x-kubernetes-list-type=set',
      ),
    );
  if (schema['x-kubernetes-list-type'] !== 'map') return;
  if (keys === undefined || keys.length === 0)
    causes.push(
      required(
        `${at}.x-kubernetes-list-map-keys`,
        'must not be empty if x-kubernetes-list-type is map',
      ),
    );
  for (const key of keys ?? []) {
    const property = schema.items?.properties?.[key];
    if (property === undefined)
      causes.push(
        invalidValue(
          `${at}.x-kubernetes-list-map-keys`,
          key,
          'entries must all be names of item properties',
        ),
      );
    else if (property.default === undefined && !(schema.items?.required ?? []).includes(key))
      causes.push(
        required(
          `${at}.items.properties[${key}].default`,
          'this property is in x-kubernetes-list-map-keys, so it must have a default or be a required property',
        ),
      );
  }
}

function checkRules(schema: SchemaNode, at: string, causes: Cause[]): void {
  for (const [index, { rule }] of (schema['x-kubernetes-validations'] ?? []).entries()) {
    const field = `${at}.x-kubernetes-validations[${index}].rule`;
    try {
      compileCel(rule);
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      causes.push(invalidValue(field, rule, `compilation failed: ${why}`));
    }
  }
}

function walkValues(part: SchemaNode, outer: SchemaNode, at: string, causes: Cause[]): void {
  const isIntOrString = outer['x-kubernetes-int-or-string'] === true;
  for (const key of DESCRIBES)
    if (part[key] !== undefined && !(key === 'type' && isIntOrString))
      causes.push(forbiddenField(`${at}.${key}`, 'must be empty to be structural'));
  for (const [key, child] of Object.entries(part.properties ?? {})) {
    const described = outer.properties?.[key];
    if (
      described === undefined &&
      outer['x-kubernetes-preserve-unknown-fields'] !== true &&
      outer.properties !== undefined
    )
      causes.push(
        required(
          `${at.replace(/\.(allOf|anyOf|oneOf|not)(\[\d+\])?$/, '')}.properties[${key}]`,
          `because it is defined in ${at}.properties[${key}]`,
        ),
      );
    walkValues(
      child,
      described ?? { 'x-kubernetes-preserve-unknown-fields': true },
      `${at}.properties[${key}]`,
      causes,
    );
  }
  if (part.items !== undefined) walkValues(part.items, outer.items ?? {}, `${at}.items`, causes);
  for (const junctor of ['allOf', 'anyOf', 'oneOf'] as const)
    for (const [index, inner] of (part[junctor] ?? []).entries())
      walkValues(inner, outer, `${at}.${junctor}[${index}]`, causes);
  if (part.not !== undefined) walkValues(part.not, outer, `${at}.not`, causes);
}
