/**
 * What a cluster's own controllers do to objects: owner garbage collection, the end of namespaces and of
 * CustomResourceDefinitions, the expiry of Events.
 *
 * All of it happens in `tick`, in a fixed order, so that a simulation decides when.
 */

import { put, remove } from './commit.ts';
import type { ServerContext } from './context.ts';
import { CRD_CLEANUP } from './kinds/crd-kind.ts';
import { resourceOf } from './custom-resources.ts';
import { deleteStored, FOREGROUND, ORPHAN, type DeleteOptions } from './deletes.ts';
import { isObject, valueAt, withKeys } from './json.ts';
import type { KubeObject, Metadata, OwnerReference } from './object.ts';
import type { ResourceType } from './resource-type.ts';
import { pathOf, type Change } from './store.ts';
import { isReadyToGo } from './writes.ts';

const EVENT_LIFETIME_MS = 3_600_000;
const CRDS = 'customresourcedefinitions.apiextensions.k8s.io';

const BACKGROUND: DeleteOptions = {
  propagation: 'Background',
  graceSeconds: undefined,
  uid: undefined,
  resourceVersion: undefined,
  dryRun: false,
  isOldCascade: false,
};

interface Place {
  readonly resource: string;
  readonly namespace: string;
  readonly name: string;
}

export class Housekeeping {
  readonly #context: ServerContext;
  readonly #onGone: (resource: string) => void;
  readonly #places = new Map<string, Place>();
  readonly #dependents = new Map<string, Set<string>>();
  /** Uids whose dependents or finalizers need a look. */
  readonly #due = new Set<string>();
  /** Uids of dependents that name an owner in a way that it is not. */
  readonly #doubtful = new Set<string>();
  readonly #events = new Map<string, number>();
  readonly #terminating = new Set<string>();

  constructor(context: ServerContext, onGone: (resource: string) => void) {
    this.#context = context;
    this.#onGone = onGone;
  }

  observe(resource: string, { type, object, previous }: Change): void {
    const { uid, ownerReferences, deletionTimestamp } = object.metadata;
    if (previous !== undefined && previous.metadata.ownerReferences !== ownerReferences)
      this.#unlink(previous);
    if (type === 'DELETED') this.#forget(object);
    else {
      this.#places.set(uid, placeOf(resource, object));
      if (ownerReferences !== undefined) this.#link(object, previous);
    }
    if (deletionTimestamp !== undefined) this.#due.add(uid);
    if (resource === 'events') this.#noteEvent(type, object);
    const isRoom = resource === 'namespaces' || resource === CRDS;
    if (isRoom && type !== 'DELETED' && deletionTimestamp !== undefined) this.#terminating.add(uid);
  }

  #link(object: KubeObject, previous: KubeObject | undefined): void {
    const { uid, ownerReferences = [] } = object.metadata;
    if (previous?.metadata.ownerReferences === ownerReferences) return;
    for (const owner of ownerReferences) {
      let dependents = this.#dependents.get(owner.uid);
      if (dependents === undefined) this.#dependents.set(owner.uid, (dependents = new Set()));
      dependents.add(uid);
      if (!this.#places.has(owner.uid)) this.#due.add(owner.uid);
      else if (!this.#isOwner(owner, object)) this.#doubtful.add(uid);
    }
  }

  #unlink({ metadata }: KubeObject): void {
    for (const owner of metadata.ownerReferences ?? []) {
      this.#dependents.get(owner.uid)?.delete(metadata.uid);
      this.#due.add(owner.uid);
    }
  }

  #forget(object: KubeObject): void {
    const { uid } = object.metadata;
    this.#unlink(object);
    this.#places.delete(uid);
    this.#terminating.delete(uid);
    if ((this.#dependents.get(uid)?.size ?? 0) > 0) this.#due.add(uid);
    else this.#dependents.delete(uid);
  }

  #noteEvent(type: Change['type'], object: KubeObject): void {
    if (type === 'DELETED') this.#events.delete(pathOf(object));
    else {
      this.#events.delete(pathOf(object)); // a rewritten Event lives longer: to the end of the order
      this.#events.set(pathOf(object), this.#context.now() + EVENT_LIFETIME_MS);
    }
  }

