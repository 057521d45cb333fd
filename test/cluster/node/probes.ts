/** Probes: one loop for each, and the counting that turns tries into a verdict. */

import { setTimeout as delay } from 'node:timers/promises';

import type { Outcome } from './handlers.ts';
import type { Probe } from './types.ts';

export type Verdict = 'unknown' | 'success' | 'failure';

/** So many equal tries in a row make a verdict. */
export class ProbeCount {
  readonly #successes: number;
  readonly #failures: number;
  #verdict: Verdict;
  #last: boolean | undefined;
  #inARow = 0;

  constructor({ successThreshold = 1, failureThreshold = 3 }: Probe, initial: Verdict) {
    this.#successes = successThreshold;
    this.#failures = failureThreshold;
    this.#verdict = initial;
  }

  get verdict(): Verdict {
    return this.#verdict;
  }

  /** Returns the verdict after one more try. */
  count(ok: boolean): Verdict {
    this.#inARow = ok === this.#last ? this.#inARow + 1 : 1;
    this.#last = ok;
    if (this.#inARow >= (ok ? this.#successes : this.#failures)) {
      this.#verdict = ok ? 'success' : 'failure';
    }
    return this.#verdict;
  }
}

export interface ProbeLoop {
  readonly probe: Probe;
  readonly initial: Verdict;
  readonly tryOnce: (signal: AbortSignal) => Promise<Outcome>;
  /** After each try. Returning `false` ends the loop. */
  readonly onTry: (verdict: Verdict, outcome: Outcome) => boolean;
}

/** Resolves when the loop has ended, at the latest when `signal` aborts. */
export async function runProbe(
  { probe, initial, tryOnce, onTry }: ProbeLoop,
  signal: AbortSignal,
): Promise<void> {
  const count = new ProbeCount(probe, initial);
  const periodMs = (probe.periodSeconds ?? 10) * 1000;
  const timeoutMs = (probe.timeoutSeconds ?? 1) * 1000;
  await pause((probe.initialDelaySeconds ?? 0) * 1000, signal);
  while (!signal.aborted) {
    const startedAt = performance.now();
    const outcome = await tryOnce(AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]));
    if (signal.aborted || !onTry(count.count(outcome.ok), outcome)) return;
    await pause(Math.max(0, periodMs - (performance.now() - startedAt)), signal);
  }
}

/** Resolves after `ms`, or as soon as `signal` aborts. */
export async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await delay(ms, undefined, { signal }).catch(() => {});
}
