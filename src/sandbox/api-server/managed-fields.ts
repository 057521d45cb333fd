/**
 * Who wrote which field last: a simplified `metadata.managedFields`.
 *
 * Only the operation `Update` exists here. Ownership is kept per field below a section (`spec.rules`,
 * `status.phase`, `data.key`, `metadata.labels.app`), not deeper, and lists are one field. A manager that
 * changes a field takes it from all others; a field that is gone has no manager.
 */

import { equalJson, isObject, sizeOf, type Draft, type JsonObject } from './json.ts';
import type { KubeObject, ManagedFieldsEntry } from './object.ts';

export interface Writer {
  readonly manager: string;
  readonly apiVersion: string;
  readonly subresource: string;
  readonly time: string;
}

type FieldPath = readonly string[];

const SYSTEM_METADATA = new Set(
  [
    'name namespace uid resourceVersion generation creationTimestamp deletionTimestamp',
    'deletionGracePeriodSeconds managedFields selfLink',
  ]
    .join(' ')
    .split(' '),
);

export function manage(
  next: KubeObject,
  previous: KubeObject | undefined,
  writer: Writer,
): readonly ManagedFieldsEntry[] {
  const { changed, removed } = compare(next, previous);
  const before = previous?.metadata.managedFields ?? [];
  if (changed.length === 0 && removed.length === 0) return before;
  const taken = [...changed, ...removed];
  const entries: ManagedFieldsEntry[] = [];
  let own: ManagedFieldsEntry | undefined;
  for (const entry of before) {
    if (isBy(entry, writer)) own = entry;
    else {
      const fieldsV1 = without(entry.fieldsV1 ?? {}, taken);
      if (sizeOf(fieldsV1) > 0)
        entries.push(fieldsV1 === entry.fieldsV1 ? entry : { ...entry, fieldsV1 });
    }
  }
  const fieldsV1 = withPaths(without(own?.fieldsV1 ?? {}, removed), changed);
  if (sizeOf(fieldsV1) > 0) entries.push(entryOf(writer, fieldsV1));
  return entries;
}

function isBy(entry: ManagedFieldsEntry, writer: Writer): boolean {
  return (
    entry.manager === writer.manager &&
    entry.operation === 'Update' &&
    entry.apiVersion === writer.apiVersion &&
    (entry.subresource ?? '') === writer.subresource
  );
}

function entryOf(writer: Writer, fieldsV1: JsonObject): ManagedFieldsEntry {
  return {
    manager: writer.manager,
    operation: 'Update',
    apiVersion: writer.apiVersion,
    time: writer.time,
    fieldsType: 'FieldsV1',
    fieldsV1,
    ...(writer.subresource === '' ? {} : { subresource: writer.subresource }),
  };
}

function compare(
  next: KubeObject,
  previous: KubeObject | undefined,
): { readonly changed: readonly FieldPath[]; readonly removed: readonly FieldPath[] } {
  const changed: FieldPath[] = [];
  const removed: FieldPath[] = [];
  const before: JsonObject = previous ?? {};
  for (const key of keysOf(next, before)) {
    if (key === 'apiVersion' || key === 'kind') continue;
    if (key === 'metadata') compareMetadata(next.metadata, previous?.metadata, changed, removed);
    else compareSection([key], next[key], before[key], changed, removed);
  }
  return { changed, removed };
}

function compareMetadata(
  next: JsonObject,
  previous: JsonObject | undefined,
  changed: FieldPath[],
  removed: FieldPath[],
): void {
  const before = previous ?? {};
  for (const key of keysOf(next, before))
    if (!SYSTEM_METADATA.has(key))
      compareSection(['metadata', key], next[key], before[key], changed, removed);
}

/** A section that is an object is compared field by field. */
function compareSection(
  path: FieldPath,
  next: unknown,
  previous: unknown,
  changed: FieldPath[],
  removed: FieldPath[],
): void {
  if (next === previous) return;
  if (!isObject(next) || (previous !== undefined && !isObject(previous))) {
    if (next === undefined) removed.push(path);
    else if (!equalJson(next, previous)) changed.push(path);
    return;
  }
  const before: JsonObject = isObject(previous) ? previous : {};
  for (const key of keysOf(next, before)) {
    const value = next[key];
    if (value === undefined) removed.push([...path, key]);
    else if (!equalJson(value, before[key])) changed.push([...path, key]);
  }
}

function keysOf(next: JsonObject, previous: JsonObject): readonly string[] {
  const keys = Object.keys(next);
  for (const key in previous) if (next[key] === undefined) keys.push(key);
  return keys;
}

function withPaths(fields: JsonObject, paths: readonly FieldPath[]): JsonObject {
  return paths.reduce((tree, path) => withPath(tree, path), fields);
}

function withPath(fields: JsonObject, [head, ...rest]: FieldPath): JsonObject {
  if (head === undefined) return fields;
  const key = `f:${head}`;
  const child = fields[key];
  const inner = withPath(isObject(child) ? child : {}, rest);
  return inner === child ? fields : { ...fields, [key]: inner };
}

function without(fields: JsonObject, paths: readonly FieldPath[]): JsonObject {
  return paths.reduce((tree, path) => withoutPath(tree, path), fields);
}

/** A branch that loses its last leaf goes too. */
function withoutPath(fields: JsonObject, [head, ...rest]: FieldPath): JsonObject {
  if (head === undefined) return fields;
  const key = `f:${head}`;
  const child = fields[key];
  if (!isObject(child)) return fields;
  const inner = rest.length === 0 ? {} : withoutPath(child, rest);
  if (inner === child) return fields;
  const copy: Draft = { ...fields, [key]: inner };
  if (sizeOf(inner) === 0) delete copy[key];
  return copy;
}
