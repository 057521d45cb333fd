/**
 * Strategic merge patch for built-in kinds.
 *
 * Which lists merge, and by which key, is written in the schemas (`x-kubernetes-patch-strategy`,
 * `x-kubernetes-patch-merge-key`). The directives `$patch`, `$retainKeys`, `$setElementOrder/…` and
 * `$deleteFromPrimitiveList/…` are understood.
 */

import { badRequest } from '../faults.ts';
import { equalJson, isArray, isObject, type Draft, type JsonObject } from '../json.ts';
import type { SchemaNode } from '../schema/schema-node.ts';

const ORDER = '$setElementOrder/';
const REMOVE = '$deleteFromPrimitiveList/';

export function applyStrategicMerge(target: unknown, patch: unknown, schema: SchemaNode): unknown {
  if (!isObject(patch)) throw badRequest('a strategic merge patch must be an object');
  return mergeObject(isObject(target) ? target : {}, patch, schema);
}

function mergeObject(target: JsonObject, patch: JsonObject, schema: SchemaNode): JsonObject {
  if (patch['$patch'] === 'replace') return withoutDirectives(patch);
  if (patch['$patch'] === 'delete') return {};
  const copy: Draft = { ...target };
  const retained = patch['$retainKeys'];
  if (isArray(retained)) for (const key in target) if (!retained.includes(key)) delete copy[key];
  for (const key in patch) {
    if (key.startsWith('$')) continue;
    const part = patch[key];
    if (part === null) delete copy[key];
    else copy[key] = mergeValue(copy[key], part, childOf(schema, key), patch[ORDER + key]);
  }
  applyListDirectives(copy, patch, schema);
  return copy;
}

/** Directives may stand alone, without the list they speak of. */
function applyListDirectives(copy: Draft, patch: JsonObject, schema: SchemaNode): void {
  for (const key in patch) {
    if (key.startsWith(REMOVE)) {
      const name = key.slice(REMOVE.length);
      const { [name]: list } = copy;
      const gone = patch[key];
      if (isArray(list) && isArray(gone))
        copy[name] = list.filter((item) => !gone.some((other) => equalJson(other, item)));
    }
    if (!key.startsWith(ORDER)) continue;
    const name = key.slice(ORDER.length);
    const { [name]: list } = copy;
    if (patch[name] === undefined && isArray(list))
      copy[name] = inOrder(list, patch[key], mergeKeyOf(childOf(schema, name)));
  }
}

function childOf(schema: SchemaNode, key: string): SchemaNode {
  const named = schema.properties?.[key];
  if (named !== undefined) return named;
  const { additionalProperties } = schema;
  return typeof additionalProperties === 'object' ? additionalProperties : {};
}

function mergeKeyOf(schema: SchemaNode): string | undefined {
  return schema['x-kubernetes-patch-merge-key'];
}

function mergeValue(target: unknown, part: unknown, schema: SchemaNode, order: unknown): unknown {
  if (isObject(part)) {
    if (schema['x-kubernetes-patch-strategy'] === 'replace') return part;
    return mergeObject(isObject(target) ? target : {}, part, schema);
  }
  if (!isArray(part)) return part;
  const strategy = schema['x-kubernetes-patch-strategy'] ?? '';
  const before = isArray(target) ? target : [];
  if (!strategy.split(',').includes('merge')) return part;
  const key = mergeKeyOf(schema);
  const merged = key === undefined ? mergeSet(before, part) : mergeByKey(before, part, key, schema);
  if (isArray(order)) return inOrder(merged, order, key);
  return newFirst(merged, before, part, key);
}

/**
 * Without an order: what was there keeps its place, what is new stands before the first that the patch does
 * not name.
 */
function newFirst(
  merged: readonly unknown[],
  before: readonly unknown[],
  part: readonly unknown[],
  key: string | undefined,
): readonly unknown[] {
  const identity = (item: unknown) =>
    JSON.stringify(key !== undefined && isObject(item) ? item[key] : item);
  const placeBefore = new Map(before.map((item, index) => [identity(item), index]));
  const inPatch = new Map(part.map((item, index) => [identity(item), index]));
  const named = merged
    .filter((item) => inPatch.has(identity(item)))
    .sort((a, b) => (inPatch.get(identity(a)) ?? 0) - (inPatch.get(identity(b)) ?? 0));
  const others = merged.filter((item) => !inPatch.has(identity(item)));
  const result: unknown[] = [];
  for (const item of named) {
    const place = placeBefore.get(identity(item)) ?? -1;
    const isAhead = (other: unknown) => (placeBefore.get(identity(other)) ?? Infinity) < place;
    while (others.length > 0 && isAhead(others[0])) result.push(others.shift());
    result.push(item);
  }
  return [...result, ...others];
}

function mergeSet(target: readonly unknown[], part: readonly unknown[]): readonly unknown[] {
  const added = part.filter((item) => !target.some((other) => equalJson(other, item)));
  return [...target, ...added];
}

function mergeByKey(
  target: readonly unknown[],
  part: readonly unknown[],
  key: string,
  schema: SchemaNode,
): readonly unknown[] {
  const replaces = part.some((item) => isObject(item) && item['$patch'] === 'replace');
  let result: unknown[] = replaces ? [] : [...target];
  for (const item of part) {
    if (!isObject(item)) throw badRequest('a list of objects was patched with something else');
    if (item['$patch'] === 'replace') continue;
    const value = item[key];
    if (value === undefined)
      throw badRequest(`map: ${JSON.stringify(item)} does not contain declared merge key: ${key}`);
    const isIt = (other: unknown) => isObject(other) && other[key] === value;
    if (item['$patch'] === 'delete') {
      result = result.filter((other) => !isIt(other));
      continue;
    }
    const at = result.findIndex(isIt);
    const old = result[at];
    const merged = mergeObject(isObject(old) ? old : {}, item, schema.items ?? {});
    if (at < 0) result.push(merged);
    else result[at] = merged;
  }
  return result;
}

/** Listed items in the given order; the others keep their place relative to the one before them. */
function inOrder(
  list: readonly unknown[],
  order: unknown,
  key: string | undefined,
): readonly unknown[] {
  if (!isArray(order)) return list;
  const identity = (item: unknown) =>
    JSON.stringify(key !== undefined && isObject(item) ? item[key] : item);
  const ranks = new Map(order.map((item, index) => [identity(item), index]));
  const listed = list.filter((item) => ranks.has(identity(item)));
  listed.sort((a, b) => (ranks.get(identity(a)) ?? 0) - (ranks.get(identity(b)) ?? 0));
  const others = list.filter((item) => !ranks.has(identity(item)));
  if (others.length === 0) return listed;
  return weave(list, listed, others);
}

/** Keeps an unlisted item behind as many listed ones as it stood behind before. */
function weave(
  list: readonly unknown[],
  listed: readonly unknown[],
  others: readonly unknown[],
): readonly unknown[] {
  const result: unknown[] = [];
  let taken = 0;
  for (const item of list) {
    if (others.includes(item)) result.push(item);
    else result.push(listed[taken++]);
  }
  return result;
}

function withoutDirectives(patch: JsonObject): JsonObject {
  return Object.fromEntries(Object.entries(patch).filter(([key]) => !key.startsWith('$')));
}
