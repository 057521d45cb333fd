/**
 * Kubernetes Events, beside the passes.
 *
 * A fact that was already shown is counted at the Event that shows it, and facts that wait are merged, so
 * that a canary which says the same every ten seconds stays one line in `kubectl describe`. Everything is
 * bounded: what waits, what is remembered, and how often one object may speak. What does not fit is dropped
 * and logged; nobody waits for an Event.
 */

import { asOperatorError } from '../../errors.ts';
import { sleep } from '../../ports/clock.ts';
import type { EventFact, EventRecorder } from '../../ports/event-recorder.ts';
import type { Client } from './client.ts';
import type { Verb } from './error-mapping.ts';
import { collectionPath, objectPath } from './kinds.ts';
import type { Log } from './log.ts';
import { jitteredDelay } from './retry.ts';
import { TokenBuckets } from './token-buckets.ts';

export interface EventRecorderOptions {
  readonly client: Client;
  readonly log: Log;
  /** The pod's name: which of the replicas spoke. */
  readonly instance: string;
  readonly maxWaiting?: number;
  readonly maxRemembered?: number;
  /** How many facts an object may state at once, and after how long it may state another. */
  readonly burst?: number;
  readonly refillMs?: number;
}

interface Waiting {
  readonly fact: EventFact;
  readonly firstAt: number;
  lastAt: number;
  times: number;
}

/** An Event that is on the server. */
interface Shown {
  readonly name: string;
  readonly firstAt: number;
  readonly count: number;
}

const events = { apiVersion: 'v1', kind: 'Event' };
const attempts = 5;
const retryDelay = { minMs: 500, maxMs: 10_000 };
/** The API server refuses longer ones. */
const maxMessageChars = 1024;
/** The suffix must fit into an object's name of 253 characters. */
const maxNameChars = 220;

export class KubernetesEventRecorder implements EventRecorder {
  readonly #options: EventRecorderOptions;
  readonly #maxWaiting: number;
  readonly #maxRemembered: number;
  readonly #buckets: TokenBuckets;
  readonly #waiting = new Map<string, Waiting>();
  /** In the order of their last use. */
  readonly #shown = new Map<string, Shown>();
  readonly #stop = new AbortController();
  #sending: Promise<void> | undefined;
  #wasDenied = false;

