/**
 * The sandbox's Kubernetes API server: call in, answer or stream out, at once and without I/O.
 *
 * It stores, validates, converts, watches and collects garbage as a kube-apiserver with its own controllers
 * does. It runs nothing: Deployments become pods only when somebody else writes them. What it does not
 * offer is answered 404, 405, 415 or 501 with a sentence, never by guessing.
 */

import type { ApiAnswer, ApiCall } from './call.ts';
import type { ServerContext } from './context.ts';
import { establish, resourceOf, serve } from './custom-resources.ts';
import { ApiFault, UnknownPathFault, unauthorized } from './faults.ts';
import { Housekeeping } from './housekeeping.ts';
import type { KubeObject } from './object.ts';
import { answerPath } from './other-paths.ts';
import { registerBuiltins } from './kinds/builtins.ts';
import { install } from './install.ts';
import { Registry } from './registry.ts';
import { parsePath, readRequest, type Request, type Verb } from './request.ts';
import { Rest } from './rest.ts';
import { Store } from './store.ts';
import { Watches } from './watches.ts';

export interface ApiServerOptions {
  /** Epoch milliseconds. */
  readonly now: () => number;
  /** From 0 up to 1; the only source of uids and name suffixes. */
  readonly random: () => number;
  /** How many changes per resource watches can resume over (default 4096). */
  readonly watchHistory?: number;
  /** Token → user. Absent: everybody may do everything. */
  readonly tokens?: ReadonlyMap<string, string>;
  /**
   * CustomResourceDefinitions that are there from the start. Checked and compiled once per object, however
   * many servers it is given to.
   */
  readonly definitions?: readonly object[];
}

/** A request that has been answered; for a watch, one that has been accepted or refused. */
export interface RequestRecord {
  readonly at: number;
  readonly user: string;
  readonly userAgent: string;
  readonly method: ApiCall['method'];
  readonly path: string;
  readonly query: Readonly<Record<string, string>>;
  /** Absent when the path names no objects. */
  readonly verb: Verb | undefined;
  readonly group: string;
  readonly version: string;
  /** Plural, such as `deployments`. */
  readonly resource: string;
  readonly subresource: string;
  readonly namespace: string;
  readonly name: string;
  readonly status: number;
  readonly contentType: string;
  /** As it was sent. */
  readonly body: unknown;
  /** After the write, or as it was read; the last state when it was removed. */
  readonly object: KubeObject | undefined;
  /** Before the write; equal to `object` when the write changed nothing. */
  readonly previous: KubeObject | undefined;
}

export type RequestListener = (record: RequestRecord) => void;

const FIRST_NAMESPACES = ['default', 'kube-node-lease', 'kube-public', 'kube-system'];
const CRDS = 'customresourcedefinitions.apiextensions.k8s.io';

export class ApiServer {
  readonly #context: ServerContext;
  readonly #watches: Watches;
  readonly #rest: Rest;
  readonly #housekeeping: Housekeeping;
  readonly #tokens: ReadonlyMap<string, string> | undefined;
  readonly #listeners = new Set<RequestListener>();
  /** Asked before every call; what it returns is the answer. */
  intercept: ((call: ApiCall) => ApiAnswer | undefined) | undefined;

