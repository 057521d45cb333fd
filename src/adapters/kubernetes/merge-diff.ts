/**
 * What a JSON merge patch (RFC 7386) must say to turn one value into another.
 *
 * Keys that are gone are named as null, arrays are given whole, everything else is left out. A merge patch
 * cannot store a null, so a null in `after` means the same as a missing key.
 */

import { isRecord } from './kinds.ts';

export type Json = Readonly<Record<string, unknown>>;

/** `undefined` when there is nothing to change. */
export function mergeDiff(before: Json, after: Json): Json | undefined {
  const changes: [string, unknown][] = [];
  for (const key of new Set([...Object.keys(before), ...Object.keys(after)])) {
    const change = changeOf(own(before, key), own(after, key));
    if (change !== undefined) changes.push([key, change]);
  }
  // Not by assignment: a key may be called `__proto__`.
  return changes.length === 0 ? undefined : Object.fromEntries(changes);
}

/** `undefined`: leave the key alone; `null`: remove it. */
function changeOf(before: unknown, after: unknown): unknown {
  if (after === undefined) return before === undefined ? undefined : null;
  if (isRecord(after)) {
    if (isRecord(before)) return mergeDiff(before, after);
    return withoutNulls(after);
  }
  return equal(before, after) ? undefined : after;
}

function own(object: Json, key: string): unknown {
  return Object.hasOwn(object, key) ? (object[key] ?? undefined) : undefined;
}

/** A new object inside a patch is merged into nothing, so that its nulls and gaps would be lost anyway. */
function withoutNulls(value: Json): Json {
  return Object.fromEntries(
    Object.entries(value)
      .filter(([, entry]) => entry !== null && entry !== undefined)
      .map(([key, entry]) => [key, isRecord(entry) ? withoutNulls(entry) : entry]),
  );
}

/** Equal as JSON; the order of keys does not count, that of array elements does. */
export function equal(left: unknown, right: unknown): boolean {
  if (left === right) return true;
  if (Array.isArray(left) && Array.isArray(right)) {
    return left.length === right.length && left.every((entry, index) => equal(entry, right[index]));
  }
  if (!isRecord(left) || !isRecord(right)) return false;
  const keys = definedKeys(left);
  return (
    keys.length === definedKeys(right).length &&
    keys.every((key) => Object.hasOwn(right, key) && equal(left[key], right[key]))
  );
}

function definedKeys(object: Json): string[] {
  return Object.keys(object).filter((key) => object[key] !== undefined);
}
