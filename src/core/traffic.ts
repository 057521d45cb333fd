/**
 * Shares of requests, and the steps between them.
 */

/** Shares in whole percent that add up to 100. */
export interface TrafficSplit {
  readonly primary: number;
  readonly canary: number;
}

/** The split that gives the canary `weight` percent. */
export function splitAt(weight: number): TrafficSplit {
  return { primary: 100 - weight, canary: weight };
}

/** The smallest configured step above `weight`; `undefined` when there is none left. */
export function nextStep(steps: readonly number[], weight: number): number | undefined {
  return steps.find((step) => step > weight);
}

/** What a write of the traffic was for. */
export type TrafficReason =
  | 'initialise'
  /** Both sides beside the apex, at weight 0. */
  | 'prepare'
  | 'raise'
  | 'restart'
  | `abort:${string}`
  | 'revert'
  | 'promoted'
  | 'stay'
  | 'correct'
  | 'release';

/**
 * What our last write to a routing object said, kept on the object itself in the same request.
 *
 * A pass that finds a write the status does not know completes and records it; see `semantics` on routes.
 */
export interface AppliedTraffic {
  readonly run: string;
  readonly revision: string;
  readonly weight: number;
  readonly for: TrafficReason;
}
