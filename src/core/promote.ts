/**
 * Promoting and Finalising: the primary takes over exactly the revision that was analysed.
 *
 * What the primary holds is read from the primary itself. Before it holds the new revision the rules of a run apply;
 * from then on failure means staying on the side that is ready.
 */
import { keepServices } from './apex.ts';
import { changed, intend, startOver, waitForPrimary } from './progress.ts';
import type { Pass } from './pass.ts';
import { restRoutes } from './rest.ts';
import { evaluateRound, type RoundOutcome } from './rounds.ts';
import { beginRun, refreshRun, rerecord } from './runs.ts';
import {
  completeWrite,
  correctTraffic,
  failHeld,
  moveApex,
  rollBack,
  trusted,
  revisionName,
  targetName,
  trafficSettled,
} from './upkeep.ts';

/** How long a gateway may take to accept what was written. */
const acceptMs = 60_000;

export function promote(pass: Pass): void {
  rerecord(pass);
  const { run } = pass;
  if (run === undefined) return;
  if (run.intent === undefined && run.stay) return backToStay(pass);
  if (run.intent === undefined)
    return startOver(
      pass,
      run.revision,
      'the record of the promotion was lost: the analysis starts over',
    );
  if (pass.primaryHolds === run.intent.revision) return afterWrite(pass);
  beforeWrite(pass);
}

// ── before the primary is written ───────────────────────────────────────────

function beforeWrite(pass: Pass): void {
  const { run, seen } = pass;
  if (run === undefined) return;
  if (!run.stay) {
    if (completeWrite(pass) || changed(pass)) return;
    if (correctTraffic(pass) || keepServices(pass)) return;
    if (!pass.primaryAvailable) return waitForPrimary(pass);
    if (!pass.canaryAvailable)
      return startOver(
        pass,
        run.revision,
        `${targetName(pass)} has no available pod: its traffic went back to the primary`,
      );
  }
  if (run.stay && !pass.canaryAvailable) return backToStay(pass);
  const refusal = seen.refusals[0];
  if (refusal !== undefined) return broken(pass, refusal.reason, refusal.message);
  const { intent } = run;
  if (intent === undefined || seen.target?.revision !== intent.revision) return backToStay(pass);
  if (!canaryIsStillReady(pass)) return;
  if (seen.primary === undefined)
    return void pass.effects.push({
      type: 'createPrimary',
      revision: intent.revision,
      from: 'target',
    });
  if (seen.primary.hasConfigCopies) {
    return rollBack(
      pass,
      'NotSupported',
      'NotSupported: config tracking. The primary uses "-primary" copies of ConfigMaps and Secrets, made by Flagger; point it at the originals first',
    );
  }
  pass.effects.push({ type: 'promote', revision: intent.revision });
  pass.say('Promoting', 'Canary analysis completed, starting primary rolling update.');
}

/** Nothing was written, and the canary goes on serving all traffic: it is looked at anew. */
function backToStay(pass: Pass): void {
  const { run } = pass;
  if (run === undefined) return;
  pass.step({ type: 'primaryLost' });
  delete run.intent;
  run.reason = 'PrimaryNotReady';
  sayStays(pass);
  pass.lookAgain(0);
}

function sayStays(pass: Pass): void {
  pass.say(
    'PrimaryNotReady',
    `all traffic stays on ${targetName(pass)}, because ${pass.seen.primary?.name ?? 'the primary'} is not ready`,
  );
}

function canaryIsStillReady(pass: Pass): boolean {
  const { run } = pass;
  const ready = pass.canaryReady;
  if (run === undefined) return false;
  if (ready.ready) return true;
  const waited = pass.startClock('canaryNotReadySince');
  const message = `${targetName(pass)} is not ready any more: ${ready.why}; the promotion waits`;
  pass.wait(
    'CanaryNotReady',
    message,
    run.canaryNotReadySince ?? pass.nowText,
    run.progressDeadlineMs - waited,
  );
  if (!pass.isOver(waited, run.progressDeadlineMs)) return false;
  if (run.stay) backToStay(pass);
  else rollBack(pass, 'CanaryNotReady', message);
  return false;
}

function broken(pass: Pass, reason: string, message: string): void {
  const { run } = pass;
  if (run === undefined) return;
  const waited = pass.startClock('invalidSince');
  pass.wait(reason, message, run.invalidSince ?? pass.nowText, run.holdDeadlineMs - waited);
  if (pass.isOver(waited, run.holdDeadlineMs) && !run.stay) rollBack(pass, reason, message);
}

// ── after it ────────────────────────────────────────────────────────────────

