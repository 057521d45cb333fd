/** When a container that has ended is started again. */

import type { RestartPolicy } from './types.ts';

const firstDelayMs = 10_000;
const maxDelayMs = 300_000;
/** A run that was this long forgets the failures before it. */
const goodRunMs = 600_000;

export function isRestarted(policy: RestartPolicy, exitCode: number): boolean {
  return policy === 'Always' || (policy === 'OnFailure' && exitCode !== 0);
}

/** The first restart is at once, the second after 10 s, then twice as long each time, up to 5 min. */
export class RestartDelay {
  #restarts = 0;

  /** How long to wait after a run of `ranMs`, in milliseconds. */
  after(ranMs: number): number {
    if (ranMs >= goodRunMs) this.#restarts = 0;
    this.#restarts += 1;
    if (this.#restarts === 1) return 0;
    return Math.min(maxDelayMs, firstDelayMs * 2 ** (this.#restarts - 2));
  }
}
