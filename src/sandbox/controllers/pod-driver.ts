/**
 * What makes pods live: local processes (`../runner`), or nothing but a schedule (`simulated-pods.ts`).
 *
 * A driver is told which pods to start and stop and is asked, at each step of the controllers, what has
 * happened since. It never touches the API server: `pods.ts` turns its reports into pod status.
 */
import type { Pod } from './objects.ts';

export type PodReport = { readonly uid: string } & (
  | { readonly kind: 'waiting'; readonly reason: string; readonly message: string }
  | { readonly kind: 'running'; readonly ip: string }
  | { readonly kind: 'ready' }
  | { readonly kind: 'unready'; readonly message: string }
  /** The program has ended by itself; `waiting` or `running` follow when it is started again. */
  | { readonly kind: 'exited'; readonly code: number; readonly message: string }
  /** After `stop`: nothing of it is left. */
  | { readonly kind: 'stopped' }
);

export interface PodDriver {
  start(pod: Pod, now: number): void;
  /** Ends it within `graceSeconds`; `stopped` follows. Safe to repeat, also with a shorter time. */
  stop(pod: Pod, graceSeconds: number, now: number): void;
  /** What has happened up to `now`, in order. Each report is given once. */
  poll(now: number): readonly PodReport[];
  /** When `poll` is worth asking next; absent when only the outside can tell. */
  nextAt(): number | undefined;
}
