/**
 * A primary that is gone: made again only from a template that hashes to what was promoted.
 */
import { clockNames, type Pass } from './pass.ts';
import { evaluateRound } from './rounds.ts';
import { revisionName, targetName } from './upkeep.ts';

/** Makes the primary again if its template can be found; tells whether it could. */
export function recreatePrimary(pass: Pass): boolean {
  const { promotedTemplate } = pass.answers;
  const revision = pass.lastPromoted;
  if (revision === undefined || promotedTemplate === undefined || promotedTemplate === 'none')
    return false;
  pass.effects.push({ type: 'createPrimary', revision, from: promotedTemplate });
  pass.tellOnce(
    `recreated:${pass.nowText}`,
    'Warning',
    'PrimaryMissing',
    `the primary of ${targetName(pass)} was gone; made again at revision ${revisionName(revision)}`,
  );
  return true;
}

/** Between runs, without a primary: users go to the target if it can answer, because nobody else can. */
export function recoverPrimary(pass: Pass): void {
  const { run, seen } = pass;
  if (run === undefined) return;
  if (recreatePrimary(pass)) {
    run.stay = false;
    return pass.say('PrimaryMissing', 'the primary was gone and is being made again');
  }
  if (pass.answers.promotedTemplate === undefined) return pass.lookAgain(1_000);
  const message = `the primary of ${targetName(pass)} is gone, and no template of revision ${revisionName(pass.lastPromoted)} is left; take the target back to that revision`;
  pass.stalled = true;
  pass.say('PrimaryMissing', message);
  pass.tellOnce('PrimaryMissing', 'Warning', 'PrimaryMissing', message);
  pass.alert({ fact: 'PrimaryMissing', severity: 'error', text: message });
  if (!pass.canaryAvailable) return;
  if (seen.traffic.routes.some(({ weight }) => weight !== 100)) pass.shiftTraffic(100, 'stay');
  if (seen.services.apexSide !== 'canary') pass.effects.push({ type: 'writeApex', side: 'canary' });
  if (!run.stay) beginToServe(pass);
  run.revision = seen.target?.revision ?? run.revision;
  if (!pass.canaryReady.ready) return;
  const round = evaluateRound(pass);
  if (round.kind !== 'passed' || seen.target === undefined) return;
  pass.lastPromoted = run.revision;
  pass.lastApplied = run.revision;
  run.stay = false;
  pass.effects.push({ type: 'createPrimary', revision: run.revision, from: 'target' });
}

/** What is left of the run before says nothing about the time in which the target serves everybody. */
function beginToServe(pass: Pass): void {
  const { run } = pass;
  if (run === undefined) return;
  run.stay = true;
  run.weight = 100;
  delete run.reason;
  delete run.lastRound;
  delete run.hooksSince;
  for (const name of clockNames) if (name !== 'scaleDownSince') pass.stopClock(name);
  pass.restartClock('roundSince');
}