function afterWrite(pass: Pass): void {
  const { run, seen } = pass;
  if (run === undefined) return;
  refreshRun(pass);
  keepServices(pass);
  const newer = seen.target !== undefined && seen.target.revision !== run.revision;
  if (!pass.primaryAvailable && run.stay && newer) return backToStay(pass);
  if (!pass.primaryAvailable && !run.stay) return broke(pass, 'it has no available pod');
  if (pass.primaryAvailable && pass.liveWeight > 0 && (newer || !pass.canaryAvailable)) {
    return leaveCanary(pass, newer);
  }
  // A primary that is ready takes over from the canary that stands in; it may even have done so unrecorded.
  if (!(run.stay && pass.primaryReady.ready) && correctTraffic(pass)) return;
  if (primaryIsStillReady(pass)) returnTraffic(pass);
}

/** The primary is ready at what was written; past its deadline it counts as broken. */
function primaryIsStillReady(pass: Pass): boolean {
  const { run, seen } = pass;
  const ready = pass.primaryReady;
  if (run === undefined) return false;
  if (ready.ready) {
    pass.stopClock('primaryNotReadySince');
    return true;
  }
  const waited = pass.startClock('primaryNotReadySince');
  pass.wait(
    'PrimaryRollingOut',
    `${seen.primary?.name} is not ready: ${ready.why}`,
    run.primaryNotReadySince ?? pass.nowText,
    run.progressDeadlineMs - waited,
  );
  if (pass.isOver(waited, run.progressDeadlineMs)) broke(pass, ready.why);
  return false;
}

/** The target rolls to something else, or has no pods: the primary takes all traffic, ready or not. */
function leaveCanary(pass: Pass, newer: boolean): void {
  const { run } = pass;
  if (run === undefined) return;
  pass.step({ type: 'canaryLeaves' });
  run.stay = false;
  moveApex(pass, 'primary');
  pass.tell(
    newer ? 'Normal' : 'Warning',
    newer ? 'NewRevision' : 'CanaryNotReady',
    newer
      ? `a new revision of ${targetName(pass)} waits until this promotion is finished`
      : `${targetName(pass)} has no available pod: all traffic goes to the primary`,
  );
  pass.lookAgain(0);
}

/** All at once, or in steps of `stepWeightPromotion`, one an interval. */
function returnTraffic(pass: Pass): void {
  const { run, seen } = pass;
  if (run === undefined) return;
  const interval = seen.spec?.intervalMs ?? run.intervalMs;
  // Whoever has lowered it meanwhile: on its way back traffic never goes up again.
  run.weight = Math.min(run.weight, pass.liveWeight);
  const inSteps = pass.context.promotionStep > 0 && run.weight > 0;
  const since = pass.clock('raisedAt') ?? interval;
  if (inSteps && since < interval) return pass.lookAgain(interval - since);
  run.stay = false;
  const next = pass.step({ type: 'primaryReady' });
  pass.restartClock('raisedAt');
  moveApex(pass, 'primary');
  if (next.phase === 'Finalising') {
    pass.say('Finalising', 'Canary analysis completed, routing all traffic to primary.');
    pass.tell(
      'Normal',
      'Finalising',
      `${targetName(pass)}: all traffic to the primary, which holds revision ${revisionName(run.revision)}`,
    );
    return pass.lookAgain(seen.settings.drainMs);
  }
  pass.say('Promoting', `the primary takes its traffic back: canary weight ${run.weight}`);
  pass.tell('Normal', 'Advanced', `${targetName(pass)}: primary weight ${100 - run.weight}`);
  pass.lookAgain(interval);
}

export function finalise(pass: Pass): void {
  rerecord(pass);
  const { run, seen } = pass;
  if (run === undefined) return;
  refreshRun(pass);
  correctTraffic(pass);
  keepServices(pass);
  if (!pass.primaryAvailable) return broke(pass, 'it has no available pod');
  if (!primaryIsStillReady(pass)) return;
  pass.say('Finalising', 'Canary analysis completed, routing all traffic to primary.');
  if (pass.liveWeight > 0 || seen.services.apexSide === 'canary') return pass.lookAgain(1_000);
  const settled = trafficSettled(pass);
  if (!settled && !isOverdue(pass)) return;
  const newer = seen.target !== undefined && seen.target.revision !== run.revision;
  const skipped = seen.spec?.skipAnalysis === true;
  const replicas = seen.target?.replicas ?? 0;
  if (!newer && replicas > 0 && replicas !== seen.primary?.replicas)
    pass.effects.push({ type: 'scalePrimary', replicas });
  if (!newer && settled) {
    restRoutes(pass);
    if (replicas > 0) pass.effects.push({ type: 'scaleTarget', replicas: 0 });
  }
  // The run is over for people; the pods stay for a gateway that may still send to them.
  if (!settled) pass.startClock('scaleDownSince');
  pass.step({ type: 'trafficReturned' });
  delete run.intent;
  delete run.reason;
  run.stay = false;
  pass.lastPromoted = run.revision;
  pass.lastApplied = run.revision;
  pass.say('Succeeded', 'Canary analysis completed successfully, promotion finished.');
  pass.tell(
    'Normal',
    'Promoted',
    `${targetName(pass)}: promotion completed, revision ${revisionName(run.revision)} serves users`,
  );
  pass.alert({
    fact: 'succeeded',
    severity: 'info',
    text: skipped
      ? 'Canary analysis was skipped, promotion finished.'
      : 'Canary analysis completed successfully, promotion finished.',
  });
  pass.finish(skipped ? 'skipped' : 'succeeded');
  if (newer) pass.lookAgain(0);
}

