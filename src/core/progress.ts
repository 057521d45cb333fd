/**
 * A run before its promotion: Waiting, Progressing, WaitingPromotion.
 *
 * Order: new revision, rollback hooks, readiness, checks and threshold, gate, step. What lowers traffic never waits
 * for anything; what raises it needs a passed round taken after the last raise.
 */
import type { ResolvedWebhook } from '../api/resolved.ts';
import { keepServices } from './apex.ts';
import { closeGate, lookAtGate, passGates, rollbackAsked } from './gates.ts';
import type { Pass } from './pass.ts';
import { hooksOf, isBeforeFirstStep, preRolloutHooks } from './questions.ts';
import { recreatePrimary } from './recover.ts';
import { scaleUp } from './rest.ts';
import { evaluateRound, type RoundOutcome } from './rounds.ts';
import { beginRun, refreshRun, rerecord, runId } from './runs.ts';
import { nextStep } from './traffic.ts';
import {
  completeWrite,
  contest,
  correctTraffic,
  endReverted,
  failed,
  failHeld,
  forgetRound,
  rollBack,
  revisionName,
  targetName,
  trafficSettled,
  trusted,
} from './upkeep.ts';

/** How long a gateway may take to accept what was written. */
const acceptMs = 60_000;

export function progress(pass: Pass): void {
  rerecord(pass);
  if (completeWrite(pass)) return;
  // Before anything else is written: what has the traffic now may be a revision that has earned none.
  if (changed(pass)) return;
  if (correctTraffic(pass) || lowered(pass)) return;
  if (keepServices(pass)) return;
  if (brokenSpec(pass)) return;
  refreshRun(pass);
  const asked = rollbackAsked(pass);
  if (asked !== undefined && pass.primaryAvailable) {
    return rollBack(pass, 'RollbackRequested', `webhook ${asked} asked for it`);
  }
  if (primaryIsAway(pass)) return;
  if (pass.phase === 'Waiting') return waitForRollout(pass);
  if (prepareRoutes(pass)) return;
  if (!canaryIsReady(pass)) return;
  if (pass.seen.spec?.skipAnalysis === true) return skip(pass);
  if (isBeforeFirstStep(pass)) return firstStep(pass);
  decideRound(pass);
}

// ── revision and spec ───────────────────────────────────────────────────────

/** The target moved on, or back; tells whether that was all for this pass. */
export function changed(pass: Pass): boolean {
  const { seen, run } = pass;
  const { target } = seen;
  if (run === undefined || target === undefined) return false;
  // A run that waits for its gate may have begun for that very revision, while the primary was not ready.
  const mayEnd = target.revision !== run.revision || pass.phase === 'Waiting';
  if (mayEnd && target.revision === pass.primaryHolds && pass.primaryReady.ready) {
    touchAfterIntent(pass);
    endReverted(pass, target.revision);
    return true;
  }
  if (target.revision === run.revision) return restarted(pass);
  if (!pass.primaryAvailable && pass.liveWeight > 0) return false;
  startOver(
    pass,
    target.revision,
    `new revision ${revisionName(target.revision)} of ${targetName(pass)}: the analysis starts over`,
  );
  pass.alert({
    fact: 'restarted',
    severity: 'info',
    text: 'New revision detected, restarting canary analysis.',
  });
  return true;
}

/** A start over that was written for a revision which has gone again, and not recorded: the run starts over all the same. */
function restarted(pass: Pass): boolean {
  const { run, seen } = pass;
  if (run === undefined || (!pass.primaryAvailable && pass.liveWeight > 0)) return false;
  const written = seen.traffic.routes.some(
    ({ applied }) =>
      applied?.for === 'restart' &&
      applied.run === runId(seen.uid, applied.revision, run.count + 1),
  );
  if (written) startOver(pass, run.revision, 'the analysis starts over, as had been written');
  return written;
}

/** A promotion may still be on its way to the API server: it must find another version there, or nothing. */
export function touchAfterIntent(pass: Pass): void {
  const { run, seen } = pass;
  if (run?.intent !== undefined && seen.primary !== undefined)
    pass.effects.push({ type: 'touchPrimary', mark: `${run.id}/restart` });
}

/** Weight 0, counters at zero, a run of its own. */
export function startOver(pass: Pass, revision: string, message: string): void {
  touchAfterIntent(pass);
  const gated = hooksOf(pass, 'confirm-rollout').length > 0 && revision !== pass.run?.revision;
  beginRun(pass, revision);
  pass.checks = [];
  pass.step({ type: 'startedOver', gated });
  if (gated && pass.run !== undefined) {
    pass.run.gate = 'confirm-rollout';
    pass.startClock('gateSince');
  }
  pass.startClock('canaryNotReadySince');
  pass.say('Progressing', message);
  pass.tell('Normal', 'StartedOver', message);
  pass.lookAgain(0);
}

