import { asOperatorError } from '../../errors.ts';
import { sleep, type Clock } from '../../ports/clock.ts';

export interface DelayLimits {
  readonly minMs: number;
  readonly maxMs: number;
}

/**
 * How long to wait after the n-th failure in a row (n ≥ 1): doubling from `minMs` to `maxMs`, of which a
 * random half is taken off so that many clients do not come back together.
 */
export function jitteredDelay(
  failures: number,
  { minMs, maxMs }: DelayLimits,
  random: () => number,
): number {
  const full = Math.min(maxMs, minMs * 2 ** Math.min(failures - 1, 30));
  return full * (0.5 + random() / 2);
}

export interface RetryOptions {
  readonly clock: Clock;
  readonly random: () => number;
  /** All of them, the first included. */
  readonly attempts: number;
  readonly delay: DelayLimits;
}

/**
 * Repeats what is safe to repeat while the server is unavailable, no sooner than it asked for. A server
 * that asks for more patience than `delay.maxMs` is taken at its word: the error goes to the caller.
 */
export async function retry<T>(
  call: () => Promise<T>,
  { clock, random, attempts, delay }: RetryOptions,
  signal: AbortSignal,
): Promise<T> {
  for (let failures = 1; ; failures += 1) {
    try {
      return await call();
    } catch (thrown) {
      const error = asOperatorError(thrown);
      if (error.kind !== 'unavailable' || failures >= attempts || signal.aborted) throw error;
      const askedForMs = error.retryAfterMs ?? 0;
      if (askedForMs > delay.maxMs) throw error;
      await sleep(clock, Math.max(askedForMs, jitteredDelay(failures, delay, random)), signal);
      if (signal.aborted) throw error;
    }
  }
}
