/**
 * Observation, answers and time in; effects, status and next look out.
 *
 * The one entry to everything that is decided. Pure: the same arguments give the same decision.
 */
import { keepServices } from './apex.ts';
import type { Decision } from './effects.ts';
import { initialise } from './initialise.ts';
import type { Answers, Memory, Observation, Time } from './observation.ts';
import { acknowledge, type Delivery } from './outbox.ts';
import { clockNames, Pass } from './pass.ts';
import { answerWriter, otherWriter, stayAway, stop, type OtherWriter } from './other-writers.ts';
import { isHeld, isStay, isUnderWay } from './phases.ts';
import { progress } from './progress.ts';
import { finalise, promote, stay } from './promote.ts';
import { remove } from './remove.ts';
import { leaveHold, rest, scaleDown } from './rest.ts';
import { conclude } from './status.ts';
import { isLost, rebuild, takeOver } from './take-over.ts';
import { correctTraffic } from './upkeep.ts';

/** What one look leads to. */
export function decide(
  seen: Observation,
  answers: Answers,
  memory: Memory,
  time: Time,
  deliveries: readonly Delivery[] = [],
): Decision {
  const pass = new Pass(seen, answers, memory, time);
  rule(pass, deliveries);
  const { status, memory: next } = conclude(pass);
  const { effects, events, lookAgainAfterMs, outcome } = pass;
  return {
    effects,
    status,
    events,
    memory: next,
    lookAgainAfterMs,
    ...(outcome === undefined ? {} : { outcome }),
  };
}

function rule(pass: Pass, deliveries: readonly Delivery[]): void {
  const { seen } = pass;
  acknowledge(pass, deliveries);
  // The drain is timed from the first look that sees a routing object accepted, whoever asks for it later.
  if (seen.traffic.acceptance.kind === 'accepted') pass.heldFor(`drain@${seen.traffic.version}`);
  if (seen.services.apexSide === 'primary') pass.heldFor(`settle@${seen.traffic.version}`);
  if (seen.deleting) return remove(pass);
  const other = otherWriter(pass);
  if (other?.kind === 'stayAway') return stayAway(pass, other);
  if (seen.spec?.suspend === true) return freeze(pass, other?.kind);
  thaw(pass);
  if (isHardRefusal(pass)) return refuse(pass);
  if (other?.kind === 'stop') return stop(pass, other.by);
  if (other !== undefined) answerWriter(pass, other);
  const isOverwritten = other !== undefined;
  if (seen.takeOver !== 'none' && pass.run === undefined) return takeOver(pass, isOverwritten);
  // A record that is gone is no reason to leave users with what nobody watches.
  const isUnwatched = isLost(pass, isOverwritten) && pass.liveWeight > 0;
  if (isRefused(pass) && !isUnwatched) return refuse(pass);
  for (const [index, message] of (seen.spec?.warnings ?? []).entries())
    pass.tellOnce(`spec-warning:${index}`, 'Warning', 'SpecWarning', message);
  for (const { reason, message } of seen.services.warnings)
    pass.tellOnce(`warning:${reason}`, 'Warning', reason, message);
  if (isLost(pass, isOverwritten)) return rebuild(pass, isOverwritten);
  follow(pass);
}

function follow(pass: Pass): void {
  switch (pass.phase) {
    case 'Initializing':
    case 'Terminating':
    case 'Terminated':
      return initialise(pass);
    case 'Initialized':
    case 'Succeeded':
      return rest(pass);
    case 'Failed':
      return isStay(pass) ? stay(pass) : rest(pass);
    case 'Waiting':
    case 'Progressing':
    case 'WaitingPromotion':
      return progress(pass);
    case 'Promoting':
      return promote(pass);
    case 'Finalising':
      return finalise(pass);
  }
}

// ── suspend ─────────────────────────────────────────────────────────────────

/**
 * No round, no step, no write but the status that says so; clocks stand still. What others write into the status
 * meanwhile stays as it is, and is answered when it goes on.
 */
function freeze(pass: Pass, other: OtherWriter['kind'] | undefined): void {
  const { run } = pass;
  if (other === 'rebuild' || other === 'stop') return pass.keepStatus();
  const message = isUnderWay(pass.phase)
    ? `suspended at ${pass.liveWeight}% canary traffic; nothing watches the canary until spec.suspend is taken back`
    : 'suspended: new revisions are not released until spec.suspend is taken back';
  if (run !== undefined) pass.startClock('suspendedAt');
  pass.say('Suspended', message);
  if (isUnderWay(pass.phase)) pass.wait('Suspended', message, run?.suspendedAt ?? pass.nowText);
}

/** Moves every clock by the time that was spent suspended. */
function thaw(pass: Pass): void {
  const { run } = pass;
  if (run?.suspendedAt === undefined) return;
  const frozenMs = pass.elapsed('suspendedAt', run.suspendedAt);
  delete run.suspendedAt;
  const later = (time: string): string => new Date(Date.parse(time) + frozenMs).toISOString();
  for (const name of clockNames) {
    const since = run[name];
    if (since !== undefined) run[name] = later(since);
  }
  if (run.lastRound !== undefined)
    run.lastRound = { ...run.lastRound, at: later(run.lastRound.at) };
  pass.tell('Normal', 'Resumed', 'going on where it was suspended');
}

// ── refusals ────────────────────────────────────────────────────────────────

/** Our own schema is missing: nothing may be written but that. */
function isHardRefusal({ seen }: Pass): boolean {
  return seen.refusals.some(({ reason }) => reason === 'CrdTooOld');
}

function isRefused(pass: Pass): boolean {
  const { seen, run, phase } = pass;
  if (seen.refusals.length === 0 && seen.spec !== undefined) return false;
  return !(isUnderWay(phase) && run !== undefined);
}

/** Says why, and touches nothing; what an earlier, sound spec put there is kept as it was. */
function refuse(pass: Pass): void {
  const { seen } = pass;
  const refusal = seen.refusals[0] ?? { reason: 'InvalidSpec', message: 'the spec does not parse' };
  pass.stalled = true;
  // A kind that comes to be served is no change of any object.
  if (refusal.reason === 'KindNotServed') pass.lookAgain(5_000);
  pass.say(
    refusal.reason,
    seen.refusals.map(({ message }) => message).join('; ') || refusal.message,
  );
  if (
    seen.status.conditions?.find(({ type }) => type === 'Stalled')?.message !== pass.story?.message
  ) {
    pass.tell('Warning', refusal.reason, pass.story?.message ?? refusal.message);
  }
  if (pass.run === undefined || pass.phase === 'Initializing' || isHardRefusal(pass)) return;
  const { story } = pass;
  if (isHeld(pass)) leaveHold(pass);
  else correctTraffic(pass);
  pass.story = story;
  keepServices(pass);
  // What a run has left behind goes also beside a spec that would be refused now.
  if (!isUnderWay(pass.phase) && !isStay(pass) && !isHeld(pass)) scaleDown(pass);
}
