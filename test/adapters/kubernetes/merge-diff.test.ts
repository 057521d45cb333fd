import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { equal, mergeDiff, type Json } from '../../../src/adapters/kubernetes/merge-diff.ts';

describe('merge diff', () => {
  it('says nothing when nothing changed', () => {
    const value = { spec: { ports: [{ port: 80 }], selector: { app: 'cart' } } };
    expect(mergeDiff(value, structuredClone(value))).toBeUndefined();
  });

  it('names removed keys as null, at every depth', () => {
    const before = { metadata: { labels: { a: '1', b: '2' } }, spec: { gone: { deep: true } } };
    const after = { metadata: { labels: { a: '1' } }, spec: {} };
    expect(mergeDiff(before, after)).toEqual({
      metadata: { labels: { b: null } },
      spec: { gone: null },
    });
  });

  it('gives arrays whole', () => {
    const before = { rules: [{ weight: 90 }, { weight: 10 }] };
    const after = { rules: [{ weight: 80 }, { weight: 20 }] };
    expect(mergeDiff(before, after)).toEqual(after);
  });

  it('reads a null and an undefined in the wish as a missing key', () => {
    expect(mergeDiff({ a: 1, b: 2 }, { a: null, b: undefined })).toEqual({ a: null, b: null });
    expect(mergeDiff({}, { a: { b: null, c: 1 } })).toEqual({ a: { c: 1 } });
  });

  it('does not mind the order of keys', () => {
    expect(mergeDiff({ a: { x: 1, y: 2 } }, { a: { y: 2, x: 1 } })).toBeUndefined();
  });

  it('leads from any object to any other when it is applied', () => {
    fc.assert(
      fc.property(anyObject, anyObject, (before, after) => {
        const patch = mergeDiff(before, after);
        const result = patch === undefined ? before : applyPatch(before, patch);
        expect(equal(result, after)).toBe(true);
      }),
      { numRuns: 2_000 },
    );
  });

  it('leads from an object to a slightly edited one, and says nothing more', () => {
    fc.assert(
      fc.property(anyObject, fc.string(), fc.jsonValue(), (before, key, value) => {
        fc.pre(value !== null && key !== '__proto__');
        const after = { ...before, [key]: dropNulls(value) };
        const patch = mergeDiff(before, after) ?? {};
        expect(Object.keys(patch).filter((changed) => changed !== key)).toEqual([]);
        expect(equal(applyPatch(before, patch), after)).toBe(true);
      }),
    );
  });
});

const anyObject: fc.Arbitrary<Json> = fc
  .dictionary(fc.oneof(fc.constantFrom('a', 'b', 'c', '__proto__'), fc.string()), fc.jsonValue(), {
    noNullPrototype: true,
  })
  .map(withoutNulls);

/** Merge patches cannot store nulls in objects; in arrays they can. */
function withoutNulls(value: object): Json {
  return Object.fromEntries(
    Object.entries(value)
      .filter(([, entry]) => entry !== null)
      .map(([key, entry]): [string, unknown] => [key, dropNulls(entry)]),
  );
}

function dropNulls(value: unknown): unknown {
  const isObject = typeof value === 'object' && value !== null && !Array.isArray(value);
  return isObject ? withoutNulls(value) : value;
}

/** RFC 7386, section 2, as the server does it. */
function applyPatch(target: unknown, patch: unknown): unknown {
  if (typeof patch !== 'object' || patch === null || Array.isArray(patch)) return patch;
  const isObject = typeof target === 'object' && target !== null && !Array.isArray(target);
  const result = new Map<string, unknown>(isObject ? Object.entries(target) : []);
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) result.delete(key);
    else result.set(key, applyPatch(result.get(key), value));
  }
  return Object.fromEntries(result);
}
