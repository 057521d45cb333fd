/** Events of a watch that have arrived, for whoever asks next. */

import type { WatchedEvent, WatchHandle } from './client.ts';

export class Inbox implements WatchHandle {
  readonly #events: WatchedEvent[] = [];
  readonly #stop: () => void;
  readonly #patienceMs: number;
  #isOver = false;
  #wake: () => void = () => {};

  /** `patienceMs` bounds each wait for an event or for the end. */
  constructor(stop: () => void, patienceMs = 5_000) {
    this.#stop = stop;
    this.#patienceMs = patienceMs;
  }

  push(event: WatchedEvent): void {
    this.#events.push(event);
    this.#wake();
  }

  finish(): void {
    this.#isOver = true;
    this.#wake();
  }

  async next(): Promise<WatchedEvent> {
    await this.#until(() => this.#events.length > 0 || this.#isOver);
    const event = this.#events.shift();
    if (event === undefined) throw new Error('the watch ended without another event');
    return event;
  }

  ended(): Promise<void> {
    return this.#until(() => this.#isOver);
  }

  close(): void {
    this.#stop();
  }

  #until(isDone: () => boolean): Promise<void> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error('nothing came in time')), this.#patienceMs);
      this.#wake = () => {
        if (!isDone()) return;
        clearTimeout(timer);
        resolve();
      };
      this.#wake();
    });
  }
}