/** A spec that broke during the run stops steps and promotion, and in the end the run; readiness and abort go on. */
function brokenSpec(pass: Pass): boolean {
  const { seen, run } = pass;
  const refusal = seen.refusals[0];
  if (run === undefined) return false;
  if (refusal === undefined && seen.spec !== undefined) {
    pass.stopClock('invalidSince');
    return false;
  }
  const reason = refusal?.reason ?? 'InvalidSpec';
  const message = refusal?.message ?? 'the spec does not parse';
  const waited = pass.startClock('invalidSince');
  pass.wait(reason, message, run.invalidSince ?? pass.nowText, run.holdDeadlineMs - waited);
  if (primaryIsAway(pass) || !canaryIsReady(pass)) return true;
  if (pass.isOver(waited, run.holdDeadlineMs)) rollBack(pass, reason, message);
  return true;
}

// ── readiness ───────────────────────────────────────────────────────────────

/** Without an available primary nothing is decided. Its clock is stopped only by a whole interval with one. */
function primaryIsAway(pass: Pass): boolean {
  const { run } = pass;
  if (run === undefined) return false;
  if (!pass.primaryAvailable) {
    waitForPrimary(pass);
    return true;
  }
  if (run.primaryNotReadySince === undefined) return false;
  const readyFor = pass.startClock('primaryReadySince');
  if (readyFor >= run.intervalMs) {
    pass.stopClock('primaryNotReadySince');
    pass.stopClock('primaryReadySince');
    pass.forget('alert:PrimaryNotReady');
  } else pass.lookAgain(run.intervalMs - readyFor);
  return false;
}

/** Before its promotion is written: weight and pods are held, no step, and at the deadline the run fails so. */
export function waitForPrimary(pass: Pass): void {
  const { run, seen } = pass;
  if (run === undefined) return;
  pass.stopClock('primaryReadySince');
  if (seen.primary === undefined) recreatePrimary(pass);
  const name = seen.primary?.name ?? `${run.target.name}-primary`;
  const why = seen.primary === undefined ? 'it does not exist' : 'it has no available pod';
  const waited = pass.startClock('primaryNotReadySince');
  const message = `${name} cannot serve: ${why}; traffic is held where it is`;
  pass.wait(
    'PrimaryNotReady',
    message,
    run.primaryNotReadySince ?? pass.nowText,
    run.progressDeadlineMs - waited,
  );
  pass.alert({
    fact: 'PrimaryNotReady',
    since: run.primaryNotReadySince,
    severity: 'error',
    text: `${name} cannot serve (${why}) while ${targetName(pass)} is being released; traffic is held at ${pass.liveWeight}%`,
  });
  if (pass.isOver(waited, run.progressDeadlineMs)) failHeld(pass, message);
}

/** The canary serves only while it is ready; without a pod it loses its traffic at once. */
function canaryIsReady(pass: Pass): boolean {
  const { run, seen } = pass;
  if (run === undefined) return false;
  const ready = pass.canaryReady;
  if (!pass.canaryAvailable && pass.liveWeight > 0) {
    startOver(
      pass,
      run.revision,
      `${targetName(pass)} has no available pod: its traffic went back to the primary`,
    );
    return false;
  }
  if (ready.ready) {
    if (run.canaryNotReadySince === undefined) return true;
    // The clock of the deadline is stopped only by a whole interval of readiness.
    const readyFor = pass.startClock('canaryReadySince');
    if (readyFor >= run.intervalMs) {
      pass.stopClock('canaryNotReadySince');
      pass.stopClock('canaryReadySince');
    }
    return true;
  }
  pass.stopClock('canaryReadySince');
  const waited = pass.startClock('canaryNotReadySince');
  const what = seen.target === undefined ? 'it does not exist' : ready.why;
  const reason = ready.reason === 'TargetPaused' ? 'TargetPaused' : 'CanaryNotReady';
  pass.wait(
    reason,
    `${targetName(pass)} is not ready: ${what}`,
    run.canaryNotReadySince ?? pass.nowText,
    run.progressDeadlineMs - waited,
  );
  if (pass.isOver(waited, run.progressDeadlineMs)) {
    rollBack(
      pass,
      'CanaryNotReady',
      `${targetName(pass)} did not become ready within ${run.progressDeadlineMs / 1000}s: ${what}`,
    );
  }
  return false;
}

