/**
 * What holds in every phase: traffic that nobody earned goes down at once, writes that the status does not know are
 * completed, Services and routes that somebody changed are put back.
 */
import { shortRevision } from '../api/canary-status.ts';
import type { RouteView } from './observation.ts';
import type { Pass } from './pass.ts';
import { isHeld, isUnderWay } from './phases.ts';
import type { AppliedTraffic } from './traffic.ts';

/** How often a field may be taken from us in one run before the run is rolled back. */
const contestLimit = 3;

/** The most that the canary may have now, by what its rounds have earned. */
export function allowedWeight(pass: Pass): number {
  const { run, phase } = pass;
  if (run === undefined) return 0;
  if (run.stay) return 100;
  // What is held is held for the revision that had earned it.
  const held = isHeld(pass) && pass.seen.target?.revision === run.revision;
  return isUnderWay(phase) || held ? run.weight : 0;
}

/** The annotation, if it is of this very run. */
export function trusted(pass: Pass, route: RouteView): AppliedTraffic | undefined {
  const { run } = pass;
  const { applied } = route;
  return applied !== undefined &&
    run !== undefined &&
    applied.run === run.id &&
    applied.revision === run.revision
    ? applied
    : undefined;
}

/**
 * A write of this run that the status does not know: the process died, or its answer was lost, between the route
 * and the status. It is completed and recorded; nothing steps in the same pass.
 */
export function completeWrite(pass: Pass): boolean {
  const { run } = pass;
  if (run === undefined || !isUnderWay(pass.phase)) return false;
  const { routes } = pass.seen.traffic;
  const writes = routes.flatMap((route) => trusted(pass, route) ?? []);
  const abort = writes.find((write) => write.for.startsWith('abort:'));
  // Held as any other: with the only side that can answer.
  if (!pass.primaryAvailable && pass.canaryAvailable && pass.liveWeight > 0) return false;
  if (abort !== undefined) return completeAbort(pass, abort.for.slice('abort:'.length));
  const revert = writes.find((write) => write.for === 'revert');
  if (revert !== undefined) {
    endReverted(pass, pass.primaryHolds);
    return true;
  }
  // What was raised for another revision is not recorded: it goes down, see `changed`.
  if (pass.seen.target !== undefined && pass.seen.target.revision !== run.revision) return false;
  // Below its note a route was lowered by somebody since: that stays.
  const inEffect = routes.filter(({ weight, applied }) => (weight ?? 0) >= (applied?.weight ?? 0));
  if (run.raisedAt === undefined && inEffect.length === 0 && writes.some(isRaise)) {
    // The first step was taken and undone: the next one needs a round all the same.
    pass.restartClock('raisedAt');
    pass.restartClock('roundSince');
    delete run.lastRound;
  }
  const raise = highest(
    inEffect
      .flatMap((route) => trusted(pass, route) ?? [])
      .filter((write) => write.for === 'raise' && write.weight > run.weight),
  );
  if (raise !== undefined && pass.phase !== 'Promoting' && pass.phase !== 'Finalising') {
    run.weight = raise.weight;
    pass.restartClock('raisedAt');
    pass.restartClock('roundSince');
    delete run.lastRound;
    // Whatever it had waited for has been answered.
    delete run.gate;
    pass.stopClock('gateSince');
    finishRaise(pass, raise);
    pass.tell('Normal', 'WeightRecorded', `found canary weight ${raise.weight} already applied`);
    return true;
  }
  return false;
}

function isRaise(write: AppliedTraffic): boolean {
  return write.for === 'raise';
}

/** The rest of the routes get the weight too, and what somebody has set higher meanwhile goes down to it. */
function finishRaise(pass: Pass, raise: AppliedTraffic): void {
  const { routes } = pass.seen.traffic;
  const tooHigh = routes.some(({ weight }) => (weight ?? 0) > raise.weight);
  const unwritten = routes.some((route) => trusted(pass, route)?.weight !== raise.weight);
  if ((tooHigh && pass.primaryAvailable) || (unwritten && pass.canaryAvailable))
    pass.effects.push({ type: 'shiftTraffic', weight: raise.weight, applied: raise });
}

function completeAbort(pass: Pass, reason: string): boolean {
  rollBack(pass, reason, 'an abort that was already written is completed');
  return true;
}

function highest(writes: readonly AppliedTraffic[]): AppliedTraffic | undefined {
  return writes.reduce<AppliedTraffic | undefined>(
    (best, write) => (best === undefined || write.weight > best.weight ? write : best),
    undefined,
  );
}

/** The run ends without a verdict: weight 0, and what the primary holds is what there is. */
export function endReverted(pass: Pass, revision: string | undefined): void {
  const { run, seen } = pass;
  if (run === undefined) return;
  pass.step({ type: 'revisionReverted' });
  pass.lastApplied = revision;
  delete run.gate;
  pass.stopClock('gateSince');
  delete run.intent;
  delete run.reason;
  if (revision !== undefined) run.revision = revision;
  if ((seen.target?.replicas ?? 0) > 0) pass.startClock('scaleDownSince');
  pass.say('Reverted', `${targetName(pass)} is back at the revision that serves users`);
  pass.tell(
    'Normal',
    'Reverted',
    `${targetName(pass)} went back to revision ${revisionName(revision ?? '')}, which the primary serves; nothing was promoted`,
  );
}

