/**
 * A Canary whose record is not ours, or not any more: taken over from Flagger, or rebuilt from the live objects.
 */
import { initialise } from './initialise.ts';
import type { Pass } from './pass.ts';
import { isStay, isUnderWay } from './phases.ts';
import { startOver, touchAfterIntent } from './progress.ts';
import { beginRun, notes } from './runs.ts';
import { targetName } from './upkeep.ts';

/**
 * What Flagger left: adopted if both sides hold the same, released step by step if not. `again`: it was taken over
 * before, and Flagger has written over that.
 */
export function takeOver(pass: Pass, again: boolean): void {
  const { seen } = pass;
  const { target, primary } = seen;
  if (target === undefined || primary === undefined) return initialise(pass);
  const promoted = seen.takeOver === 'same' ? target.revision : primary.revision;
  pass.lastPromoted = promoted;
  if (!again)
    pass.tell('Normal', 'TakenOver', `taking over from another operator in phase ${pass.phase}`);
  readRun(pass);
  beginRun(pass, target.revision);
  const underWay = isUnderWay(pass.phase);
  // Weight 0 before anything else is written: nobody knows which rounds it was given for.
  if (underWay)
    beginAgain(
      pass,
      target.revision,
      again
        ? 'the record of the run was written over: the analysis starts over'
        : 'taken over in the middle of a run: the analysis starts over',
    );
  if (!seen.hasFinalizer) pass.effects.push({ type: 'addFinalizer' });
  pass.effects.push({ type: 'adoptPrimary', revision: promoted });
  if (underWay) {
    pass.lastApplied = promoted;
    return;
  }
  pass.lastApplied =
    pass.phase === 'Failed' && seen.takeOver !== 'younger' ? target.revision : promoted;
  pass.say(
    pass.phase,
    again ? 'the record was rebuilt from the live objects' : 'taken over from another operator',
  );
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
export function wasHandedOver(pass: Pass): boolean {
  return pass.phase === 'Initializing' && isHandedOver(pass);
}

function isHandedOver(pass: Pass): boolean {
  const { primary, target, services } = pass.seen;
  if (primary?.owned !== true || primary.holds === undefined) return false;
  if (services.apexSide === 'primary') return true;
  // Others may have moved the apex since; that a run wrote to the routes, they cannot have done.
  if (notes(pass).some((note) => note.for !== 'initialise')) return true;
  // The apex Service may have gone, too: what is not the primary's is then not written to it.
  const isGone = services.apexSide === 'missing' && services.backends === 'ready';
  return isGone && target !== undefined && target.revision !== primary.holds;
}

/** Somebody has set the phase back: what was promoted tells that initialisation is over. */
function wasLeft(pass: Pass): boolean {
  return pass.phase === 'Initializing' && pass.lastPromoted !== undefined && wasHandedOver(pass);
}

/** The record is gone, or others have written in it: nothing of it is believed. */
export function isLost(pass: Pass, overwritten: boolean): boolean {
  const { target, primary } = pass.seen;
  // Without both sides the record is all there is to go by.
  const isDoubtful = overwritten && target !== undefined && primary !== undefined;
  if (pass.run !== undefined && !isDoubtful) return wasLeft(pass);
  return pass.phase !== 'Initializing' || wasHandedOver(pass);
}

/** Rebuilt from the live objects; a run starts over at weight 0. `told`: the reason has been told already. */
export function rebuild(pass: Pass, told: boolean): void {
  const { seen } = pass;
  const { target } = seen;
  if (target === undefined || seen.primary === undefined) return withoutSide(pass, told);
  if (!told) tellRebuilt(pass);
  if (pass.lastPromoted === undefined && !isHandedOver(pass)) {
    // Whatever phase the status claims: users were never given to the primary.
    pass.phase = 'Initializing';
    return initialise(pass);
  }
  if (pass.phase === 'Initializing') {
    const isSame = target.revision === pass.primaryHolds && pass.liveWeight === 0;
    pass.phase = isSame ? 'Initialized' : 'Progressing';
    if (isSame) pass.lastApplied = target.revision;
  }
  if (isExposed(pass)) pass.phase = 'Progressing';
  if (isUnderWay(pass.phase)) pass.lastApplied = pass.primaryHolds;
  readRun(pass);
  const underWay = isUnderWay(pass.phase);
  touchAfterIntent(pass);
  beginRun(pass, underWay ? target.revision : (pass.lastApplied ?? target.revision));
  pass.lastPromoted = pass.primaryHolds ?? pass.lastPromoted;
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

function tellRebuilt(pass: Pass): void {
  pass.tell(
    'Warning',
    'StatusRebuilt',
    `the record of ${targetName(pass)} in the status was gone or unreadable; it was rebuilt from the live objects`,
  );
}

/** Initialised anew; but a primary that is gone is made from nothing but what was promoted, as far as that is known. */
function withoutSide(pass: Pass, told: boolean): void {
  const isOurs = pass.lastPromoted?.includes(':') === true;
  if (pass.seen.target === undefined || pass.lastPromoted === undefined || !isOurs) {
    pass.phase = 'Initializing';
    return initialise(pass);
  }
  if (!told) tellRebuilt(pass);
  if (pass.phase !== 'Initialized' && pass.phase !== 'Failed') pass.phase = 'Succeeded';
  beginRun(pass, pass.lastPromoted);
  pass.say(pass.phase, 'the record was rebuilt; the primary is gone');
  pass.lookAgain(0);
}

/** What was not promoted has traffic: a run was under way, whatever phase the status claims. */
function isExposed(pass: Pass): boolean {
  return pass.liveWeight > 0 && pass.seen.target?.revision !== pass.primaryHolds;
}
