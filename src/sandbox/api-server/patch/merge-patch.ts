/** RFC 7386: `null` removes, objects merge, everything else replaces. Untouched parts are kept by reference. */

import { isObject, type Draft } from '../json.ts';

export function applyMergePatch(target: unknown, patch: unknown): unknown {
  if (!isObject(patch)) return patch;
  const base = isObject(target) ? target : {};
  let copy: Draft | undefined = isObject(target) ? undefined : {};
  for (const key in patch) {
    const part = patch[key];
    const old = base[key];
    if (part === null) {
      if (old !== undefined || copy?.[key] !== undefined) delete (copy ??= { ...base })[key];
      continue;
    }
    const next = applyMergePatch(old, part);
    if (next !== old) (copy ??= { ...base })[key] = next;
  }
  return copy ?? base;
}
