/**
 * A clock that is moved by hand.
 *
 * Timers run in order of their time, then of their making. After each one, everything that waits for it
 * runs until nothing is left to run: `process.nextTick` comes when the queue of promises is empty, which is
 * what makes a step cheap and complete. Work that waits for sockets or files is not waited for.
 */

import type { Clock } from '../../src/ports/clock.ts';

interface Timer {
  readonly at: number;
  readonly order: number;
  /** `undefined`: called off. */
  callback: (() => void) | undefined;
}

/** Steps between two turns of the real event loop, so that a long simulation does not starve its host. */
const stepsPerTurn = 10_000;

export class FakeClock implements Clock {
  readonly #timers = new TimerHeap();
  #monotonic = 0;
  #wallOffset: number;
  #order = 0;
  #cancelled = 0;
  #steps = 0;

  /** Epoch milliseconds at monotonic time zero. */
  constructor(startAt = Date.UTC(2025, 2, 1, 10)) {
    this.#wallOffset = startAt;
  }

  now(): number {
    return this.#wallOffset + this.#monotonic;
  }

  monotonic(): number {
    return this.#monotonic;
  }

  after(ms: number, callback: () => void): () => void {
    const at = this.#monotonic + Math.max(0, ms);
    const timer: Timer = { at, order: this.#order, callback };
    this.#order += 1;
    this.#timers.push(timer);
    return () => this.#cancel(timer);
  }

  /** Moves the wall clock, not time: what NTP or an operator does. */
  jumpWall(ms: number): void {
    this.#wallOffset += ms;
  }

  /** Timers that have neither run nor been called off. */
  get pending(): number {
    return this.#timers.size - this.#cancelled;
  }

  /** Lets everything run that waits for nothing. */
  async settle(): Promise<void> {
    this.#steps += 1;
    if (this.#steps % stepsPerTurn === 0) await new Promise((resolve) => setImmediate(resolve));
    await new Promise<void>((resolve) => process.nextTick(resolve));
  }

  /** Moves time on by `ms`, running what falls due on the way. */
  async advance(ms: number): Promise<void> {
    const until = this.#monotonic + ms;
    await this.settle();
    while (await this.#runNext(until));
    this.#monotonic = until;
    await this.settle();
  }

  /** Moves time on until `isDone`, for at most `limitMs`. Returns whether it was done. */
  async advanceUntil(isDone: () => boolean, limitMs: number): Promise<boolean> {
    const until = this.#monotonic + limitMs;
    await this.settle();
    while (!isDone()) {
      if (!(await this.#runNext(until))) {
        this.#monotonic = until;
        await this.settle();
        return isDone();
      }
    }
    return true;
  }

  /** Runs the next timer that is due by `until`; false: there is none. */
  async #runNext(until: number): Promise<boolean> {
    for (;;) {
      const timer = this.#timers.peek();
      if (timer === undefined || timer.at > until) return false;
      this.#timers.pop();
      const { callback } = timer;
      if (callback === undefined) {
        this.#cancelled -= 1;
        continue;
      }
      timer.callback = undefined;
      this.#monotonic = Math.max(this.#monotonic, timer.at);
      callback();
      await this.settle();
      return true;
    }
  }

  /** Called-off timers stay in the heap until their time comes or they are the majority. */
  #cancel(timer: Timer): void {
    if (timer.callback === undefined) return;
    timer.callback = undefined;
    this.#cancelled += 1;
    if (this.#cancelled < 64 || this.#cancelled * 2 < this.#timers.size) return;
    this.#timers.keep(({ callback }) => callback !== undefined);
    this.#cancelled = 0;
  }
}

/** A binary heap; the earliest timer is on top. */
class TimerHeap {
  #items: Timer[] = [];

  get size(): number {
    return this.#items.length;
  }

  peek(): Timer | undefined {
    return this.#items[0];
  }

  push(timer: Timer): void {
    this.#items.push(timer);
    this.#rise(this.#items.length - 1);
  }

  pop(): Timer | undefined {
    const top = this.#items[0];
    const last = this.#items.pop();
    if (last !== undefined && this.#items.length > 0) {
      this.#items[0] = last;
      this.#sink(0);
    }
    return top;
  }

  keep(isKept: (timer: Timer) => boolean): void {
    this.#items = this.#items.filter(isKept);
    for (let index = Math.floor(this.#items.length / 2) - 1; index >= 0; index -= 1) {
      this.#sink(index);
    }
  }

  #rise(start: number): void {
    let index = start;
    while (index > 0) {
      const parent = Math.floor((index - 1) / 2);
      if (!this.#isBefore(index, parent)) return;
      this.#swap(index, parent);
      index = parent;
    }
  }

  #sink(start: number): void {
    let index = start;
    for (;;) {
      let first = index;
      for (const child of [2 * index + 1, 2 * index + 2]) {
        if (child < this.#items.length && this.#isBefore(child, first)) first = child;
      }
      if (first === index) return;
      this.#swap(index, first);
      index = first;
    }
  }

  #isBefore(left: number, right: number): boolean {
    const a = this.#at(left);
    const b = this.#at(right);
    return a.at === b.at ? a.order < b.order : a.at < b.at;
  }

  #swap(left: number, right: number): void {
    const timer = this.#at(left);
    this.#items[left] = this.#at(right);
    this.#items[right] = timer;
  }

  #at(index: number): Timer {
    const timer = this.#items[index];
    if (timer === undefined) throw new RangeError(`no timer at ${index}`);
    return timer;
  }
}