  constructor(options: EventRecorderOptions) {
    this.#options = options;
    this.#maxWaiting = options.maxWaiting ?? 1_000;
    this.#maxRemembered = options.maxRemembered ?? 4_096;
    this.#buckets = new TokenBuckets(options.client.clock, {
      burst: options.burst ?? 60,
      refillMs: options.refillMs ?? 30_000,
      maxKeys: this.#maxRemembered,
    });
  }

  record(fact: EventFact): void {
    const now = this.#options.client.clock.now();
    const key = factKey(fact);
    const waiting = this.#waiting.get(key);
    if (waiting !== undefined) {
      waiting.times += 1;
      waiting.lastAt = now;
      return;
    }
    if (this.#waiting.size >= this.#maxWaiting) return this.#drop(fact, 'too many events wait');
    if (!this.#buckets.take(fact.about.uid)) return this.#drop(fact, 'the object says too much');
    this.#waiting.set(key, { fact, firstAt: now, lastAt: now, times: 1 });
    this.#sending ??= this.#sendAll();
  }

  async flush(signal: AbortSignal): Promise<void> {
    if (this.#sending === undefined) return;
    const giveUp = (): void => this.#stop.abort();
    if (signal.aborted) giveUp();
    signal.addEventListener('abort', giveUp, { once: true });
    await this.#sending;
    signal.removeEventListener('abort', giveUp);
  }

  /** One at a time: Events must not crowd out what matters. Never rejects. */
  async #sendAll(): Promise<void> {
    // What a pass states in one go is merged before the first of it leaves.
    await Promise.resolve();
    for (;;) {
      const [next] = this.#waiting;
      if (next === undefined) break;
      const [key, waiting] = next;
      this.#waiting.delete(key);
      if (this.#stop.signal.aborted) this.#drop(waiting.fact, 'the operator ends');
      else await this.#send(key, waiting);
    }
    this.#sending = undefined;
  }

  async #send(key: string, waiting: Waiting): Promise<void> {
    const { client } = this.#options;
    for (let failures = 1; ; failures += 1) {
      try {
        this.#remember(key, await this.#show(key, waiting));
        return;
      } catch (thrown) {
        const error = asOperatorError(thrown);
        const isFinal = error.kind !== 'unavailable' || failures >= attempts;
        if (isFinal || this.#stop.signal.aborted)
          return this.#drop(waiting.fact, error.message, error);
        const delayMs = jitteredDelay(failures, retryDelay, client.random);
        await sleep(client.clock, Math.max(error.retryAfterMs ?? 0, delayMs), this.#stop.signal);
      }
    }
  }

  /** Counts at the Event that is there, or makes one. */
  async #show(key: string, waiting: Waiting): Promise<Shown> {
    const shown = this.#shown.get(key);
    if (shown === undefined) return this.#create(waiting, waiting.firstAt, waiting.times);
    const count = shown.count + waiting.times;
    try {
      await this.#count(waiting, shown.name, count);
      return { ...shown, count };
    } catch (thrown) {
      // The server forgets Events after an hour.
      if (asOperatorError(thrown).reason !== 'Gone') throw thrown;
      this.#shown.delete(key);
      return this.#create(waiting, shown.firstAt, count);
    }
  }

  async #create({ fact, lastAt }: Waiting, firstAt: number, count: number): Promise<Shown> {
    const { instance } = this.#options;
    const { apiVersion, kind, name, uid, resourceVersion } = fact.about;
    const namespace = namespaceOf(fact);
    const eventName = this.#newName(name);
    const body = {
      ...events,
      metadata: { name: eventName, namespace },
      involvedObject: {
        apiVersion,
        kind,
        name,
        uid,
        ...(fact.about.namespace === '' ? {} : { namespace: fact.about.namespace }),
        ...(resourceVersion === undefined ? {} : { resourceVersion }),
      },
      type: fact.type,
      reason: fact.reason,
      message: fact.message.slice(0, maxMessageChars),
      source: { component: 'serin' },
      reportingComponent: 'serin',
      reportingInstance: instance,
      firstTimestamp: timestamp(firstAt),
      lastTimestamp: timestamp(lastAt),
      count,
    };
    const path = collectionPath(events, namespace);
    await this.#write('create', { method: 'POST', path, body }, fact);
    return { name: eventName, firstAt, count };
  }

  async #count({ fact, lastAt }: Waiting, name: string, count: number): Promise<void> {
    const path = objectPath({ ...events, namespace: namespaceOf(fact), name });
    const body = { count, lastTimestamp: timestamp(lastAt) };
    const contentType = 'application/merge-patch+json';
    await this.#write('patch', { method: 'PATCH', path, body, contentType }, fact);
  }

  async #write(
    verb: Verb,
    request: {
      readonly method: 'POST' | 'PATCH';
      readonly path: string;
      readonly body: object;
      readonly contentType?: string;
    },
    fact: EventFact,
  ): Promise<void> {
    const about = { verb, resource: 'events', namespace: namespaceOf(fact), name: fact.about.name };
    const query = { fieldManager: 'serin' };
    await this.#options.client.write({ request: { ...request, query }, about }, this.#stop.signal);
  }

  #remember(key: string, shown: Shown): void {
    this.#wasDenied = false;
    this.#shown.delete(key);
    this.#shown.set(key, shown);
    const [oldest] = this.#shown.keys();
    if (this.#shown.size > this.#maxRemembered && oldest !== undefined) this.#shown.delete(oldest);
  }

  #drop({ about, reason }: EventFact, why: string, err?: Error): void {
    const isDenied = err !== undefined && 'kind' in err && err.kind === 'denied';
    const level = isDenied && !this.#wasDenied ? 'warn' : 'debug';
    if (isDenied) this.#wasDenied = true;
    const object = `${about.kind} ${about.namespace}/${about.name}`;
    this.#options.log[level]({ object, event: reason, why }, 'event dropped');
  }

  /** Unique without asking: the time and a random number. */
  #newName(about: string): string {
    const { clock, random } = this.#options.client;
    const suffix = Math.floor(random() * 2 ** 32).toString(16);
    return `${about.slice(0, maxNameChars)}.${clock.now().toString(16)}${suffix.padStart(8, '0')}`;
  }
}

function factKey({ about, type, reason, message }: EventFact): string {
  return [about.uid, type, reason, message].join('\0');
}

/** Events about objects without a namespace live in `default`. */
function namespaceOf({ about }: EventFact): string {
  return about.namespace === '' ? 'default' : about.namespace;
}

/** Whole seconds, as Kubernetes writes them. */
function timestamp(at: number): string {
  return new Date(at).toISOString().replace(/\.\d+Z$/, 'Z');
}
