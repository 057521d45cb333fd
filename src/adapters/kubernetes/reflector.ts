/**
 * Keeps an `ObjectCache` equal to what the API server has: a paged list, then one watch after the other.
 *
 * It outlives everything that ends a watch: a normal end, a cut, silence, an expired version, a server that
 * is down, a kind that is not installed, a role that is missing. It ends only when its signal aborts.
 * Time and chance are arguments, so the simulation runs this very loop.
 */

import type { KubernetesObject } from '../../api/object.ts';
import {
  asOperatorError,
  DeniedError,
  UnavailableError,
  type OperatorError,
} from '../../errors.ts';
import { sleep } from '../../ports/clock.ts';
import type { ObjectKind } from '../../ports/cluster.ts';
import type { Client } from './client.ts';
import { errorFor, type About } from './error-mapping.ts';
import { collectionPath, isObject, isRecord, kindKey, pluralOf } from './kinds.ts';
import { parseListPage, type ListPage } from './list-page.ts';
import type { Log } from './log.ts';
import { compareVersions, type ObjectCache } from './object-cache.ts';
import { jitteredDelay, type DelayLimits } from './retry.ts';
import { BrokenStream, RefusedStream } from './transport.ts';

export interface ReflectorSettings {
  readonly pageSize: number;
  /** A watch that delivers nothing for so long, not even a bookmark, is dead. Servers send one a minute. */
  readonly idleMs: number;
  /** Also list again after so long. `undefined`: only when a watch cannot go on. */
  readonly relistMs: number | undefined;
  readonly delay: DelayLimits;
}

export const defaultReflectorSettings: ReflectorSettings = {
  pageSize: 500,
  idleMs: 75_000,
  relistMs: undefined,
  delay: { minMs: 500, maxMs: 30_000 },
};

export interface ReflectorOptions {
  readonly kind: ObjectKind;
  /** `undefined`: all namespaces. */
  readonly namespace: string | undefined;
  /** Only metadata is asked for and kept. */
  readonly metadataOnly: boolean;
  readonly client: Client;
  readonly cache: ObjectCache;
  /** Makes of what came over the wire what is kept. */
  readonly trim: (object: KubernetesObject) => KubernetesObject;
  readonly log: Log;
  readonly settings: ReflectorSettings;
}

/** `following`: up to date. `missing`: the kind is not served. `denied`: a role is missing. */
export type ReflectorState = 'starting' | 'following' | 'interrupted' | 'missing' | 'denied';

/** A watch that lived so long was a good one, even if nothing happened. */
const goodWatchMs = 5_000;
/** After so many unreadable or refused streams in a row without an event between, the list is the cure. */
const badStreamsBeforeRelist = 3;
/** Lists that are older than what we know are refused so often; then the server's past was restored. */
const staleListsBeforeBelief = 8;
const failuresBeforeWarning = 3;
/** A watch that is open for so long without a word was not refused: servers that have to say "too old" say it first. */
const watchIsGoodMs = 20;

class KindMissing extends Error {}
class VersionExpired extends Error {}

export class Reflector {
  readonly kind: ObjectKind;
  readonly namespace: string | undefined;
  readonly #options: ReflectorOptions;
  readonly #fields: object;
  #state: ReflectorState = 'starting';
  #problem: OperatorError | undefined;
  #hasListed = false;
  #lastEventAt: number;
  /** Where the next watch starts. `undefined`: list first. */
  #version: string | undefined;
  /** The newest version we have known. */
  #newest: string | undefined;
  #failures = 0;
  /** Versions in a row that the server had forgotten. */
  #expiries = 0;
  #badStreams = 0;
  #staleLists = 0;
  #onSettled: () => void = () => {};
  /**
   * Resolves when a watch goes on from the first list, or when it is clear that the kind is not served. A list that is
   * too old to be watched from comes from a server that lags behind, and is too old to act on.
   */
  readonly settled: Promise<void>;

