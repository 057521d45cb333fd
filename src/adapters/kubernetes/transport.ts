/**
 * The seam between what we ask of an API server and how it gets there.
 *
 * Retries, back-off, the reading of statuses and the reflector live above it, so that the simulation runs
 * the real ones; below it are `http-transport.ts` and, in tests, the API server in memory. A transport
 * decides nothing: whatever the server says is an answer, whatever status it has.
 */

export type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';

export interface ApiRequest {
  readonly method: Method;
  /** Without the query, percent-encoded: `/api/v1/namespaces/shop/services/cart`. */
  readonly path: string;
  readonly query: Readonly<Record<string, string>>;
  /** Sent as JSON. */
  readonly body?: unknown;
  /** Of the body; JSON when left out. */
  readonly contentType?: string;
  readonly accept?: string;
  /** For the whole answer; for a stream until the answer begins. Callers also keep it on their own clock. */
  readonly timeoutMs: number;
}

export interface ApiResponse {
  readonly status: number;
  /** Parsed JSON, or the text when it is none. Shared: copy before changing. */
  readonly body: unknown;
  readonly retryAfterMs?: number;
}

export interface Transport {
  /** Resolves with whatever the server answered; throws `UnavailableError` when it did not answer. */
  request(request: ApiRequest, signal: AbortSignal): Promise<ApiResponse>;
  /**
   * Opens a watch and calls back once it is open and for each event, never after it has settled. Resolves when the
   * server ends the stream; throws `RefusedStream` when the answer is not a stream, `BrokenStream` for a line nobody
   * can read, `UnavailableError` when the stream is cut or `signal` aborts.
   */
  stream(
    request: ApiRequest,
    onEvent: (type: string, object: unknown) => void,
    signal: AbortSignal,
    onOpen?: () => void,
  ): Promise<void>;
}

/** The server answered a watch with something else, usually an error. Never leaves this folder. */
export class RefusedStream extends Error {
  readonly response: ApiResponse;

  constructor(response: ApiResponse) {
    super(`the watch was answered with status ${response.status}`);
    this.name = 'RefusedStream';
    this.response = response;
  }
}

/** A watch delivered something that is no event. Never leaves this folder. */
export class BrokenStream extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'BrokenStream';
  }
}