/** Whether a lowering has waited long enough for a gateway to follow. */
function isOverdue(pass: Pass): boolean {
  const { run, seen } = pass;
  const { acceptance } = seen.traffic;
  if (run === undefined || acceptance.kind === 'accepted') return false;
  const waited = pass.startClock('notAcceptedSince');
  const message = `the gateway has not accepted the route: ${acceptance.why}`;
  pass.wait('RouteNotAccepted', message, run.notAcceptedSince ?? pass.nowText, acceptMs - waited);
  if (!pass.isOver(waited, acceptMs)) return false;
  pass.stopClock('notAcceptedSince');
  pass.tell(
    'Warning',
    'RouteNotAccepted',
    `${message}; the pods of ${targetName(pass)} stay until it has`,
  );
  return true;
}

/** The new primary does not come up: users stay with the canary that was just analysed. */
function broke(pass: Pass, why: string): void {
  const { run, seen } = pass;
  if (run === undefined) return;
  const analysed = seen.target?.revision === run.revision;
  if (!pass.canaryAvailable || !analysed) return neitherServes(pass, why, analysed);
  run.stay = true;
  pass.step({ type: 'primaryBroke' });
  moveApex(pass, 'canary');
  run.reason = 'PrimaryNotReady';
  pass.lastApplied = run.revision;
  pass.stopClock('primaryNotReadySince');
  pass.stopClock('primaryReadySince');
  const message = `${seen.primary?.name ?? 'the primary'} did not come up with the new revision: ${why}; all traffic stays on ${targetName(pass)}`;
  pass.say('PrimaryNotReady', message);
  pass.tell('Warning', 'PrimaryNotReady', message);
  pass.alert({
    fact: 'failed',
    severity: 'error',
    text: `Promotion failed, primary not ready: ${message}`,
  });
  pass.finish('failed');
}

/**
 * The primary is not ready, and nothing analysed could stand in for it: no traffic is moved. If the analysed pods come
 * back they take over; another revision is released as any other, once the primary can answer.
 */
function neitherServes(pass: Pass, why: string, analysed: boolean): void {
  const { run, seen } = pass;
  if (run === undefined) return;
  const waited = pass.startClock('primaryNotReadySince');
  const message = `${seen.primary?.name ?? 'the primary'} is not ready: ${why}; nothing else can serve, so no traffic is moved`;
  pass.wait(
    'PrimaryNotReady',
    message,
    run.primaryNotReadySince ?? pass.nowText,
    run.progressDeadlineMs - waited,
  );
  if (!pass.isOver(waited, run.progressDeadlineMs)) return;
  const { intent } = run;
  failHeld(pass, message);
  run.stay = analysed;
  if (analysed) {
    // What was written is still what was analysed: a primary that goes away is made again from it.
    run.intent = intent;
    pass.stopClock('scaleDownSince');
  }
  pass.alert({
    fact: 'failed',
    severity: 'error',
    text: `Promotion failed, primary not ready: ${message}`,
  });
}

// ── staying on the canary ───────────────────────────────────────────────────

/** Failed with all traffic on the canary: until the primary comes back, or a new revision is ready to replace it. */
export function stay(pass: Pass): void {
  rerecord(pass);
  const { run, seen } = pass;
  if (run === undefined) return;
  if (isReturned(pass)) return backToPrimary(pass);
  if (seen.target !== undefined && seen.target.revision !== run.revision)
    return replaceStay(pass, seen.target.revision);
  if (isShared(pass) && pass.primaryHolds !== run.revision) return leaveStay(pass);
  correctTraffic(pass);
  keepServices(pass);
  sayStays(pass);
  if (seen.primary === undefined && run.intent?.revision === run.revision) return remake(pass);
  if (run.intent === undefined && pass.primaryHolds !== run.revision) return releaseStay(pass);
  if (pass.primaryHolds !== run.revision || !pass.primaryReady.ready) {
    pass.stopClock('primaryReadySince');
    if (!pass.canaryAvailable && pass.primaryAvailable) lendToPrimary(pass);
    return;
  }
  const readyFor = pass.startClock('primaryReadySince');
  if (pass.canaryAvailable && readyFor < run.intervalMs)
    return pass.lookAgain(run.intervalMs - readyFor);
  backToPrimary(pass);
}

