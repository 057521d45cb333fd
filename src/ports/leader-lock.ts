/** Who may write. */
export interface LeaderLock {
  /** Whether the lock is held by us right now, by its age on the monotonic clock. Cheap; asked before each write. */
  holds(): boolean;
  /**
   * Contends until `signal` aborts; calls `onGain` with a signal that aborts when leadership is lost, and may gain
   * again later. On an orderly stop the lock is released.
   */
  run(onGain: (leading: AbortSignal) => void, signal: AbortSignal): Promise<void>;
}
