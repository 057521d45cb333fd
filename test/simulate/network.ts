/**
 * The transport between one process and the API server, with everything that can happen to a request on its way.
 *
 * A fault is drawn for each request. What happened is counted by its name; a kill also by what was being written.
 */
import {
  RefusedStream,
  type ApiRequest,
  type ApiResponse,
  type Transport,
} from '../../src/adapters/kubernetes/transport.ts';
import type { KubernetesObject } from '../../src/api/object.ts';
import { UnavailableError } from '../../src/errors.ts';
import type { ApiAnswer, ApiCall, WatchEvent } from '../../src/sandbox/api-server/call.ts';
import type { FakeClock } from '../support/fake-clock.ts';
import type { Life } from './life.ts';

/** What becomes of one request. `laterMs`: from now on. */
export type Fate =
  | { readonly kind: 'arrives' }
  /** Answered so, without being carried out. */
  | { readonly kind: 'refused'; readonly status: 409 | 429 | 500 | 503 }
  /** Not carried out, and never answered. */
  | { readonly kind: 'vanishes' }
  /** Not carried out, and the connection breaks at once. */
  | { readonly kind: 'reset' }
  /** Carried out, the answer is lost with the connection. */
  | { readonly kind: 'answerLost' }
  /** Carried out, never answered. */
  | { readonly kind: 'answerVanishes' }
  /** The caller hears that the connection broke; it is carried out later. */
  | { readonly kind: 'arrivesLate'; readonly laterMs: number }
  /** Takes so long to be answered. */
  | { readonly kind: 'slow'; readonly laterMs: number }
  | { readonly kind: 'killBefore' }
  | { readonly kind: 'killAfter' }
  /** The process dies, its request is carried out later. */
  | { readonly kind: 'killLate'; readonly laterMs: number };

export interface NetworkHooks {
  readonly life: Life;
  fateOf(request: ApiRequest): Fate;
  /** An answer to a list that is older than it should be. */
  staleList(request: ApiRequest): ApiAnswer | undefined;
  /** Watches say nothing as long as this is true. */
  isSilent(): boolean;
  /** Around the server's own call, so that whoever listens there knows whose request it is. */
  carryOut(request: ApiRequest, sentAt: number, call: () => ApiAnswer): ApiAnswer;
  /** The process has been given this object. */
  delivered(object: KubernetesObject, kind: string): void;
  /** The process has been given a list, and all that is in it. */
  listed(kind: string, names: readonly string[]): void;
  killed(fate: Fate['kind'], request: ApiRequest): void;
  /** Each breaks one open watch. */
  readonly watches: Set<() => void>;
}

export interface NetworkServer {
  handle(call: ApiCall): ApiAnswer;
}

const halfMs = 1;

export function network(
  server: NetworkServer,
  clock: FakeClock,
  userAgent: string,
  hooks: NetworkHooks,
): Transport {
  const { life } = hooks;

  const handle = (request: ApiRequest, sentAt: number): ApiAnswer =>
    hooks.carryOut(request, sentAt, () => server.handle(callOf(request, userAgent)));

  const exchange = (request: ApiRequest, signal: AbortSignal): Promise<ApiAnswer> =>
    new Promise((resolve, reject) => {
      if (!life.isAlive) return;
      const sentAt = clock.monotonic();
      const onAbort = (): void => fail();
      const answer = (value: ApiAnswer): void =>
        life.run(() => {
          signal.removeEventListener('abort', onAbort);
          resolve(value);
        });
      const fail = (): void =>
        life.run(() => {
          signal.removeEventListener('abort', onAbort);
          reject(cut());
        });
      if (signal.aborted) return fail();
      signal.addEventListener('abort', onAbort, { once: true });
      const fate = hooks.fateOf(request);
      switch (fate.kind) {
        case 'arrives':
        case 'slow':
          clock.after(halfMs, () => {
            const value = hooks.staleList(request) ?? handle(request, sentAt);
            clock.after(halfMs + (fate.kind === 'slow' ? fate.laterMs : 0), () => answer(value));
          });
          return;
        case 'refused':
          clock.after(2 * halfMs, () => answer(refusal(fate.status)));
          return;
        case 'vanishes':
          return;
        case 'reset':
          clock.after(2 * halfMs, fail);
          return;
        case 'answerLost':
        case 'answerVanishes':
          clock.after(halfMs, () => {
            handle(request, sentAt);
            if (fate.kind === 'answerLost') clock.after(halfMs, fail);
          });
          return;
        case 'arrivesLate':
          clock.after(2 * halfMs, fail);
          clock.after(fate.laterMs, () => handle(request, sentAt));
          return;
        case 'killBefore':
          hooks.killed(fate.kind, request);
          return;
        case 'killAfter':
          clock.after(halfMs, () => {
            if (!life.isAlive) return;
            handle(request, sentAt);
            hooks.killed(fate.kind, request);
          });
          return;
        case 'killLate':
          hooks.killed(fate.kind, request);
          clock.after(fate.laterMs, () => handle(request, sentAt));
          return;
      }
    });

  return {
    async request(request, signal) {
      const answer = await exchange(request, signal);
      if (answer.kind === 'stream') throw new Error(`${request.path} answered with a stream`);
      deliverAll(answer.body, hooks);
      return responseOf(answer);
    },
    async stream(request, onEvent, signal, onOpen) {
      const answer = await exchange(request, signal);
      if (answer.kind === 'object') throw new RefusedStream(responseOf(answer));
      onOpen?.();
      await deliver(answer.stream, onEvent, signal, clock, hooks);
    },
  };
}

