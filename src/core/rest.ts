/**
 * Between runs: Initialized, Succeeded, Failed. Pods that a run left behind go once nobody sends to them, a primary
 * that breaks is told of, and a new revision starts a run.
 */
import { isApexContested, keepServices, sayApexContested } from './apex.ts';
import { metadataFields } from './initialise.ts';
import type { Pass } from './pass.ts';
import { isHeld } from './phases.ts';
import { hooksOf } from './questions.ts';
import { recoverPrimary } from './recover.ts';
import { beginRun, refreshRun, rerecord } from './runs.ts';
import { correctTraffic, revisionName, targetName, trafficSettled } from './upkeep.ts';

/** Pods stay at most so long for a gateway that does not follow. */
const keepPodsMs = 60 * 60_000;

export function rest(pass: Pass): void {
  const { seen, run } = pass;
  rerecord(pass);
  // The target stood in while there was no primary; now there is one again.
  if (run?.stay === true && seen.primary !== undefined) run.stay = false;
  correctTraffic(pass);
  keepServices(pass);
  if (seen.refusals.length === 0) refreshRun(pass);
  if (seen.primary === undefined) return recoverPrimary(pass);
  if (seen.primary.replicas === 0) {
    // A revision that waits until the primary is awake has not been looked at.
    pass.judged = [pass.lastApplied, pass.primaryHolds].includes(seen.target?.revision);
    return pass.say(
      'PrimaryScaledToZero',
      `${seen.primary.name} is scaled to 0: no run starts until it is scaled up`,
    );
  }
  if (isHeld(pass) && !leaveHold(pass)) return;
  tellOfPrimary(pass);
  if (detect(pass)) return;
  scaleDown(pass);
  contestedApex(pass);
}

/** The primary came back after a run that failed for want of it: now the canary can go. */
export function leaveHold(pass: Pass): boolean {
  const { run } = pass;
  if (run === undefined) return true;
  const message = 'traffic is held where it was until the primary is ready again';
  pass.say('PrimaryNotReady', message);
  if (pass.primaryAvailable && pass.seen.target?.revision !== run.revision) {
    // What has the traffic now was not analysed: it goes back at once, and is then looked at as a new revision.
    pass.shiftTraffic(0, 'abort:PrimaryNotReady');
    pass.lookAgain(0);
    return false;
  }
  if (!pass.primaryReady.ready) {
    pass.stopClock('primaryReadySince');
    return false;
  }
  const readyFor = pass.startClock('primaryReadySince');
  if (readyFor < run.intervalMs) {
    pass.lookAgain(run.intervalMs - readyFor);
    return false;
  }
  pass.stopClock('primaryReadySince');
  pass.shiftTraffic(0, 'abort:PrimaryNotReady');
  pass.startClock('scaleDownSince');
  pass.say('PrimaryNotReady', `${pass.seen.primary?.name} serves again; the release has failed`);
  pass.tell(
    'Normal',
    'PrimaryReady',
    `${pass.seen.primary?.name} is ready again: traffic goes back to it`,
  );
  return false;
}

function tellOfPrimary(pass: Pass): void {
  const { run } = pass;
  if (pass.primaryAvailable) {
    if (run?.primaryNotReadySince === undefined) return;
    // One that comes and goes is told of once.
    const availableFor = pass.startClock('primaryReadySince');
    if (availableFor < run.intervalMs) return pass.lookAgain(run.intervalMs - availableFor);
    pass.stopClock('primaryNotReadySince');
    pass.stopClock('primaryReadySince');
    pass.forget('PrimaryNotReady');
    pass.forget('alert:PrimaryNotReady');
    return;
  }
  pass.stopClock('primaryReadySince');
  pass.startClock('primaryNotReadySince');
  const message = `${pass.seen.primary?.name} has no available pod`;
  pass.say('PrimaryNotReady', message);
  if (pass.tellOnce('PrimaryNotReady', 'Warning', 'PrimaryNotReady', message)) {
    pass.alert({
      fact: 'PrimaryNotReady',
      since: run?.primaryNotReadySince,
      severity: 'error',
      text: `${message}; it serves ${targetName(pass)}`,
    });
  }
}

/** Looks at the target's revision; tells whether this pass has dealt with it. */
export function detect(pass: Pass): boolean {
  const { seen, run } = pass;
  const { target } = seen;
  if (target === undefined) {
    pass.stalled = true;
    pass.say(
      'TargetNotFound',
      `${run?.target.kind} ${targetName(pass)} does not exist; the primary goes on serving`,
    );
    return true;
  }
  if (target.revision === pass.primaryHolds) return reverted(pass);
  if (target.revision === pass.lastApplied) return false;
  if (seen.refusals.length > 0 || seen.spec === undefined) return false;
  start(pass, target.revision);
  return true;
}