  constructor(options: ReflectorOptions) {
    this.kind = options.kind;
    this.namespace = options.namespace;
    this.#options = options;
    this.#fields = { kind: kindKey(options.kind), namespace: options.namespace ?? '' };
    this.#lastEventAt = options.client.clock.monotonic();
    this.settled = new Promise((resolve) => {
      this.#onSettled = resolve;
    });
  }

  get state(): ReflectorState {
    return this.#state;
  }

  /** Why it is not following; `undefined` when it is, or when the kind is not served. */
  get problem(): OperatorError | undefined {
    return this.#problem;
  }

  /** Whether the cache can be believed to hold what the server had at some moment. */
  get isSettled(): boolean {
    return this.#hasListed || this.#state === 'missing';
  }

  /** When the server last said something, on the monotonic clock. */
  get lastEventAt(): number {
    return this.#lastEventAt;
  }

  /** Never rejects. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const pauseMs = await this.#cycle(signal);
      if (!signal.aborted) await sleep(this.#options.client.clock, pauseMs, signal);
    }
  }

  /** One list, if one is due, and one watch. Returns how long to rest. */
  async #cycle(signal: AbortSignal): Promise<number> {
    let watchedSince: number | undefined;
    try {
      if (this.#version === undefined) await this.#list(signal);
      watchedSince = this.#now();
      await this.#follow(signal);
    } catch (thrown) {
      if (signal.aborted) return 0;
      return this.#failed(thrown);
    }
    this.#onSettled();
    // The API server ends every watch after a while; that is no failure. One that ends at once is.
    if (this.#now() - watchedSince >= goodWatchMs) this.#failures = 0;
    else this.#failures += 1;
    return this.#failures === 0 ? this.#options.client.random() * 100 : this.#delay();
  }

  // ---------------------------------------------------------------- list

  async #list(signal: AbortSignal): Promise<void> {
    const { client, cache, trim } = this.#options;
    const listing = cache.beginListing();
    let page = await this.#page(undefined, signal);
    this.#refuseStale(page.version);
    for (;;) {
      for (const item of page.items) listing.add(trim(this.#complete(item)));
      if (page.next === undefined) break;
      // Lets the Lease renew, and others have their turn, between pages.
      await sleep(client.clock, 0, signal);
      page = await this.#page(page.next, signal);
    }
    listing.finish(page.version);
    this.#version = page.version;
    this.#newest = page.version;
    this.#staleLists = 0;
    this.#badStreams = 0;
    this.#hasListed = true;
    this.#heard();
  }

  async #page(next: string | undefined, signal: AbortSignal): Promise<ListPage> {
    const { client, settings, metadataOnly } = this.#options;
    const query = {
      limit: String(settings.pageSize),
      ...(next === undefined ? {} : { continue: next }),
    };
    const accept = metadataOnly ? { accept: metadataAccept('PartialObjectMetadataList') } : {};
    const request = { method: 'GET', path: this.#path(), query, ...accept } as const;
    const response = await client.readOnce({ request, about: this.#about('list') }, signal);
    if (response === undefined) throw new KindMissing();
    return parseListPage(response.body);
  }

  /** A list from a server that lags behind would take back what we have already acted on. */
  #refuseStale(version: string): void {
    const order = compareVersions(version, this.#newest);
    if (order === undefined || order >= 0) return;
    this.#staleLists += 1;
    if (this.#staleLists < staleListsBeforeBelief) {
      throw new UnavailableError('the list is older than what was already seen', {
        reason: 'StaleList',
      });
    }
    this.#options.log.warn(this.#fields, 'cluster history went back, starting over');
    this.#options.cache.clear();
  }

  // ---------------------------------------------------------------- watch

  async #follow(signal: AbortSignal): Promise<void> {
    const { client } = this.#options;
    const watch = new AbortController();
    const end = (): void => watch.abort();
    signal.addEventListener('abort', end, { once: true });
    let broken: unknown;
    const cancelWatchdog = this.#watchForSilence(end);
    const cancelRelist = this.#planRelist(end);
    const started = this.#now();
    let code = 200;
    this.#lastEventAt = started;
    let cancelBelief: (() => void) | undefined;
    const onOpen = (): void => {
      cancelBelief = client.clock.after(watchIsGoodMs, this.#onSettled);
    };
    try {
      await untilAborted(
        client.transport.stream(
          this.#watchRequest(),
          (type, object) => {
            if (watch.signal.aborted) return;
            try {
              this.#onEvent(type, object);
            } catch (error) {
              broken = error;
              end();
            }
          },
          watch.signal,
          onOpen,
        ),
        watch.signal,
      );
    } catch (error) {
      // Ended by us: for silence, for a new list, or on stop. What came before is kept.
      if (broken === undefined && watch.signal.aborted) return;
      const reason = broken ?? error;
      code = reason instanceof RefusedStream ? reason.response.status : 0;
      throw reason;
    } finally {
      cancelBelief?.();
      cancelWatchdog();
      cancelRelist();
      signal.removeEventListener('abort', end);
      const durationMs = this.#now() - started;
      client.observe({ verb: 'watch', resource: pluralOf(this.kind), code, durationMs });
    }
  }

  #watchRequest() {
    const { client, metadataOnly } = this.#options;
    return {
      method: 'GET',
      path: this.#path(),
      query: {
        watch: 'true',
        allowWatchBookmarks: 'true',
        resourceVersion: this.#version ?? '',
        // Spread, so that not all watches end together.
        timeoutSeconds: String(300 + Math.floor(client.random() * 300)),
      },
      timeoutMs: 15_000,
      ...(metadataOnly ? { accept: metadataAccept('PartialObjectMetadata') } : {}),
    } as const;
  }

  #onEvent(type: string, object: unknown): void {
    if (type === 'ERROR') throw this.#errorEvent(object);
    const version = versionOf(object);
    if (version === undefined) throw new BrokenStream(`a ${type} event without a version`);
    if (type === 'BOOKMARK') this.#options.cache.bookmark(version);
    else this.#onObject(type, object);
    this.#version = version;
    this.#newest = version;
    this.#failures = 0;
    this.#expiries = 0;
    this.#badStreams = 0;
    this.#heard();
    this.#onSettled();
  }

  #onObject(type: string, raw: unknown): void {
    if (!isObject(raw)) throw new BrokenStream(`a ${type} event without an object`);
    const { cache, trim } = this.#options;
    const object = trim(this.#complete(raw));
    if (type === 'ADDED' || type === 'MODIFIED') cache.deliver(object);
    else if (type === 'DELETED') cache.deliverGone(object);
    else throw new BrokenStream(`an event of unknown type ${type}`);
  }

  #errorEvent(status: unknown): Error {
    const code = isRecord(status) && typeof status['code'] === 'number' ? status['code'] : 500;
    if (code === 410) return new VersionExpired();
    return new BrokenStream(`the server ended the watch with status ${code}`);
  }

  /** One timer per watch, not one per event. */
  #watchForSilence(end: () => void): () => void {
    const { clock } = this.#options.client;
    const { idleMs } = this.#options.settings;
    let cancel: (() => void) | undefined;
    const check = (): void => {
      const quietMs = this.#now() - this.#lastEventAt;
      if (quietMs < idleMs) {
        cancel = clock.after(idleMs - quietMs, check);
        return;
      }
      this.#options.log.debug(this.#fields, 'watch silent, opening another');
      end();
    };
    cancel = clock.after(idleMs, check);
    return () => cancel?.();
  }