function deliverAll(body: unknown, hooks: NetworkHooks): void {
  const answer = body as KubernetesObject & { readonly items?: readonly KubernetesObject[] };
  if (answer.items === undefined) return hooks.delivered(answer, answer.kind);
  // Items of a list do not say what they are.
  const kind = answer.kind.replace(/List$/, '');
  for (const item of answer.items) hooks.delivered(item, kind);
  hooks.listed(
    kind,
    answer.items.map(({ metadata }) => metadata.name),
  );
}

/** Events after their way through the network, in order, as long as the process lives and the watch is not silent. */
function deliver(
  stream: Extract<ApiAnswer, { kind: 'stream' }>['stream'],
  onEvent: (type: string, object: unknown) => void,
  signal: AbortSignal,
  clock: FakeClock,
  hooks: NetworkHooks,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const { life, watches } = hooks;
    if (!life.isAlive) return;
    const onTheWay: (WatchEvent | 'end' | 'cut')[] = [];
    let isOver = false;
    let isPlanned = false;
    let close: (() => void) | undefined;
    const stop = (): void => {
      isOver = true;
      close?.();
      watches.delete(breakOff);
      signal.removeEventListener('abort', onAbort);
    };
    const onAbort = (): void => {
      stop();
      life.run(() => reject(cut()));
    };
    const plan = (): void => {
      if (isPlanned || isOver) return;
      isPlanned = true;
      clock.after(hooks.isSilent() ? 500 : halfMs, () => {
        isPlanned = false;
        if (hooks.isSilent()) plan();
        else life.run(arrive);
      });
    };
    const arrive = (): void => {
      // A process that stood still may find several of these due.
      if (isOver) return;
      for (let next = onTheWay.shift(); next !== undefined; next = onTheWay.shift()) {
        if (next === 'end' || next === 'cut') {
          stop();
          return next === 'end' ? resolve() : reject(cut());
        }
        const object = next.object as KubernetesObject;
        hooks.delivered(object, next.type === 'DELETED' ? `no ${object.kind}` : object.kind);
        onEvent(next.type, next.object);
        if (isOver) return;
      }
    };
    const send = (event: WatchEvent | 'end' | 'cut'): void => {
      onTheWay.push(event);
      plan();
    };
    const breakOff = (): void => {
      // What had not arrived is lost with the connection.
      onTheWay.length = 0;
      send('cut');
    };
    if (signal.aborted) return onAbort();
    signal.addEventListener('abort', onAbort, { once: true });
    life.onEnd(stop);
    watches.add(breakOff);
    close = stream.open({ event: send, end: () => send('end'), cut: () => send('cut') });
  });
}

function refusal(status: 409 | 429 | 500 | 503): ApiAnswer {
  const reasons = {
    409: 'Conflict',
    429: 'TooManyRequests',
    500: 'InternalError',
    503: 'ServiceUnavailable',
  };
  return {
    kind: 'object',
    status,
    headers: status === 429 ? { 'retry-after': '2' } : {},
    body: {
      kind: 'Status',
      apiVersion: 'v1',
      status: 'Failure',
      code: status,
      reason: reasons[status],
      message: 'a fault of the simulation',
    },
  };
}

function callOf(request: ApiRequest, userAgent: string): ApiCall {
  const { method, path, query, body, contentType, accept = 'application/json' } = request;
  const headers = {
    'user-agent': userAgent,
    accept,
    ...(body === undefined ? {} : { 'content-type': contentType ?? 'application/json' }),
  };
  // Over the wire everything is JSON: fields that are `undefined` are not there.
  const sent = body === undefined ? {} : { body: JSON.parse(JSON.stringify(body)) as unknown };
  return { method, path, query, headers, ...sent };
}

function responseOf(answer: Extract<ApiAnswer, { kind: 'object' }>): ApiResponse {
  const seconds = Number(answer.headers?.['retry-after']);
  return {
    status: answer.status,
    body: answer.body,
    ...(seconds > 0 ? { retryAfterMs: seconds * 1000 } : {}),
  };
}

function cut(): UnavailableError {
  return new UnavailableError('the connection was given up', { reason: 'ApiServerUnavailable' });
}

/** What a request writes, as kills are counted: `patch httproutes`, `patch canaries/status`, `read`. */
export function writeKind({ method, path }: ApiRequest): string {
  if (method === 'GET') return 'read';
  const parts = path.split('/').slice(path.startsWith('/apis/') ? 4 : 3);
  const [first = '', , resource = first, name, subresource] =
    parts[0] === 'namespaces' ? parts : ['', '', ...parts];
  const verb = { POST: 'create', PUT: 'update', PATCH: 'patch', DELETE: 'delete' }[method];
  void name;
  return `${verb} ${resource}${subresource === undefined ? '' : `/${subresource}`}`;
}
