/**
 * The Cluster port over one API server: reads from reflectors' caches, live reads, guarded writes.
 *
 * Every answer to a write or a live read goes into the cache at once (`object-cache.ts`), so that the next
 * pass sees what this one did. Writes to existing objects are merge patches of the difference that carry the
 * version they were made from; a conflict is for the pass to resolve, after one live `read`.
 */

import { refOf, type KubernetesObject, type ObjectRef } from '../../api/object.ts';
import {
  asOperatorError,
  DefectError,
  InvalidError,
  UnavailableError,
  WaitingError,
  type OperatorError,
} from '../../errors.ts';
import type { Clock } from '../../ports/clock.ts';
import type { StatusWriters } from '../../core/observation.ts';
import type { ChangeListener, Cluster, ObjectKind } from '../../ports/cluster.ts';
import { Client, type Call, type RequestObserver } from './client.ts';
import { subjectOf, type Verb } from './error-mapping.ts';
import {
  collectionPath,
  isNamespaced,
  isObject,
  isRecord,
  kindKey,
  objectPath,
  pluralOf,
} from './kinds.ts';
import { parseListPage } from './list-page.ts';
import type { Log } from './log.ts';
import {
  keepStatusWriters,
  lastManagerOf,
  ourManager,
  statusWritersOf,
  trimmed,
} from './managed-fields.ts';
import { mergeDiff, type Json } from './merge-diff.ts';
import { keyOf, ObjectCache } from './object-cache.ts';
import {
  defaultReflectorSettings,
  Reflector,
  type ReflectorSettings,
  type ReflectorState,
} from './reflector.ts';
import type { ApiRequest, Transport } from './transport.ts';

/** A kind to keep in the cache. */
export interface WatchedKind extends ObjectKind {
  /** Only names, labels, annotations: what Secrets and ConfigMaps are watched for. */
  readonly metadataOnly?: boolean;
  /** Watched from the first time that somebody asks for it: most clusters never need it. */
  readonly lazy?: boolean;
  /** Its status is our record: who else writes it is kept. */
  readonly ownStatus?: boolean;
}

export interface ClusterOptions {
  readonly transport: Transport;
  readonly clock: Clock;
  /** In [0, 1). */
  readonly random: () => number;
  readonly log: Log;
  readonly watches: readonly WatchedKind[];
  /** Empty: all of them. */
  readonly namespaces: readonly string[];
  /** Throws when we must not write any more; asked right before each write. */
  readonly beforeWrite?: () => void;
  readonly observe?: RequestObserver;
  /** Bound on the calls in flight; watches do not count. */
  readonly inFlight?: number;
  readonly timeoutMs?: number;
  readonly reflector?: Partial<ReflectorSettings>;
}

/** How one watch is doing, for readiness and metrics. */
export interface WatchStatus {
  readonly kind: ObjectKind;
  /** Empty: all namespaces. */
  readonly namespace: string;
  readonly state: ReflectorState;
  readonly objects: number;
  /** Since the server last said anything on it. */
  readonly ageMs: number;
  readonly problem: OperatorError | undefined;
}

interface Watch {
  readonly lazy: boolean;
  readonly reflector: Reflector;
  readonly cache: ObjectCache;
  readonly trim: (object: KubernetesObject) => KubernetesObject;
}

const allNamespaces = '';
const fieldManager = { fieldManager: ourManager };
const mergePatch = 'application/merge-patch+json';
/** What users and we own of an object's metadata; the rest is the server's and never part of an update. */
const ownMetadata = ['labels', 'annotations', 'finalizers', 'ownerReferences'] as const;

