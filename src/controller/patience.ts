/**
 * What somebody keeps taking back is put back with growing pauses, where users are served right either way. The
 * first time is at once; after a long quiet time the next one is a first one again.
 */
import type { Effect } from '../core/effects.ts';
import { Backoff } from './backoff.ts';

const pauses = { minMs: 15_000, maxMs: 120_000 };
const quietMs = 600_000;

export class Patience {
  readonly #backoff: Backoff<string>;
  /** Until when, on the process's own clock. */
  readonly #pauses = new Map<string, number>();

  /** `random` in [0, 1). */
  constructor(random: () => number) {
    this.#backoff = new Backoff({ ...pauses, random });
  }

  /** The effects that are due now; what has to wait is left out, and `waitMs` says how long. */
  due(
    id: string,
    effects: readonly Effect[],
    monotonicMs: number,
  ): { readonly effects: readonly Effect[]; readonly waitMs?: number } {
    if (!effects.some(isPatient)) return { effects };
    const untilMs = this.#pauses.get(id) ?? Number.NEGATIVE_INFINITY;
    if (monotonicMs < untilMs) {
      return {
        effects: effects.filter((effect) => !isPatient(effect)),
        waitMs: untilMs - monotonicMs,
      };
    }
    if (monotonicMs - untilMs > quietMs) this.#backoff.forget(id);
    this.#pauses.set(id, monotonicMs + this.#backoff.failed(id));
    return { effects };
  }

  forget(id: string): void {
    this.#pauses.delete(id);
    this.#backoff.forget(id);
  }
}

function isPatient(effect: Effect): boolean {
  return effect.type === 'writeApex' && effect.isPatient === true;
}
