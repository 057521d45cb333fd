/**
 * One process of the operator, as its surroundings see it: it can be killed at any moment, and it can stand still.
 *
 * A kill is no orderly stop: what the process waits for never comes, and its timers never ring. While it stands
 * still its own monotonic clock does, too, as in a virtual machine that is paused; what arrives meanwhile is read
 * when it goes on.
 */
import type { Clock } from '../../src/ports/clock.ts';

export class Life {
  readonly id: string;
  readonly clock: Clock;
  readonly #world: Clock;
  readonly #bornAt: number;
  readonly #held: (() => void)[] = [];
  readonly #onEnd: (() => void)[] = [];
  #isAlive = true;
  #pausedAt: number | undefined;
  #pausedMs = 0;

  constructor(id: string, world: Clock) {
    this.id = id;
    this.#world = world;
    this.#bornAt = world.monotonic();
    this.clock = {
      now: () => world.now(),
      monotonic: () => this.#monotonic(),
      after: (ms, callback) => this.#after(ms, callback),
    };
  }

  get isAlive(): boolean {
    return this.#isAlive;
  }

  get isPaused(): boolean {
    return this.#pausedAt !== undefined;
  }

  onEnd(callback: () => void): void {
    this.#onEnd.push(callback);
  }

  kill(): void {
    if (!this.#isAlive) return;
    this.#isAlive = false;
    this.#held.length = 0;
    for (const callback of this.#onEnd) callback();
  }

  pause(): void {
    this.#pausedAt ??= this.#world.monotonic();
  }

  resume(): void {
    if (this.#pausedAt === undefined) return;
    this.#pausedMs += this.#world.monotonic() - this.#pausedAt;
    this.#pausedAt = undefined;
    for (const callback of this.#held.splice(0)) this.run(callback);
  }

  /** Lets the process see something: at once, when it goes on, or never. */
  run(callback: () => void): void {
    if (!this.#isAlive) return;
    if (this.isPaused) this.#held.push(callback);
    else callback();
  }

  /** The same promise as this process sees it. */
  guard<T>(promise: Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      promise.then(
        (value) => this.run(() => resolve(value)),
        (error: unknown) => this.run(() => reject(error)),
      );
    });
  }

  #monotonic(): number {
    return (this.#pausedAt ?? this.#world.monotonic()) - this.#bornAt - this.#pausedMs;
  }

  #after(ms: number, callback: () => void): () => void {
    const due = this.#monotonic() + Math.max(0, ms);
    let isOff = false;
    let cancel: (() => void) | undefined;
    const ring = (): void => {
      if (isOff) return;
      const leftMs = due - this.#monotonic();
      // Sums of fractions do not meet to the last digit.
      if (leftMs < 0.01) callback();
      else cancel = this.#world.after(leftMs, () => this.run(ring));
    };
    cancel = this.#world.after(ms, () => this.run(ring));
    return () => {
      isOff = true;
      cancel?.();
    };
  }
}
