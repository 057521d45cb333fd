import type { KubernetesObject, ObjectRef } from '../api/object.ts';
import type { StatusWriters } from '../core/observation.ts';

/** A kind of object, as `apiVersion` and `kind` name it. */
export interface ObjectKind {
  readonly apiVersion: string;
  readonly kind: string;
}

/** Something happened to an object of a watched kind: look again at whoever cares for it. */
export type ChangeListener = (object: KubernetesObject, old: KubernetesObject | undefined) => void;

/**
 * The cluster as the controller needs it: reads from a cache that has seen our own writes, and writes
 * that are refused when somebody else wrote first.
 *
 * Everything that waits throws one of the six errors: `ConflictError` when the object changed, exists
 * already or is gone, `DeniedError` naming verb and resource, `InvalidError` when the API server refuses
 * the object, `UnavailableError` when it does not answer or asks to be left alone.
 */
export interface Cluster {
  /**
   * From the cache. `undefined`: there is none. Objects are shared and frozen in spirit: copy before
   * changing. Objects that we wrote are seen as written at once, also before the watch delivers them.
   */
  get(ref: ObjectRef): KubernetesObject | undefined;
  /** All cached objects of a kind in a namespace. */
  list(kind: ObjectKind, namespace: string): readonly KubernetesObject[];
  /** `false` while the kind is not served (its CustomResourceDefinition is missing). */
  serves(kind: ObjectKind): boolean;
  /** Who, beside us, wrote this object last; `undefined` when nobody else did, or it is not known. */
  managerOf(object: KubernetesObject): string | undefined;
  /** Who has written the status of this object, of a kind whose status is ours. */
  statusWriters(object: KubernetesObject): StatusWriters;

  /** One live read, past the cache, which learns from the answer. */
  read(ref: ObjectRef, signal: AbortSignal): Promise<KubernetesObject | undefined>;
  /** A live list, for kinds that are not watched. `selector` are exact labels. */
  readList(
    kind: ObjectKind,
    namespace: string,
    selector: Readonly<Record<string, string>>,
    signal: AbortSignal,
  ): Promise<readonly KubernetesObject[]>;

  create(object: KubernetesObject, signal: AbortSignal): Promise<KubernetesObject>;
  /**
   * Makes `before` (as read, with its resourceVersion) into `after` by a merge patch of the difference
   * that carries the resourceVersion. Without a difference nothing is sent and `before` is returned.
   */
  update(
    before: KubernetesObject,
    after: KubernetesObject,
    signal: AbortSignal,
  ): Promise<KubernetesObject>;
  /** The same for `.status`. */
  updateStatus(
    before: KubernetesObject,
    status: object,
    signal: AbortSignal,
  ): Promise<KubernetesObject>;
  /** Sets the number of replicas through `/scale`, guarded by the resourceVersion. */
  scale(before: KubernetesObject, replicas: number, signal: AbortSignal): Promise<void>;
  /** Deletes exactly this object (uid and resourceVersion are preconditions). */
  remove(object: KubernetesObject, signal: AbortSignal): Promise<void>;
}
