/**
 * Observation, answers and time in; effects, status and next look out.
 *
 * The one entry to everything that is decided. Pure: the same arguments give the same decision.
 */
import type { Decision } from './effects.ts';
import { initialise } from './initialise.ts';
import type { Answers, Memory, Observation, Time } from './observation.ts';
import { acknowledge, type Delivery } from './outbox.ts';
import { clockNames, Pass } from './pass.ts';
import { isHeld, isStay, isUnderWay } from './phases.ts';
import { progress, startOver } from './progress.ts';
import { finalise, promote, stay } from './promote.ts';
import { remove } from './remove.ts';
import { leaveHold, rest, scaleDown } from './rest.ts';
import { beginRun } from './runs.ts';
import { conclude } from './status.ts';
import { correctTraffic, keepServices, targetName } from './upkeep.ts';

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
  if (seen.spec?.suspend === true) return freeze(pass);
  thaw(pass);
  if (isHardRefusal(pass)) return refuse(pass);
  if (seen.takeOver !== 'none' && pass.run === undefined) return takeOver(pass);
  if (isRefused(pass)) return refuse(pass);
  for (const [index, message] of (seen.spec?.warnings ?? []).entries())
    pass.tellOnce(`spec-warning:${index}`, 'Warning', 'SpecWarning', message);
  for (const { reason, message } of seen.services.warnings)
    pass.tellOnce(`warning:${reason}`, 'Warning', reason, message);
  if (pass.run === undefined ? pass.phase !== 'Initializing' || wasHandedOver(pass) : wasLeft(pass))
    return rebuild(pass);
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

/** No round, no step, no write but the status that says so; clocks stand still. */
function freeze(pass: Pass): void {
  const { run } = pass;
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

/** Another operator writes here, or our own schema is missing: nothing may be written but that. */
function isHardRefusal({ seen }: Pass): boolean {
  return seen.refusals.some(({ reason }) => reason === 'CrdTooOld' || reason === 'AnotherOperator');
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

// ── somebody else's record ──────────────────────────────────────────────────

/** What Flagger left: adopted if both sides hold the same, released step by step if not. */
function takeOver(pass: Pass): void {
  const { seen } = pass;
  const { target, primary } = seen;
  if (target === undefined || primary === undefined) return initialise(pass);
  const promoted = seen.takeOver === 'same' ? target.revision : primary.revision;
  pass.lastPromoted = promoted;
  pass.tell('Normal', 'TakenOver', `taking over from another operator in phase ${pass.phase}`);
  readRun(pass);
  beginRun(pass, target.revision);
  const underWay = isUnderWay(pass.phase);
  // Weight 0 before anything else is written: nobody knows which rounds it was given for.
  if (underWay)
    beginAgain(
      pass,
      target.revision,
      'taken over in the middle of a run: the analysis starts over',
    );
  if (!seen.hasFinalizer) pass.effects.push({ type: 'addFinalizer' });
  pass.effects.push({ type: 'adoptPrimary', revision: promoted });
  if (underWay) {
    pass.lastApplied = promoted;
    return;
  }
  pass.lastApplied =
    pass.phase === 'Failed' && seen.takeOver !== 'younger' ? target.revision : promoted;
  pass.say(pass.phase, 'taken over from another operator');
  pass.lookAgain(0);
}

/**
 * A run of which nothing is known but its phase begins with its analysis, or, without pods, as a new revision: through
 * its gate if there is one, then up.
 */
function readRun(pass: Pass): void {
  if (isUnderWay(pass.phase))
    pass.phase = pass.seen.target?.replicas === 0 ? 'Initialized' : 'Progressing';
}

/** Weight 0; but where that would send users to a side without pods, the weight stands until the primary has some. */
function beginAgain(pass: Pass, revision: string, message: string): void {
  const { run, liveWeight } = pass;
  if (run === undefined || liveWeight === 0 || pass.primaryAvailable || !pass.canaryAvailable)
    return startOver(pass, revision, message);
  run.weight = liveWeight;
  pass.say(
    'PrimaryNotReady',
    `${pass.seen.primary?.name} has no available pod; traffic is held at ${liveWeight}% until it has`,
  );
  pass.lookAgain(0);
}

/** The whole status vanished, but users are with a primary of ours: initialisation was over, or nearly so. */
function wasHandedOver({ phase, seen: { primary, target, services } }: Pass): boolean {
  if (phase !== 'Initializing' || primary?.owned !== true || primary.holds === undefined)
    return false;
  if (services.apexSide === 'primary') return true;
  // The apex Service may have gone, too: what is not the primary's is then not written to it.
  const isGone = services.apexSide === 'missing' && services.backends === 'ready';
  return isGone && target !== undefined && target.revision !== primary.holds;
}

/** Somebody has set the phase back: what was promoted tells that initialisation is over. */
function wasLeft(pass: Pass): boolean {
  return pass.phase === 'Initializing' && pass.lastPromoted !== undefined && wasHandedOver(pass);
}

/** The record vanished: rebuilt from the live objects; a run starts over at weight 0. */
function rebuild(pass: Pass): void {
  const { seen } = pass;
  const { target } = seen;
  if (target === undefined || seen.primary === undefined) {
    pass.phase = 'Initializing';
    return initialise(pass);
  }
  if (pass.phase === 'Initializing') {
    const isSame = target.revision === pass.primaryHolds && pass.liveWeight === 0;
    pass.phase = isSame ? 'Initialized' : 'Progressing';
    if (isSame) pass.lastApplied = target.revision;
  }
  if (isUnderWay(pass.phase)) pass.lastApplied = pass.primaryHolds;
  readRun(pass);
  const underWay = isUnderWay(pass.phase);
  beginRun(pass, underWay ? target.revision : (pass.lastApplied ?? target.revision));
  pass.lastPromoted = pass.primaryHolds ?? pass.lastPromoted;
  pass.tell(
    'Warning',
    'StatusRebuilt',
    `the record of ${targetName(pass)} in the status was gone or unreadable; it was rebuilt from the live objects`,
  );
  if (underWay)
    return beginAgain(
      pass,
      target.revision,
      'the record of the run was lost: the analysis starts over',
    );
  // Pods that nobody sends to any more may still be there.
  if (target.replicas > 0 && !isStay(pass)) pass.startClock('scaleDownSince');
  pass.say(pass.phase, 'the record was rebuilt from the live objects');
  pass.lookAgain(0);
}
