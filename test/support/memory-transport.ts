/**
 * The transport over an API server in the same process, on simulated time.
 *
 * A request takes half of its latency to arrive and half to come back, so that other things happen between,
 * and a caller that gives up half way has still had its request carried out. Answers are the server's own
 * frozen objects. `http-transport.ts` keeps the same promises towards the layers above.
 */

import {
  RefusedStream,
  type ApiRequest,
  type ApiResponse,
  type Transport,
} from '../../src/adapters/kubernetes/transport.ts';
import { UnavailableError } from '../../src/errors.ts';
import type { Clock } from '../../src/ports/clock.ts';
import type { ApiAnswer, ApiCall, WatchEvent } from '../../src/sandbox/api-server/call.ts';

export interface MemoryServer {
  handle(call: ApiCall): ApiAnswer;
}

export interface MemoryTransportOptions {
  readonly clock: Clock;
  /** For the way there and back; asked for each request and each watch event. Default 2 ms. */
  readonly latencyMs?: () => number;
  /** Sent with each request, names in lower case: credentials, say. */
  readonly headers?: Readonly<Record<string, string>>;
}

export function memoryTransport(server: MemoryServer, options: MemoryTransportOptions): Transport {
  const { clock } = options;
  const latencyMs = options.latencyMs ?? (() => 2);

  const exchange = async (request: ApiRequest, signal: AbortSignal): Promise<ApiAnswer> => {
    const halfMs = latencyMs() / 2;
    await pass(clock, halfMs, signal);
    const answer = server.handle(callOf(request, options.headers ?? {}));
    // A stream is not opened before somebody listens, so nothing is lost on the way back.
    await pass(clock, halfMs, signal);
    return answer;
  };

  return {
    async request(request, signal) {
      const answer = await exchange(request, signal);
      if (answer.kind === 'stream') throw new Error(`${request.path} answered with a stream`);
      return responseOf(answer);
    },

    async stream(request, onEvent, signal, onOpen) {
      const answer = await exchange(request, signal);
      if (answer.kind === 'object') throw new RefusedStream(responseOf(answer));
      onOpen?.();
      await deliver(answer.stream, onEvent, { clock, latencyMs }, signal);
    },
  };
}

/** Hands events on after their way through the network, in order, never inside the server's own call. */
function deliver(
  stream: Extract<ApiAnswer, { kind: 'stream' }>['stream'],
  onEvent: (type: string, object: unknown) => void,
  { clock, latencyMs }: { clock: Clock; latencyMs: () => number },
  signal: AbortSignal,
): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(cut());
    const onTheWay: { at: number; event: WatchEvent | 'end' | 'cut' }[] = [];
    let lastAt = clock.monotonic();
    let cancel: (() => void) | undefined;
    let close: (() => void) | undefined;

    const stop = (): void => {
      cancel?.();
      close?.();
      signal.removeEventListener('abort', onAbort);
    };
    const onAbort = (): void => {
      stop();
      reject(cut());
    };
    const arrive = (): void => {
      for (let next = onTheWay[0]; next !== undefined; next = onTheWay[0]) {
        const remainingMs = next.at - clock.monotonic();
        if (remainingMs > 0) {
          cancel = clock.after(remainingMs, arrive);
          return;
        }
        onTheWay.shift();
        if (next.event === 'end' || next.event === 'cut') {
          stop();
          return next.event === 'end' ? resolve() : reject(cut());
        }
        onEvent(next.event.type, next.event.object);
        if (signal.aborted) return;
      }
    };
    const send = (event: WatchEvent | 'end' | 'cut'): void => {
      lastAt = Math.max(lastAt, clock.monotonic() + latencyMs() / 2);
      onTheWay.push({ at: lastAt, event });
      if (onTheWay.length === 1) cancel = clock.after(lastAt - clock.monotonic(), arrive);
    };

    signal.addEventListener('abort', onAbort, { once: true });
    close = stream.open({ event: send, end: () => send('end'), cut: () => send('cut') });
  });
}

function callOf(request: ApiRequest, headers: Readonly<Record<string, string>>): ApiCall {
  const { method, path, query, body } = request;
  const accept = request.accept ?? 'application/json';
  const type =
    body === undefined ? {} : { 'content-type': request.contentType ?? 'application/json' };
  return {
    method,
    path,
    query,
    headers: { ...headers, accept, ...type },
    // Over the wire everything is JSON: fields that are `undefined` are not there.
    ...(body === undefined ? {} : { body: JSON.parse(JSON.stringify(body)) as unknown }),
  };
}

function responseOf(answer: Extract<ApiAnswer, { kind: 'object' }>): ApiResponse {
  const seconds = Number(answer.headers?.['retry-after']);
  return {
    status: answer.status,
    body: answer.body,
    ...(seconds > 0 ? { retryAfterMs: seconds * 1000 } : {}),
  };
}

function pass(clock: Clock, ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(cut());
    const onAbort = (): void => {
      cancel();
      reject(cut());
    };
    const cancel = clock.after(ms, () => {
      signal.removeEventListener('abort', onAbort);
      resolve();
    });
    signal.addEventListener('abort', onAbort, { once: true });
  });
}

function cut(): UnavailableError {
  return new UnavailableError('the connection was given up', { reason: 'ApiServerUnavailable' });
}
