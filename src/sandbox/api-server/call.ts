/**
 * One exchange with the sandbox's API server, free of sockets and clocks.
 *
 * `ApiServer.handle` answers an `ApiCall` at once and synchronously: the simulation drives thousands of
 * rollouts through it on simulated time, `http-front.ts` puts real HTTP before it. Objects in answers are
 * the stored ones, deeply frozen: copy before changing.
 */

export interface ApiCall {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** Without the query, not decoded: `/api/v1/namespaces/shop/services/cart`. */
  readonly path: string;
  readonly query: Readonly<Record<string, string>>;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  /** Already parsed. The server copies what it keeps. */
  readonly body?: unknown;
}

export interface WatchEvent {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK' | 'ERROR';
  readonly object: unknown;
}

export interface ApiStreamSink {
  event(event: WatchEvent): void;
  /** Called once when the server ends the stream; never after `close`. */
  end(): void;
  /** Called instead of `end` when the connection shall look broken; without it `end` is called. */
  cut?(): void;
}

/** A watch. Events that are due at once are delivered inside `open`. */
export interface ApiStream {
  /** Starts delivery and returns `close`. */
  open(sink: ApiStreamSink): () => void;
}

export type ApiAnswer =
  | {
      readonly kind: 'object';
      readonly status: number;
      readonly headers?: Readonly<Record<string, string>>;
      readonly body: unknown;
    }
  | { readonly kind: 'stream'; readonly stream: ApiStream };
