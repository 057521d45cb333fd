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

/** Longest pause a server may ask of us: something in between that says "tomorrow" must not stop an abort. */
const maxPauseMs = 60_000;
/** Pauses up to this long are waited for; for longer ones the pass is better ended and run again. */
const maxWaitMs = 5_000;

/** Closed while a server wants to be left alone: one `Retry-After` holds for all our writes. */
export class RetryAfterGate {
  readonly #clock: Clock;
  #opensAt = Number.NEGATIVE_INFINITY;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  close(forMs: number): void {
    const opensAt = this.#clock.monotonic() + Math.min(forMs, maxPauseMs);
    this.#opensAt = Math.max(this.#opensAt, opensAt);
  }

  /** Resolves when the gate is open; throws `UnavailableError` when that would take long. */
  async pass(signal: AbortSignal): Promise<void> {
    for (;;) {
      const remainingMs = this.#opensAt - this.#clock.monotonic();
      if (remainingMs <= 0) return;
      if (remainingMs > maxWaitMs) throw askedToWait(remainingMs);
      await sleep(this.#clock, remainingMs, signal);
      if (signal.aborted) throw givenUp();
    }
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