/** The target holds what the primary serves: nothing to release, and a failed run is over. */
function reverted(pass: Pass): boolean {
  const { run, seen } = pass;
  const revision = seen.target?.revision;
  if (pass.phase !== 'Failed' || run === undefined || !pass.primaryReady.ready) {
    if (pass.phase !== 'Failed' && pass.lastApplied !== revision) pass.lastApplied = revision;
    return false;
  }
  pass.step({ type: 'revisionReverted' });
  pass.lastApplied = revision;
  delete run.reason;
  if ((seen.target?.replicas ?? 0) > 0) pass.startClock('scaleDownSince');
  pass.say('Reverted', `${targetName(pass)} is back at the revision that serves users`);
  pass.tell(
    'Normal',
    'Reverted',
    `${targetName(pass)} went back to revision ${revisionName(revision)}, which the primary serves; nothing was promoted`,
  );
  return true;
}

/** A new revision: through the gate if there is one, else straight to pods without traffic. */
export function start(pass: Pass, revision: string): void {
  const [gate] = hooksOf(pass, 'confirm-rollout');
  const gated = gate !== undefined;
  beginRun(pass, revision);
  pass.checks = [];
  pass.step({ type: 'revisionDetected', gated });
  if (gated) {
    if (pass.run !== undefined) pass.run.gate = 'confirm-rollout';
    pass.startClock('gateSince');
    pass.wait(
      'WaitingForGate',
      `waiting for approval to roll out (webhook ${gate.name})`,
      pass.nowText,
      gate.deadlineMs,
    );
    pass.tell(
      'Normal',
      'NewRevision',
      `new revision ${revisionName(revision)} of ${targetName(pass)} waits for approval`,
    );
    pass.lookAgain(0);
    return;
  }
  scaleUp(pass);
}

/** Pods for the canary: as many as it has, or the primary's number. */
export function scaleUp(pass: Pass): void {
  const { seen, run } = pass;
  if ((seen.target?.replicas ?? 0) === 0) {
    pass.effects.push({ type: 'scaleTarget', replicas: Math.max(1, seen.primary?.replicas ?? 1) });
  }
  pass.startClock('canaryNotReadySince');
  pass.say('Progressing', 'New revision detected, progressing canary analysis.');
  pass.tell(
    'Normal',
    'NewRevision',
    `new revision ${revisionName(run?.revision)} of ${targetName(pass)}: scaling up`,
  );
  pass.alert({
    fact: 'started',
    severity: 'info',
    text: 'New revision detected, progressing canary analysis.',
    fields: metadataFields(pass),
  });
}

/** Pods that no route sends to any more go; a gateway that never follows keeps them for an hour at most. */
export function scaleDown(pass: Pass): void {
  const { run, seen } = pass;
  if (run?.scaleDownSince === undefined || seen.target === undefined) return;
  const waited = pass.clock('scaleDownSince') ?? 0;
  // Somebody gave them traffic again: they are waited for from the moment it is gone, to the minute.
  if (pass.liveWeight > 0 || seen.services.apexSide === 'canary') {
    if (waited > 60_000) pass.restartClock('scaleDownSince');
    return;
  }
  const settled = trafficSettled(pass);
  if (!settled && waited < keepPodsMs) {
    pass.lookAgain(Math.min(keepPodsMs - waited, 60_000));
    if (waited > 60_000) {
      pass.tellOnce(
        'kept-pods',
        'Warning',
        'RouteNotAccepted',
        `the pods of ${targetName(pass)} stay until the gateway has taken over the route: ${seen.traffic.acceptance.why}`,
      );
    }
    return;
  }
  if (!settled && !pass.primaryAvailable) return pass.lookAgain(60_000);
  if (!settled)
    pass.tell(
      'Warning',
      'RouteNotAccepted',
      `scaling down ${targetName(pass)} although no gateway confirmed the route for an hour`,
    );
  pass.stopClock('scaleDownSince');
  restRoutes(pass);
  if (seen.target.replicas > 0) pass.effects.push({ type: 'scaleTarget', replicas: 0 });
}

/** Adopted routes go back to how their owner wrote them. */
export function restRoutes(pass: Pass): void {
  if (pass.seen.traffic.routes.some(({ adopted, resting }) => adopted && !resting)) {
    pass.effects.push({ type: 'restRoutes', applied: pass.applied(0, 'promoted') });
  }
}

/** Somebody keeps pointing the adopted apex at the target: both answers are made right. */
function contestedApex(pass: Pass): void {
  const { seen } = pass;
  if (!isApexContested(pass) || seen.target?.revision !== pass.primaryHolds) return;
  sayApexContested(
    pass,
    `${seen.target?.name} is kept running so that users are served either way`,
  );
  const replicas = seen.primary?.replicas ?? 0;
  if ((seen.target?.replicas ?? 0) < replicas) pass.effects.push({ type: 'scaleTarget', replicas });
}
