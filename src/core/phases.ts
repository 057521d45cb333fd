/**
 * Groups of phases that the rules share.
 */
import type { Phase } from '../api/canary-status.ts';
import type { Run } from '../api/run.ts';

/** A run is under way: something is being tested, waited for or promoted. */
export function isUnderWay(phase: Phase | ''): boolean {
  return (
    phase === 'Waiting' ||
    phase === 'Progressing' ||
    phase === 'WaitingPromotion' ||
    phase === 'Promoting' ||
    phase === 'Finalising'
  );
}

/** After a promotion whose primary did not come up: the canary serves all traffic until something better is ready. */
export function isStay({
  phase,
  run,
}: {
  readonly phase: Phase;
  readonly run: Run | undefined;
}): boolean {
  return phase === 'Failed' && run?.stay === true;
}

/** The target serves everybody, after a promotion or because there is no primary any more: rounds are taken of it. */
export function standsIn(rollout: {
  readonly phase: Phase;
  readonly run: Run | undefined;
}): boolean {
  const { phase, run } = rollout;
  return (
    isStay(rollout) || (run?.stay === true && (phase === 'Initialized' || phase === 'Succeeded'))
  );
}

/** A run that failed because the primary went away before its promotion: weight and pods are held as they are. */
export function isHeld({
  phase,
  run,
}: {
  readonly phase: Phase;
  readonly run: Run | undefined;
}): boolean {
  return (
    phase === 'Failed' && run?.stay === false && run.reason === 'PrimaryNotReady' && run.weight > 0
  );
}
