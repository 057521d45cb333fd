import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { isObject } from '../../../src/api/narrow.ts';
import type { KubernetesObject, OwnerReference } from '../../../src/api/object.ts';
import {
  adopt,
  adoptedBy,
  annotated,
  controllerOf,
  equal,
  giveBackRoute,
  heldRevision,
  otherOwner,
  ownedBy,
  ownerOf,
  silenced,
  unsilenced,
  withOwners,
  withoutOwner,
  withRevision,
} from '../../../src/core/owners.ts';

const canary = { apiVersion: 'serin.dev/v1beta1', kind: 'Canary', name: 'cart', uid: 'c' };
const target = { apiVersion: 'apps/v1', kind: 'Deployment', name: 'cart', uid: 't' };
const stranger: OwnerReference = { apiVersion: 'v1', kind: 'ConfigMap', name: 'x', uid: 's' };

function anObject(
  metadata: Partial<KubernetesObject['metadata']> = {},
  spec: unknown = { a: 1 },
): KubernetesObject {
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: 'cart', namespace: 'shop', ...metadata },
    spec,
  };
}

describe('owners of what we make', () => {
  it('are the Canary, which runs it, and the target, which keeps it', () => {
    const owned = withOwners(anObject({ ownerReferences: [stranger] }), canary, target);
    expect(owned.metadata.ownerReferences).toEqual([
      { ...canary, controller: true, blockOwnerDeletion: true },
      target,
      stranger,
    ]);
    expect(controllerOf(owned)?.uid).toBe('c');
    expect(ownedBy(owned, canary)).toBe(true);
    expect(ownedBy(owned, { uid: 'other' })).toBe(false);
    expect(withOwners(anObject(), canary, undefined).metadata.ownerReferences).toHaveLength(1);
  });

  it('are set once', () => {
    const owned = withOwners(anObject(), canary, target);
    expect(withOwners(owned, canary, target)).toBe(owned);
    // A target that is gone for a moment says nothing about who keeps what.
    expect(withOwners(owned, canary, undefined)).toBe(owned);
  });

  it('follow what is to happen on deletion, and a target that was made anew', () => {
    const owned = withOwners(anObject({ ownerReferences: [stranger] }), canary, target);
    const bare = withOwners(owned, canary, target, false);
    expect(bare.metadata.ownerReferences?.map(({ uid }) => uid)).toEqual(['c', 's']);
    expect(withOwners(bare, canary, target, false)).toBe(bare);
    expect(withOwners(bare, canary, target)).toEqual(owned);
    const anew = withOwners(owned, canary, { ...target, uid: 't2' });
    expect(anew.metadata.ownerReferences?.map(({ uid }) => uid)).toEqual(['c', 't2', 's']);
  });

  it('come to what Flagger made, whose Canary is the same object', () => {
    const theirs = { ...canary, controller: true, blockOwnerDeletion: true };
    const taken = withOwners(anObject({ ownerReferences: [theirs] }), canary, target);
    expect(taken.metadata.ownerReferences).toEqual([theirs, target]);
  });

  it('are refused beside another controller', () => {
    const taken = anObject({ ownerReferences: [{ ...stranger, controller: true }] });
    expect(() => withOwners(taken, canary, target)).toThrow(
      expect.objectContaining({ kind: 'invalid', reason: 'NotOurs' }),
    );
  });

  it('are dropped one by one', () => {
    const owned = withOwners(anObject(), canary, target);
    const kept = withoutOwner(owned, canary);
    expect(kept.metadata.ownerReferences).toEqual([target]);
    expect(withoutOwner(kept, target)).toEqual(anObject());
    expect(withoutOwner(kept, canary)).toBe(kept);
  });

  it('are named after the stored object', () => {
    expect(ownerOf(anObject({ uid: 'u' }))).toEqual({
      apiVersion: 'v1',
      kind: 'Service',
      name: 'cart',
      uid: 'u',
    });
  });
});

