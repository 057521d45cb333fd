/**
 * Objects by resource, one version counter for all of them, and what happened lately.
 *
 * The history serves three readers: watches that resume, lists that go on from a page, and lists at an
 * exact version. What it no longer reaches back to is answered 410.
 */

import type { KubeObject } from './object.ts';

export interface Change {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED';
  readonly revision: number;
  /** For DELETED the last state, carrying the version of the deletion. */
  readonly object: KubeObject;
  readonly previous: KubeObject | undefined;
}

export type ChangeListener = (change: Change) => void;

export interface Snapshot {
  readonly revision: number;
  /** Ordered by key, as etcd orders them. */
  readonly objects: readonly KubeObject[];
}

/** All objects of one resource, whatever version they are served in. */
export class Collection {
  readonly #store: Store;
  readonly #namespaces = new Map<string, Map<string, KubeObject>>();
  readonly #sorted = new Map<string, readonly KubeObject[]>();
  readonly listeners = new Set<ChangeListener>();
  #history: Change[] = [];
  /** Versions up to this one are out of reach for watches. */
  #floor = 0;

  constructor(store: Store) {
    this.#store = store;
  }

  get(namespace: string, name: string): KubeObject | undefined {
    return this.#namespaces.get(namespace)?.get(name);
  }

  get isEmpty(): boolean {
    for (const objects of this.#namespaces.values()) if (objects.size > 0) return false;
    return true;
  }

  get size(): number {
    let count = 0;
    for (const objects of this.#namespaces.values()) count += objects.size;
    return count;
  }

  /** Objects now, of one namespace or (with `undefined`) of all, ordered by key. */
  list(namespace: string | undefined): readonly KubeObject[] {
    if (namespace !== undefined) return this.#sortedOf(namespace);
    const names = [...this.#namespaces.keys()];
    const only = names[0];
    if (names.length === 1 && only !== undefined) return this.#sortedOf(only);
    names.sort((a, b) => (`${a}/` < `${b}/` ? -1 : 1));
    return names.flatMap((name) => this.#sortedOf(name));
  }

  #sortedOf(namespace: string): readonly KubeObject[] {
    const known = this.#sorted.get(namespace);
    if (known !== undefined) return known;
    const objects = [...(this.#namespaces.get(namespace)?.values() ?? [])];
    objects.sort((a, b) => (a.metadata.name < b.metadata.name ? -1 : 1));
    this.#sorted.set(namespace, objects);
    return objects;
  }

  /** The list as it was at `revision`; `undefined` when the history does not reach back. */
  snapshot(namespace: string | undefined, revision: number): Snapshot | undefined {
    if (revision < this.#floor) return undefined;
    const later = this.since(revision) ?? [];
    if (later.length === 0) return { revision, objects: this.list(namespace) };
    const objects = new Map(this.list(namespace).map((object) => [pathOf(object), object]));
    for (const change of later.toReversed()) {
      const { metadata } = change.object;
      if (namespace !== undefined && (metadata.namespace ?? '') !== namespace) continue;
      if (change.previous === undefined) objects.delete(pathOf(change.object));
      else objects.set(pathOf(change.object), change.previous);
    }
    const keys = [...objects.keys()].sort();
    return { revision, objects: keys.flatMap((key) => objects.get(key) ?? []) };
  }

  /** What happened after `revision`; `undefined` when the history does not reach back. */
  since(revision: number): readonly Change[] | undefined {
    if (revision < this.#floor) return undefined;
    let start = this.#history.length;
    while (start > 0 && (this.#history[start - 1]?.revision ?? 0) > revision) start--;
    return this.#history.slice(start);
  }

  apply(change: Change): void {
    const { namespace = '', name } = change.object.metadata;
    let objects = this.#namespaces.get(namespace);
    if (objects === undefined) this.#namespaces.set(namespace, (objects = new Map()));
    if (change.type === 'DELETED') objects.delete(name);
    else objects.set(name, change.object);
    this.#sorted.delete(namespace);
    if (objects.size === 0) this.#namespaces.delete(namespace);
    this.#remember(change);
  }

  #remember(change: Change): void {
    const { historyLimit } = this.#store;
    this.#history.push(change);
    if (this.#history.length <= 2 * historyLimit) return;
    const dropped = this.#history.splice(0, this.#history.length - historyLimit);
    this.#floor = dropped.at(-1)?.revision ?? this.#floor;
  }

  forget(revision: number): void {
    this.#history = [];
    this.#floor = revision;
  }
}

/** The order of etcd's keys: `namespace/name`. */
export function pathOf({ metadata }: KubeObject): string {
  return `${metadata.namespace ?? ''}/${metadata.name}`;
}

export class Store {
  readonly historyLimit: number;
  readonly #collections = new Map<string, Collection>();
  readonly #undelivered: { collection: Collection; change: Change }[] = [];
  /** Told of every change before any watch is. */
  readonly observers: ((resource: string, change: Change) => void)[] = [];
  #revision = 1;
  #delivering = false;

  constructor(historyLimit: number) {
    this.historyLimit = historyLimit;
  }

  get revision(): number {
    return this.#revision;
  }

  collection(resource: string): Collection {
    let found = this.#collections.get(resource);
    if (found === undefined) {
      found = new Collection(this);
      found.forget(this.#revision - 1);
      this.#collections.set(resource, found);
    }
    return found;
  }

  get resources(): readonly string[] {
    return [...this.#collections.keys()];
  }

  /** The number the next change will carry. */
  nextRevision(): number {
    return this.#revision + 1;
  }

  /**
   * Makes a change seen. Listeners run before this returns, in the order of the changes: one that writes
   * again only adds to the queue.
   */
  commit(resource: string, change: Change): void {
    const collection = this.collection(resource);
    this.#revision = change.revision;
    collection.apply(change);
    for (const observer of this.observers) observer(resource, change);
    this.#undelivered.push({ collection, change });
    this.#deliver();
  }

  #deliver(): void {
    if (this.#delivering) return;
    this.#delivering = true;
    try {
      for (let next = this.#undelivered.shift(); next; next = this.#undelivered.shift()) {
        for (const listener of Array.from(next.collection.listeners)) listener(next.change);
      }
    } finally {
      this.#delivering = false;
    }
  }

  /** Makes every version before now too old to resume from. */
  compact(): void {
    for (const collection of this.#collections.values()) collection.forget(this.#revision);
  }
}
