/**
 * Whose an object is: owner references, the mark of an adoption, and Flux being told to leave it alone.
 *
 * All functions return the object they were given when there is nothing to change, so that a caller sees by
 * identity whether a write is due.
 */

import { fluxMarks, marks } from '../api/marks.ts';
import type { KubernetesObject, ObjectMeta, OwnerReference } from '../api/object.ts';
import { InvalidError } from '../errors.ts';

/** Who may own: enough of an object to refer to it. */
export interface Owner {
  readonly apiVersion: string;
  readonly kind: string;
  readonly name: string;
  readonly uid: string;
}

/** The owner that an object makes. Throws nothing; an object that was never stored has an empty uid. */
export function ownerOf({ apiVersion, kind, metadata }: KubernetesObject): Owner {
  return { apiVersion, kind, name: metadata.name, uid: metadata.uid ?? '' };
}

/** The one owner that runs this object, whoever it is. */
export function controllerOf(object: KubernetesObject): OwnerReference | undefined {
  return object.metadata.ownerReferences?.find(({ controller }) => controller === true);
}

/** Whether this Canary made the object (or took it over from Flagger) and runs it. */
export function ownedBy(object: KubernetesObject, canary: Pick<Owner, 'uid'>): boolean {
  return controllerOf(object)?.uid === canary.uid;
}

/** Whether this Canary has adopted the object, which its user made. */
export function adoptedBy(object: KubernetesObject, canary: Pick<Owner, 'uid'>): boolean {
  return object.metadata.annotations?.[marks.adoptedBy] === canary.uid;
}

/** Who else has a right to the object, in words; `undefined` when this Canary may have it. */
export function otherOwner(
  object: KubernetesObject,
  canary: Pick<Owner, 'uid'>,
): string | undefined {
  const controller = controllerOf(object);
  if (controller !== undefined) {
    return controller.uid === canary.uid ? undefined : `${controller.kind} ${controller.name}`;
  }
  const marked = object.metadata.annotations?.[marks.adoptedBy];
  return marked === undefined || marked === canary.uid
    ? undefined
    : `the Canary with uid ${marked}`;
}

/**
 * The object as we make it: run by the Canary and, unless its user has said `revertOnDeletion: false`, kept alive by
 * the target, so that neither foreground nor background deletion of the Canary takes it away before we have let go.
 *
 * `target` is `undefined` while there is none: then nothing is said about it. A former target of the same name goes,
 * other owners stay. Throws `InvalidError` (`NotOurs`) when somebody else runs the object.
 */
export function withOwners(
  object: KubernetesObject,
  canary: Owner,
  target: Owner | undefined,
  keptByTarget = true,
): KubernetesObject {
  const controller = controllerOf(object);
  if (controller !== undefined && controller.uid !== canary.uid) {
    throw new InvalidError(
      `${object.kind} ${object.metadata.name} belongs to ${controller.kind} ${controller.name}`,
      { reason: 'NotOurs' },
    );
  }
  const current = object.metadata.ownerReferences ?? [];
  const wanted: OwnerReference[] = [
    { ...reference(canary), controller: true, blockOwnerDeletion: true },
    ...(target !== undefined && keptByTarget ? [reference(target)] : []),
  ];
  const others = current.filter(
    (owner) => owner.uid !== canary.uid && (target === undefined || !sameName(owner, target)),
  );
  const missing = wanted.filter((owner) => !current.some((other) => sameReference(owner, other)));
  if (missing.length === 0 && current.length === wanted.length + others.length) return object;
  return withMetadata(object, { ownerReferences: [...wanted, ...others] });
}

/** The object without this owner; the last thing we do to what is to outlive a Canary. */
export function withoutOwner(
  object: KubernetesObject,
  owner: Pick<Owner, 'uid'>,
): KubernetesObject {
  const current = object.metadata.ownerReferences ?? [];
  const others = current.filter(({ uid }) => uid !== owner.uid);
  if (others.length === current.length) return object;
  return withMetadata(object, { ownerReferences: others.length === 0 ? undefined : others });
}

/** The object with these annotations set, or removed where the value is `undefined`. */
export function annotated(
  object: KubernetesObject,
  changes: Readonly<Record<string, string | undefined>>,
): KubernetesObject {
  const current = object.metadata.annotations ?? {};
  if (Object.entries(changes).every(([key, value]) => current[key] === value)) return object;
  const kept = Object.entries({ ...current, ...changes }).flatMap(
    ([key, value]): [string, string][] => (value === undefined ? [] : [[key, value]]),
  );
  const annotations = kept.length === 0 ? undefined : Object.fromEntries(kept);
  return withMetadata(object, { annotations });
}