/**
 * Routes of the apex alone get both sides at weight 0, long before the first step: proxies must have heard of a backend
 * before it is sent to. Tells whether the pass ends here.
 */
function prepareRoutes(pass: Pass): boolean {
  const { seen, run } = pass;
  const { traffic, spec } = seen;
  const isSplit = traffic.weights === 'exact' && spec?.skipAnalysis !== true;
  const alone = traffic.routes.filter(({ resting }) => resting);
  if (run === undefined || !isSplit || alone.length === 0 || pass.liveWeight > 0) return false;
  pass.lookAgain(0);
  // Recorded first: this write would take the place of a note that says that a step was taken and undone.
  if (run.raisedAt !== seen.run?.raisedAt) return true;
  const isTaken = alone.some((route) => trusted(pass, route)?.for === 'prepare');
  if (isTaken && contest(pass, 'routes', 'the route went back to the apex Service alone'))
    return true;
  pass.shiftTraffic(0, 'prepare');
  return true;
}

// ── gates before pods ───────────────────────────────────────────────────────

function waitForRollout(pass: Pass): void {
  const gate = passGates(pass, 'confirm-rollout');
  if (gate.kind === 'rollback') return rollBack(pass, 'GateDeadline', gate.why);
  if (gate.kind === 'waiting') return;
  pass.step({ type: 'gateOpened' });
  scaleUp(pass);
}

/** How long a call with all its retries may take; the wait between two of them is at most a minute. */
function callMs({ timeoutMs, retries }: ResolvedWebhook): number {
  return (retries + 1) * timeoutMs + retries * 60_000;
}

// ── rounds ──────────────────────────────────────────────────────────────────

/** Readiness and the `pre-rollout` hooks are the round before the first step. */
function firstStep(pass: Pass): void {
  const { run, seen } = pass;
  if (run === undefined) return;
  const interval = seen.spec?.intervalMs ?? 0;
  if (!run.preRolloutPassed) {
    if (run.lastRound?.verdict === 'failed' && (pass.clock('roundSince') ?? interval) < interval) {
      return pass.lookAgain(interval - (pass.clock('roundSince') ?? 0));
    }
    for (const { id, hook } of preRolloutHooks(pass)) {
      const state = pass.answers.hooks[id];
      if (state?.kind === 'yes') continue;
      if (state === undefined || state.kind === 'pending') {
        return pass.wait(
          'WaitingForHook',
          `waiting for the pre-rollout webhook ${hook.name}`,
          run.roundSince ?? run.startedAt ?? pass.nowText,
          callMs(hook),
        );
      }
      run.lastRound = { at: pass.nowText, verdict: 'failed' };
      pass.restartClock('roundSince');
      pass.lookAgain(interval);
      return countFailure(pass, `pre-rollout webhook ${hook.name}: ${state.why}`);
    }
    run.preRolloutPassed = true;
  }
  run.lastRound = { at: pass.nowText, verdict: 'passed' };
  advance(pass);
}

function decideRound(pass: Pass): void {
  const outcome = evaluateRound(pass);
  if (applyRound(pass, outcome)) return;
  const { run } = pass;
  if (run?.lastRound?.verdict === 'passed') advance(pass);
  if (outcome.kind !== 'open' || pass.story !== undefined) return;
  const gate = lookAtGate(pass);
  if (gate?.kind === 'rollback') return rollBack(pass, 'GateDeadline', gate.why);
  if (gate?.kind === 'waiting' && run?.heldSince === undefined) return;
  if (run?.hooksSince !== undefined) return waitForHook(pass, run.hooksSince);
  // Between two rounds of a hold it is still the hold that is waited for.
  if (run?.heldSince === undefined) pass.say(pass.phase, runningText(pass));
  else pass.waiting = pass.seen.status.waiting;
}

/** A round is as long as its hooks take; metrics are asked again meanwhile. */
function waitForHook(pass: Pass, since: string): void {
  const { name } = pass.checks.find(({ verdict }) => verdict === 'pending') ?? {};
  const hook = hooksOf(pass, 'rollout').find((candidate) => candidate.name === name);
  if (hook === undefined) return;
  const leftMs = callMs(hook) - pass.elapsed('hooksSince', since);
  pass.wait('WaitingForHook', `waiting for the rollout webhook ${hook.name}`, since, leftMs);
}

