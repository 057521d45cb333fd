/**
 * The objects of one kind in one namespace or in all, as the watch delivered them, with our own writes on top.
 *
 * A write is seen at once: its answer lies over what the watch delivered, until the watch (or a list)
 * delivers something that is at least as new. Which of two is newer:
 * - resource versions that are both decimal numbers are compared as numbers, also with the version up to
 *   which the watch has delivered everything: an answer from before that tells nothing new;
 * - otherwise only the equal version counts as caught up, or a list that was begun after the write;
 * - an object that we know is gone stays gone whatever is still delivered with its uid, because a uid never
 *   comes back.
 * So an older event that arrives after a write never undoes it.
 */

import type { KubernetesObject, ObjectKey } from '../../api/object.ts';
import type { ChangeListener } from '../../ports/cluster.ts';

type Overlay =
  | { readonly kind: 'object'; readonly object: KubernetesObject; readonly order: number }
  | {
      readonly kind: 'gone';
      readonly uid: string | undefined;
      /** The last version it had when we learned that it is gone. */
      readonly version: string | undefined;
    };

/** One list in the making. */
export interface Listing {
  add(object: KubernetesObject): void;
  /** Everything that was not listed is gone. `version` is the list's. */
  finish(version: string): void;
}

export class ObjectCache {
  readonly #listener: ChangeListener;
  readonly #seen = new Map<string, Map<string, KubernetesObject>>();
  readonly #overlays = new Map<string, Map<string, Overlay>>();
  /** The watch has delivered everything up to this version. */
  #upTo: string | undefined;
  #writes = 0;
  #size = 0;

  /** `listener` must not throw; it hears what the watch delivers, our own writes included. */
  constructor(listener: ChangeListener) {
    this.#listener = listener;
  }

  /** Objects that the watch has delivered. */
  get size(): number {
    return this.#size;
  }

  get({ namespace, name }: ObjectKey): KubernetesObject | undefined {
    const overlay = this.#overlays.get(namespace)?.get(name);
    if (overlay === undefined) return this.#seen.get(namespace)?.get(name);
    return overlay.kind === 'object' ? overlay.object : undefined;
  }

  list(namespace: string): readonly KubernetesObject[] {
    const seen = [...(this.#seen.get(namespace)?.values() ?? [])];
    const overlays = this.#overlays.get(namespace);
    if (overlays === undefined) return seen;
    const untouched = seen.filter(({ metadata }) => !overlays.has(metadata.name));
    const written = [...overlays.values()].flatMap((overlay) =>
      overlay.kind === 'object' ? [overlay.object] : [],
    );
    return [...untouched, ...written];
  }

  /** The watch delivered an object. */
  deliver(object: KubernetesObject): void {
    this.#upTo = object.metadata.resourceVersion;
    this.#take(object);
  }

  #take(object: KubernetesObject): void {
    const key = keyOf(object);
    const old = this.get(key);
    this.#put(key, object);
    const overlay = this.#overlay(key);
    if (overlay !== undefined && catchesUp(object, overlay)) this.#dropOverlay(key);
    const current = this.get(key);
    if (current !== undefined && current !== old) this.#listener(current, old);
  }

  /** The watch delivered that an object is gone. */
  deliverGone(object: KubernetesObject): void {
    this.#upTo = object.metadata.resourceVersion;
    const key = keyOf(object);
    this.#remove(key);
    const overlay = this.#overlay(key);
    if (overlay !== undefined && !endCatchesUp(object, overlay)) return;
    this.#dropOverlay(key);
    this.#listener(object, undefined);
  }

  /** The watch has delivered everything up to `version`: older writes must be among it. */
  bookmark(version: string): void {
    this.#upTo = version;
    for (const [key, overlay] of this.#allOverlays()) {
      if (overlay.kind === 'object' && coversWrite(overlay.object, version) === true) {
        this.#settle(key, overlay);
      }
    }
  }

  /** The answer to a write or to a live read: seen at once, unless something newer was delivered. */
  learn(object: KubernetesObject): void {
    const key = keyOf(object);
    const current = this.get(key);
    const overlay = this.#overlay(key);
    if (overlay?.kind === 'gone' && !catchesUp(object, overlay)) return;
    if (current !== undefined && !isNewer(object, current)) return;
    if (this.#upTo !== undefined && coversWrite(object, this.#upTo) === true) return;
    this.#writes += 1;
    this.#setOverlay(key, { kind: 'object', object, order: this.#writes });
  }

  /** The object with this uid is known to be gone. `undefined`: whichever is there. */
  learnGone(key: ObjectKey, uid: string | undefined): void {
    const current = this.get(key);
    if (current === undefined) return;
    if (uid !== undefined && current.metadata.uid !== uid) return;
    const version = current.metadata.resourceVersion;
    this.#setOverlay(key, { kind: 'gone', uid: current.metadata.uid, version });
  }

  beginListing(): Listing {
    const writesBefore = this.#writes;
    const listed = new Map<string, Set<string>>();
    const isListed = ({ namespace, name }: ObjectKey): boolean =>
      listed.get(namespace)?.has(name) === true;
    return {
      add: (object) => {
        const { namespace, name } = keyOf(object);
        inner(listed, namespace, () => new Set<string>()).add(name);
        const known = this.#seen.get(namespace)?.get(name);
        // Equal versions are kept as they are: a list of what we know tells nobody anything.
        if (known === undefined || !sameVersion(known, object)) this.#take(object);
      },
      finish: (version) => {
        for (const [namespace, objects] of this.#seen) {
          for (const [name, object] of objects) {
            if (!isListed({ namespace, name })) this.#lost({ namespace, name }, object);
          }
        }
        this.#settleOverlays(isListed, version, writesBefore);
        this.#upTo = version;
      },
    };
  }

  /** Forgets everything, writes too: the kind is no longer served, or history began anew. */
  clear(): void {
    this.#overlays.clear();
    this.#upTo = undefined;
    for (const [namespace, objects] of this.#seen) {
      for (const [name, object] of objects) this.#lost({ namespace, name }, object);
    }
  }

  #lost(key: ObjectKey, object: KubernetesObject): void {
    this.#remove(key);
    if (this.get(key) === undefined) this.#listener(object, undefined);
  }

  /** A list says what there is, also about writes that happened before it. */
  #settleOverlays(
    isListed: (key: ObjectKey) => boolean,
    listVersion: string,
    writesBefore: number,
  ): void {
    for (const [key, overlay] of this.#allOverlays()) {
      const settled =
        overlay.kind === 'gone'
          ? !isListed(key) && (compareVersions(listVersion, overlay.version) ?? 0) >= 0
          : (coversWrite(overlay.object, listVersion) ?? overlay.order <= writesBefore);
      if (settled) this.#settle(key, overlay);
    }
  }

