/** The contract suite's client over a function call and over HTTP. */

import type { ApiStream } from '../../../src/sandbox/api-server/call.ts';
import type { ApiServer } from '../../../src/sandbox/api-server/server.ts';
import type {
  ClusterClient,
  Method,
  Reply,
  RequestOptions,
  WatchedEvent,
  WatchHandle,
} from '../../contract/cluster/client.ts';

const PATIENCE_MS = 5_000;
const AGENT = { 'user-agent': 'contract/1.0' };

/** Events that have arrived, for whoever asks next. */
class Inbox implements WatchHandle {
  readonly #events: WatchedEvent[] = [];
  readonly #stop: () => void;
  #isOver = false;
  #wake: () => void = () => {};

  constructor(stop: () => void) {
    this.#stop = stop;
  }

  push(event: WatchedEvent): void {
    this.#events.push(event);
    this.#wake();
  }

  finish(): void {
    this.#isOver = true;
    this.#wake();
  }

  async next(): Promise<WatchedEvent> {
    await this.#until(() => this.#events.length > 0 || this.#isOver);
    const event = this.#events.shift();
    if (event === undefined) throw new Error('the watch ended without another event');
    return event;
  }

  ended(): Promise<void> {
    return this.#until(() => this.#isOver);
  }

  close(): void {
    this.#stop();
  }

  #until(isDone: () => boolean): Promise<void> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error('nothing came in time')), PATIENCE_MS);
      this.#wake = () => {
        if (!isDone()) return;
        clearTimeout(timer);
        resolve();
      };
      this.#wake();
    });
  }
}

export interface MemoryClock {
  advance(ms: number): void;
}

/** `clock` is moved where a cluster would need time. */
export function memoryClient(server: ApiServer, clock: MemoryClock): ClusterClient {
  const answer = (
    method: Method,
    path: string,
    { body, query = {}, headers = {} }: RequestOptions,
  ) =>
    server.handle({
      method,
      path,
      query,
      headers: { ...AGENT, ...defaults(method, body), ...headers },
      ...(body === undefined ? {} : { body }),
    });
  return {
    request(method, path, options = {}) {
      const found = answer(method, path, options);
      if (found.kind === 'stream') throw new Error('a stream where an answer was expected');
      return Promise.resolve({
        status: found.status,
        headers: found.headers ?? {},
        body: plain(found.body),
      });
    },
    watch(path, query, headers = {}) {
      const found = answer('GET', path, { query: { watch: 'true', ...query }, headers });
      if (found.kind === 'object')
        return Promise.resolve({ status: found.status, headers: {}, body: found.body });
      return Promise.resolve(opened(found.stream, clock));
    },
    settle() {
      clock.advance(1_000);
      return Promise.resolve();
    },
    close: () => Promise.resolve(),
  };
}

function opened(stream: ApiStream, clock: MemoryClock): WatchHandle {
  let stop: (() => void) | undefined;
  const inbox = new Inbox(() => stop?.());
  stop = stream.open({
    event: ({ type, object }) => inbox.push({ type, object: plain(object) }),
    end: () => inbox.finish(),
  });
  return {
    next: () => inbox.next(),
    ended: () => {
      clock.advance(10_000);
      return inbox.ended();
    },
    close: () => inbox.close(),
  };
}

/** As it would look on the wire. */
function plain(value: unknown): unknown {
  return value === undefined ? undefined : (JSON.parse(JSON.stringify(value)) as unknown);
}

function defaults(method: Method, body: unknown): Readonly<Record<string, string>> {
  return body === undefined || method === 'PATCH' ? {} : { 'content-type': 'application/json' };
}

/** Any API server behind a plain URL. */
export function httpClient(
  url: string,
  authorization: Readonly<Record<string, string>> = {},
): ClusterClient {
  const send = (
    method: Method,
    path: string,
    { body, query = {}, headers = {} }: RequestOptions,
    signal: AbortSignal,
  ) =>
    fetch(`${url}${path}?${new URLSearchParams(query).toString()}`, {
      method,
      headers: {
        accept: 'application/json',
        ...AGENT,
        ...authorization,
        ...defaults(method, body),
        ...headers,
      },
      signal,
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
  return {
    async request(method, path, options = {}) {
      return reply(await send(method, path, options, AbortSignal.timeout(PATIENCE_MS)));
    },
    async watch(path, query, headers = {}) {
      const abort = new AbortController();
      const options = { query: { watch: 'true', ...query }, headers };
      const response = await send('GET', path, options, abort.signal);
      if (response.status !== 200 || response.body === null) return reply(response);
      const inbox = new Inbox(() => abort.abort());
      void follow(response.body, inbox);
      return inbox;
    },
    settle: () => new Promise((resolve) => setTimeout(resolve, 50)),
    close: () => Promise.resolve(),
  };
}

async function reply(response: Response): Promise<Reply> {
  const text = await response.text();
  const isJson = (response.headers.get('content-type') ?? '').includes('json');
  const body: unknown = isJson ? JSON.parse(text) : text;
  return { status: response.status, headers: Object.fromEntries(response.headers), body };
}

async function follow(body: ReadableStream<Uint8Array>, inbox: Inbox): Promise<void> {
  const decoder = new TextDecoder();
  let rest = '';
  try {
    for await (const chunk of body) {
      const lines = (rest + decoder.decode(chunk, { stream: true })).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) if (line !== '') inbox.push(JSON.parse(line) as WatchedEvent);
    }
  } catch {
    // closed by the test, or cut by the server: the end either way
  }
  inbox.finish();
}