/** What a round means for the run; `true`: nothing further in this pass. */
function applyRound(pass: Pass, outcome: RoundOutcome): boolean {
  const { run } = pass;
  switch (outcome.kind) {
    case 'open':
      return false;
    case 'failed':
      pass.stopClock('heldSince');
      countFailure(pass, outcome.why);
      return true;
    case 'held':
      hold(pass, outcome.reason, outcome.why);
      return true;
    case 'passed':
      pass.stopClock('heldSince');
      if (run !== undefined) delete run.heldReason;
      return false;
  }
}

function countFailure(pass: Pass, why: string): void {
  const { run } = pass;
  if (run === undefined) return;
  const exposed = pass.liveWeight;
  const next = pass.step({ type: 'checksFailed' });
  const threshold = next.context.threshold;
  if (next.phase === 'Failed') {
    return failed(
      pass,
      'FailedChecks',
      `${pass.failedChecks} of ${threshold} allowed checks failed: ${why}`,
      exposed,
    );
  }
  pass.say('ChecksFailed', `${why} (${pass.failedChecks} of ${threshold})`);
  pass.tell('Warning', 'CheckFailed', `${why} (${pass.failedChecks} of ${threshold})`);
}

/** Missing information neither steps nor counts; if it lasts, the run ends. */
function hold(pass: Pass, reason: string, why: string): void {
  const { run } = pass;
  if (run === undefined) return;
  run.heldReason ??= reason;
  const gate = lookAtGate(pass);
  if (gate?.kind === 'rollback') return rollBack(pass, 'GateDeadline', gate.why);
  // A canary that waits for people may well have no traffic to be judged by.
  if (gate?.kind === 'waiting' && reason === 'NoData') return pass.stopClock('heldSince');
  const message = `the round is held: ${why}`;
  const waited = pass.startClock('heldSince');
  pass.wait(reason, message, run.heldSince ?? pass.nowText, run.holdDeadlineMs - waited);
  pass.tellOnce(`held:${run.heldSince}`, 'Warning', reason, message);
  if (pass.memoryBefore.asked && pass.isOver(waited, run.holdDeadlineMs)) {
    rollBack(
      pass,
      reason,
      `no conclusive round for ${Math.round(run.holdDeadlineMs / 1000)}s: ${why}`,
    );
  }
}

function runningText({ run, seen, iterations }: Pass): string {
  return seen.spec?.strategy.kind === 'blueGreen'
    ? `analysing revision ${revisionName(run?.revision)}, iteration ${iterations} of ${seen.spec.strategy.iterations}`
    : `analysing revision ${revisionName(run?.revision)} at ${run?.weight}% of the traffic`;
}

// ── steps ───────────────────────────────────────────────────────────────────

/**
 * A raise needs the latest decided round to have passed, after the last raise, and at most one interval ago. Each raise
 * takes the round before it out of the record: times of a wall clock that was set back would say nothing.
 */
function hasEarnedStep(pass: Pass): boolean {
  const { run, seen } = pass;
  const round = run?.lastRound;
  if (run === undefined || round === undefined || round.verdict !== 'passed') return false;
  const age = pass.elapsed('lastRound', round.at);
  return age <= (seen.spec?.intervalMs ?? 0);
}

function advance(pass: Pass): void {
  const { run, seen } = pass;
  const { spec } = seen;
  if (run === undefined || spec === undefined || !hasEarnedStep(pass)) return;
  if (spec.strategy.kind === 'blueGreen') {
    if (pass.iterations < spec.strategy.iterations)
      return nextIteration(pass, spec.strategy.iterations);
    return promotion(pass);
  }
  const next = nextStep(spec.strategy.steps, pass.liveWeight);
  // Gates come last: an answer is used once, and whatever else is waited for would ask them again.
  if (!isAccepted(pass)) return;
  if (next === undefined ? !isShown(pass) : run.scaleDownSince !== undefined) return;
  // Before promotion it was passed on the way to the last gate, and is not asked again while that one waits.
  if (next !== undefined || pass.phase !== 'WaitingPromotion') {
    const gate = passGates(pass, 'confirm-traffic-increase');
    if (gate.kind === 'rollback') return rollBack(pass, 'GateDeadline', gate.why);
    if (gate.kind === 'waiting') return;
  }
  if (next === undefined) return promotion(pass);
  pass.step({ type: 'checksPassed', liveWeight: pass.liveWeight });
  raised(pass);
  pass.say('Progressing', runningText(pass));
  pass.tell('Normal', 'Advanced', `${targetName(pass)}: canary weight ${run.weight}`);
}

