/** Waiting for what other processes do. */
import { setTimeout as sleep } from 'node:timers/promises';

export interface Limits {
  readonly limitMs?: number;
  readonly everyMs?: number;
  /** What to say besides when it does not come true. */
  readonly more?: () => string;
}

/** Polls until it is so; throws with `what` when that takes too long. */
export async function eventually(
  what: string,
  isSo: () => boolean | Promise<boolean>,
  { limitMs = 60_000, everyMs = 50, more = () => '' }: Limits = {},
): Promise<void> {
  const until = performance.now() + limitMs;
  while (!(await isSo())) {
    if (performance.now() > until)
      throw new Error(`${what}: not within ${limitMs / 1_000} s. ${more()}`);
    await sleep(everyMs);
  }
}
