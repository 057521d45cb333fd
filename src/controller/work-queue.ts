/**
 * Which keys to work on next.
 *
 * A key is given to one worker at a time. However often it is added while it waits, it is given out once;
 * added while it is worked on, it is given out once more afterwards. A key can also be due later: of several
 * times the earliest holds, and giving the key out settles it, because the pass says anew when to look again.
 *
 * News of the cluster comes in bursts: ten updates of a Deployment while its pods start, the echoes of what a pass has
 * written. The first is worked on at once, those that follow within `gapMs` together.
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
  /** The least time between a pass and the next one that only news asks for. */
  readonly gapMs?: number;
}

export class WorkQueue<K extends string = string> {
  readonly #clock: Clock;
  readonly #random: () => number;
  readonly #backoff: Backoff<K>;
  readonly #gapMs: number;
  /** When the work on each key last ended, on the monotonic clock. */
  readonly #doneAt = new Map<K, number>();
  /** In the order in which they are given out. */
  readonly #ready = new Set<K>();
  readonly #busy = new Set<K>();
  /** Added while busy. */
  readonly #again = new Set<K>();
  /** Had news while busy. */
  readonly #news = new Set<K>();
  readonly #delayed = new Map<K, Delayed>();
  readonly #takers = new Set<(key: K | undefined) => void>();
  #isClosed = false;

  constructor({ clock, backoff, gapMs = 0 }: WorkQueueOptions) {
    this.#clock = clock;
    this.#gapMs = gapMs;
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

  /** Something has changed: at once, or with what else changes soon after the last pass. */
  addNews(key: K): void {
    if (this.#isClosed) return;
    if (this.#busy.has(key)) {
      this.#news.add(key);
      return;
    }
    const doneAt = this.#doneAt.get(key) ?? Number.NEGATIVE_INFINITY;
    this.addAfter(key, doneAt + this.#gapMs - this.#clock.monotonic());
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

  /** The key was worked on without a failure. */
  succeeded(key: K): void {
    this.#backoff.forget(key);
  }

  /** The key is gone, and the work on it has ended. */
  forget(key: K): void {
    this.#backoff.forget(key);
    this.#doneAt.delete(key);
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
    this.#doneAt.set(key, this.#clock.monotonic());
    const hasNews = this.#news.delete(key);
    if (this.#again.delete(key)) this.add(key);
    else if (hasNews) this.addNews(key);
  }

  /** Nothing is given out any more; workers that wait are sent home. */
  close(): void {
    this.#isClosed = true;
    for (const { cancel } of this.#delayed.values()) cancel();
    this.#delayed.clear();
    this.#ready.clear();
    this.#again.clear();
    this.#news.clear();
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
