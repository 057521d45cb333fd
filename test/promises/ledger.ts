/**
 * The judge's own account of a rollout: what the rounds have earned, kept from answers and from where traffic goes,
 * never from the operator's record.
 *
 * Times are ages, so that the account does not depend on when the story took place.
 */

/** What the account rests on. Everything here follows from what was seen and answered. */
export interface Ledger {
  /** The target's revision when it was last looked at; another one has earned nothing. */
  readonly revision: string | undefined;
  /** The weight that this revision may have. */
  readonly earned: number;
  /** The weight went up since it was last at 0. */
  readonly raised: boolean;
  /** Time since the weight last went up. */
  readonly raisedAgo: number | undefined;
  /** The latest decided round, taken since the last raise. */
  readonly round:
    | { readonly verdict: 'passed' | 'failed' | 'held'; readonly ago: number }
    | undefined;
  /** Rounds passed since the run began. */
  readonly rounds: number;
  /** Every `pre-rollout` hook has said yes since the run began. */
  readonly prepared: boolean;
  /** The `confirm-promotion` gates have said yes since the run began. */
  readonly approved: boolean;
  /** May be written to the primary. */
  readonly analysed: string | undefined;
  /** The canary serves because the primary cannot. */
  readonly stay: boolean;
  /** How long a pass of this process has known that the data plane follows the present routes. */
  readonly settledFor: number | undefined;
  readonly trafficVersion: string;
  /** How long pods have waited for a gateway that does not follow. */
  readonly keptFor: number;
}

export const emptyLedger: Ledger = {
  revision: undefined,
  earned: 0,
  raised: false,
  raisedAgo: undefined,
  round: undefined,
  rounds: 0,
  prepared: false,
  approved: false,
  analysed: undefined,
  stay: false,
  settledFor: undefined,
  trafficVersion: '',
  keptFor: 0,
};

/** The same account some time later. */
export function aged(ledger: Ledger, ms: number): Ledger {
  const { raisedAgo, round, settledFor, keptFor } = ledger;
  return {
    ...ledger,
    raisedAgo: raisedAgo === undefined ? undefined : raisedAgo + ms,
    round: round && { ...round, ago: round.ago + ms },
    settledFor: settledFor === undefined ? undefined : settledFor + ms,
    keptFor: keptFor + ms,
  };
}

/** What a new process starts with: it has not yet seen for itself that the data plane follows. */
export function afterRestart(ledger: Ledger): Ledger {
  return { ...ledger, settledFor: undefined };
}
