/**
 * From a Deployment that serves users to one whose users are served by a primary, without a failed request.
 *
 * Each step is read from the live objects, so a restart continues where it stopped. Until the last step the target
 * is not scaled: users stay where they were, whatever goes wrong here.
 */
import { isApexContested, sayApexContested, writeApex } from './apex.ts';
import type { Pass } from './pass.ts';
import { beginRun, refreshRun } from './runs.ts';
import { contest, targetName, trafficSettled } from './upkeep.ts';

/** How long endpoints or the gateway may take to follow before we say so. */
const followMs = 60_000;

export function initialise(pass: Pass): void {
  const { seen } = pass;
  const { target, primary } = seen;
  if (target === undefined) {
    pass.say(
      'TargetNotFound',
      `waiting for ${seen.spec?.target.kind} ${targetName(pass)} to exist`,
    );
    return;
  }
  // Not earlier: a Canary that owns nothing has nothing to give back.
  if (!seen.hasFinalizer) pass.effects.push({ type: 'addFinalizer' });
  if (pass.run === undefined) beginRun(pass, target.revision);
  refreshRun(pass);
  if (pass.run !== undefined && pass.run.revision !== target.revision)
    followTemplate(pass, target.revision);
  if (primary === undefined) {
    pass.effects.push({ type: 'createPrimary', revision: target.revision, from: 'target' });
    pass.say('CreatingPrimary', `making ${target.name}-primary from ${target.name}`);
    pass.startClock('primaryNotReadySince');
    return;
  }
  if (primary.holds !== target.revision || !primary.owned) {
    pass.say('PrimaryFollows', `${primary.name} takes over the template of ${target.name}`);
    pass.restartClock('primaryNotReadySince');
    // Recorded first: whoever believes in an old status, in which nothing was handed over, is refused there.
    if (seen.run?.revision !== target.revision) return pass.lookAgain(0);
    pass.effects.push({ type: 'promote', revision: target.revision });
    return;
  }
  if (!primaryIsReady(pass)) return;
  if (seen.services.backends !== 'ready') pass.effects.push({ type: 'writeBackends' });
  if (!apexServesPrimary(pass) || !routeServesPrimary(pass) || !isSettled(pass)) {
    if (isApexContested(pass))
      sayApexContested(
        pass,
        `until nobody does, ${target.name} serves users too and stays as it is`,
      );
    return;
  }
  // Taken back before, it may be taken back again, and then `rest.ts` would need the target.
  if (target.replicas > 0 && !isApexContested(pass))
    pass.effects.push({ type: 'scaleTarget', replicas: 0 });
  complete(pass, target.revision);
}

/** The target got another template before anything was handed over: start again at the primary. */
function followTemplate(pass: Pass, revision: string): void {
  beginRun(pass, revision);
}

function primaryIsReady(pass: Pass): boolean {
  const { run, seen } = pass;
  const ready = pass.primaryReady;
  if (ready.ready) {
    pass.stopClock('primaryNotReadySince');
    pass.forget('alert:PrimaryNotReady');
    return true;
  }
  const waited = pass.startClock('primaryNotReadySince');
  const deadline = run?.progressDeadlineMs ?? 0;
  const message = `${seen.primary?.name} is not ready: ${ready.why}`;
  pass.wait(
    'PrimaryNotReady',
    message,
    run?.primaryNotReadySince ?? pass.nowText,
    deadline - waited,
  );
  if (!pass.isOver(waited, deadline)) return false;
  pass.stalled = true;
  pass.say(
    'PrimaryNotReady',
    `${message}; users are still served by ${seen.target?.name}. Correct its template`,
  );
  if (pass.tellOnce('PrimaryNotReady', 'Warning', 'PrimaryNotReady', message)) {
    pass.alert({
      fact: 'PrimaryNotReady',
      since: run?.primaryNotReadySince,
      severity: 'error',
      text: `Initialisation of ${targetName(pass)} stands still: ${message}`,
    });
  }
  return false;
}