  constructor({ now, random, watchHistory = 4096, tokens, definitions = [] }: ApiServerOptions) {
    const store = new Store(watchHistory);
    this.#context = { store, registry: new Registry(store), now, random };
    this.#tokens = tokens;
    registerBuiltins(this.#context.registry);
    this.#watches = new Watches(this.#context);
    this.#rest = new Rest(this.#context, this.#watches);
    this.#housekeeping = new Housekeeping(this.#context, (resource) =>
      this.#watches.endOf(resource),
    );
    store.observers.push((resource, change) => {
      this.#housekeeping.observe(resource, change);
      if (resource !== CRDS || change.type === 'DELETED') return;
      if (change.object['spec'] === change.previous?.['spec']) return;
      serve(this.#context, change.object);
      if (change.previous !== undefined) this.#watches.endOf(resourceOf(change.object));
    });
    for (const name of FIRST_NAMESPACES) this.#createNamespace(name);
    for (const definition of definitions) install(this.#context, definition);
  }

  /** The version of the latest change. */
  get resourceVersion(): string {
    return String(this.#context.store.revision);
  }

  get openWatches(): number {
    return this.#watches.count;
  }

  handle(call: ApiCall): ApiAnswer {
    const intercepted = this.intercept?.(call);
    if (intercepted !== undefined) {
      this.#record(call, undefined, statusOf(intercepted), undefined, undefined, '');
      return intercepted;
    }
    let request: Request | undefined;
    let user = '';
    try {
      user = this.#authenticate(call);
      const path = parsePath(call.path);
      if (path === undefined) {
        const answer = answerPath(this.#context, call);
        if (answer === undefined) throw new UnknownPathFault();
        this.#record(call, undefined, statusOf(answer), undefined, undefined, user);
        return answer;
      }
      request = readRequest(call, path, this.#context.registry);
      const { answer, object, previous } = this.#rest.answer(request);
      this.#afterWrite(request, object);
      this.#record(call, request, statusOf(answer), object, previous, user);
      return answer;
    } catch (error) {
      if (!(error instanceof ApiFault)) throw error;
      this.#record(call, request, error.code, undefined, undefined, user);
      return faultAnswer(error);
    }
  }

  /** Bookmarks, time-outs, garbage collection, expiry. Call it about once a second. */
  tick(): void {
    this.#housekeeping.tick();
    this.#watches.tick();
  }

  /** Returns a function that stops listening. */
  onRequest(listener: RequestListener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Ends every open watch as a broken connection does. */
  cutWatches(): void {
    this.#watches.cut();
  }

  /** Watches stay open and say nothing; what was held back arrives when it ends. */
  silenceWatches(on: boolean): void {
    this.#watches.silence(on);
  }

  /** Makes every version before now too old to resume or to continue from. */
  compact(): void {
    this.#context.store.compact();
  }

  #authenticate(call: ApiCall): string {
    if (this.#tokens === undefined) return '';
    const header = call.headers['authorization'] ?? '';
    const token = /^Bearer (.+)$/.exec(header)?.[1];
    const user = token === undefined ? undefined : this.#tokens.get(token);
    if (user !== undefined) return user;
    if (header === '' && isPublic(call.path)) return 'system:anonymous';
    throw unauthorized();
  }

  /** A definition is established by a second write, as by the controller that does it. */
  #afterWrite(request: Request, object: KubeObject | undefined): void {
    if (request.type.resource !== CRDS || request.dryRun || object === undefined) return;
    if (request.verb !== 'create' && request.verb !== 'update' && request.verb !== 'patch') return;
    const stored = request.type.collection.get('', object.metadata.name);
    if (stored !== undefined && stored.metadata.deletionTimestamp === undefined)
      establish(this.#context, stored);
  }

  #record(
    call: ApiCall,
    request: Request | undefined,
    status: number,
    object: KubeObject | undefined,
    previous: KubeObject | undefined,
    user: string,
  ): void {
    if (this.#listeners.size === 0) return;
    const path = request ?? pathOrNothing(call.path);
    const record: RequestRecord = {
      at: this.#context.now(),
      user,
      userAgent: call.headers['user-agent'] ?? '',
      method: call.method,
      path: call.path,
      query: call.query,
      verb: request?.verb,
      group: path?.group ?? '',
      version: path?.version ?? '',
      resource: path?.plural ?? '',
      subresource: path?.subresource ?? '',
      namespace: path?.namespace ?? '',
      name: path?.name ?? object?.metadata.name ?? '',
      status,
      contentType: call.headers['content-type'] ?? '',
      body: call.body,
      object,
      previous,
    };
    for (const listener of this.#listeners) listener(record);
  }

  /** Not a request: nobody asked, nobody is told. */
  #createNamespace(name: string): void {
    const call: ApiCall = {
      method: 'POST',
      path: '/api/v1/namespaces',
      query: {},
      headers: { 'user-agent': 'kube-apiserver' },
      body: { apiVersion: 'v1', kind: 'Namespace', metadata: { name } },
    };
    const path = parsePath(call.path);
    if (path !== undefined) this.#rest.answer(readRequest(call, path, this.#context.registry));
  }
}

function isPublic(path: string): boolean {
  return ['/healthz', '/livez', '/readyz', '/version'].includes(path);
}

function pathOrNothing(path: string): ReturnType<typeof parsePath> {
  try {
    return parsePath(path);
  } catch {
    return undefined; // an escape that cannot be decoded has been answered already
  }
}

function statusOf(answer: ApiAnswer): number {
  return answer.kind === 'object' ? answer.status : 200;
}

export function faultAnswer(fault: ApiFault): ApiAnswer {
  if (fault instanceof UnknownPathFault) {
    const headers = { 'content-type': 'text/plain; charset=utf-8' };
    return { kind: 'object', status: fault.code, headers, body: fault.text };
  }
  const seconds = fault.details?.['retryAfterSeconds'];
  const headers = typeof seconds === 'number' ? { 'retry-after': String(seconds) } : {};
  return { kind: 'object', status: fault.code, headers, body: fault.status };
}
