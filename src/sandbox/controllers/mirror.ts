/**
 * A copy of every object of one kind, kept current by the server's own watch stream.
 *
 * In process there is no lost connection, but a stream may still end or be told that its version is too old:
 * then everything is listed anew and the differences are passed on as changes. Own writes are put in at once
 * (`take`), so that a controller never acts on what it has just changed.
 */
import type { WatchEvent } from '../api-server/call.ts';
import { pathOf, type Client, type Resource } from './api.ts';
import { isKubeObject, isRecord, keyOf, type KubeObject } from './objects.ts';

export type Changed<T> = (key: string, before: T | undefined, after: T | undefined) => void;

export class Mirror<T extends KubeObject> {
  readonly objects = new Map<string, T>();
  readonly #client: Client;
  readonly #resource: Resource;
  readonly #changed: Changed<T>;
  readonly #ended: () => void;
  #close: (() => void) | undefined;
  #isBroken = false;

  /** `ended` is told when the stream is over; `refresh` then starts it again. */
  constructor(client: Client, resource: Resource, changed: Changed<T>, ended: () => void) {
    this.#client = client;
    this.#resource = resource;
    this.#changed = changed;
    this.#ended = ended;
  }

  get(key: string): T | undefined {
    return this.objects.get(key);
  }

  /** Lists, then watches from there. */
  start(): void {
    const path = pathOf(this.#resource);
    const listed = this.#client.handle({ method: 'GET', path, query: {} });
    if (listed.kind === 'stream' || listed.status !== 200) {
      throw new Error(`cannot list ${path}`);
    }
    if (!isList(listed.body)) throw new Error(`${path} is not a list`);
    const { metadata, items } = listed.body;
    this.#replaceAll(items.map((item) => this.#named(item)));
    const query = {
      watch: 'true',
      resourceVersion: metadata.resourceVersion,
      allowWatchBookmarks: 'true',
    };
    const watched = this.#client.handle({ method: 'GET', path, query });
    if (watched.kind !== 'stream') throw new Error(`cannot watch ${path}`);
    this.#close = watched.stream.open({
      event: (event) => this.#onEvent(event),
      end: () => this.#break(),
    });
  }

  stop(): void {
    this.#close?.();
    this.#close = undefined;
    this.#isBroken = false;
  }

  /** Lists and watches again if the stream has ended: never from within the server's call that ended it. */
  refresh(): void {
    if (!this.#isBroken) return;
    this.stop();
    this.start();
  }

  /** Takes an object that is at least as new as the one we have. */
  take(object: T): void {
    const key = keyOf(object);
    const before = this.objects.get(key);
    if (before !== undefined && !isNewer(object, before)) return;
    this.objects.set(key, object);
    this.#changed(key, before, object);
  }

  drop(object: KubeObject): void {
    const key = keyOf(object);
    const before = this.objects.get(key);
    // A late word about an older object of the same name must not remove its successor.
    if (before === undefined || before.metadata.uid !== object.metadata.uid) return;
    this.objects.delete(key);
    this.#changed(key, before, undefined);
  }

  #onEvent({ type, object }: WatchEvent): void {
    if (type === 'ADDED' || type === 'MODIFIED') this.take(this.#named(object));
    else if (type === 'DELETED') this.drop(this.#named(object));
    else if (type === 'ERROR') this.#break();
  }

  /** Items of a list do not say what they are; what we write must. */
  #named(object: unknown): T {
    if (!isRecord(object) || !isKubeObject<T>(object))
      throw new Error('an object without metadata');
    if ('kind' in object) return object;
    const { apiVersion, kind } = this.#resource;
    return Object.freeze(Object.assign({ apiVersion, kind }, object));
  }

  #break(): void {
    this.#isBroken = true;
    this.#ended();
  }

  #replaceAll(items: readonly T[]): void {
    const current = new Set(items.map(keyOf));
    for (const [key, object] of this.objects) if (!current.has(key)) this.drop(object);
    for (const item of items) this.take(item);
  }
}

interface List {
  readonly metadata: { readonly resourceVersion: string };
  readonly items: readonly unknown[];
}

function isList(body: unknown): body is List {
  return typeof body === 'object' && body !== null && 'items' in body && 'metadata' in body;
}

/** Versions of one server count up; another uid is another object and always newer news. */
function isNewer(object: KubeObject, before: KubeObject): boolean {
  if (object.metadata.uid !== before.metadata.uid) return true;
  return Number(object.metadata.resourceVersion) > Number(before.metadata.resourceVersion);
}
