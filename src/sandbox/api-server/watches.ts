/**
 * Watches: what was already there, what happens from then on, and how a stream ends.
 *
 * Events are delivered while the write that caused them runs. A silenced server keeps streams open but
 * sends nothing; what it held back arrives when it speaks again, as on a connection that stalled.
 */

import type { ApiStream, ApiStreamSink, WatchEvent } from './call.ts';
import type { ServerContext } from './context.ts';
import { expired, invalid } from './faults.ts';
import { withKeys, type JsonObject } from './json.ts';
import { readInteger, readVersion, selectorOf } from './lists.ts';
import type { KubeObject } from './object.ts';
import type { Request } from './request.ts';
import { forbiddenField, unsupportedValue } from './schema/field-errors.ts';
import type { Selector } from './selectors.ts';
import type { Change, ChangeListener } from './store.ts';

const BOOKMARK_EVERY_MS = 60_000;
const LAST_BOOKMARK_BEFORE_END_MS = 2_000;
const INITIAL_EVENTS_END = { 'k8s.io/initial-events-end': 'true' };

/** How objects are shown to this client: whole, metadata only, or as a table. */
export interface Render {
  readonly object: (object: KubeObject, isFirst: boolean) => unknown;
  /** A bookmark is an object with a version and nothing else. */
  readonly bookmark: (bookmark: JsonObject, isFirst: boolean) => unknown;
}

interface Options {
  readonly since: number | 'now-with-state';
  readonly bookmarks: boolean;
  readonly initialEventsEnd: boolean;
  readonly timeoutMs: number;
  readonly selector: Selector | undefined;
}

export class Watches {
  readonly #context: ServerContext;
  readonly #open = new Set<Watch>();
  #silent = false;

  constructor(context: ServerContext) {
    this.#context = context;
  }

  get count(): number {
    return this.#open.size;
  }

