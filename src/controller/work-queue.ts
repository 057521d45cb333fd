/**
 * Which keys to work on next.
 *
 * A key is given to one worker at a time. However often it is added while it waits, it is given out once;
 * added while it is worked on, it is given out once more afterwards. A key can also be due later: of several
 * times the earliest holds, and giving the key out settles it, because the pass says anew when to look again.
 */

import type { Clock } from '../ports/clock.ts';
import { Backoff, type BackoffSettings } from './backoff.ts';

interface Delayed {
  /** On the monotonic clock. */
  readonly at: number;
  readonly cancel: () => void;
}

export interface WorkQueueOptions {
  readonly clock: Clock;
  readonly backoff: BackoffSettings;
}

export class WorkQueue<K extends string = string> {
  readonly #clock: Clock;
  readonly #random: () => number;
  readonly #backoff: Backoff<K>;
  /** In the order in which they are given out. */
  readonly #ready = new Set<K>();
  readonly #busy = new Set<K>();
  /** Added while busy. */
  readonly #again = new Set<K>();
  readonly #delayed = new Map<K, Delayed>();
  readonly #takers = new Set<(key: K | undefined) => void>();
  #isClosed = false;

  constructor({ clock, backoff }: WorkQueueOptions) {
    this.#clock = clock;
    this.#random = backoff.random;
    this.#backoff = new Backoff(backoff);
  }

  /** Keys that wait for a worker. */
  get depth(): number {
    return this.#ready.size;
  }

  /** Keys that are due later. */
  get delayed(): number {
    return this.#delayed.size;
  }

  get busy(): number {
    return this.#busy.size;
  }

  add(key: K): void {
    if (this.#isClosed) return;
    if (this.#busy.has(key)) this.#again.add(key);
    else this.#makeReady(key);
  }

  /** Not before `ms` have passed, unless it is added otherwise. */
  addAfter(key: K, ms: number): void {
    if (this.#isClosed) return;
    if (ms <= 0) return this.add(key);
    const at = this.#clock.monotonic() + ms;
    const planned = this.#delayed.get(key);
    if (planned !== undefined && planned.at <= at) return;
    planned?.cancel();
    const cancel = this.#clock.after(ms, () => {
      this.#delayed.delete(key);
      this.add(key);
    });
    this.#delayed.set(key, { at, cancel });
  }

  /** At a random moment of the next `withinMs`: thousands of first passes must not come at once. */
  addSpread(key: K, withinMs: number): void {
    this.addAfter(key, this.#random() * withinMs);
  }

  /** After a failure: later each time, until `forget`. Never sooner than `atLeastMs`. Returns the wait. */
  retry(key: K, atLeastMs = 0): number {
    const ms = Math.max(atLeastMs, this.#backoff.failed(key));
    this.addAfter(key, ms);
    return ms;
  }

  /** How often the key has failed in a row. */
  failures(key: K): number {
    return this.#backoff.failures(key);
  }

  /** The key was worked on without a failure, or it is gone. */
  forget(key: K): void {
    this.#backoff.forget(key);
  }

  /** The next key, as soon as there is one; `undefined` when the queue is closed. Call `done` after it. */
  take(): Promise<K | undefined> {
    if (this.#isClosed) return Promise.resolve(undefined);
    const [key] = this.#ready;
    if (key !== undefined) {
      this.#giveOut(key);
      return Promise.resolve(key);
    }
    return new Promise((resolve) => this.#takers.add(resolve));
  }

  /** The work on a taken key has ended, well or not. */
  done(key: K): void {
    this.#busy.delete(key);
    if (this.#again.delete(key)) this.add(key);
  }

  /** Nothing is given out any more; workers that wait are sent home. */
  close(): void {
    this.#isClosed = true;
    for (const { cancel } of this.#delayed.values()) cancel();
    this.#delayed.clear();
    this.#ready.clear();
    this.#again.clear();
    for (const taker of this.#takers) taker(undefined);
    this.#takers.clear();
  }

  #makeReady(key: K): void {
    this.#ready.add(key);
    const [taker] = this.#takers;
    if (taker === undefined) return;
    this.#takers.delete(taker);
    this.#giveOut(key);
    taker(key);
  }

  #giveOut(key: K): void {
    this.#ready.delete(key);
    this.#busy.add(key);
    this.#delayed.get(key)?.cancel();
    this.#delayed.delete(key);
  }
}
