/** How long to wait after the n-th failure in a row. */
export interface BackoffSettings {
  readonly minMs: number;
  readonly maxMs: number;
  /** In [0, 1). Spreads those who failed together. */
  readonly random: () => number;
}

/** Counts failures by key; each one in a row doubles the wait, until `forget`. */
export class Backoff<K extends string> {
  readonly #settings: BackoffSettings;
  readonly #failures = new Map<K, number>();

  constructor(settings: BackoffSettings) {
    this.#settings = settings;
  }

  /** Notes a failure and says how long to wait now. */
  failed(key: K): number {
    const failures = this.failures(key) + 1;
    this.#failures.set(key, failures);
    const { minMs, maxMs, random } = this.#settings;
    // 2 ** 30 times anything is beyond every maximum; more would only overflow.
    const full = Math.min(maxMs, minMs * 2 ** Math.min(failures - 1, 30));
    // At most a quarter less: the order of magnitude stays readable in the logs.
    return full * (1 - random() / 4);
  }

  failures(key: K): number {
    return this.#failures.get(key) ?? 0;
  }

  forget(key: K): void {
    this.#failures.delete(key);
  }
}
