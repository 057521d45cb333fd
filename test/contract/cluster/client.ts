/** The little a suite needs of a client: requests and watches, whatever carries them. */

export interface RequestOptions {
  readonly body?: unknown;
  readonly query?: Readonly<Record<string, string>>;
  /** Names in lower case. */
  readonly headers?: Readonly<Record<string, string>>;
}

export interface Reply {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: unknown;
}

export interface WatchedEvent {
  readonly type: string;
  readonly object: unknown;
}

export interface WatchHandle {
  /** The next event; rejects when none comes in time or the stream has ended. */
  next(): Promise<WatchedEvent>;
  /** Resolves when the server has ended the stream. */
  ended(): Promise<void>;
  close(): void;
}

export type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';

export interface ClusterClient {
  request(method: Method, path: string, options?: RequestOptions): Promise<Reply>;
  /** A reply instead of a handle when the server refused. */
  watch(
    path: string,
    query: Readonly<Record<string, string>>,
    headers?: Readonly<Record<string, string>>,
  ): Promise<WatchHandle | Reply>;
  /** Gives controllers a chance to act; a short pause on a real cluster. */
  settle(): Promise<void>;
  close(): Promise<void>;
}