describe('whose an object is', () => {
  it('is said by its controller, or by the mark of an adoption', () => {
    expect(otherOwner(anObject(), canary)).toBeUndefined();
    expect(otherOwner(anObject({ ownerReferences: [stranger] }), canary)).toBeUndefined();
    expect(otherOwner(withOwners(anObject(), canary, target), canary)).toBeUndefined();
    expect(otherOwner(adopt(anObject(), canary), canary)).toBeUndefined();
    expect(otherOwner(withOwners(anObject(), canary, target), { uid: 'other' })).toBe(
      'Canary cart',
    );
    expect(otherOwner(adopt(anObject(), canary), { uid: 'other' })).toContain('uid c');
  });
});

const release = (route: KubernetesObject): KubernetesObject => ({
  ...route,
  spec: { ...(isObject(route['spec']) ? route['spec'] : {}), backend: 'apex' },
});

describe('an adopted route', () => {
  const former = anObject(
    { annotations: { note: 'x' } },
    { host: 'a', backend: 'apex', group: undefined },
  );
  const adopted = adopt(former, canary);

  it('is marked once, with a note of what it was', () => {
    expect(adoptedBy(adopted, canary)).toBe(true);
    expect(adopt(adopted, canary)).toBe(adopted);
    const moved = { ...adopted, spec: { host: 'a', backend: 'pair' } };
    expect(adopt(moved, canary)).toBe(moved);
  });

  it('comes back exactly as it was', () => {
    const before = anObject({}, { host: 'a' });
    const running = silenced({ ...adopt(before, canary), spec: { host: 'a', backend: 'pair' } });
    expect(giveBackRoute(running, release)).toEqual(before);
    expect(giveBackRoute({ ...adopted, spec: { host: 'a', backend: 'pair' } }, release)).toEqual(
      former,
    );
  });

  it('keeps what its user has changed since', () => {
    const changed = { ...adopted, spec: { host: 'b', backend: 'pair' } };
    expect(giveBackRoute(changed, release)['spec']).toEqual({ host: 'b', backend: 'apex' });
  });

  it('is released when the note was lost', () => {
    const lost = anObject({ annotations: { 'serin.dev/former-spec': '{' } }, { backend: 'pair' });
    const back = giveBackRoute(lost, release);
    expect(back['spec']).toEqual({ backend: 'apex' });
    expect(back.metadata).not.toHaveProperty('annotations');
  });
});

describe('annotations', () => {
  it('are set and removed, and nothing changes when they are as asked', () => {
    const object = anObject({ annotations: { a: '1' } });
    expect(annotated(object, { a: '1', b: undefined })).toBe(object);
    expect(annotated(object, { a: undefined })).toEqual(anObject());
    expect(annotated(anObject(), { b: '2' }).metadata.annotations).toEqual({ b: '2' });
  });

  it('say which revision a primary holds', () => {
    expect(heldRevision(anObject())).toBeUndefined();
    expect(heldRevision(withRevision(anObject(), 'sha256:1'))).toBe('sha256:1');
  });

  it('that silence Flux go again, those of the user stay', () => {
    fc.assert(
      fc.property(
        fc.subarray([
          'helm.toolkit.fluxcd.io/driftDetection',
          'kustomize.toolkit.fluxcd.io/reconcile',
          'other',
        ]),
        (keys) => {
          const own = keys.map((key) => [key, 'disabled']);
          const object = anObject(own.length === 0 ? {} : { annotations: Object.fromEntries(own) });
          const quiet = silenced(object);
          expect(Object.values(quiet.metadata.annotations ?? {})).toContain('disabled');
          expect(silenced(quiet)).toBe(quiet);
          expect(unsilenced(quiet)).toEqual(object);
          expect(unsilenced(object)).toBe(object);
        },
      ),
    );
  });
});

describe('equality of plain values', () => {
  it('is that of their JSON, whatever the order of keys', () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.jsonValue(), (left, right) => {
        expect(equal(left, structuredClone(left))).toBe(true);
        expect(equal(left, right)).toBe(equal(right, left));
      }),
    );
    expect(equal({ a: 1, b: undefined }, { a: 1 })).toBe(true);
    expect(equal({ a: 1, b: 2 }, { b: 2, a: 1 })).toBe(true);
    expect(equal({ a: undefined, b: 1 }, { a: 1, b: undefined })).toBe(false);
    expect(equal([1, 2], [2, 1])).toBe(false);
    expect(equal([], {})).toBe(false);
    expect(equal(null, {})).toBe(false);
    expect(equal({ a: 1 }, undefined)).toBe(false);
  });
});