export class KubernetesCluster implements Cluster {
  /** Resolves when every watched kind is listed, or known not to be served. */
  readonly synced: Promise<void>;
  /** For those who write beside it (Kubernetes Events): the server's wish for a pause holds for all. */
  readonly client: Client;
  readonly #log: Log;
  /** By kind, then by namespace. */
  readonly #watches = new Map<string, Map<string, Watch>>();
  readonly #listeners = new Set<ChangeListener>();
  /** Reflectors at work; those of lazy kinds join when they are asked for. */
  readonly #running = new Map<Reflector, Promise<void>>();
  #signal: AbortSignal | undefined;

  constructor(options: ClusterOptions) {
    this.client = new Client(options);
    this.#log = options.log;
    const settings = { ...defaultReflectorSettings, ...options.reflector };
    for (const kind of options.watches) this.#addWatches(kind, options.namespaces, settings);
    this.synced = this.#whenSynced();
  }

  /** Lists and watches until `signal` aborts; resolves when nothing runs any more. Never rejects. */
  async run(signal: AbortSignal): Promise<void> {
    this.#signal = signal;
    for (const { lazy, reflector } of this.#all()) if (!lazy) this.#start(reflector, signal);
    await Promise.all(this.#running.values());
    // What was asked for in the meantime.
    await Promise.all(this.#running.values());
  }

  #start(reflector: Reflector, signal: AbortSignal): void {
    if (!this.#running.has(reflector)) this.#running.set(reflector, reflector.run(signal));
  }

  async #whenSynced(): Promise<void> {
    await Promise.all(this.#eager().map(({ reflector }) => reflector.settled));
  }

  isSynced(): boolean {
    return this.#eager().every(({ reflector }) => reflector.isSettled);
  }

  watches(): readonly WatchStatus[] {
    const now = this.client.clock.monotonic();
    const active = this.#all().filter(
      ({ lazy, reflector }) => !lazy || this.#running.has(reflector),
    );
    return active.map(({ reflector, cache }) => ({
      kind: reflector.kind,
      namespace: reflector.namespace ?? allNamespaces,
      state: reflector.state,
      objects: cache.size,
      ageMs: now - reflector.lastEventAt,
      problem: reflector.problem,
    }));
  }

  /**
   * Hears of every change that a watch or a list delivers, our own writes included (`old` then has the same
   * version). An object that is gone comes without `old`. Returns the way to stop.
   */
  onChange(listener: ChangeListener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  // ---------------------------------------------------------------- cache

  get(ref: ObjectRef): KubernetesObject | undefined {
    return this.#watchOf(ref, ref.namespace).cache.get(ref);
  }

  list(kind: ObjectKind, namespace: string): readonly KubernetesObject[] {
    return this.#watchOf(kind, namespace).cache.list(namespace);
  }

  serves(kind: ObjectKind): boolean {
    const watches = [...(this.#watches.get(kindKey(kind))?.values() ?? [])];
    return watches.length > 0 && watches.every(({ reflector }) => reflector.state !== 'missing');
  }

  managerOf(object: KubernetesObject): string | undefined {
    return lastManagerOf(object);
  }

  statusWriters(object: KubernetesObject): StatusWriters {
    return statusWritersOf(object);
  }

  // ---------------------------------------------------------------- live reads

  async read(ref: ObjectRef, signal: AbortSignal): Promise<KubernetesObject | undefined> {
    const watch = this.#findWatch(ref, ref.namespace);
    const uid = watch?.cache.get(ref)?.metadata.uid;
    const call = callFor('get', ref, { method: 'GET', path: objectPath(ref), query: {} });
    const response = await this.client.read(call, signal);
    if (response === undefined) {
      watch?.cache.learnGone(ref, uid);
      return undefined;
    }
    return this.#learn(asObject(response.body, call));
  }

  async readList(
    kind: ObjectKind,
    namespace: string,
    selector: Readonly<Record<string, string>>,
    signal: AbortSignal,
  ): Promise<readonly KubernetesObject[]> {
    const labelSelector = Object.entries(selector)
      .map(([key, value]) => `${key}=${value}`)
      .join(',');
    const found: KubernetesObject[] = [];
    let next: string | undefined;
    do {
      const query = {
        limit: '500',
        ...(labelSelector === '' ? {} : { labelSelector }),
        ...(next === undefined ? {} : { continue: next }),
      };
      const path = collectionPath(kind, namespace === allNamespaces ? undefined : namespace);
      const ref = { ...kind, namespace, name: '' };
      const call = callFor('list', ref, { method: 'GET', path, query });
      const response = await this.client.read(call, signal);
      // 404: the kind is not served, so there are none.
      if (response === undefined) return [];
      const page = parseListPage(response.body);
      found.push(...page.items.map((item) => trimmed({ ...item, ...kindOf(kind) })));
      next = page.next;
    } while (next !== undefined);
    return found;
  }

  // ---------------------------------------------------------------- writes

  async create(object: KubernetesObject, signal: AbortSignal): Promise<KubernetesObject> {
    const ref = refOf(object);
    const path = collectionPath(ref, ref.namespace);
    const call = callFor('create', ref, {
      method: 'POST',
      path,
      query: fieldManager,
      body: object,
    });
    const response = await this.client.write(call, signal);
    return this.#learn(asObject(response.body, call));
  }

  async update(
    before: KubernetesObject,
    after: KubernetesObject,
    signal: AbortSignal,
  ): Promise<KubernetesObject> {
    const difference = mergeDiff(ownParts(before), ownParts(after));
    if (difference === undefined) return before;
    return this.#patch(before, '', difference, signal);
  }

  async updateStatus(
    before: KubernetesObject,
    status: object,
    signal: AbortSignal,
  ): Promise<KubernetesObject> {
    const difference = mergeDiff({ status: before['status'] }, { status });
    if (difference === undefined) return before;
    return this.#patch(before, 'status', difference, signal);
  }

  async scale(before: KubernetesObject, replicas: number, signal: AbortSignal): Promise<void> {
    const { answer } = await this.#sendPatch(before, 'scale', { spec: { replicas } }, signal);
    const version = isRecord(answer) && isRecord(answer['metadata']) ? answer['metadata'] : {};
    const resourceVersion = version['resourceVersion'];
    // The answer is a Scale. Without its version we would have to guess whether the watch has caught up.
    if (typeof resourceVersion !== 'string') await this.read(refOf(before), signal);
    else this.#learn(scaled(before, replicas, resourceVersion));
  }

  async remove(object: KubernetesObject, signal: AbortSignal): Promise<void> {
    const { uid } = object.metadata;
    const ref = refOf(object);
    const preconditions = { uid, resourceVersion: versionOf(object) };
    const call = callFor('delete', ref, {
      method: 'DELETE',
      path: objectPath(ref),
      query: {},
      body: {
        apiVersion: 'v1',
        kind: 'DeleteOptions',
        preconditions,
        propagationPolicy: 'Background',
      },
    });
    const { body } = await this.#writeTo(object, call, signal);
    // With finalizers left, the answer is the object that is on its way out.
    const lives = isObject(body) && body.metadata.deletionTimestamp !== undefined;
    if (lives) this.#learn(body);
    else this.#findWatch(ref, ref.namespace)?.cache.learnGone(ref, uid);
  }

  async #patch(
    before: KubernetesObject,
    subresource: string,
    difference: Json,
    signal: AbortSignal,
  ): Promise<KubernetesObject> {
    const { answer, call } = await this.#sendPatch(before, subresource, difference, signal);
    return this.#learn(asObject(answer, call));
  }

  async #sendPatch(
    before: KubernetesObject,
    subresource: string,
    difference: Json,
    signal: AbortSignal,
  ): Promise<{ answer: unknown; call: Call }> {
    const ref = refOf(before);
    const metadata = isRecord(difference['metadata']) ? difference['metadata'] : {};
    const resourceVersion = versionOf(before);
    const request = {
      method: 'PATCH',
      path: subresource === '' ? objectPath(ref) : `${objectPath(ref)}/${subresource}`,
      query: fieldManager,
      contentType: mergePatch,
      body: { ...difference, metadata: { ...metadata, resourceVersion } },
    } as const;
    const call = callFor('patch', ref, request, subresource);
    const response = await this.#writeTo(before, call, signal);
    return { answer: response.body, call };
  }

  /** A write to an existing object. Hearing that it is gone is news for the cache too. */
  async #writeTo(object: KubernetesObject, call: Call, signal: AbortSignal) {
    try {
      return await this.client.write(call, signal);
    } catch (thrown) {
      const error = asOperatorError(thrown);
      if (error.kind === 'conflict' && error.reason === 'Gone') {
        const ref = refOf(object);
        this.#findWatch(ref, ref.namespace)?.cache.learnGone(ref, object.metadata.uid);
      }
      throw error;
    }
  }

  // ---------------------------------------------------------------- inside

  /** Caches what the watch would keep of an answer, and returns all of it. */
  #learn(object: KubernetesObject): KubernetesObject {
    const watch = this.#findWatch(object, object.metadata.namespace ?? '');
    if (watch !== undefined) watch.cache.learn(watch.trim(object));
    return trimmed(object);
  }

  #eager(): Watch[] {
    return this.#all().filter(({ lazy }) => !lazy);
  }