/** The primary is gone that had been written: the target still has what was analysed. */
function remake(pass: Pass): void {
  const { run, seen } = pass;
  if (run === undefined || seen.target?.revision !== run.revision) return;
  pass.effects.push({ type: 'createPrimary', revision: run.revision, from: 'target' });
  pass.tell('Warning', 'PrimaryMissing', `the primary of ${targetName(pass)} was gone; made again`);
}

/** The traffic went back already, and the process died before it could say so. */
function isReturned(pass: Pass): boolean {
  const { run, seen } = pass;
  const written = seen.traffic.routes.some((route) => trusted(pass, route)?.for === 'promoted');
  return written && pass.primaryHolds === run?.revision && pass.primaryReady.ready;
}

/** The canary has no pods left and the primary has some, if not all: it serves until either is ready. */
function lendToPrimary(pass: Pass): void {
  if (pass.liveWeight > 0) pass.shiftTraffic(0, 'correct');
  moveApex(pass, 'primary');
}

function backToPrimary(pass: Pass): void {
  const { run, seen } = pass;
  if (run === undefined) return;
  run.stay = false;
  pass.stopClock('primaryReadySince');
  pass.step({ type: 'primaryRecovered' });
  moveApex(pass, 'primary');
  pass.say('Finalising', `${seen.primary?.name} is ready and takes the traffic back`);
  pass.tell('Normal', 'PrimaryReady', `${seen.primary?.name} is ready: it takes the traffic back`);
  pass.lookAgain(seen.settings.drainMs);
}

/** The primary answers, and has traffic already or is the only side that could have any. */
function isShared({ primaryAvailable, canaryAvailable, liveWeight }: Pass): boolean {
  return primaryAvailable && (liveWeight < 100 || !canaryAvailable);
}

/** The primary serves after all: a revision that it does not hold is released as any other. */
function leaveStay(pass: Pass): void {
  const { run } = pass;
  if (run === undefined) return;
  run.stay = false;
  pass.lastApplied = pass.primaryHolds;
  pass.shiftTraffic(0, 'restart');
  moveApex(pass, 'primary');
  pass.lookAgain(0);
}

/** A new revision while the canary serves: it already has all traffic, and is written to the primary once it is good. */
function replaceStay(pass: Pass, revision: string): void {
  if (isShared(pass)) return leaveStay(pass);
  beginRun(pass, revision);
  const { run } = pass;
  if (run === undefined) return;
  run.stay = true;
  run.weight = 100;
  run.reason = 'PrimaryNotReady';
  // Its round is one of its own: an interval of its traffic has to be there to be judged.
  pass.restartClock('roundSince');
  pass.lastApplied = revision;
  pass.tell(
    'Warning',
    'UnanalysedRevision',
    `${targetName(pass)} rolls to revision ${revisionName(revision)} with all traffic on it: it is the only side left`,
  );
}

/** The revision that serves everybody is not yet the primary's: after readiness and one passed round it is written there. */
function releaseStay(pass: Pass): void {
  const { run, seen } = pass;
  if (run === undefined || !pass.canaryReady.ready) return;
  if (seen.refusals.length > 0) return;
  // Its round is one of all traffic: what it is given in this very pass has told nothing yet.
  if (pass.liveWeight < 100) return pass.restartClock('roundSince');
  const round: RoundOutcome =
    seen.spec?.skipAnalysis === true ? { kind: 'passed' } : evaluateRound(pass);
  if (round.kind === 'failed') {
    pass.alert({
      fact: 'stay-failing',
      severity: 'error',
      text: `${targetName(pass)} serves all users and its checks fail: ${round.why}`,
    });
    return pass.say('ChecksFailed', round.why);
  }
  if (round.kind === 'held') {
    const waited = pass.startClock('heldSince');
    pass.say(round.reason, `the round is held: ${round.why}`);
    if (!pass.isOver(waited, run.holdDeadlineMs)) return;
    pass.alert({
      fact: 'stay-held',
      severity: 'error',
      text: `no conclusive round for ${targetName(pass)}, which serves all users; its readiness counts instead`,
    });
    if (pass.startClock('canaryReadySince') < run.intervalMs) return pass.lookAgain(run.intervalMs);
  } else if (round.kind === 'open') return;
  pass.stopClock('heldSince');
  pass.step({ type: 'promotionApproved', showAll: false });
  intend(pass);
}