/** The primary with a note of the revision it holds; from there, and nowhere else, that is read. */
export function withRevision(primary: KubernetesObject, revision: string): KubernetesObject {
  return annotated(primary, { [marks.revision]: revision });
}

/** The revision a primary says it holds; `undefined` for one that we have not written yet. */
export function heldRevision(primary: KubernetesObject): string | undefined {
  return primary.metadata.annotations?.[marks.revision];
}

/**
 * The object marked as adopted, with a note of its present `spec`. Marked already: as it is, so that the note
 * always says what it was before us.
 */
export function adopt(object: KubernetesObject, canary: Pick<Owner, 'uid'>): KubernetesObject {
  if (adoptedBy(object, canary)) return object;
  return annotated(object, {
    [marks.adoptedBy]: canary.uid,
    [marks.formerSpec]: JSON.stringify(object['spec'] ?? null),
  });
}

/**
 * An adopted route as its user has it: without our marks, its traffic on the apex.
 *
 * `release` is the router's. When nobody has changed anything else since the adoption, the very spec from before
 * comes back; otherwise the changes of the user stay and only our part is undone.
 */
export function giveBackRoute(
  route: KubernetesObject,
  release: (route: KubernetesObject) => KubernetesObject,
): KubernetesObject {
  const released = release(route);
  const former = parsed(route.metadata.annotations?.[marks.formerSpec]);
  const unmarked = unsilenced(
    annotated(released, {
      [marks.applied]: undefined,
      [marks.adoptedBy]: undefined,
      [marks.formerSpec]: undefined,
    }),
  );
  if (typeof former !== 'object' || former === null) return unmarked;
  const before = release({ ...route, spec: former });
  return equal(before['spec'], released['spec']) ? { ...unmarked, spec: former } : unmarked;
}

/** An adopted object while a run is under way: Flux leaves it alone. What its user has said to Flux himself stays. */
export function silenced(object: KubernetesObject): KubernetesObject {
  const current = object.metadata.annotations ?? {};
  const missing = Object.keys(fluxMarks).filter((key) => current[key] === undefined);
  if (missing.length === 0) return object;
  const ours = new Set([...silencedKeys(object), ...missing]);
  return annotated(object, {
    ...Object.fromEntries(missing.map((key) => [key, fluxMarks[key]])),
    [marks.silenced]: [...ours].sort().join(','),
  });
}

/** The reverse: of Flux's annotations only those go that `silenced` has set. */
export function unsilenced(object: KubernetesObject): KubernetesObject {
  const ours = silencedKeys(object).map((key) => [key, undefined]);
  return annotated(object, { ...Object.fromEntries(ours), [marks.silenced]: undefined });
}

/** Whether two plain values are the same JSON; the order of keys does not count. */
export function equal(left: unknown, right: unknown): boolean {
  if (left === right) return true;
  if (typeof left !== 'object' || typeof right !== 'object') return false;
  if (left === null || right === null || Array.isArray(left) !== Array.isArray(right)) return false;
  const [ours, theirs] = [present(left), present(right)];
  return (
    ours.length === theirs.length &&
    ours.every(([key, value]) => Object.hasOwn(right, key) && equal(value, Reflect.get(right, key)))
  );
}

function present(value: object): [string, unknown][] {
  return Object.entries(value).filter(([, item]) => item !== undefined);
}

function silencedKeys(object: KubernetesObject): string[] {
  const known = object.metadata.annotations?.[marks.silenced]?.split(',') ?? [];
  return known.filter((key) => Object.hasOwn(fluxMarks, key));
}

function reference({ apiVersion, kind, name, uid }: Owner): OwnerReference {
  return { apiVersion, kind, name, uid };
}

function sameName(left: Owner, right: Owner): boolean {
  return (
    left.apiVersion === right.apiVersion && left.kind === right.kind && left.name === right.name
  );
}

function sameReference(left: OwnerReference, right: OwnerReference): boolean {
  return (
    left.uid === right.uid &&
    sameName(left, right) &&
    (left.controller ?? false) === (right.controller ?? false)
  );
}

function withMetadata(object: KubernetesObject, changes: Partial<ObjectMeta>): KubernetesObject {
  const entries = Object.entries({ ...object.metadata, ...changes });
  const kept = Object.fromEntries(entries.filter(([, value]) => value !== undefined));
  return { ...object, metadata: { ...kept, name: object.metadata.name } };
}

function parsed(text: string | undefined): unknown {
  if (text === undefined) return undefined;
  try {
    return JSON.parse(text);
  } catch {
    return undefined; // Somebody has edited our note: then it says nothing.
  }
}