  #planRelist(end: () => void): () => void {
    const { client, settings } = this.#options;
    if (settings.relistMs === undefined) return () => {};
    return client.clock.after(settings.relistMs * (0.75 + client.random() / 2), () => {
      this.#version = undefined;
      end();
    });
  }

  // ---------------------------------------------------------------- outcome

  #heard(): void {
    this.#lastEventAt = this.#now();
    if (this.#state === 'following') return;
    const was = this.#state;
    this.#state = 'following';
    this.#problem = undefined;
    if (was !== 'starting' && was !== 'interrupted') {
      this.#options.log.info(this.#fields, 'watching again');
    }
  }

  /** Sorts out what ended the cycle. Returns how long to rest. */
  #failed(thrown: unknown): number {
    this.#failures += 1;
    if (thrown instanceof BrokenStream) this.#badStreams += 1;
    if (isExpired(thrown) || this.#badStreams >= badStreamsBeforeRelist) this.#version = undefined;
    if (isExpired(thrown)) {
      // The server is there and says what to do: how long it was away before makes nobody wait for it.
      this.#expiries += 1;
      this.#failures = this.#expiries;
      return this.#delay();
    }
    if (isMissing(thrown)) return this.#kindIsMissing();
    // Without watches the list is all there is.
    if (this.#hasListed) this.#onSettled();

    const error = this.#asError(thrown);
    const was = this.#state;
    this.#problem = error;
    this.#state = error instanceof DeniedError ? 'denied' : 'interrupted';
    const isNews =
      this.#state === 'denied' ? was !== 'denied' : this.#failures === failuresBeforeWarning;
    const level = isNews ? 'warn' : 'debug';
    this.#options.log[level]({ ...this.#fields, err: error }, 'watch interrupted');
    const askedForMs = error.kind === 'unavailable' ? (error.retryAfterMs ?? 0) : 0;
    return Math.max(askedForMs, this.#delay());
  }

  #kindIsMissing(): number {
    if (this.#state !== 'missing') {
      this.#options.log.warn(this.#fields, 'kind is not served, waiting for it');
    }
    this.#state = 'missing';
    this.#problem = undefined;
    this.#version = undefined;
    this.#options.cache.clear();
    this.#onSettled();
    return this.#delay();
  }

  #asError(thrown: unknown): OperatorError {
    if (thrown instanceof RefusedStream) return errorFor(thrown.response, this.#about('watch'));
    if (thrown instanceof BrokenStream) {
      return new UnavailableError(thrown.message, { reason: 'BrokenWatch' });
    }
    return asOperatorError(thrown);
  }

  #delay(): number {
    const { client, settings } = this.#options;
    return jitteredDelay(Math.max(1, this.#failures), settings.delay, client.random);
  }

  #now(): number {
    return this.#options.client.clock.monotonic();
  }

  #path(): string {
    return collectionPath(this.kind, this.namespace);
  }

  #about(verb: 'list' | 'watch'): About {
    return { verb, resource: pluralOf(this.kind), namespace: this.namespace ?? '', name: '' };
  }

  /** Items of a list do not say what they are, and partial ones say that they are partial. */
  #complete(object: KubernetesObject): KubernetesObject {
    return { ...object, apiVersion: this.kind.apiVersion, kind: this.kind.kind };
  }
}

function isExpired(thrown: unknown): boolean {
  if (thrown instanceof RefusedStream) return thrown.response.status === 410;
  return thrown instanceof VersionExpired;
}

function isMissing(thrown: unknown): boolean {
  if (thrown instanceof RefusedStream) return thrown.response.status === 404;
  return thrown instanceof KindMissing;
}

function versionOf(object: unknown): string | undefined {
  const metadata = isRecord(object) ? object['metadata'] : undefined;
  const version = isRecord(metadata) ? metadata['resourceVersion'] : undefined;
  return typeof version === 'string' && version !== '' ? version : undefined;
}

function metadataAccept(as: string): string {
  return `application/json;as=${as};g=meta.k8s.io;v=v1,application/json`;
}

/** Settles at once when `signal` aborts, also when the transport does not. */
function untilAborted(stream: Promise<void>, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const onAbort = (): void => reject(new UnavailableError('ended', { reason: 'GivenUp' }));
    if (signal.aborted) onAbort();
    signal.addEventListener('abort', onAbort, { once: true });
    stream.finally(() => signal.removeEventListener('abort', onAbort)).then(resolve, reject);
  });
}
