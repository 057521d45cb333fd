/**
 * What a rollout can ask of the world. Each effect names a state, not a change: twice is the same as once.
 */
import type { CanaryStatus } from '../api/canary-status.ts';
import type { AppliedTraffic } from './traffic.ts';
import type { Memory, WritersNote } from './observation.ts';

export type Effect =
  | { readonly type: 'addFinalizer' }
  | { readonly type: 'removeFinalizer' }
  /** On the Canary: who else writes its status. */
  | { readonly type: 'noteWriters'; readonly note: WritersNote }
  /** Makes the primary from the target's template, or from the ReplicaSet that holds `revision`. */
  | {
      readonly type: 'createPrimary';
      readonly revision: string;
      readonly from: 'target' | 'replicaSet';
    }
  /** Before the first promotion, or for it: the primary takes over exactly this revision. */
  | { readonly type: 'promote'; readonly revision: string }
  /** A harmless write to the primary, so that a promotion still under way is refused. */
  | { readonly type: 'touchPrimary'; readonly mark: string }
  /** The same to what outlives the Canary: what was about to be adopted, and the target unless it is written anyway. */
  | { readonly type: 'touchShared'; readonly target: boolean }
  | { readonly type: 'untouchShared' }
  | { readonly type: 'adoptPrimary'; readonly revision: string }
  | { readonly type: 'writeBackends' }
  | {
      readonly type: 'writeApex';
      readonly side: 'primary' | 'canary';
      /** Somebody keeps taking it back, and users are served right meanwhile: with growing pauses. */
      readonly isPatient?: true;
    }
  | { readonly type: 'shiftTraffic'; readonly weight: number; readonly applied: AppliedTraffic }
  /** Adopted routes go back to serving the apex alone. */
  | { readonly type: 'restRoutes'; readonly applied: AppliedTraffic }
  | { readonly type: 'scaleTarget'; readonly replicas: number }
  | { readonly type: 'scalePrimary'; readonly replicas: number }
  /** Apex and routes serve the target, ours stay and belong to the target. */
  | { readonly type: 'serveTarget' }
  | { readonly type: 'deletePrimary' }
  /** Gives back what was adopted. */
  | { readonly type: 'giveBack' }
  /** What still serves loses its reference to the Canary; the rest goes. */
  | { readonly type: 'dropReferences'; readonly keep: 'primary' | 'target' };

/** A fact for people watching, shown as a Kubernetes Event. */
export interface Told {
  readonly type: 'Normal' | 'Warning';
  readonly reason: string;
  readonly message: string;
}

/** Everything that one look leads to. Effects first, in order; then one status patch; then words. */
export interface Decision {
  readonly effects: readonly Effect[];
  /** The whole status as it should be. Equal to what was read: nothing is sent. */
  readonly status: CanaryStatus;
  readonly events: readonly Told[];
  readonly memory: Memory;
  /** Look again after this time even if nothing changes; absent: not before something does. */
  readonly lookAgainAfterMs: number | undefined;
  /** The canary as metrics show it. */
  readonly outcome?: 'succeeded' | 'failed' | 'skipped';
}