  #all(): Watch[] {
    return [...this.#watches.values()].flatMap((byNamespace) => [...byNamespace.values()]);
  }

  #findWatch(kind: ObjectKind, namespace: string): Watch | undefined {
    const byNamespace = this.#watches.get(kindKey(kind));
    return byNamespace?.get(allNamespaces) ?? byNamespace?.get(namespace);
  }

  /** "Not watched" must never read as "there is none": decisions hang on what is missing. */
  #watchOf(kind: ObjectKind, namespace: string): Watch {
    const watch = this.#findWatch(kind, namespace);
    if (watch !== undefined) return this.#awake(watch);
    if (!this.#watches.has(kindKey(kind))) {
      throw new DefectError(`${kindKey(kind)} is not watched`, { reason: 'InternalError' });
    }
    throw new InvalidError(
      `${kind.kind} objects in namespace ${namespace} cannot be seen: the operator does not watch that namespace`,
      { reason: 'NamespaceNotWatched', details: { kind: kindKey(kind), namespace } },
    );
  }

  /** A lazy watch starts now, and until it has listed nothing can be said of its objects. */
  #awake(watch: Watch): Watch {
    if (!watch.lazy || this.#signal === undefined) return watch;
    this.#start(watch.reflector, this.#signal);
    if (watch.reflector.isSettled) return watch;
    const { kind, apiVersion } = watch.reflector.kind;
    throw new WaitingError(`the first list of ${kind} (${apiVersion}) is under way`, {
      reason: 'CacheNotReady',
      retryAfterMs: 200,
    });
  }

  #addWatches(kind: WatchedKind, namespaces: readonly string[], settings: ReflectorSettings): void {
    const byNamespace = new Map<string, Watch>();
    const everywhere = namespaces.length === 0 || !isNamespaced(kind);
    for (const namespace of everywhere ? [undefined] : new Set(namespaces)) {
      byNamespace.set(namespace ?? allNamespaces, this.#makeWatch(kind, namespace, settings));
    }
    this.#watches.set(kindKey(kind), byNamespace);
  }

  #makeWatch(kind: WatchedKind, namespace: string | undefined, settings: ReflectorSettings): Watch {
    const cache = new ObjectCache((object, old) => this.#tell(object, old));
    const metadataOnly = kind.metadataOnly === true;
    const lean = trimFor(kind);
    const trim = (object: KubernetesObject): KubernetesObject =>
      lean(withSharedParts(object, cache.get(keyOf(object))));
    const reflector = new Reflector({
      kind: kindOf(kind),
      namespace,
      metadataOnly,
      client: this.client,
      cache,
      trim,
      log: this.#log,
      settings,
    });
    return { lazy: kind.lazy === true, reflector, cache, trim };
  }

  #tell(object: KubernetesObject, old: KubernetesObject | undefined): void {
    for (const listener of this.#listeners) {
      try {
        listener(object, old);
      } catch (err) {
        // A listener's bug must not cost the cache its place in the watch.
        this.#log.warn({ err, kind: object.kind }, 'change listener threw');
      }
    }
  }
}

