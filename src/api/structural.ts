/**
 * Turns a zod schema into the structural schema that a CustomResourceDefinition wants.
 *
 * Zod already writes OpenAPI 3.0; what is left is to take out what the API server refuses, and to refuse what
 * cannot be said at all, so that a mistake in a schema shows in our tests and not in somebody's cluster.
 */

import * as z from 'zod';

/** The part of OpenAPI that the API server accepts in a structural schema. */
export interface StructuralSchema {
  type?: string;
  description?: string;
  format?: string;
  pattern?: string;
  enum?: readonly unknown[];
  default?: unknown;
  minimum?: number;
  maximum?: number;
  minLength?: number;
  maxLength?: number;
  maxItems?: number;
  maxProperties?: number;
  required?: readonly string[];
  properties?: Record<string, StructuralSchema>;
  items?: StructuralSchema;
  additionalProperties?: StructuralSchema;
  'x-kubernetes-int-or-string'?: true;
  'x-kubernetes-preserve-unknown-fields'?: true;
  'x-kubernetes-validations'?: readonly { readonly rule: string; readonly message: string }[];
}

type Json = Readonly<Record<string, unknown>>;

const copied = [
  'type',
  'description',
  'format',
  'pattern',
  'enum',
  'default',
  'minimum',
  'maximum',
  'minLength',
  'maxLength',
  'maxItems',
  'maxProperties',
  'x-kubernetes-int-or-string',
  'x-kubernetes-preserve-unknown-fields',
  'x-kubernetes-validations',
] as const;

const handled = new Set<string>([
  ...copied,
  'required',
  'properties',
  'items',
  'additionalProperties',
  'anyOf',
]);

/** The structural schema of `schema`. Throws for what cannot be expressed. */
export function structural(schema: z.ZodType): StructuralSchema {
  const json: unknown = z.toJSONSchema(schema, {
    target: 'openapi-3.0',
    io: 'input',
    cycles: 'throw',
    reused: 'inline',
    unrepresentable: 'throw',
  });
  return convert(asJson(json, 'self'), 'self');
}

function convert(node: Json, path: string): StructuralSchema {
  if (node['x-kubernetes-int-or-string'] === true) return withoutType(node);
  for (const keyword of Object.keys(node)) {
    if (!handled.has(keyword)) throw new Error(`${path}: "${keyword}" is not structural`);
  }
  if (node['anyOf'] !== undefined) throw new Error(`${path}: unions are not structural`);
  if (typeof node['type'] !== 'string') throw new Error(`${path}: no type`);

  const schema: StructuralSchema = pick(node);
  if (schema.type === 'integer') boundInteger(schema);
  // The API server reads RFC 3339 itself; the pattern that zod adds is long and says the same.
  if (schema.format === 'date-time') delete schema.pattern;
  if (schema['x-kubernetes-preserve-unknown-fields']) return schema;
  return Object.assign(schema, children(node, path));
}

function children(node: Json, path: string): StructuralSchema {
  const { properties, required, items, additionalProperties } = node;
  const found: StructuralSchema = {};
  if (Array.isArray(required) && required.length > 0) found.required = required.map(String);
  if (properties !== undefined && Object.keys(asJson(properties, path)).length > 0) {
    found.properties = Object.fromEntries(
      Object.entries(asJson(properties, path)).map(([name, child]) => [
        name,
        convert(asJson(child, `${path}.${name}`), `${path}.${name}`),
      ]),
    );
  } else if (additionalProperties !== undefined && additionalProperties !== false) {
    found.additionalProperties = convert(asJson(additionalProperties, path), `${path}.*`);
  }
  if (items !== undefined) found.items = convert(asJson(items, path), `${path}[]`);
  return found;
}

/** A port by number or name: the API server wants the mark alone. */
function withoutType(node: Json): StructuralSchema {
  const { description } = node;
  return {
    ...(typeof description === 'string' ? { description } : {}),
    'x-kubernetes-int-or-string': true,
  };
}

function pick(node: Json): StructuralSchema {
  return Object.fromEntries(copied.flatMap((key) => (key in node ? [[key, node[key]]] : [])));
}

/** Zod bounds every integer by what JavaScript can count; as a bound for users that says nothing. */
function boundInteger(schema: StructuralSchema): void {
  const { minimum, maximum } = schema;
  const is32 = maximum !== undefined && maximum < 2 ** 31;
  if (minimum === Number.MIN_SAFE_INTEGER || minimum === -(2 ** 31)) delete schema.minimum;
  if (maximum === Number.MAX_SAFE_INTEGER || maximum === 2 ** 31 - 1) delete schema.maximum;
  schema.format = is32 ? 'int32' : 'int64';
}

function asJson(value: unknown, path: string): Json {
  if (!isJson(value)) throw new Error(`${path}: not a schema`);
  return value;
}

function isJson(value: unknown): value is Json {
  return typeof value === 'object' && value !== null;
}