  /** Lets what was delivered show again, and tells when that is something else. */
  #settle(key: ObjectKey, overlay: Overlay): void {
    this.#dropOverlay(key);
    if (overlay.kind === 'gone') return;
    const current = this.get(key);
    if (current === undefined) this.#listener(overlay.object, undefined);
    else this.#listener(current, overlay.object);
  }

  #allOverlays(): [ObjectKey, Overlay][] {
    return [...this.#overlays].flatMap(([namespace, overlays]) =>
      [...overlays].map(([name, overlay]): [ObjectKey, Overlay] => [{ namespace, name }, overlay]),
    );
  }

  #put({ namespace, name }: ObjectKey, object: KubernetesObject): void {
    const objects = inner(this.#seen, namespace, () => new Map<string, KubernetesObject>());
    if (!objects.has(name)) this.#size += 1;
    objects.set(name, object);
  }

  #remove({ namespace, name }: ObjectKey): void {
    const objects = this.#seen.get(namespace);
    if (objects?.delete(name) !== true) return;
    this.#size -= 1;
    if (objects.size === 0) this.#seen.delete(namespace);
  }

  #overlay({ namespace, name }: ObjectKey): Overlay | undefined {
    return this.#overlays.get(namespace)?.get(name);
  }

  #setOverlay({ namespace, name }: ObjectKey, overlay: Overlay): void {
    inner(this.#overlays, namespace, () => new Map<string, Overlay>()).set(name, overlay);
  }

  #dropOverlay({ namespace, name }: ObjectKey): void {
    const overlays = this.#overlays.get(namespace);
    if (overlays?.delete(name) === true && overlays.size === 0) this.#overlays.delete(namespace);
  }
}

/**
 * Which of two resource versions is newer: negative when `left` is older, 0 when equal, `undefined` when
 * they cannot be compared. Numbers are compared as texts, because they may outgrow a double.
 */
export function compareVersions(
  left: string | undefined,
  right: string | undefined,
): number | undefined {
  if (left === undefined || right === undefined) return undefined;
  if (left === right) return 0;
  if (!/^[1-9]\d*$/.test(left) || !/^[1-9]\d*$/.test(right)) return undefined;
  if (left.length !== right.length) return left.length - right.length;
  return left < right ? -1 : 1;
}

/** Whether a delivered object is at least as new as what we wrote. */
function catchesUp(delivered: KubernetesObject, overlay: Overlay): boolean {
  const { uid, resourceVersion } = delivered.metadata;
  if (overlay.kind === 'object') {
    const order = compareVersions(resourceVersion, overlay.object.metadata.resourceVersion);
    return order !== undefined && order >= 0;
  }
  if (uid !== undefined && uid === overlay.uid) return false;
  return (compareVersions(resourceVersion, overlay.version) ?? 1) > 0;
}

/** Whether a delivered end of an object is at least as new as what we wrote. */
function endCatchesUp(delivered: KubernetesObject, overlay: Overlay): boolean {
  const { uid, resourceVersion } = delivered.metadata;
  const known = overlay.kind === 'object' ? overlay.object.metadata : undefined;
  const knownUid = overlay.kind === 'object' ? known?.uid : overlay.uid;
  if (uid !== undefined && uid === knownUid) return true;
  const version = overlay.kind === 'object' ? known?.resourceVersion : overlay.version;
  return (compareVersions(resourceVersion, version) ?? -1) > 0;
}

/** Whether an answer says more than what we have; answers that cannot be compared are the newer. */
function isNewer(answer: KubernetesObject, current: KubernetesObject): boolean {
  return (
    (compareVersions(answer.metadata.resourceVersion, current.metadata.resourceVersion) ?? 1) > 0
  );
}

/** Whether a list of this version contains the write; `undefined` when the versions do not tell. */
function coversWrite(written: KubernetesObject, listVersion: string): boolean | undefined {
  const order = compareVersions(listVersion, written.metadata.resourceVersion);
  return order === undefined ? undefined : order >= 0;
}

function sameVersion(left: KubernetesObject, right: KubernetesObject): boolean {
  return (
    left.metadata.resourceVersion !== undefined &&
    left.metadata.resourceVersion === right.metadata.resourceVersion
  );
}

export function keyOf({ metadata }: KubernetesObject): ObjectKey {
  return { namespace: metadata.namespace ?? '', name: metadata.name };
}

function inner<K, V>(outer: Map<K, V>, key: K, make: () => V): V {
  const known = outer.get(key);
  if (known !== undefined) return known;
  const made = make();
  outer.set(key, made);
  return made;
}
