/**
 * What one pass knows, as plain data. `controller/observe.ts` gathers it; `decide` reads nothing else.
 */
import type { ApiGroup } from '../api/group.ts';
import type { ResolvedSpec } from '../api/resolved.ts';
import type { Run } from '../api/run.ts';
import type { CanaryStatus } from '../api/canary-status.ts';
import type { CheckAnswer } from './analysis.ts';
import type { AppliedTraffic } from './traffic.ts';
import type { Workload } from './workload.ts';

/** Something a person has to change, or that a person has to know. */
export interface Refusal {
  readonly reason: string;
  readonly message: string;
}

/** One routing object: what it does, and what we said when we last wrote it. */
export interface RouteView {
  readonly name: string;
  /** The canary's share in percent; `undefined`: the object does not carry our two sides. */
  readonly weight: number | undefined;
  readonly applied: AppliedTraffic | undefined;
  /** It was there before us and is given back. */
  readonly adopted: boolean;
  /** Serves the apex alone: how an adopted rule looks between runs. */
  readonly resting: boolean;
  /** Sends to the apex Service, and so to whom that selects: at rest, and before it is split. */
  readonly byApex: boolean;
  /** Apart from the weights it is not what it should be. */
  readonly drifted: boolean;
}

export interface TrafficView {
  /** `false`: the spec does not parse, so nobody knows which objects carry the traffic. */
  readonly known: boolean;
  /** `switch`: 0 or 100 only. */
  readonly weights: 'exact' | 'switch';
  readonly routes: readonly RouteView[];
  readonly acceptance: { readonly kind: 'accepted' | 'pending' | 'refused'; readonly why: string };
  /** Changes with every change of a routing object; the drain is timed from it. */
  readonly version: string;
}

export interface ServicesView {
  /** `false`: without a target, or with a spec that does not parse, nothing can be said of them. */
  readonly known: boolean;
  /** `-primary` and `-canary` are as they must be. */
  readonly backends: 'ready' | 'missing' | 'drifted';
  readonly apex: 'ready' | 'missing' | 'drifted';
  /** Which side the apex selects now. */
  readonly apexSide: 'primary' | 'canary' | 'other' | 'missing';
  /** The apex was there before us. */
  readonly adopted: boolean;
  /** It carries our mark: what is not ours on it was changed after we had written it. */
  readonly marked: boolean;
  /** Other Services that follow the target's pods are where they must be. */
  readonly followers: 'ready' | 'drifted';
  readonly warnings: readonly Refusal[];
}

export interface PrimaryView extends Workload {
  /** The revision it holds, from its own annotation; `undefined` before it was ours. */
  readonly holds: string | undefined;
  /** Taken over from Flagger with `-primary` copies of ConfigMaps and Secrets. */
  readonly hasConfigCopies: boolean;
  /** Carries our owner references. */
  readonly owned: boolean;
}

/** One write of a Canary's status, as its managed fields tell of it. Times are whole seconds of the API server. */
export interface StatusWrite {
  readonly manager: string;
  readonly at: string;
}

export interface StatusWriters {
  /** When we wrote it last; `undefined`: not yet, or nothing of what we wrote is left. */
  readonly ours: string | undefined;
  /** The last write of each other manager, oldest first. */
  readonly others: readonly StatusWrite[];
}

/** What we note on a Canary about others who write its status, because they may take the status itself away. */
export interface WritersNote {
  /** By manager: its last write that we have answered. */
  readonly answered: Readonly<Record<string, string>>;
  /** The manager that we leave the Canary to until it has been quiet for a while. */
  readonly leftTo?: string | undefined;
}

export interface Observation {
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  readonly group: ApiGroup;
  readonly generation: number;
  readonly deleting: boolean;
  readonly hasFinalizer: boolean;
  readonly namespaceTerminating: boolean;
  /** `undefined`: the spec does not even parse. */
  readonly spec: ResolvedSpec | undefined;
  /** Why this Canary is refused as it stands, most important first. */
  readonly refusals: readonly Refusal[];
  readonly status: CanaryStatus;
  readonly run: Run | undefined;
  readonly target: Workload | undefined;
  readonly primary: PrimaryView | undefined;
  readonly services: ServicesView;
  readonly traffic: TrafficView;
  /** The resolved provider. */
  readonly provider: string;
  /** What Flagger recorded, when this Canary was Flagger's: whether target and primary hold the same. */
  readonly takeOver: 'none' | 'same' | 'different' | 'younger';
  readonly writers: StatusWriters;
  readonly note: WritersNote;
  readonly settings: DecideSettings;
}

export interface DecideSettings {
  readonly drainMs: number;
  readonly settleMs: number;
  /** Where alerts go when a Canary names no receivers. */
  readonly hasGlobalNotifier: boolean;
  readonly clusterName: string | undefined;
}

export interface Time {
  /** Epoch milliseconds; may jump. */
  readonly now: number;
  /** Never runs backwards, but starts anew with each process. */
  readonly monotonic: number;
}

/** What this process remembers between passes. Losing it costs a wait, never a wrong step. */
export interface Memory {
  /** A pass of this process, as leader and not suspended, has seen this canary before. */
  readonly looked: boolean;
  /** A complete asking was made since. */
  readonly asked: boolean;
  /** Where each clock of the status stood when this process first saw it. */
  readonly anchors: Readonly<
    Record<string, { readonly elapsedMs: number; readonly monotonic: number }>
  >;
  /**
   * Parts of the run that changed without a decision and are not yet worth a patch, by name; `null` for what is gone.
   * They are written with the next patch, or once a wait has lasted.
   */
  readonly unsaved: Readonly<Record<string, unknown>>;
  /** The record that `unsaved` goes on top of; on top of any other it would undo what was written since. */
  readonly unsavedOf?: string | undefined;
  /** When the status was last patched for nothing but the words of a wait, on the monotonic clock. */
  readonly wordsAt: number | undefined;
  /** The status as this process last wrote it: tells writes of others apart from ours within the same second. */
  readonly wrote?: CanaryStatus | undefined;
}

export const freshMemory: Memory = {
  looked: false,
  asked: false,
  anchors: {},
  unsaved: {},
  wordsAt: undefined,
};

/** A hook or gate call, as far as it has come. */
export type HookState =
  | { readonly kind: 'pending'; readonly since: number }
  | { readonly kind: 'yes' }
  | { readonly kind: 'no'; readonly why: string }
  | { readonly kind: 'unreachable'; readonly why: string };

/** What came of asking. Keys are question ids. */
export interface Answers {
  readonly checks: Readonly<Record<string, CheckAnswer>>;
  /** Evaluation time of the checks. */
  readonly at: number;
  readonly hooks: Readonly<Record<string, HookState>>;
  /** The apex Service's endpoints show only primary pods. */
  readonly apexEndpoints?: 'primary' | 'other';
  /** Whether a ReplicaSet of the target holds the promoted revision. */
  readonly promotedTemplate?: 'target' | 'replicaSet' | 'none';
  /** Who wrote a contested field last. */
  readonly managers?: Readonly<Record<string, string>>;
}

export const noAnswers: Answers = { checks: {}, at: 0, hooks: {} };
