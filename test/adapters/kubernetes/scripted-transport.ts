import {
  type ApiRequest,
  type ApiResponse,
  type Transport,
} from '../../../src/adapters/kubernetes/transport.ts';
import type { KubernetesObject } from '../../../src/api/object.ts';
import { UnavailableError } from '../../../src/errors.ts';

/** A watch that is open; the test plays the server. */
export interface OpenStream {
  readonly request: ApiRequest;
  send(type: string, object: unknown): void;
  /** The server ends the stream, as it does every few minutes. */
  end(): void;
  fail(error: Error): void;
  readonly isOpen: () => boolean;
}

type Answer = (request: ApiRequest, signal: AbortSignal) => ApiResponse | Promise<ApiResponse>;

/** A transport whose other end is the test. */
export class ScriptedTransport implements Transport {
  readonly requests: ApiRequest[] = [];
  readonly streams: OpenStream[] = [];
  /** Thrown by the next streams, one each; an empty list opens them. */
  readonly refusals: Error[] = [];
  answer: Answer;

  constructor(answer: Answer = () => listOf([], '1')) {
    this.answer = answer;
  }

  async request(request: ApiRequest, signal: AbortSignal): Promise<ApiResponse> {
    this.requests.push(request);
    return this.answer(request, signal);
  }

  stream(
    request: ApiRequest,
    onEvent: (type: string, object: unknown) => void,
    signal: AbortSignal,
    onOpen?: () => void,
  ): Promise<void> {
    const refusal = this.refusals.shift();
    if (refusal !== undefined) return Promise.reject(refusal);
    onOpen?.();
    return new Promise((resolve, reject) => {
      let open = true;
      const settle = (finish: () => void): void => {
        open = false;
        finish();
      };
      this.streams.push({
        request,
        send: (type, object) => onEvent(type, object),
        end: () => settle(resolve),
        fail: (error) => settle(() => reject(error)),
        isOpen: () => open,
      });
      signal.addEventListener('abort', () => settle(() => reject(cut())));
    });
  }

  /** The stream that was opened last. */
  get lastStream(): OpenStream {
    const stream = this.streams.at(-1);
    if (stream === undefined) throw new Error('no watch was opened');
    return stream;
  }

  /** Methods and paths of the requests so far, and forgets them. */
  takeRequests(): string[] {
    return this.requests.splice(0).map(({ method, path }) => `${method} ${path}`);
  }
}

export function cut(): UnavailableError {
  return new UnavailableError('the connection was cut', { reason: 'ApiServerUnavailable' });
}

export function listOf(
  items: readonly KubernetesObject[],
  resourceVersion: string,
  next?: string,
): ApiResponse {
  const token = next === undefined ? {} : { continue: next };
  return { status: 200, body: { kind: 'List', metadata: { resourceVersion, ...token }, items } };
}

export function statusOf(
  code: number,
  reason = '',
  message = '',
  retryAfterMs?: number,
): ApiResponse {
  const body = { kind: 'Status', apiVersion: 'v1', status: 'Failure', code, reason, message };
  return { status: code, body, ...(retryAfterMs === undefined ? {} : { retryAfterMs }) };
}

/** A Service as the API server has it. */
export function aService(
  name: string,
  resourceVersion: string,
  more: { uid?: string; namespace?: string; spec?: object } = {},
): KubernetesObject {
  const { uid = `uid-${name}`, namespace = 'shop', spec = { selector: { app: name } } } = more;
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name, namespace, uid, resourceVersion },
    spec,
  };
}
