/**
 * A Canary that is being deleted gives back what it took, without a failed request, and then lets go.
 *
 * Served in every state, suspended and refused included; it reads the record of the run, never the spec, except for
 * `revertOnDeletion`, which a person may change until the very end.
 */
import type { Pass } from './pass.ts';
import { isUnderWay } from './phases.ts';
import { beginRun } from './runs.ts';
import { readyAt } from './readiness.ts';
import { targetName, trafficSettled } from './upkeep.ts';

/** Messages that are still queued hold a deletion up for so long at most. */
const outboxMs = 10_000;

export function remove(pass: Pass): void {
  const { seen } = pass;
  if (!seen.hasFinalizer) return;
  const wasUnderWay = isUnderWay(pass.phase);
  if (seen.namespaceTerminating) return letGo(pass);
  if (pass.run === undefined && seen.primary !== undefined)
    beginRun(pass, seen.target?.revision ?? '');
  const isNew = pass.phase !== 'Terminating';
  if (isNew) {
    pass.step({ type: 'deleted' });
    pass.tell('Normal', 'Terminating', `giving back what ${seen.name} took`);
  }
  pass.startClock('deletionSince');
  pass.say('Terminating', `giving traffic and pods back to ${targetName(pass)}`);
  giveEverythingBack(pass, wasUnderWay);
  if (isNew) recallWrites(pass);
}

function giveEverythingBack(pass: Pass, wasUnderWay: boolean): void {
  const { seen } = pass;
  const { target, primary } = seen;
  if (target === undefined || target.deleting) {
    pass.effects.push({ type: 'giveBack' });
    return letGo(pass);
  }
  if (seen.spec?.revertOnDeletion === false) return leaveAsItIs(pass, wasUnderWay);
  if (primary === undefined) {
    pass.effects.push(
      { type: 'serveTarget' },
      { type: 'giveBack' },
      { type: 'dropReferences', keep: 'target' },
    );
    return letGo(pass);
  }
  const waited = pass.clock('deletionSince') ?? 0;
  const deadline = pass.run?.progressDeadlineMs ?? 600_000;
  const over = pass.isOver(waited, deadline);
  if (target.revision === primary.holds && (!over || isHandedOver(pass))) return handOver(pass);
  if (!pass.primaryAvailable && pass.canaryAvailable) return leaveOnTarget(pass, over);
  keepPrimary(pass, over);
}

/**
 * What a process wrote that died may still be on its way to the API server: a promotion, pods scaled to 0, an apex
 * adopted. It must find another version there, or it would arrive when nobody is left to see it.
 */
function recallWrites({ run, seen, effects }: Pass): void {
  const isOver = effects.some(({ type }) => type === 'removeFinalizer');
  if (run === undefined || seen.primary === undefined || isOver) return;
  const isScaled = effects.some(({ type }) => type === 'scaleTarget');
  effects.push({ type: 'touchShared', target: !isScaled });
  if (run.intent !== undefined) effects.unshift({ type: 'touchPrimary', mark: `${run.id}/delete` });
  delete run.intent;
}

/** The target takes over as it was: its pods first, then the traffic, then the primary goes. */
function handOver(pass: Pass): void {
  const { target, primary } = pass.seen;
  if (target === undefined || primary === undefined) return;
  const replicas = Math.max(1, primary.replicas);
  if (target.replicas < replicas) {
    pass.effects.push({ type: 'scaleTarget', replicas });
    return pass.lookAgain(1_000);
  }
  const ready = readyAt(target, target.revision, pass.run?.canaryReadyPercent ?? 100);
  if (!ready.ready) {
    pass.say('Terminating', `waiting until ${targetName(pass)} can serve: ${ready.why}`);
    return pass.lookAgain(1_000);
  }
  if (!serveTarget(pass, false)) return;
  pass.effects.push(
    { type: 'giveBack' },
    { type: 'deletePrimary' },
    { type: 'dropReferences', keep: 'target' },
  );
  letGo(pass);
}

