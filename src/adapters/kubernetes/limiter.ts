import { UnavailableError } from '../../errors.ts';
import { sleep, type Clock } from '../../ports/clock.ts';

/** Bounds the calls in flight; who comes first goes first. */
export class Limiter {
  readonly #limit: number;
  readonly #waiting = new Set<() => void>();
  #inFlight = 0;

  constructor(limit: number) {
    this.#limit = limit;
  }

  /** Runs `call` when there is room. Gives up waiting, not the call, when `signal` aborts. */
  async run<T>(call: () => Promise<T>, signal: AbortSignal): Promise<T> {
    if (this.#inFlight >= this.#limit) await this.#turn(signal);
    else this.#inFlight += 1;
    try {
      return await call();
    } finally {
      this.#leave();
    }
  }

  /** Resolves with the place of a call that left: the count does not drop in between. */
  #turn(signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const enter = (): void => {
        signal.removeEventListener('abort', giveUp);
        resolve();
      };
      const giveUp = (): void => {
        this.#waiting.delete(enter);
        reject(givenUp());
      };
      if (signal.aborted) return giveUp();
      this.#waiting.add(enter);
      signal.addEventListener('abort', giveUp, { once: true });
    });
  }

  #leave(): void {
    const [next] = this.#waiting;
    if (next === undefined) {
      this.#inFlight -= 1;
      return;
    }
    this.#waiting.delete(next);
    next();
  }
}

/**
 * Pauses up to this long are waited for: what was decided gets no older by it than by a slow answer. For longer ones
 * the pass is better ended, and made again from what is there by then.
 */
const maxHoldMs = 1_000;

/** Closed while a server wants to be left alone: one `Retry-After` holds for all our writes. */
export class RetryAfterGate {
  readonly #clock: Clock;
  #opensAt = Number.NEGATIVE_INFINITY;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  close(forMs: number): void {
    this.#opensAt = Math.max(this.#opensAt, this.#clock.monotonic() + forMs);
  }

  /** Resolves when the gate is open; throws `UnavailableError` when that takes longer than a moment. */
  async pass(signal: AbortSignal): Promise<void> {
    // The server may ask again meanwhile: the moment is counted from here.
    const until = this.#clock.monotonic() + maxHoldMs;
    while (this.#remainingMs > 0 && this.#opensAt <= until) {
      await sleep(this.#clock, this.#remainingMs, signal);
      if (signal.aborted) throw givenUp();
    }
    this.check();
  }

  /** Throws `UnavailableError` while the gate is closed. */
  check(): void {
    if (this.#remainingMs > 0) throw askedToWait(this.#remainingMs);
  }

  get #remainingMs(): number {
    return this.#opensAt - this.#clock.monotonic();
  }
}

/** A call that was called off by its caller, on exit or when its pass ran out of time. */
export function givenUp(): UnavailableError {
  return new UnavailableError('the call to the API server was given up', { reason: 'GivenUp' });
}

function askedToWait(retryAfterMs: number): UnavailableError {
  return new UnavailableError('the API server asked us to wait', {
    reason: 'TooManyRequests',
    retryAfterMs,
  });
}