/**
 * Ends the run: weight 0 first, always written, so that a raise still under way is refused; then the record, then
 * the words. Without an available primary nothing can be moved, and the caller holds instead.
 */
export function rollBack(pass: Pass, reason: string, message: string): void {
  const { run, seen } = pass;
  if (run === undefined) return;
  const exposed = pass.liveWeight;
  if (run.intent !== undefined && seen.primary !== undefined && pass.phase === 'Promoting') {
    pass.effects.push({ type: 'touchPrimary', mark: `${run.id}/abort` });
  }
  pass.step({ type: 'rollbackRequested', reason });
  failed(pass, reason, message, exposed);
}

/** The run fails with weight and pods as they are: there is no side that traffic could be moved to. */
export function failHeld(pass: Pass, message: string): void {
  const { run } = pass;
  if (run === undefined) return;
  pass.step({ type: 'primaryLost' });
  run.reason = 'PrimaryNotReady';
  run.weight = Math.min(run.weight, pass.liveWeight);
  delete run.intent;
  delete run.gate;
  pass.stopClock('gateSince');
  pass.stopClock('heldSince');
  pass.stopClock('primaryReadySince');
  pass.lastApplied = run.revision;
  pass.say('PrimaryNotReady', message);
  pass.tell('Warning', 'PrimaryNotReady', message);
  pass.finish('failed');
  if (run.weight === 0) pass.startClock('scaleDownSince');
}

/** The record and the words of a run that failed with its traffic back on the primary. */
export function failed(pass: Pass, reason: string, message: string, exposed: number): void {
  const { run } = pass;
  if (run === undefined) return;
  run.reason = reason;
  delete run.intent;
  delete run.gate;
  pass.stopClock('gateSince');
  pass.stopClock('heldSince');
  pass.startClock('scaleDownSince');
  pass.lastApplied = run.revision;
  pass.say(reason, message);
  pass.tell('Warning', reason, `rolled back ${targetName(pass)}: ${message}`);
  pass.alert({
    fact: 'failed',
    severity: reason === 'RollbackRequested' ? 'warn' : 'error',
    text: `${targetName(pass)} was rolled back: ${message}`,
    fields: abortFields(pass, reason, exposed),
  });
  pass.finish('failed');
}

/** What the on-call engineer needs: which check, value against range, how long users were exposed, at which weight. */
function abortFields(
  pass: Pass,
  reason: string,
  exposed: number,
): readonly { readonly title: string; readonly value: string }[] {
  const { run } = pass;
  const fields = [
    { title: 'Target', value: `${run?.target.kind}/${targetName(pass)}` },
    { title: 'Reason', value: reason },
    { title: 'Revision', value: revisionName(run?.revision) },
    { title: 'Canary weight when aborted', value: `${exposed}%` },
  ];
  if (run?.exposedSince !== undefined) {
    fields.push({
      title: 'Users exposed for',
      value: seconds(pass.elapsed('exposedSince', run.exposedSince)),
    });
  }
  for (const { name, value, range, verdict, why } of pass.checks) {
    if (verdict === 'passed') continue;
    fields.push({
      title: `Check ${name}`,
      value: value === undefined ? (why ?? verdict) : `${value}, must be ${range}`,
    });
  }
  return fields;
}

export function targetName({ run, seen }: Pass): string {
  return `${run?.target.name ?? seen.spec?.target.name ?? seen.name}.${seen.namespace}`;
}

export function revisionName(revision: string | undefined): string {
  return revision === undefined ? 'unknown' : shortRevision(revision);
}

function seconds(ms: number): string {
  return `${Math.round(ms / 1000)}s`;
}

/**
 * Edits of the routes by others. Higher than what was written is lowered at once; lower stays until the next passed
 * round; a route that is gone is made again without the canary. Tells whether the pass ends here.
 */
export function correctTraffic(pass: Pass): boolean {
  const { run, seen } = pass;
  const { routes } = seen.traffic;
  if (run === undefined || pass.phase === 'Initializing' || !seen.traffic.known) return false;
  const allowed = allowedWeight(pass);
  if (run.stay) return stayOnCanary(pass, routes);
  // Without an apex Service there is nothing to write to yet; it comes first.
  const isGone = seen.traffic.weights === 'switch' && routes.length === 0;
  if (isGone) return false;
  if (isMissing(routes)) return makeRoutes(pass);
  const tooHigh = routes.filter(
    (route) => (route.weight ?? 0) > Math.min(allowed, trusted(pass, route)?.weight ?? 0),
  );
  if (tooHigh.length > 0 && pass.primaryAvailable) {
    const weight = Math.min(allowed, ...tooHigh.map((route) => trusted(pass, route)?.weight ?? 0));
    const what = `the canary weight was ${pass.liveWeight}, ${weight} was applied`;
    if (contest(pass, 'weight', what)) return true;
    forgetRound(pass);
    writeCorrected(pass, weight);
    run.weight = isUnderWay(pass.phase) ? weight : 0;
    return true;
  }
  const drifted = routes.find((route) => route.drifted);
  if (drifted === undefined) return false;
  const weight = Math.min(allowed, pass.liveWeight);
  // What somebody wrote beside the weights may hold as much traffic as a weight.
  if (weight < pass.liveWeight && !pass.primaryAvailable) return false;
  writeCorrected(pass, weight, trusted(pass, drifted));
  return true;
}

