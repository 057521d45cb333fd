import type { Clock } from '../../ports/clock.ts';

export interface BucketSettings {
  /** What a key may use at once. */
  readonly burst: number;
  /** After so long it has one more. */
  readonly refillMs: number;
  /** Keys that are remembered; the longest unused is forgotten first and starts full again. */
  readonly maxKeys: number;
}

/** Rations something by key. */
export class TokenBuckets {
  readonly #clock: Clock;
  readonly #settings: BucketSettings;
  /** In the order of their last use. */
  readonly #buckets = new Map<string, { readonly tokens: number; readonly at: number }>();

  constructor(clock: Clock, settings: BucketSettings) {
    this.#clock = clock;
    this.#settings = settings;
  }

  /** Takes one for `key`; false when it has none left. */
  take(key: string): boolean {
    const { burst, refillMs, maxKeys } = this.#settings;
    const at = this.#clock.monotonic();
    const { tokens, at: before } = this.#buckets.get(key) ?? { tokens: burst, at };
    const available = Math.min(burst, tokens + (at - before) / refillMs);
    const isTaken = available >= 1;
    this.#buckets.delete(key);
    this.#buckets.set(key, { tokens: isTaken ? available - 1 : available, at });
    const [oldest] = this.#buckets.keys();
    if (this.#buckets.size > maxKeys && oldest !== undefined) this.#buckets.delete(oldest);
    return isTaken;
  }
}
