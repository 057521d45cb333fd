/** RFC 6902, without touching what it is given. */

import { ApiFault, badRequest } from '../faults.ts';
import { equalJson, isArray, isObject, type Draft } from '../json.ts';

type Pointer = readonly string[];

/** Kubernetes answers an operation that does not fit the object with 422, one that makes no sense with 400. */
export function applyJsonPatch(target: unknown, patch: unknown): unknown {
  if (!isArray(patch))
    throw badRequest('json: cannot unmarshal object into Go value of type jsonpatch.Patch');
  return patch.reduce<unknown>((value, operation) => applyOperation(value, operation), target);
}

function applyOperation(target: unknown, operation: unknown): unknown {
  if (!isObject(operation)) throw badRequest('a JSON patch operation must be an object');
  const { op, value } = operation;
  const path = parsePointer(operation['path']);
  switch (op) {
    case 'add':
      return setAt(target, path, structuredClone(value), 'add');
    case 'replace':
      readAt(target, path);
      return setAt(target, path, structuredClone(value), 'replace');
    case 'remove':
      readAt(target, path);
      return removeAt(target, path);
    case 'move': {
      const from = parsePointer(operation['from']);
      return setAt(removeAt(target, from), path, readAt(target, from), 'add');
    }
    case 'copy':
      return setAt(target, path, readAt(target, parsePointer(operation['from'])), 'add');
    case 'test':
      if (!equalJson(readAt(target, path, null), value)) throw doesNotApply();
      return target;
    default:
      throw badRequest(`Unexpected kind: ${String(op)}`);
  }
}

function parsePointer(text: unknown): Pointer {
  if (typeof text !== 'string' || (text !== '' && !text.startsWith('/')))
    throw badRequest(`invalid JSON pointer ${JSON.stringify(text)}`);
  const parts = text.split('/').slice(1);
  return parts.map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'));
}

/** Kubernetes does not say what. */
function doesNotApply(): ApiFault {
  const message = 'the server rejected our request due to an error in our request';
  return new ApiFault(422, 'Invalid', message, {});
}

/** `absent` stands in for a missing member; without it a missing member is an error. */
function readAt(target: unknown, path: Pointer, absent?: null): unknown {
  let value = target;
  for (const key of path) {
    const next = isArray(value)
      ? value[indexIn(value, key)]
      : isObject(value)
        ? value[key]
        : undefined;
    if (next === undefined) {
      if (absent === null) return null;
      throw doesNotApply();
    }
    value = next;
  }
  return value;
}

function indexIn(list: readonly unknown[], key: string): number {
  if (key === '-') return list.length;
  const index = /^(0|[1-9]\d*)$/.test(key) ? Number(key) : -1;
  if (index < 0 || index > list.length) throw doesNotApply();
  return index;
}

function setAt(target: unknown, path: Pointer, value: unknown, how: 'add' | 'replace'): unknown {
  const [key, ...rest] = path;
  if (key === undefined) return value;
  if (isArray(target)) {
    const index = indexIn(target, key);
    const copy = [...target];
    if (rest.length > 0) {
      if (index >= target.length) throw doesNotApply();
      copy[index] = setAt(target[index], rest, value, how);
    } else copy.splice(index, how === 'replace' ? 1 : 0, value);
    return copy;
  }
  if (!isObject(target) || (rest.length > 0 && target[key] === undefined)) throw doesNotApply();
  return { ...target, [key]: setAt(target[key], rest, value, how) };
}

function removeAt(target: unknown, path: Pointer): unknown {
  const [key, ...rest] = path;
  if (key === undefined) return null;
  if (isArray(target)) {
    const index = indexIn(target, key);
    if (index >= target.length) throw doesNotApply();
    if (rest.length === 0) return target.toSpliced(index, 1);
    return target.toSpliced(index, 1, removeAt(target[index], rest));
  }
  if (!isObject(target) || target[key] === undefined) throw doesNotApply();
  const copy: Draft = { ...target };
  if (rest.length === 0) delete copy[key];
  else copy[key] = removeAt(target[key], rest);
  return copy;
}