/**
 * Others have changed the weight, perhaps over a raise that nobody has recorded: what was measured before says nothing
 * of it, and the next step needs a round taken from now on.
 */
export function forgetRound(pass: Pass): void {
  const { run } = pass;
  if (run === undefined || !isUnderWay(pass.phase)) return;
  delete run.lastRound;
  pass.restartClock('roundSince');
  if (run.raisedAt !== undefined) pass.restartClock('raisedAt');
}

/**
 * A routing object is gone, or no longer ours: it is made again without the canary, if the primary can answer. As long
 * as only the target can, whatever sends to it is left alone, also what we cannot read.
 */
function makeRoutes(pass: Pass): boolean {
  if (!pass.primaryAvailable && pass.canaryAvailable) return false;
  if (contest(pass, 'routes', 'the routing object was gone or no longer split its traffic'))
    return true;
  writeCorrected(pass, 0);
  if (pass.run !== undefined) pass.run.weight = 0;
  return true;
}

/** Nothing else is decided in such a pass: what it saw of the weight is no longer so. */
function writeCorrected(
  pass: Pass,
  weight: number,
  applied: AppliedTraffic = pass.applied(weight, 'correct'),
): void {
  pass.effects.push({ type: 'shiftTraffic', weight, applied });
  pass.lookAgain(0);
}

/** While the canary is the only side that is ready, all traffic belongs to it. */
function stayOnCanary(pass: Pass, routes: readonly RouteView[]): boolean {
  if (!pass.canaryAvailable) return false;
  // A newer revision has earned nothing: where the primary answers, it keeps what it has.
  const isNewer = pass.seen.target?.revision !== pass.run?.revision;
  if (isNewer && pass.primaryAvailable && pass.liveWeight < 100) return false;
  // Nor does what has gone to a primary that is ready with the same revision come back.
  const isServed = !isNewer && pass.primaryHolds === pass.run?.revision && pass.primaryReady.ready;
  if (isServed && pass.liveWeight < 100) return false;
  if (routes.some(({ weight }) => weight !== 100)) pass.shiftTraffic(100, 'stay');
  moveApex(pass, 'canary');
  return false;
}

/** The apex Service follows the traffic. Where it is the route itself, the write of the traffic has moved it already. */
export function moveApex(
  { seen: { services, traffic }, effects }: Pass,
  side: 'primary' | 'canary',
): void {
  if (traffic.weights === 'exact' && services.apexSide !== side)
    effects.push({ type: 'writeApex', side });
}

function isMissing(routes: readonly RouteView[]): boolean {
  return routes.length === 0 || routes.some(({ weight }) => weight === undefined);
}

/** Counts that a field was taken from us. At the third time a run is rolled back; tells whether that happened. */
export function contest(pass: Pass, field: string, what: string): boolean {
  const { run } = pass;
  if (run === undefined) return false;
  const count = Math.min((run.contested[field] ?? 0) + 1, contestLimit);
  run.contested = { ...run.contested, [field]: count };
  const manager = pass.answers.managers?.[field];
  const who = manager === undefined ? 'somebody else' : `"${manager}"`;
  const remedy = `leave spec.${field === 'selector' ? 'selector' : 'rules'} to the operator: ignore the difference, or take the object out of the manifests`;
  pass.tellOnce(`contested:${field}`, 'Warning', 'ChangedByOthers', `${what}; put back. ${remedy}`);
  if (
    count < contestLimit ||
    !isUnderWay(pass.phase) ||
    pass.phase === 'Finalising' ||
    run.intent !== undefined ||
    !pass.primaryAvailable
  )
    return false;
  rollBack(
    pass,
    'RouteContested',
    `${who} keeps changing what this run writes (${what}); ${remedy}`,
  );
  return true;
}

/**
 * Whether the data plane follows what was last written, and has had the drain time since: only then may pods go or a
 * promotion start. The drain is timed in memory and starts anew after a restart.
 */
export function trafficSettled(pass: Pass): boolean {
  const { traffic, settings } = pass.seen;
  if (traffic.acceptance.kind !== 'accepted') return false;
  const drained = pass.heldFor(`drain@${traffic.version}`);
  if (drained >= settings.drainMs) return true;
  pass.lookAgain(settings.drainMs - drained);
  return false;
}