/**
 * Somebody lowered the weight: it stays so until the next passed round, which goes on from there. Recorded before that,
 * so that a raise that is written and not recorded can be told from the one before. Tells whether the pass ends here.
 */
function lowered(pass: Pass): boolean {
  const { run } = pass;
  if (run === undefined || pass.liveWeight >= run.weight) return false;
  const what = `the canary weight was lowered from ${run.weight} to ${pass.liveWeight}`;
  if (contest(pass, 'weight', what)) return true;
  forgetRound(pass);
  run.weight = pass.liveWeight;
  pass.say(pass.phase, runningText(pass));
  pass.lookAgain(0);
  return true;
}

function raised(pass: Pass): void {
  const { run } = pass;
  if (run === undefined) return;
  pass.restartClock('raisedAt');
  pass.restartClock('roundSince');
  run.exposedSince ??= pass.nowText;
  delete run.lastRound;
  pass.lookAgain(pass.seen.spec?.intervalMs ?? 0);
}

function nextIteration(pass: Pass, total: number): void {
  const { run } = pass;
  if (run === undefined) return;
  pass.step({ type: 'checksPassed', liveWeight: pass.liveWeight });
  pass.restartClock('roundSince');
  delete run.lastRound;
  pass.lookAgain(pass.seen.spec?.intervalMs ?? 0);
  pass.say('Progressing', runningText(pass));
  pass.tell('Normal', 'Advanced', `${targetName(pass)}: iteration ${pass.iterations} of ${total}`);
}

/** The last write must have been accepted before the next one raises it further. */
function isAccepted(pass: Pass): boolean {
  const { run, seen } = pass;
  const { acceptance } = seen.traffic;
  if (run === undefined) return false;
  if (acceptance.kind === 'accepted') {
    pass.stopClock('notAcceptedSince');
    return true;
  }
  const waited = pass.startClock('notAcceptedSince');
  const message = `the gateway has not accepted the route: ${acceptance.why}`;
  pass.wait('RouteNotAccepted', message, run.notAcceptedSince ?? pass.nowText, acceptMs - waited);
  if (pass.isOver(waited, acceptMs)) rollBack(pass, 'RouteNotAccepted', message);
  return false;
}

/** What the canary has been given, it really has: a gateway that lags behind has judged nothing yet. */
function isShown(pass: Pass): boolean {
  return (pass.run?.weight ?? 0) === 0 || trafficSettled(pass);
}

/** All rounds passed: the last gate, all traffic for blue/green, then the intent to write the primary. */
function promotion(pass: Pass): void {
  const { run, seen } = pass;
  if (run === undefined || !isAccepted(pass) || !isShown(pass)) return;
  if (seen.spec?.strategy.kind !== 'blueGreen' || run.weight < 100) {
    const gate = passGates(pass, 'confirm-promotion');
    if (gate.kind === 'rollback') return rollBack(pass, 'GateDeadline', gate.why);
    if (gate.kind === 'waiting') {
      if (pass.phase !== 'WaitingPromotion') pass.step({ type: 'promotionHalted' });
      return;
    }
  }
  const weight = run.weight;
  pass.step({ type: 'promotionApproved', showAll: seen.spec?.strategy.kind === 'blueGreen' });
  if (pass.phase === 'Progressing' && run.weight > weight) {
    raised(pass);
    pass.say('Progressing', runningText(pass));
    return pass.tell('Normal', 'Advanced', `${targetName(pass)}: all traffic to the canary`);
  }
  intend(pass);
}

/** Written before the primary is, so that whoever continues knows what may be under way. */
export function intend(pass: Pass): void {
  const { run } = pass;
  if (run === undefined) return;
  run.intent = { revision: run.revision, at: pass.nowText };
  pass.restartClock('primaryNotReadySince');
  pass.stopClock('primaryReadySince');
  pass.stopClock('canaryNotReadySince');
  pass.stopClock('canaryReadySince');
  pass.say('Promoting', 'Canary analysis completed, starting primary rolling update.');
  pass.tell(
    'Normal',
    'Promoting',
    `${targetName(pass)}: promoting revision ${revisionName(run.revision)} to the primary`,
  );
  pass.lookAgain(0);
}

/** `skipAnalysis`: no traffic for the canary, no checks; its readiness is enough. */
function skip(pass: Pass): void {
  const { run } = pass;
  if (run === undefined) return;
  if (pass.liveWeight > 0) {
    pass.shiftTraffic(0, 'restart');
    return pass.lookAgain(0);
  }
  closeGate(pass);
  pass.step({ type: 'promotionApproved', showAll: false });
  intend(pass);
}
