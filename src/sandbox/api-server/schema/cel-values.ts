/**
 * JSON values as CEL sees them: integers as BigInt, times as dates, the rest as it is.
 *
 * Compiled per schema; a part without numbers or times is handed over uncopied.
 */

import { isArray, isObject, type Draft } from '../json.ts';
import type { SchemaNode } from './schema-node.ts';

export type ToCel = (value: unknown) => unknown;

/** Words of the language that cannot be field names in an expression; Kubernetes offers `__name__` for them. */
const RESERVED = new Set(
  'true false null in as break const continue else for function if import let loop package namespace return var void while'.split(
    ' ',
  ),
);

export function celName(key: string): string {
  if (RESERVED.has(key)) return `__${key}__`;
  if (/^[A-Za-z_][A-Za-z0-9_]*$/.test(key) && !key.includes('__')) return key;
  return key
    .replaceAll('__', '__underscores__')
    .replaceAll('.', '__dot__')
    .replaceAll('-', '__dash__')
    .replaceAll('/', '__slash__');
}

/** `undefined` when values of this schema need no change. */
export function compileToCel(schema: SchemaNode): ToCel | undefined {
  if (schema['x-kubernetes-int-or-string'] === true) return numberToCel;
  switch (schema.type) {
    case 'integer':
      return (value) => (typeof value === 'number' ? BigInt(value) : value);
    case 'string':
      return schema.format === 'date-time' ? timeToCel : undefined;
    case 'array':
      return listToCel(schema);
    case 'object':
      return schema.properties === undefined ? mapToCel(schema) : fieldsToCel(schema.properties);
    case undefined:
    default:
      return undefined;
  }
}

const numberToCel: ToCel = (value) =>
  typeof value === 'number' && Number.isInteger(value) ? BigInt(value) : value;

const timeToCel: ToCel = (value) => (typeof value === 'string' ? new Date(value) : value);

function listToCel({ items }: SchemaNode): ToCel | undefined {
  const item = items === undefined ? undefined : compileToCel(items);
  if (item === undefined) return undefined;
  return (value) => (isArray(value) ? value.map(item) : value);
}

function mapToCel({ additionalProperties }: SchemaNode): ToCel | undefined {
  const item =
    typeof additionalProperties === 'object' ? compileToCel(additionalProperties) : undefined;
  if (item === undefined) return undefined;
  return (value) =>
    isObject(value)
      ? Object.fromEntries(Object.entries(value).map(([key, child]) => [key, item(child)]))
      : value;
}

function fieldsToCel(properties: Readonly<Record<string, SchemaNode>>): ToCel | undefined {
  const converted = new Map<string, ToCel>();
  const renamed = new Map<string, string>();
  for (const [key, child] of Object.entries(properties)) {
    const convert = compileToCel(child);
    if (convert !== undefined) converted.set(key, convert);
    if (celName(key) !== key) renamed.set(key, celName(key));
  }
  if (converted.size === 0 && renamed.size === 0) return undefined;
  return (value) => {
    if (!isObject(value)) return value;
    const copy: Draft = {};
    for (const key in value)
      copy[renamed.get(key) ?? key] = (converted.get(key) ?? same)(value[key]);
    return copy;
  };
}

const same: ToCel = (value) => value;