  start(request: Request, render: Render): ApiStream {
    const options = readOptions(request, this.#context);
    return {
      open: (sink) => {
        const watch = new Watch(this.#context, request, options, render, sink, this.#silent);
        this.#open.add(watch);
        watch.begin(() => this.#open.delete(watch));
        return () => watch.close();
      },
    };
  }

  tick(): void {
    const now = this.#context.now();
    for (const watch of this.#open) watch.tick(now);
  }

  cut(): void {
    for (const watch of this.#open) watch.cut();
  }

  /** Streams of one resource end when it is no longer served, or served in another way. */
  endOf(resource: string): void {
    for (const watch of this.#open) if (watch.resource === resource) watch.end();
  }

  silence(on: boolean): void {
    this.#silent = on;
    for (const watch of this.#open) watch.silence(on);
  }
}

function readOptions(request: Request, { random }: ServerContext): Options {
  const { query } = request.call;
  const version = query['resourceVersion'] ?? '';
  const { sendInitialEvents } = query;
  checkInitialEvents(sendInitialEvents, query['resourceVersionMatch'] ?? '');
  const seconds = readInteger(query['timeoutSeconds']);
  const bookmarks = query['allowWatchBookmarks'] === 'true' || query['allowWatchBookmarks'] === '1';
  const withState =
    sendInitialEvents === 'true' ||
    (sendInitialEvents !== 'false' && (version === '' || version === '0'));
  return {
    since: withState || version === '' || version === '0' ? 'now-with-state' : readVersion(version),
    bookmarks,
    // Also to those who did not ask: a watch from nowhere is one that sends its initial events.
    initialEventsEnd: withState && bookmarks,
    timeoutMs: seconds > 0 ? seconds * 1000 : Math.floor(1_800_000 * (1 + random())),
    selector: selectorOf(request),
  };
}

function checkInitialEvents(asked: string | undefined, match: string): void {
  const subject = { group: 'meta.k8s.io', kind: 'ListOptions' };
  if (asked === undefined) {
    if (match === '') return;
    throw invalid(subject, [
      forbiddenField(
        'resourceVersionMatch',
        'resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided',
      ),
    ]);
  }
  if (match === 'NotOlderThan') return;
  const detail = 'sendInitialEvents requires setting resourceVersionMatch to NotOlderThan';
  const unsupported = unsupportedValue('resourceVersionMatch', match, ['NotOlderThan']);
  throw invalid(subject, [
    forbiddenField('resourceVersionMatch', detail),
    ...(match === '' ? [] : [unsupported]),
  ]);
}

class Watch {
  readonly #context: ServerContext;
  readonly #request: Request;
  readonly #options: Options;
  readonly #render: Render;
  readonly #sink: ApiStreamSink;
  readonly #listener: ChangeListener = (change) => this.#onChange(change);
  readonly #heldBack: WatchEvent[] = [];
  readonly #endsAt: number;
  #forget: () => void = () => {};
  #isOpen = true;
  #isSilent: boolean;
  #isFirst = true;
  #bookmarkAt: number;
  #hadLastBookmark = false;

  constructor(
    context: ServerContext,
    request: Request,
    options: Options,
    render: Render,
    sink: ApiStreamSink,
    isSilent: boolean,
  ) {
    this.#context = context;
    this.#request = request;
    this.#options = options;
    this.#render = render;
    this.#sink = sink;
    this.#isSilent = isSilent;
    this.#endsAt = context.now() + options.timeoutMs;
    this.#bookmarkAt = context.now() + BOOKMARK_EVERY_MS;
  }

  get resource(): string {
    return this.#request.type.resource;
  }

  begin(forget: () => void): void {
    this.#forget = forget;
    const { collection } = this.#request.type;
    const { since } = this.#options;
    if (since === 'now-with-state') this.#sendState();
    else {
      const missed = collection.since(since);
      if (missed === undefined) return this.#refuseOld(since);
      for (const change of missed) this.#onChange(change);
    }
    if (this.#isOpen) collection.listeners.add(this.#listener);
  }

  #sendState(): void {
    const { type, namespace } = this.#request;
    for (const object of type.collection.list(namespace))
      if (this.#matches(object)) this.#send('ADDED', object);
    if (this.#options.initialEventsEnd) this.#bookmark(INITIAL_EVENTS_END);
  }

  #refuseOld(since: number): void {
    const fault = expired(`too old resource version: ${since} (${this.#context.store.revision})`);
    this.#emit({ type: 'ERROR', object: fault.status });
    this.end();
  }

  #matches(object: KubeObject): boolean {
    const { namespace, type } = this.#request;
    if (namespace !== undefined && object.metadata.namespace !== namespace) return false;
    const { selector } = this.#options;
    return selector === undefined || selector(type.view(object));
  }

  /** An object that stops matching is deleted for this watch, one that starts to match is added. */
  #onChange({ type, object, previous }: Change): void {
    const isIn = type !== 'DELETED' && this.#matches(object);
    const wasIn = previous !== undefined && this.#matches(previous);
    if (isIn) this.#send(wasIn ? 'MODIFIED' : 'ADDED', object);
    else if (wasIn)
      this.#send('DELETED', type === 'DELETED' ? object : atVersionOf(object, previous));
  }

  #send(type: WatchEvent['type'], object: KubeObject): void {
    const view = this.#request.type.view(object);
    this.#emit({ type, object: this.#render.object(view, this.#isFirst) });
    this.#isFirst = false;
  }

  #bookmark(annotations?: Readonly<Record<string, string>>): void {
    const { definition, apiVersion } = this.#request.type;
    const resourceVersion = String(this.#context.store.revision);
    const metadata = {
      resourceVersion,
      ...(annotations === undefined ? {} : { annotations }),
    };
    const bookmark = { kind: definition.kind, apiVersion, metadata };
    this.#emit({ type: 'BOOKMARK', object: this.#render.bookmark(bookmark, this.#isFirst) });
    this.#isFirst = false;
  }

  #emit(event: WatchEvent): void {
    if (!this.#isOpen) return;
    if (this.#isSilent) this.#heldBack.push(event);
    else this.#sink.event(event);
  }

  silence(on: boolean): void {
    this.#isSilent = on;
    if (on) return;
    for (const event of this.#heldBack.splice(0)) this.#emit(event);
  }

  tick(now: number): void {
    const { bookmarks } = this.#options;
    const isLast = !this.#hadLastBookmark && now >= this.#endsAt - LAST_BOOKMARK_BEFORE_END_MS;
    if (bookmarks && (now >= this.#bookmarkAt || isLast)) {
      this.#bookmarkAt = now + BOOKMARK_EVERY_MS;
      this.#hadLastBookmark ||= isLast;
      this.#bookmark();
    }
    // Nobody hears the end of a stream that has stalled.
    if (now >= this.#endsAt && !this.#isSilent) this.end();
  }

  end(): void {
    if (this.close()) this.#sink.end();
  }

  cut(): void {
    if (!this.close()) return;
    if (this.#sink.cut === undefined) this.#sink.end();
    else this.#sink.cut();
  }

  close(): boolean {
    if (!this.#isOpen) return false;
    this.#isOpen = false;
    this.#request.type.collection.listeners.delete(this.#listener);
    this.#forget();
    return true;
  }
}

function atVersionOf(object: KubeObject, previous: KubeObject): KubeObject {
  const { resourceVersion } = object.metadata;
  return withKeys(previous, { metadata: { ...previous.metadata, resourceVersion } });
}
