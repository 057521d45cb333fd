import type { LeaderLock } from '../ports/leader-lock.ts';

/**
 * Runs `work` while the lock is held, again each time it is gained again, until `signal` aborts.
 *
 * The work is told to stop by its own signal, when the lock is lost or `signal` aborts, and is waited for.
 * Only then is the lock let go: a successor must not begin while we still write. Work that fails ends
 * everything, with the lock released and the failure thrown.
 */
export async function whileLeading(
  lock: LeaderLock,
  work: (leading: AbortSignal) => Promise<void>,
  signal: AbortSignal,
): Promise<void> {
  const contest = new AbortController();
  let failure: { readonly cause: unknown } | undefined;
  // One after the other: a lock that is lost and won again must not find the former work still running.
  let working: Promise<void> = Promise.resolve();

  const onGain = (leading: AbortSignal): void => {
    const former = working;
    working = (async () => {
      await former;
      const stop = AbortSignal.any([leading, signal]);
      if (stop.aborted || failure !== undefined) return;
      try {
        await work(stop);
      } catch (cause) {
        failure = { cause };
        contest.abort();
      }
    })();
  };
  const onStop = async (): Promise<void> => {
    await working;
    contest.abort();
  };
  const stopNow = (): void => void onStop();
  if (signal.aborted) return;
  signal.addEventListener('abort', stopNow, { once: true });
  try {
    await lock.run(onGain, contest.signal);
    await working;
  } finally {
    signal.removeEventListener('abort', stopNow);
  }
  if (failure !== undefined) throw failure.cause;
}
