/**
 * When two worlds are the same: equal keys have the same futures.
 *
 * Left out is what only words depend on: messages, check results, what was told, counts of runs. Run ids are renamed:
 * what matters is whether a route's note is of the run in the status, of the run that would begin next, or of neither.
 */
import type { CanaryStatus } from '../../src/api/canary-status.ts';
import type { Run } from '../../src/api/run.ts';
import { runId } from '../../src/core/runs.ts';
import type { Ledger } from '../promises/ledger.ts';
import { ageOf, isTime, textOf, type Caps } from './ages.ts';
import { runOf, type RouteState, type SideState, type WorldState } from './model.ts';

export const currentRun = 'current';
const otherRun = 'other';
const wordsMs = 60_000;

/** The world with run ids renamed, counts that only grow set back, and ages capped. */
export function canonical(world: WorldState, caps: Caps): WorldState {
  const run = runOf(world);
  const routes = world.routes.map((route) => {
    const { applied } = route;
    if (applied === undefined) return route;
    return { ...route, applied: { ...applied, run: renamed(applied.run, run) } };
  });
  const status =
    run === undefined
      ? world.status
      : { ...world.status, run: canonicalRun(run, caps), lastTransitionTime: textOf(0) };
  return { ...world, routes, status, version: 0 };
}

function renamed(id: string, run: Run | undefined): string {
  if (run !== undefined && id === run.id) return currentRun;
  for (const revision of ['v1', 'v2', 'v3']) {
    if (id === runId('canary-uid', revision, (run?.count ?? 0) + 1))
      return runId('canary-uid', revision, run === undefined ? 1 : 2);
  }
  return otherRun;
}

function canonicalRun(run: Run, caps: Caps): Record<string, unknown> {
  const contested = Object.fromEntries(
    Object.entries(run.contested).map(([field, count]) => [field, Math.min(3, count)]),
  );
  const next: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(run)) next[name] = cappedValue(name, value, caps);
  return { ...next, id: currentRun, count: 1, contested, told: [], dropped: 0 };
}

function cappedValue(name: string, value: unknown, caps: Caps): unknown {
  if (isTime(value)) return textOf(caps(name, ageOf(value)));
  if (typeof value === 'object' && value !== null && 'at' in value && isTime(value.at))
    return { ...value, at: textOf(caps(name, ageOf(value.at))) };
  return value;
}

export function keyOf(world: WorldState, ledger: Ledger): string {
  const { status, memory } = world;
  const atRest = isAtRest(status);
  return [
    world.spec,
    sideKey(world.target),
    sideKey(world.primary),
    world.apex,
    flags(world),
    world.routes.map(routeKey).join('+'),
    status.phase,
    atRest ? '' : status.failedChecks,
    atRest ? '' : status.iterations,
    status.lastAppliedSpec,
    status.lastPromotedSpec,
    status.observedGeneration,
    status.waiting && `${status.waiting.reason}@${ageOf(status.waiting.since)}`,
    status.conditions?.map(({ type, status: is }) => type + is).join(''),
    runKey(status.run, atRest),
    memory.looked ? 'L' : '',
    memory.asked ? 'A' : '',
    memory.drain,
    memory.settle,
    // Said so long ago, or never: it may be said again.
    (memory.wordsAgo ?? wordsMs) < wordsMs ? memory.wordsAgo : '',
    memory.unsavedFits === false ? 'X' : '',
    valuesKey(memory.unsaved, atRest),
    ledgerKey(ledger, atRest),
  ].join('|');
}

/** A note of weight 0 says no more than none, unless it tells of an abort or a revert that has to be completed. */
function routeKey({ weight, applied, resting }: RouteState): string {
  const says =
    applied !== undefined && (applied.weight > 0 || /^(abort|revert)/.test(applied.for))
      ? `${applied.run}.${applied.revision}.${applied.weight}.${applied.for}`
      : '';
  return `${weight}${resting ? 'r' : ''}:${says}`;
}

function sideKey(side: SideState | undefined): string {
  if (side === undefined) return '-';
  const { revision, replicas, health, paused, holds } = side;
  return `${revision}.${replicas}.${health}.${paused === true ? 'p' : ''}.${holds ?? ''}`;
}

function flags({ backends, accepted, hasFinalizer, deleting, gone }: WorldState): string {
  return [backends, accepted, hasFinalizer, deleting, gone].map((flag) => (flag ? 1 : 0)).join('');
}

/** Of the record: what the rules read. What it keeps of the spec is the same throughout a story. */
const leftOut = new Set([
  'id',
  'count',
  'startedAt',
  'exposedSince',
  'provider',
  'apex',
  'port',
  'routes',
  'threshold',
  'intervalMs',
  'progressDeadlineMs',
  'holdDeadlineMs',
  'canaryReadyPercent',
  'primaryReadyPercent',
  'told',
  'outbox',
  'dropped',
  'heldReason',
]);

/** What is left of the last run once it is over; the next one begins without it. */
const ofARun = new Set([
  'roundSince',
  'lastRound',
  'raisedAt',
  'hooksSince',
  'preRolloutPassed',
  'heldSince',
  'canaryNotReadySince',
  'canaryReadySince',
  'invalidSince',
  'gateSince',
  'notAcceptedSince',
]);

function isAtRest({ phase, run }: CanaryStatus): boolean {
  const isOver = phase === 'Initialized' || phase === 'Succeeded' || phase === 'Failed';
  return isOver && run !== undefined && run['stay'] !== true;
}

function runKey(run: object | undefined, atRest: boolean): string {
  return run === undefined ? '-' : valuesKey(run, atRest);
}

function valuesKey(values: object, atRest: boolean): string {
  let key = '';
  for (const [name, value] of Object.entries(values).sort(byName)) {
    if (leftOut.has(name) || value === undefined || (atRest && ofARun.has(name))) continue;
    key += `${name}=${valueKey(value)};`;
  }
  return key;
}

const byName = ([a]: [string, unknown], [b]: [string, unknown]): number => (a < b ? -1 : 1);

function valueKey(value: unknown): string {
  if (isTime(value)) return String(ageOf(value));
  if (typeof value !== 'object' || value === null) return String(value);
  return Object.entries(value)
    .sort(byName)
    .map(([name, inner]) =>
      name === 'at' ? '' : `${name}:${isTime(inner) ? ageOf(inner) : String(inner)}`,
    )
    .concat('at' in value && isTime(value.at) ? [String(ageOf(value.at))] : [])
    .join(',');
}

function ledgerKey(ledger: Ledger, atRest: boolean): string {
  const { round, raisedAgo, settledFor, keptFor } = ledger;
  const always = [ledger.revision, ledger.earned, ledger.stay, settledFor, keptFor];
  if (atRest) return always.join(',');
  const ofRun = [
    ledger.raised,
    raisedAgo,
    round && `${round.verdict}.${round.ago}`,
    ledger.rounds,
    ledger.prepared,
    ledger.approved,
    ledger.analysed,
  ];
  return [...always, ...ofRun].join(',');
}
