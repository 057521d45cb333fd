/**
 * One request to the API server, with everything that each of them needs: a deadline on our clock, a bound
 * on the calls in flight, the server's wish to be left alone, a count for the metrics, and an error of ours
 * instead of a status. Reads are repeated while the server is unavailable; writes never are, because only
 * the pass knows whether its reason still holds.
 */

import { UnavailableError } from '../../errors.ts';
import type { Clock } from '../../ports/clock.ts';
import { errorFor, pauseOf, unreachable, type About } from './error-mapping.ts';
import { givenUp, Limiter, RetryAfterGate } from './limiter.ts';
import { retry, type DelayLimits } from './retry.ts';
import type { ApiRequest, ApiResponse, Transport } from './transport.ts';

/** Called after each request, also one that was not answered (`code` 0). */
export type RequestObserver = (seen: {
  readonly verb: string;
  readonly resource: string;
  readonly code: number;
  readonly durationMs: number;
}) => void;

export interface ClientOptions {
  readonly transport: Transport;
  readonly clock: Clock;
  readonly random: () => number;
  readonly inFlight?: number;
  readonly observe?: RequestObserver;
  /** Throws when we must not write any more. Asked last, right before each write leaves. */
  readonly beforeWrite?: () => void;
  readonly timeoutMs?: number;
}

/** What one request says; the client adds the rest. */
export interface Call {
  readonly request: Omit<ApiRequest, 'timeoutMs'>;
  readonly about: About;
}

const readAttempts = 4;
const readDelay: DelayLimits = { minMs: 100, maxMs: 5_000 };

export class Client {
  readonly transport: Transport;
  readonly clock: Clock;
  readonly random: () => number;
  readonly observe: RequestObserver;
  readonly #limiter: Limiter;
  readonly #gate: RetryAfterGate;
  readonly #beforeWrite: () => void;
  readonly #timeoutMs: number;

  constructor(options: ClientOptions) {
    this.transport = options.transport;
    this.clock = options.clock;
    this.random = options.random;
    this.observe = options.observe ?? (() => {});
    this.#limiter = new Limiter(options.inFlight ?? 32);
    this.#gate = new RetryAfterGate(options.clock);
    this.#beforeWrite = options.beforeWrite ?? (() => {});
    this.#timeoutMs = options.timeoutMs ?? 15_000;
  }

  /** A read, repeated a few times. `undefined`: there is no such thing (404). */
  read(call: Call, signal: AbortSignal): Promise<ApiResponse | undefined> {
    const { clock, random } = this;
    const options = { clock, random, attempts: readAttempts, delay: readDelay };
    return retry(() => this.readOnce(call, signal), options, signal);
  }

  async readOnce(call: Call, signal: AbortSignal): Promise<ApiResponse | undefined> {
    const response = await this.#limiter.run(() => this.#send(call, signal), signal);
    if (response.status === 404) return undefined;
    return accepted(response, call.about);
  }

  /** A write, sent once. */
  async write(call: Call, signal: AbortSignal): Promise<ApiResponse> {
    const send = async (): Promise<ApiResponse> => {
      // Again, because the gate may have closed while this call waited for its turn.
      this.#gate.check();
      this.#beforeWrite();
      const response = await this.#send(call, signal);
      // Before the next one has its turn.
      if (response.status === 429) this.#gate.close(pauseOf(response) ?? 0);
      return response;
    };
    // First outside the limiter: writes that wait must not keep reads from their turn.
    await this.#gate.pass(signal);
    return accepted(await this.#limiter.run(send, signal), call.about);
  }

  async #send({ request, about }: Call, signal: AbortSignal): Promise<ApiResponse> {
    const started = this.clock.monotonic();
    let code = 0;
    try {
      const response = await withDeadline(
        (limited) => this.transport.request({ ...request, timeoutMs: this.#timeoutMs }, limited),
        { clock: this.clock, timeoutMs: this.#timeoutMs, about },
        signal,
      );
      code = response.status;
      return response;
    } finally {
      const durationMs = this.clock.monotonic() - started;
      this.observe({ verb: about.verb, resource: about.resource, code, durationMs });
    }
  }
}

/**
 * Runs `call` under a deadline on `clock`. The caller hears at once when time is up or `signal` aborts, even
 * if the transport takes its time to let go.
 */
export function withDeadline<T>(
  call: (limited: AbortSignal) => Promise<T>,
  { clock, timeoutMs, about }: { clock: Clock; timeoutMs: number; about: About },
  signal: AbortSignal,
): Promise<T> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(givenUp());
    const limit = new AbortController();
    const settle = (): void => {
      cancel();
      signal.removeEventListener('abort', giveUp);
    };
    const stop = (error: UnavailableError): void => {
      settle();
      reject(error);
      limit.abort();
    };
    const giveUp = (): void => stop(givenUp());
    const cancel = clock.after(timeoutMs, () =>
      stop(unreachable(about, `no answer within ${timeoutMs} ms`)),
    );
    signal.addEventListener('abort', giveUp, { once: true });
    call(limit.signal).finally(settle).then(resolve, reject);
  });
}

function accepted(response: ApiResponse, about: About): ApiResponse {
  if (response.status >= 200 && response.status < 300) return response;
  throw errorFor(response, about);
}
