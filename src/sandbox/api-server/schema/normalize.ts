/**
 * Pruning and defaulting in one walk, compiled once per schema.
 *
 * The walk copies only what it changes, and skips what is identical to an object that went through it before.
 */

import { isArray, isObject, type Draft, type JsonObject } from '../json.ts';
import { renderPath, type PathSegment, type SchemaNode } from './schema-node.ts';

export interface NormalizeRun {
  readonly path: PathSegment[];
  /** Paths of fields the schema does not know, in the order met. */
  readonly unknown: string[];
}

export type Normalize = (value: unknown, previous: unknown, run: NormalizeRun) => unknown;

const EMBEDDED = new Set(['apiVersion', 'kind', 'metadata']);

interface Property {
  readonly normalize: Normalize;
  readonly fallback: unknown;
  readonly hasDefault: boolean;
  readonly nullable: boolean;
}

/** Resources as a whole keep their type and metadata whatever the schema says about them. */
export function compileNormalize(schema: SchemaNode, isResource: boolean): Normalize {
  const inner = compileNode(
    schema,
    isResource || schema['x-kubernetes-embedded-resource'] === true,
  );
  return inner ?? ((value) => value);
}

/** `undefined` when nothing below can be pruned or defaulted. */
function compileNode(schema: SchemaNode, isResource: boolean): Normalize | undefined {
  if (schema.items !== undefined) return compileList(schema.items);
  const { additionalProperties } = schema;
  if (typeof additionalProperties === 'object') return compileMap(additionalProperties);
  if (additionalProperties === true && schema.properties === undefined) return undefined;
  if (schema.type !== 'object' && schema.properties === undefined && !isResource) return undefined;
  return compileFields(schema, isResource);
}

function compileProperty(schema: SchemaNode): Property {
  const embedded = schema['x-kubernetes-embedded-resource'] === true;
  const inner = compileNode(schema, embedded);
  return {
    normalize: inner ?? ((value) => value),
    hasDefault: schema.default !== undefined,
    fallback: schema.default,
    nullable: schema.nullable === true,
  };
}

function compileFields(schema: SchemaNode, isResource: boolean): Normalize {
  const properties = new Map<string, Property>();
  for (const [key, child] of Object.entries(schema.properties ?? {})) {
    if (isResource && EMBEDDED.has(key)) continue;
    properties.set(key, compileProperty(child));
  }
  const defaults = [...properties].filter(([, { hasDefault }]) => hasDefault);
  const keepsUnknown = schema['x-kubernetes-preserve-unknown-fields'] === true;

  return (value, previous, run) => {
    if (value === previous || !isObject(value)) return value;
    const before: JsonObject | undefined = isObject(previous) ? previous : undefined;
    let copy: Draft | undefined;
    for (const key in value) {
      if (isResource && EMBEDDED.has(key)) continue;
      const child = value[key];
      const property = properties.get(key);
      if (property === undefined) {
        if (keepsUnknown) continue;
        run.unknown.push(renderPath([...run.path, key]));
        delete (copy ??= { ...value })[key];
        continue;
      }
      if (child === null && !property.nullable) {
        if (!property.hasDefault) delete (copy ??= { ...value })[key];
        continue;
      }
      run.path.push(key);
      const next = property.normalize(child, before?.[key], run);
      run.path.pop();
      if (next !== child) (copy ??= { ...value })[key] = next;
    }
    for (const [key, { fallback, nullable, normalize }] of defaults) {
      const child = value[key];
      if (child !== undefined && (child !== null || nullable)) continue;
      run.path.push(key);
      (copy ??= { ...value })[key] = normalize(structuredClone(fallback), undefined, run);
      run.path.pop();
    }
    return copy ?? value;
  };
}

function compileMap(schema: SchemaNode): Normalize | undefined {
  const { normalize, hasDefault, fallback, nullable } = compileProperty(schema);
  return (value, previous, run) => {
    if (value === previous || !isObject(value)) return value;
    const before: JsonObject | undefined = isObject(previous) ? previous : undefined;
    let copy: Draft | undefined;
    for (const key in value) {
      const child = value[key];
      if (child === null && !nullable) {
        copy ??= { ...value };
        if (hasDefault) copy[key] = structuredClone(fallback);
        else delete copy[key];
        continue;
      }
      run.path.push(key);
      const next = normalize(child, before?.[key], run);
      run.path.pop();
      if (next !== child) (copy ??= { ...value })[key] = next;
    }
    return copy ?? value;
  };
}

function compileList(schema: SchemaNode): Normalize | undefined {
  const { normalize, hasDefault, fallback, nullable } = compileProperty(schema);
  return (value, previous, run) => {
    if (value === previous || !isArray(value)) return value;
    const before = isArray(previous) ? previous : [];
    let copy: unknown[] | undefined;
    for (const [index, child] of value.entries()) {
      run.path.push(index);
      const next =
        child === null && hasDefault && !nullable
          ? structuredClone(fallback)
          : normalize(child, before[index], run);
      run.path.pop();
      if (next !== child) (copy ??= [...value])[index] = next;
    }
    return copy ?? value;
  };
}