function trimFor(watched: WatchedKind): (o: KubernetesObject) => KubernetesObject {
  const { metadataOnly, ownStatus } = watched;
  return (object) => {
    const lean = trimmed(object);
    const { apiVersion, kind, metadata } = lean;
    const result = metadataOnly === true ? { apiVersion, kind, metadata } : lean;
    if (ownStatus === true) keepStatusWriters(result, object);
    return result;
  };
}

/** Specs that we have worked out and not read. */
const guessed = new WeakSet<object>();

/**
 * What two versions of an object have in common is kept once: whoever remembers what a spec or a template means finds
 * it again. A generation counts the changes of a spec.
 */
function withSharedParts(
  object: KubernetesObject,
  former: KubernetesObject | undefined,
): KubernetesObject {
  const { uid, generation, resourceVersion } = object.metadata;
  if (former === undefined || former.metadata.uid !== uid) return object;
  const isSame = former.metadata.resourceVersion === resourceVersion;
  const hasSameSpec = generation !== undefined && former.metadata.generation === generation;
  const { spec, status } = former;
  const parts = {
    ...((isSame || hasSameSpec) && isRecord(spec) && !guessed.has(spec) ? { spec } : {}),
    ...(isSame && isRecord(status) ? { status } : {}),
  };
  return { ...object, ...parts };
}