function isServedByTarget({ seen: { services, traffic } }: Pass): boolean {
  const byRoutes = traffic.weights === 'switch' || traffic.routes.every(({ resting }) => resting);
  return services.apexSide === 'canary' && byRoutes;
}

/** The target serves already, and can: only the drain is left, whatever the deadline says. */
function isHandedOver(pass: Pass): boolean {
  const { target } = pass.seen;
  const percent = pass.run?.canaryReadyPercent ?? 100;
  return isServedByTarget(pass) && readyAt(target, target?.revision ?? '', percent).ready;
}

/** Apex and routes on the target, drained. */
function serveTarget(pass: Pass, over: boolean): boolean {
  if (!isServedByTarget(pass)) {
    pass.effects.push({ type: 'serveTarget' });
    pass.lookAgain(pass.seen.settings.drainMs);
    return false;
  }
  return over || trafficSettled(pass);
}

function leaveOnTarget(pass: Pass, over: boolean): void {
  if (!serveTarget(pass, over)) return;
  pass.tell(
    'Warning',
    'UnanalysedRevision',
    `${targetName(pass)} serves users with a revision that was not analysed: the primary has no available pod`,
  );
  pass.effects.push(
    { type: 'giveBack' },
    { type: 'deletePrimary' },
    { type: 'dropReferences', keep: 'target' },
  );
  letGo(pass);
}

/** The target holds another revision: the primary stays and serves, and belongs to the target from now on. */
function keepPrimary(pass: Pass, over: boolean): void {
  const { seen } = pass;
  if (pass.liveWeight > 0) {
    if (!pass.primaryAvailable && !over) return pass.lookAgain(1_000);
    pass.shiftTraffic(0, 'release');
    return pass.lookAgain(seen.settings.drainMs);
  }
  if (seen.services.apexSide !== 'primary' && (pass.primaryAvailable || over)) {
    pass.effects.push({ type: 'writeApex', side: 'primary' });
    return pass.lookAgain(seen.settings.drainMs);
  }
  if (!over && !trafficSettled(pass)) return;
  // Past the deadline the Canary goes, but no pod that a gateway may still send to.
  if ((seen.target?.replicas ?? 0) > 0 && pass.primaryAvailable && trafficSettled(pass))
    pass.effects.push({ type: 'scaleTarget', replicas: 0 });
  pass.tell(
    'Warning',
    'PrimaryKept',
    `${targetName(pass)} holds a revision that was not promoted: ${seen.primary?.name}, its Service, the apex Service and the route stay and serve. Take the target back to the promoted revision, scale it up, point the apex Service at it, then delete ${seen.primary?.name}`,
  );
  pass.effects.push({ type: 'dropReferences', keep: 'primary' });
  letGo(pass);
}

/** `revertOnDeletion: false`, said explicitly: as in Flagger, nothing is restored. */
function leaveAsItIs(pass: Pass, wasUnderWay: boolean): void {
  const { seen } = pass;
  if (pass.liveWeight > 0 && pass.primaryAvailable) {
    pass.shiftTraffic(0, 'release');
    return pass.lookAgain(0);
  }
  const who =
    (seen.target?.replicas ?? 0) > 0
      ? targetName(pass)
      : 'nobody, because the target stays scaled to 0';
  pass.tell(
    'Warning',
    'NotReverted',
    `revertOnDeletion is false${wasUnderWay ? ' and a run was under way' : ''}: what was made is removed, and users are then served by ${who}`,
  );
  pass.effects.push({ type: 'giveBack' });
  letGo(pass);
}

function letGo(pass: Pass): void {
  const { run } = pass;
  const waited = pass.clock('deletionSince') ?? 0;
  if (
    run !== undefined &&
    run.outbox.length > 0 &&
    waited < outboxMs &&
    !pass.seen.namespaceTerminating
  ) {
    pass.effects.length = 0;
    pass.events.length = 0;
    return pass.lookAgain(outboxMs - waited);
  }
  pass.tell('Normal', 'Terminated', `${pass.seen.name} has given back what it took`);
  pass.effects.push({ type: 'untouchShared' }, { type: 'removeFinalizer' });
}
