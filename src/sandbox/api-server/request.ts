/** A call, understood: which verb on which object, with which options. */

import type { ApiCall } from './call.ts';
import {
  badRequest,
  invalid,
  noSuchPath,
  UnknownPathFault,
  unsupportedMediaType,
  type Subject,
} from './faults.ts';
import type { Registry } from './registry.ts';
import type { ResourceType } from './resource-type.ts';
import { tooLong } from './schema/field-errors.ts';

export type Verb =
  | 'get'
  | 'list'
  | 'watch'
  | 'create'
  | 'update'
  | 'patch'
  | 'delete'
  | 'deletecollection';

/** A path below `/api` or `/apis` that names objects. */
export interface ResourcePath {
  readonly group: string;
  readonly version: string;
  readonly plural: string;
  readonly namespace: string | undefined;
  readonly name: string | undefined;
  readonly subresource: string;
}

export interface Request extends ResourcePath {
  readonly call: ApiCall;
  readonly verb: Verb;
  readonly type: ResourceType;
  readonly dryRun: boolean;
  readonly manager: string;
  readonly strictness: 'Strict' | 'Warn' | 'Ignore';
  /** Sent as `Warning` headers. */
  readonly warnings: string[];
}

/** `undefined` when the path is not that of objects (discovery, health, unknown). */
export function parsePath(path: string): ResourcePath | undefined {
  const parts = path.split('/');
  const isCore = parts[1] === 'api';
  if (!isCore && parts[1] !== 'apis') return undefined;
  const start = isCore ? 3 : 4;
  const group = isCore ? '' : parts[2];
  const version = parts[start - 1];
  if (group === undefined || version === undefined || version === '') return undefined;
  const rest = parts.slice(start).map(decode);
  if (rest.length === 0 || rest[0] === '' || rest.length > 5) return undefined;
  return place(group, version, rest);
}

function decode(part: string): string {
  if (!part.includes('%')) return part;
  try {
    return decodeURIComponent(part);
  } catch {
    throw badRequest(`invalid URL escape in ${JSON.stringify(part)}`);
  }
}

function place(group: string, version: string, rest: readonly string[]): ResourcePath | undefined {
  const [first = '', second, third, fourth, fifth] = rest;
  const isSubresource = third === 'status' || third === 'finalize';
  if (first === 'namespaces' && second !== undefined && third !== undefined && !isSubresource) {
    const subresource = fifth ?? '';
    return { group, version, namespace: second, plural: third, name: fourth, subresource };
  }
  if (fourth !== undefined) return undefined;
  const subresource = third ?? '';
  return { group, version, namespace: undefined, plural: first, name: second, subresource };
}

export function readRequest(call: ApiCall, path: ResourcePath, registry: Registry): Request {
  const type = registry.find(path.group, path.version, path.plural);
  if (type === undefined) throw isBuiltIn(path, registry) ? noSuchPath() : new UnknownPathFault();
  const { definition } = type;
  if (!definition.namespaced && path.namespace !== undefined) throw noSuchPath();
  const needsNamespace =
    path.name !== undefined || call.method === 'POST' || call.method === 'DELETE';
  if (definition.namespaced && path.namespace === undefined && needsNamespace) throw noSuchPath();
  const { query, headers } = call;
  if (call.method === 'POST' || call.method === 'PUT') checkBodyType(headers['content-type']);
  return {
    ...path,
    call,
    type,
    verb: verbOf(call, path),
    dryRun: readDryRun(query['dryRun'], call.method),
    manager: managerOf(call, headers['user-agent']),
    strictness: readStrictness(query['fieldValidation'], call.method),
    warnings: definition.deprecationWarning === undefined ? [] : [definition.deprecationWarning],
  };
}

function isBuiltIn({ group, version }: ResourcePath, registry: Registry): boolean {
  return registry.types.some(
    ({ definition }) =>
      !definition.custom && definition.group === group && definition.version === version,
  );
}

const BODY_TYPES = ['application/json', 'application/yaml'];
const MAX_MANAGER_CHARS = 128;

/** Patches are looked at where they are carried out. */
function checkBodyType(type: string | undefined): void {
  const media = type?.split(';')[0]?.trim() ?? '';
  if (media !== '' && !BODY_TYPES.includes(media)) throw unsupportedMediaType(BODY_TYPES);
}

function verbOf({ method, query }: ApiCall, { name }: ResourcePath): Verb {
  const isWatch = query['watch'] === 'true' || query['watch'] === '1';
  switch (method) {
    case 'GET':
      // One object cannot be watched by its path: that is a list with a field selector.
      if (name !== undefined) return 'get';
      return isWatch ? 'watch' : 'list';
    case 'POST':
      return 'create';
    case 'PUT':
      return 'update';
    case 'PATCH':
      return 'patch';
    case 'DELETE':
      return name === undefined ? 'deletecollection' : 'delete';
  }
}

/** What the options in a query are called in refusals. */
function optionsOf(method: ApiCall['method']): Subject {
  const kinds = { GET: 'List', POST: 'Create', PUT: 'Update', PATCH: 'Patch', DELETE: 'Delete' };
  return { group: 'meta.k8s.io', kind: `${kinds[method]}Options` };
}

function readDryRun(value: string | undefined, method: ApiCall['method']): boolean {
  if (value === undefined || value === '') return false;
  if (value === 'All') return true;
  throw invalid(optionsOf(method), [
    {
      reason: 'FieldValueNotSupported',
      message: `Unsupported value: ${JSON.stringify([value])}: supported values: "All"`,
      field: 'dryRun',
    },
  ]);
}

function readStrictness(
  value: string | undefined,
  method: ApiCall['method'],
): Request['strictness'] {
  if (value === undefined || value === '') return 'Warn';
  if (value === 'Strict' || value === 'Warn' || value === 'Ignore') return value;
  throw invalid(optionsOf(method), [
    {
      reason: 'FieldValueNotSupported',
      message: `Unsupported value: ${JSON.stringify(value)}: supported values: "", "Ignore", "Strict", "Warn"`,
      field: 'fieldValidation',
    },
  ]);
}

/** As Kubernetes names a manager that did not introduce itself. */
function managerOf({ query, method }: ApiCall, userAgent = ''): string {
  const asked = query['fieldManager'] ?? '';
  if (asked.length > MAX_MANAGER_CHARS)
    throw invalid(optionsOf(method), [tooLong('fieldManager', MAX_MANAGER_CHARS)]);
  if (asked !== '') return asked;
  const prefix = userAgent.split('/')[0] ?? '';
  return prefix === '' ? 'unknown' : prefix.slice(0, MAX_MANAGER_CHARS);
}

/** For errors about an object: named by its plural. */
export function subjectOf({ type, name }: Pick<Request, 'type' | 'name'>): Subject {
  const { group, plural } = type.definition;
  return { group, kind: plural, ...(name === undefined ? {} : { name }) };
}

/** For validation errors: named by its kind. */
export function kindOf(type: ResourceType, name: string): Subject {
  return { group: type.definition.group, kind: type.definition.kind, name };
}
