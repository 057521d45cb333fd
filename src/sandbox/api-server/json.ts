/**
 * Plain JSON values: copying with shared parts, comparing, freezing.
 *
 * Stored objects never change. A write copies what came in and reuses every part that equals what was stored,
 * so that later stages (defaults, validation, "did anything change") skip equal parts by identity.
 */

export interface JsonObject {
  readonly [key: string]: unknown;
}

/** A `JsonObject` while it is being built. */
export interface Draft {
  [key: string]: unknown;
}

export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export function isArray(value: unknown): value is readonly unknown[] {
  return Array.isArray(value);
}

/** A copy that nobody else holds, except where it equals `previous`: there it is `previous` itself. */
export function copyReusing(value: unknown, previous: unknown): unknown {
  if (typeof value !== 'object' || value === null || value === previous) return value;
  if (Array.isArray(value)) return copyArray(value, previous);
  return isObject(value) ? copyObject(value, previous) : undefined;
}

function copyArray(value: readonly unknown[], previous: unknown): readonly unknown[] {
  const before = isArray(previous) ? previous : [];
  let same = previous !== undefined && before === previous && before.length === value.length;
  const copy: unknown[] = [];
  for (let index = 0; index < value.length; index++) {
    const item = copyReusing(value[index], before[index]);
    same &&= item === before[index];
    copy.push(item === undefined ? null : item);
  }
  return same ? before : copy;
}

function copyObject(value: JsonObject, previous: unknown): JsonObject {
  const before: JsonObject | undefined = isObject(previous) ? previous : undefined;
  let same = before !== undefined;
  let count = 0;
  const copy: Draft = {};
  for (const key in value) {
    const old = before?.[key];
    const item = copyReusing(value[key], old);
    if (item === undefined) continue;
    count++;
    same &&= item === old;
    if (key === '__proto__') continue;
    copy[key] = item;
  }
  return same && before !== undefined && sizeOf(before) === count ? before : copy;
}

export function sizeOf(object: JsonObject): number {
  return Object.keys(object).length;
}

export function equalJson(left: unknown, right: unknown): boolean {
  if (left === right) return true;
  if (typeof left !== 'object' || typeof right !== 'object' || left === null || right === null)
    return false;
  if (Array.isArray(left)) {
    if (!Array.isArray(right) || left.length !== right.length) return false;
    return left.every((item, index) => equalJson(item, right[index]));
  }
  return isObject(left) && isObject(right) && equalObjects(left, right);
}

function equalObjects(left: JsonObject, right: JsonObject): boolean {
  let count = 0;
  for (const key in left) {
    count++;
    if (!equalJson(left[key], right[key])) return false;
  }
  return sizeOf(right) === count;
}

/** Freezes all the way down; parts that are frozen already were frozen by us. */
export function freezeJson<T>(value: T): T {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value)) return value;
  if (Array.isArray(value)) for (const item of value) freezeJson(item);
  else for (const key in value) freezeJson(value[key]);
  return Object.freeze(value);
}

/** The same object with some keys set; keys set to `undefined` are left out. */
export function withKeys<T extends JsonObject>(object: T, changes: JsonObject): T {
  const next = { ...object, ...changes };
  for (const key in changes) if (changes[key] === undefined) Reflect.deleteProperty(next, key);
  return next;
}

export function valueAt(value: unknown, path: readonly string[]): unknown {
  let current = value;
  for (const key of path) {
    if (!isObject(current)) return undefined;
    current = current[key];
  }
  return current;
}

/** A copy with one value set, objects on the way made as needed. */
export function withValueAt(value: unknown, path: readonly string[], leaf: unknown): JsonObject {
  const object: JsonObject = isObject(value) ? value : {};
  const [key, ...rest] = path;
  if (key === undefined) return object;
  return withKeys(object, {
    [key]: rest.length === 0 ? leaf : withValueAt(object[key], rest, leaf),
  });
}

/** A value as text: words as they are, nothing as `absent`, structures as JSON. */
export function textOf(value: unknown, absent = ''): string {
  if (value === undefined || value === null) return absent;
  return typeof value === 'string' ? value : JSON.stringify(value);
}