  /** Runs until nothing is left to do that can be done now. */
  tick(): void {
    for (const uid of this.#doubtful) this.#collectDependent(uid);
    this.#doubtful.clear();
    while (this.#due.size > 0) {
      const uids = [...this.#due];
      this.#due.clear();
      for (const uid of uids) this.#collect(uid);
    }
    for (const uid of Array.from(this.#terminating)) this.#empty(uid);
    this.#expireEvents();
    if (this.#due.size > 0) this.tick();
  }

  #find(uid: string): { type: ResourceType; stored: KubeObject } | undefined {
    const place = this.#places.get(uid);
    const type = place && this.#context.registry.ofResource(place.resource);
    const stored = place && type?.collection.get(place.namespace, place.name);
    return type && stored?.metadata.uid === uid ? { type, stored } : undefined;
  }

  #collect(uid: string): void {
    const owner = this.#find(uid);
    const dependents = [...(this.#dependents.get(uid) ?? [])];
    if (owner === undefined) {
      for (const dependent of dependents) this.#collectDependent(dependent);
      if ((this.#dependents.get(uid)?.size ?? 0) === 0) this.#dependents.delete(uid);
      return;
    }
    const finalizers = owner.stored.metadata.finalizers ?? [];
    if (owner.stored.metadata.deletionTimestamp === undefined) return;
    if (finalizers.includes(ORPHAN)) this.#orphan(owner.stored, owner.type, dependents);
    else if (finalizers.includes(FOREGROUND))
      this.#foreground(owner.stored, owner.type, dependents);
  }

  /** Goes when no owner is left; loses the references to those that are gone. */
  #collectDependent(uid: string): void {
    const found = this.#find(uid);
    if (found === undefined) return;
    const { type, stored } = found;
    const owners = stored.metadata.ownerReferences ?? [];
    const left = owners.filter((owner) => this.#isOwner(owner, stored));
    if (left.length === owners.length) return;
    if (left.length > 0) this.#write(type, stored, { ownerReferences: left });
    else if (stored.metadata.deletionTimestamp === undefined)
      deleteStored(this.#context, type, stored, BACKGROUND);
  }

  #isOwner(owner: OwnerReference, dependent: KubeObject): boolean {
    if (!this.#isKnown(owner)) return true;
    const found = this.#find(owner.uid);
    if (found === undefined) return false;
    const { namespace, name } = found.stored.metadata;
    if (name !== owner.name || found.stored.kind !== owner.kind) return false;
    return namespace === undefined || namespace === dependent.metadata.namespace;
  }

  /** Of kinds that are not served nothing can be said, so nothing is done. */
  #isKnown({ apiVersion, kind }: OwnerReference): boolean {
    return this.#context.registry.types.some(
      (type) => type.apiVersion === apiVersion && type.definition.kind === kind,
    );
  }

  #orphan(stored: KubeObject, type: ResourceType, dependents: readonly string[]): void {
    const { uid } = stored.metadata;
    for (const dependent of dependents) {
      const found = this.#find(dependent);
      const owners = found?.stored.metadata.ownerReferences ?? [];
      if (found)
        this.#write(found.type, found.stored, {
          ownerReferences: owners.filter((owner) => owner.uid !== uid),
        });
    }
    this.#release(type, stored, ORPHAN);
  }

  /** Waits for the dependents that block; asks all of them to go. */
  #foreground(stored: KubeObject, type: ResourceType, dependents: readonly string[]): void {
    const { uid } = stored.metadata;
    let blocked = false;
    for (const dependent of dependents) {
      const found = this.#find(dependent);
      if (found === undefined) continue;
      const { metadata } = found.stored;
      const owners = metadata.ownerReferences ?? [];
      const others = owners.filter(
        (owner) => owner.uid !== uid && this.#isOwner(owner, found.stored),
      );
      if (others.length > 0) {
        this.#write(found.type, found.stored, { ownerReferences: others });
        continue;
      }
      if (metadata.deletionTimestamp === undefined) {
        const propagation = this.#dependents.has(metadata.uid) ? 'Foreground' : 'Background';
        deleteStored(this.#context, found.type, found.stored, { ...BACKGROUND, propagation });
      }
      const reference = owners.find((owner) => owner.uid === uid);
      blocked ||= reference?.blockOwnerDeletion === true && this.#find(dependent) !== undefined;
    }
    if (!blocked) this.#release(type, stored, FOREGROUND);
  }

  #release(type: ResourceType, stored: KubeObject, finalizer: string): void {
    const current = this.#find(stored.metadata.uid)?.stored;
    if (current === undefined) return;
    const finalizers = (current.metadata.finalizers ?? []).filter((name) => name !== finalizer);
    this.#write(type, current, { finalizers });
  }

  /** Writes metadata, or removes the object when that was the last thing that held it. */
  #write(type: ResourceType, stored: KubeObject, changes: Partial<Metadata>): void {
    const metadata: Record<string, unknown> = { ...stored.metadata, ...changes };
    for (const key of ['finalizers', 'ownerReferences'])
      if (Array.isArray(metadata[key]) && metadata[key].length === 0) delete metadata[key];
    const next = withKeys(type.view(stored), { metadata });
    if (isReadyToGo(next)) remove(this.#context, type, stored, next);
    else put(this.#context, type, next, stored);
  }

  /** Namespaces and definitions take their content with them. */
  #empty(uid: string): void {
    const found = this.#find(uid);
    if (found === undefined) return;
    const { stored, type } = found;
    if (type.resource === CRDS) this.#emptyDefinition(stored, type);
    else this.#emptyNamespace(stored, type);
  }

  #emptyNamespace(stored: KubeObject, type: ResourceType): void {
    const { name } = stored.metadata;
    const content = this.#context.registry.resources.filter(
      ({ definition }) => definition.namespaced,
    );
    for (const kind of content) this.#deleteAll(kind, name);
    if (content.some((kind) => kind.collection.list(name).length > 0)) return;
    const spec = isObject(stored['spec']) ? stored['spec'] : {};
    const next = withKeys(stored, {
      spec: withKeys(spec, { finalizers: undefined }),
    });
    if (isReadyToGo(next)) remove(this.#context, type, stored, next);
  }

  #emptyDefinition(stored: KubeObject, type: ResourceType): void {
    const resource = resourceOf(stored);
    const kind = this.#context.registry.ofResource(resource);
    if (kind !== undefined) {
      this.#deleteAll(kind, undefined);
      if (!kind.collection.isEmpty) return;
    }
    this.#write(type, stored, {
      finalizers: (stored.metadata.finalizers ?? []).filter(
        (finalizer) => finalizer !== CRD_CLEANUP,
      ),
    });
    if (this.#find(stored.metadata.uid) !== undefined) return;
    this.#context.registry.unregister(resource);
    this.#onGone(resource);
  }

  #deleteAll(kind: ResourceType, namespace: string | undefined): void {
    for (const object of kind.collection.list(namespace))
      if (object.metadata.deletionTimestamp === undefined || valueAt(object, ['spec', 'nodeName']))
        deleteStored(this.#context, kind, object, BACKGROUND);
  }

  #expireEvents(): void {
    const now = this.#context.now();
    const type = this.#context.registry.ofResource('events');
    for (const [path, expiresAt] of this.#events) {
      if (expiresAt > now) return;
      const [namespace = '', name = ''] = path.split('/');
      const stored = type?.collection.get(namespace, name);
      if (type !== undefined && stored !== undefined) remove(this.#context, type, stored);
      this.#events.delete(path);
    }
  }
}

function placeOf(resource: string, { metadata }: KubeObject): Place {
  return { resource, namespace: metadata.namespace ?? '', name: metadata.name };
}