function apexServesPrimary(pass: Pass): boolean {
  const { services } = pass.seen;
  if (
    services.apexSide !== 'primary' ||
    services.apex !== 'ready' ||
    services.followers === 'drifted'
  ) {
    if (services.marked && services.apexSide !== 'primary')
      contest(pass, 'selector', `the apex Service ${pass.run?.apex} selected other pods`);
    writeApex(pass, 'primary');
    pass.say('MovingService', `the Service ${pass.run?.apex} moves to the primary`);
    pass.stopClock('notAcceptedSince');
    return false;
  }
  if (pass.answers.apexEndpoints === 'primary') return true;
  return waitToFollow(
    pass,
    'EndpointsNotReady',
    `the endpoints of Service ${pass.run?.apex} still show other pods than the primary's`,
  );
}

function routeServesPrimary(pass: Pass): boolean {
  const { traffic } = pass.seen;
  const served =
    traffic.routes.length > 0 &&
    traffic.routes.every(({ weight, drifted }) => weight === 0 && !drifted);
  if (!served) {
    pass.shiftTraffic(0, 'initialise');
    pass.say('WritingRoute', 'the route sends all traffic to the primary');
    pass.stopClock('notAcceptedSince');
    return false;
  }
  if (traffic.acceptance.kind === 'accepted') return true;
  return waitToFollow(
    pass,
    'RouteNotAccepted',
    `the route is not accepted: ${traffic.acceptance.why}`,
  );
}

function waitToFollow(pass: Pass, reason: string, message: string): false {
  const waited = pass.startClock('notAcceptedSince');
  pass.wait(reason, message, pass.run?.notAcceptedSince ?? pass.nowText, followMs - waited);
  pass.lookAgain(1_000);
  if (pass.isOver(waited, followMs)) {
    pass.stalled = true;
    pass.say(reason, `${message}; users are still served by ${pass.seen.target?.name}`);
    pass.tellOnce(reason, 'Warning', reason, message);
  }
  return false;
}

/** Drained, and, with an adopted apex, nobody took its selector back for a while. */
function isSettled(pass: Pass): boolean {
  const { seen } = pass;
  pass.stopClock('notAcceptedSince');
  pass.say('Draining', `waiting until no request is under way to ${seen.target?.name}`);
  if (!trafficSettled(pass)) return false;
  if (!seen.services.adopted) return true;
  const settled = pass.heldFor(`settle@${seen.traffic.version}`);
  if (settled >= seen.settings.settleMs) return true;
  pass.say(
    'Settling',
    `watching whether somebody takes the selector of Service ${pass.run?.apex} back`,
  );
  pass.lookAgain(seen.settings.settleMs - settled);
  return false;
}

function complete(pass: Pass, revision: string): void {
  const { seen, run } = pass;
  pass.step({ type: 'initialised' });
  pass.lastApplied = revision;
  pass.lastPromoted = revision;
  if (run !== undefined) delete run.primaryNotReadySince;
  const kind = seen.spec?.target.kind ?? 'Deployment';
  pass.say('Initialized', `${kind} initialization completed.`);
  pass.tell(
    'Normal',
    'Initialized',
    `${targetName(pass)} is served by ${seen.primary?.name}; changes of its template are now released step by step`,
  );
  pass.tellOnce(
    'shared-configs',
    'Normal',
    'SharedConfiguration',
    'primary and canary share ConfigMaps and Secrets: a change of theirs reaches both sides at once',
  );
  pass.alert({
    fact: 'initialised',
    severity: 'info',
    text: `New ${kind} detected, initialization completed.`,
    fields: metadataFields(pass),
  });
}

/** What Flagger's alerts say about the run to come. */
export function metadataFields({
  seen,
}: Pass): readonly { readonly title: string; readonly value: string }[] {
  const { spec } = seen;
  if (spec === undefined) return [];
  const routing =
    spec.strategy.kind === 'blueGreen'
      ? `Blue/Green, ${spec.strategy.iterations} iterations`
      : `Weight steps: ${spec.strategy.steps.join(',')}`;
  return [
    { title: 'Target', value: `${spec.target.kind}/${spec.target.name}.${seen.namespace}` },
    { title: 'Failed checks threshold', value: String(spec.threshold) },
    { title: 'Progress deadline', value: `${spec.progressDeadlineMs / 1000}s` },
    { title: 'Traffic routing', value: routing },
  ];
}
