/**
 * Hands one request to one of several targets and its answer back.
 *
 * No request is lost because a pod has just gone: a connection that is refused has carried nothing, so
 * the next target is asked. Requests without a body whose method may be repeated use kept connections and
 * are also asked again when such a connection breaks before the first byte of an answer. All others get a
 * connection of their own, so that a break can never mean "the other side had just closed it".
 */
import {
  Agent,
  type ClientRequest,
  type IncomingMessage,
  request as httpRequest,
  type ServerResponse,
} from 'node:http';

import type { Headers } from './filters.ts';
import type { Target } from './routing-table.ts';

const REPEATABLE = new Set(['GET', 'HEAD', 'OPTIONS', 'PUT', 'DELETE', 'TRACE']);
const HOP_BY_HOP = [
  'connection',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
];
/** How long an address that refuses may take to come back or to be replaced. */
const PATIENCE_MS = 1_000;
const PAUSE_MS = 50;

export interface Errand {
  readonly incoming: IncomingMessage;
  readonly response: ServerResponse;
  readonly path: string;
  readonly headers: Headers;
  /** The targets of this moment, best first; asked again before every further round. */
  targets(): readonly Target[];
  readonly answerHeaders: (headers: Headers) => Headers;
  /** Called as the body begins to flow: the moment to have it flow elsewhere too. */
  onSend(): void;
  /** Limit for one attempt. */
  readonly attemptMs?: number;
}

/** Why nobody answered. */
export type Failure = { readonly status: 502 | 504; readonly why: string };

export class Forwarder {
  readonly #agent = new Agent({ keepAlive: true, scheduling: 'fifo' });

  /** Resolves when the answer has begun, or with why there is none. */
  async forward(errand: Errand): Promise<Failure | undefined> {
    const startedAt = performance.now();
    let failure: Failure = { status: 502, why: 'no target' };
    for (;;) {
      for (const target of errand.targets()) {
        const attempt = await this.#attempt(errand, target);
        if (attempt === 'answered') return undefined;
        failure = attempt.failure;
        if (!attempt.again) return failure;
      }
      if (performance.now() - startedAt > PATIENCE_MS) return failure;
      await pause(PAUSE_MS);
    }
  }

  /** Sends a copy somewhere and forgets it. */
  mirror(incoming: IncomingMessage, target: Target, path: string, headers: Headers): void {
    const copy = httpRequest({
      host: target.address,
      port: target.port,
      method: incoming.method ?? 'GET',
      path,
      headers: outgoing(headers),
      agent: false,
    });
    copy.on('response', (answer) => answer.resume());
    // A mirror's trouble is nobody's trouble.
    copy.on('error', () => copy.destroy());
    if (hasBody(incoming)) incoming.pipe(copy);
    else copy.end();
  }

  close(): void {
    this.#agent.destroy();
  }

  #attempt(errand: Errand, target: Target): Promise<Attempt> {
    const { incoming, response } = errand;
    const body = hasBody(incoming);
    const repeatable = !body && REPEATABLE.has(incoming.method ?? 'GET');
    const upstream = requestTo(errand, target, repeatable ? this.#agent : false);
    return new Promise((resolve) => {
      let connected = false;
      const hungUp = () => upstream.destroy(new Error('the caller hung up'));
      const send = () => {
        connected = true;
        errand.onSend();
        if (body) incoming.pipe(upstream);
        else upstream.end();
      };
      response.once('close', hungUp);
      upstream.once('socket', (socket) => {
        if (socket.connecting) socket.once('connect', send);
        else send();
      });
      upstream.once('timeout', () => upstream.destroy(new TimeoutError()));
      upstream.once('response', (answer) => {
        answer.once('end', () => response.off('close', hungUp));
        handBack(answer, errand);
        resolve('answered');
      });
      upstream.once('error', (error) => {
        response.off('close', hungUp);
        const timedOut = error instanceof TimeoutError;
        const over = response.headersSent || response.destroyed;
        const again = !timedOut && !over && (!connected || repeatable);
        const why = `${target.address}:${target.port}: ${error.message}`;
        resolve({ again, failure: { status: timedOut ? 504 : 502, why } });
      });
    });
  }
}

function requestTo(errand: Errand, target: Target, agent: Agent | false): ClientRequest {
  return httpRequest({
    host: target.address,
    port: target.port,
    method: errand.incoming.method ?? 'GET',
    path: errand.path,
    headers: outgoing(errand.headers),
    agent,
    ...(errand.attemptMs === undefined ? {} : { timeout: errand.attemptMs }),
  });
}

function handBack(answer: IncomingMessage, { response, answerHeaders }: Errand): void {
  // A time limit has spoken already.
  if (response.headersSent) {
    answer.destroy();
    return;
  }
  const { statusCode = 502, statusMessage = '', headers } = answer;
  response.writeHead(statusCode, statusMessage, outgoing(answerHeaders(headers)));
  answer.pipe(response);
  // Half an answer must not look like a whole one.
  answer.once('error', () => response.destroy());
}

type Attempt = 'answered' | { readonly again: boolean; readonly failure: Failure };

class TimeoutError extends Error {
  constructor() {
    super('no answer in time');
  }
}

function hasBody({ headers }: IncomingMessage): boolean {
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0;
}

function outgoing(headers: Headers): Record<string, string | string[]> {
  const named = String(headers['connection'] ?? '')
    .split(',')
    .map((name) => name.trim().toLowerCase());
  const kept: Record<string, string | string[]> = {};
  for (const [name, value] of Object.entries(headers)) {
    const passes = !HOP_BY_HOP.includes(name) && !named.includes(name);
    if (value !== undefined && passes) kept[name] = value;
  }
  return kept;
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms);
  });
}
