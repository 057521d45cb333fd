/**
 * Drives a step function with the real clock: steps while there is something to do, sleeps until the next
 * appointment, wakes early when told.
 */
import type { StepResult } from './controllers/controllers.ts';

/** After so many steps in a row others get a turn. */
const STEPS_IN_A_ROW = 50;

export class Ticker {
  readonly #step: (now: number) => StepResult;
  #timer: NodeJS.Timeout | undefined;
  #soon: NodeJS.Immediate | undefined;
  #stopped = false;

  constructor(step: (now: number) => StepResult) {
    this.#step = step;
  }

  /** There is something to do; safe to call from within a step. */
  wake(): void {
    if (this.#stopped) return;
    this.#soon ??= setImmediate(() => this.#run());
  }

  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
    clearImmediate(this.#soon);
  }

  #run(): void {
    this.#soon = undefined;
    clearTimeout(this.#timer);
    for (let steps = 0; steps < STEPS_IN_A_ROW; steps++) {
      const { nextAt } = this.#step(Date.now());
      if (nextAt === undefined) return;
      const waitMs = nextAt - Date.now();
      if (waitMs <= 0) continue;
      this.#timer = setTimeout(() => this.wake(), Math.min(waitMs, 2 ** 31 - 1));
      return;
    }
    this.wake();
  }
}
