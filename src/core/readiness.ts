/**
 * Ready, on the way, or stuck: read from a workload's status.
 */
import type { Workload } from './workload.ts';

export type Readiness =
  | { readonly ready: true }
  | { readonly ready: false; readonly reason: string; readonly why: string };

const yes: Readiness = { ready: true };

/** The side can answer requests at all. */
export function isAvailable(side: Workload | undefined): boolean {
  return side !== undefined && !side.deleting && side.status.available >= 1;
}

/**
 * Whether a side is ready at a revision: its template is that revision, its controller has seen it, all replicas are
 * updated, and enough of them are available. `percent` is the ready threshold; at least one pod is always needed.
 */
export function readyAt(side: Workload | undefined, revision: string, percent: number): Readiness {
  if (side === undefined) return no('Missing', 'it does not exist');
  const { status, replicas } = side;
  if (side.paused)
    return no('TargetPaused', 'its rollout is paused; resume it (spec.paused: false)');
  if (side.revision !== revision) return no('AnotherRevision', 'it holds another revision');
  if (side.observedGeneration < side.generation) {
    return no('NotObserved', 'its controller has not seen the latest change');
  }
  if (replicas < 1) return no('ScaledToZero', 'it is scaled to 0');
  if (side.progressDeadlineExceeded) {
    return no(
      'ProgressDeadlineExceeded',
      `${status.available} of ${replicas} pods are available, and its own deadline has passed`,
    );
  }
  if (status.updated < replicas || status.replicas !== replicas) {
    return no(
      'RollingOut',
      `${status.updated} of ${replicas} pods are updated, ${status.replicas} exist`,
    );
  }
  const needed = Math.max(1, Math.ceil((replicas * percent) / 100));
  if (status.available < needed) {
    return no('NotAvailable', `${status.available} of ${needed} needed pods are available`);
  }
  return yes;
}

function no(reason: string, why: string): Readiness {
  return { ready: false, reason, why };
}