/** The parts of an object that an update may change. */
function ownParts({ metadata, ...rest }: KubernetesObject): Json {
  const { apiVersion: _version, kind: _kind, status: _status, ...content } = rest;
  const own = Object.fromEntries(ownMetadata.map((field) => [field, metadata[field]]));
  return { ...content, metadata: own };
}

/** What the server has made of a Deployment by scaling it: its generation counts changes of the spec. */
function scaled(
  before: KubernetesObject,
  replicas: number,
  resourceVersion: string,
): KubernetesObject {
  const spec = isRecord(before['spec']) ? before['spec'] : {};
  const { generation } = before.metadata;
  const changed = spec['replicas'] !== replicas;
  const specAfter = { ...spec, replicas };
  guessed.add(specAfter);
  return {
    ...before,
    metadata: {
      ...before.metadata,
      resourceVersion,
      ...(generation === undefined ? {} : { generation: generation + (changed ? 1 : 0) }),
    },
    spec: specAfter,
  };
}

/** A write without a version could overwrite anything, so there is none. */
function versionOf(object: KubernetesObject): string {
  const { resourceVersion } = object.metadata;
  if (resourceVersion !== undefined) return resourceVersion;
  throw new DefectError(
    `${object.kind} ${object.metadata.name} was not read before it is written`,
    {
      reason: 'InternalError',
    },
  );
}

function callFor(
  verb: Verb,
  ref: ObjectRef,
  request: Omit<ApiRequest, 'timeoutMs'>,
  subresource = '',
): Call {
  const plural = pluralOf(ref);
  const resource = subresource === '' ? plural : `${plural}/${subresource}`;
  return { request, about: { verb, resource, namespace: ref.namespace, name: ref.name } };
}

function kindOf({ apiVersion, kind }: ObjectKind): ObjectKind {
  return { apiVersion, kind };
}

function asObject(body: unknown, { about }: Call): KubernetesObject {
  if (isObject(body)) return body;
  throw new UnavailableError(
    `the API server's answer cannot be read (${about.verb} ${subjectOf(about)})`,
    { reason: 'UnreadableAnswer' },
  );
}
