/**
 * When two worlds are the same: equal keys have the same futures.
 *
 * Left out is what only words depend on (both outcomes of a pass that might be recorded for its words alone are
 * explored, see `pass.ts`), and what nothing reads any more before it is written again: the clocks of a run that is
 * over, the account of rounds once traffic is at rest. A clock is as old as the rules can tell: an interval that has
 * passed and one that passed long ago are one. Where every revision may be
 * pushed at any time, they are named in the order in which they appear. `explore.ts` holds a sample of worlds with equal keys against each other.
 */
import type { Phase } from '../../src/api/canary-status.ts';
import type { Run } from '../../src/api/run.ts';
import { runId } from '../../src/core/runs.ts';
import type { Ledger } from '../promises/ledger.ts';
import { ageOf, olderValues, textOf, type Caps } from './ages.ts';
import {
  runOf,
  type MemoryState,
  type RouteState,
  type Setting,
  type SideState,
  type WorldState,
} from './model.ts';

const currentRun = 'current';
const otherRun = 'other';
export const revisions: readonly string[] = ['v1', 'v2', 'v3'];

/** The world with run ids renamed, counts that only grow set back, and ages capped. */
export function canonical(world: WorldState, caps: Caps): WorldState {
  const run = runOf(world);
  const routes = world.routes.map((route) => {
    const { applied } = route;
    if (applied === undefined) return route;
    return { ...route, applied: { ...applied, run: renamed(applied.run, run) } };
  });
  const status =
    run === undefined ? world.status : { ...world.status, run: canonicalRun(run, caps) };
  return { ...world, routes, status, version: 0, memory: canonicalMemory(world.memory, caps) };
}

function canonicalMemory(memory: MemoryState, caps: Caps): MemoryState {
  const { drain, settle, unsaved } = memory;
  return {
    ...memory,
    drain: drain === undefined ? undefined : caps('drain', drain),
    settle: settle === undefined ? undefined : caps('settle', settle),
    unsaved: olderValues(unsaved, (name, text) => textOf(caps(name, ageOf(text)))),
  };
}

function renamed(id: string, run: Run | undefined): string {
  if (run !== undefined && id === run.id) return currentRun;
  for (const revision of revisions) {
    if (id === runId('canary-uid', revision, (run?.count ?? 0) + 1))
      return runId('canary-uid', revision, run === undefined ? 1 : 2);
  }
  return otherRun;
}

/** The third time that a field is taken back ends a run: more than twice before is no more than twice. */
const contestedTwice = 2;

const canonicalRuns = new WeakMap<Run, Run>();

function canonicalRun(run: Run, caps: Caps): Run {
  const before = canonicalRuns.get(run);
  if (before !== undefined) return before;
  const contested = Object.fromEntries(
    Object.entries(run.contested).map(([field, count]) => [field, Math.min(contestedTwice, count)]),
  );
  const next = olderValues(run, (name, text) => textOf(caps(name, ageOf(text))));
  const own = { id: currentRun, count: 1, contested, told: [], dropped: 0 };
  const found: Run = Object.assign({ ...run }, next, own);
  canonicalRuns.set(run, found).set(found, found);
  return found;
}

// ── the key ─────────────────────────────────────────────────────────────────

/** What the worlds of a setting can tell apart at all. */
interface Facts {
  readonly interval: number;
  readonly iterations: number;
  readonly preRollout: boolean;
  readonly adopted: boolean;
  readonly losesPrimary: boolean;
  /** Metrics or hooks are asked in rounds; else readiness is the round, whenever it is looked at. */
  readonly rounds: boolean;
}

const known = new WeakMap<Setting, Facts>();

function factsOf(setting: Setting): Facts {
  const before = known.get(setting);
  if (before !== undefined) return before;
  const specs = Object.values(setting.specs);
  const facts: Facts = {
    interval: setting.specs.plain.intervalMs,
    iterations: Math.max(
      ...specs.map(({ strategy }) => (strategy.kind === 'blueGreen' ? strategy.iterations : 0)),
    ),
    preRollout: specs.some(({ webhooks }) => webhooks.some(({ type }) => type === 'pre-rollout')),
    adopted: setting.adopted,
    losesPrimary: setting.losesPrimary === true,
    rounds: specs.some(
      ({ metrics, webhooks }) =>
        metrics.length > 0 || webhooks.some(({ type }) => type === 'rollout'),
    ),
  };
  known.set(setting, facts);
  return facts;
}

/** How much of the record is still read. */
type Mode =
  | 'deleting'
  | 'initialising'
  | 'rest'
  | 'held'
  | 'run'
  | 'promotion'
  /** The primary holds what the run is for. */
  | 'written'
  | 'end'
  /** The canary stands in for a primary that holds the same, … */
  | 'stay'
  /** … with a revision that the primary does not hold yet, … */
  | 'standIn'
  /** … or that is on its way there. */
  | 'release';

function modeOf(world: WorldState, run: Run | undefined): Mode {
  const { deleting, status, primary } = world;
  const { phase } = status;
  if (deleting) return 'deleting';
  if (run?.stay === true) return stayOf(phase, run, primary?.holds);
  switch (phase) {
    case 'Initialized':
    case 'Succeeded':
      return 'rest';
    case 'Failed':
      return run?.reason === 'PrimaryNotReady' && run.weight > 0 ? 'held' : 'rest';
    case 'Waiting':
    case 'Progressing':
    case 'WaitingPromotion':
      return 'run';
    case 'Promoting':
      return run?.intent !== undefined && run.intent.revision === primary?.holds
        ? 'written'
        : 'promotion';
    case 'Finalising':
      return 'end';
    case 'Initializing':
    case 'Terminating':
    case 'Terminated':
    case '':
    case undefined:
      return 'initialising';
  }
}

function stayOf(
  phase: Phase | undefined | '',
  { intent, revision }: Run,
  holds: string | undefined,
): Mode {
  if (phase === 'Promoting') return intent?.revision === holds ? 'written' : 'release';
  return intent !== undefined || revision === holds ? 'stay' : 'standIn';
}

type Naming = (revision: string | undefined) => string;

const asIs: Naming = (revision = '-') => revision;

/** Names revisions in the order in which they are asked for. */
function naming(): Naming {
  const names = new Map<string, string>();
  return (revision) => {
    if (revision === undefined) return '-';
    let name = names.get(revision);
    if (name === undefined) {
      name = String.fromCodePoint(97 + names.size);
      names.set(revision, name);
    }
    return name;
  };
}

export function keyOf(world: WorldState, ledger: Ledger, setting: Setting): string {
  const facts = factsOf(setting);
  const name = setting.isSymmetric === true ? naming() : asIs;
  const { status, memory } = world;
  const run = runOf(world);
  const mode = modeOf(world, run);
  const { target, primary, spec, apex, routes } = world;
  const fits = memory.unsavedFits !== false;
  const now = run === undefined ? undefined : fits ? withUnsaved(run, memory.unsaved) : run;
  const saved = run === undefined ? '' : clocksKey(run, mode, facts);
  const clocks = now === undefined ? '' : clocksKey(now, mode, facts);
  const counts = mode === 'run' ? `${status.failedChecks}.${status.iterations}` : '';
  const drain = memory.drain === undefined ? '' : memory.drain;
  const settle = facts.adopted && mode === 'initialising' ? memory.settle : '';
  return `${spec}|${sideKey(primary, name)}|${sideKey(target, name)}|${apex}|${flags(world)}|${
    status.phase
  }|${now === undefined ? '-' : runKey(now, mode, facts, name)}|${clocks}|${
    saved === clocks ? '' : saved
  }|${routes.map((route) => routeKey(route, run, mode, name)).join('+')}|${counts}|${
    mode === 'rest' || mode === 'held' || (facts.losesPrimary && now?.stay === true)
      ? name(status.lastAppliedSpec)
      : ''
  }|${facts.losesPrimary && mode !== 'deleting' ? name(status.lastPromotedSpec) : ''}|${memory.looked ? 'L' : ''}${
    memory.asked && now?.heldSince !== undefined ? 'A' : ''
  }|${drain}|${settle}|${ledgerKey(ledger, mode, facts, name)}`;
}

function withUnsaved(run: Run, unsaved: WorldState['memory']['unsaved']): Run {
  const names = Object.keys(unsaved);
  if (names.length === 0) return run;
  const next: Record<string, unknown> = { ...run, ...unsaved };
  for (const one of names) if (next[one] === null) delete next[one];
  return next as Run;
}

function sideKey(side: SideState | undefined, name: Naming): string {
  if (side === undefined) return '-';
  const { revision, replicas, health, paused, holds } = side;
  return `${name(revision)}${replicas}${health}${paused === true ? 'p' : ''}${
    holds === undefined ? '' : name(holds)
  }`;
}

function flags({ backends, accepted, hasFinalizer, deleting, gone }: WorldState): string {
  return `${backends ? 1 : 0}${accepted ? 1 : 0}${hasFinalizer ? 1 : 0}${deleting ? 1 : 0}${gone ? 1 : 0}`;
}

/** What a route's note still says: whether it is of this run, or begins the next one; notes of other runs say nothing. */
function routeKey(
  { weight, applied, resting }: RouteState,
  run: Run | undefined,
  mode: Mode,
  name: Naming,
): string {
  return `${weight}${resting ? 'r' : ''}:${
    applied === undefined || mode === 'deleting' ? '' : noteKey(applied, run, mode, name)
  }`;
}

function noteKey(
  applied: NonNullable<RouteState['applied']>,
  run: Run | undefined,
  mode: Mode,
  name: Naming,
): string {
  const { run: of, revision, weight, for: reason } = applied;
  if (run === undefined || of !== run.id)
    return of === otherRun || reason !== 'restart' ? '' : `next${name(revision)}`;
  if (mode === 'rest' || mode === 'initialising' || revision !== run.revision) return '';
  // What stands in has all traffic, whatever was said of less.
  if (run.stay) return reason === 'promoted' ? reason : '';
  return `${weight}${/^abort|raise|revert|promoted/.exec(reason)?.[0] ?? ''}${
    reason === 'abort:PrimaryNotReady' ? 'P' : ''
  }`;
}

/** Of the record, what is no clock. */
function runKey(run: Run, mode: Mode, facts: Facts, name: Naming): string {
  const { revision, weight, intent, gate, contested, reason, stay } = run;
  const isWaiting = run.suspendedAt === undefined ? '' : 'S';
  if (mode === 'deleting') return isWaiting;
  const takenBack = mode === 'run' ? contestedKey(contested) : '';
  return `${name(revision)}${mode === 'rest' || mode === 'initialising' ? '' : weight}${
    stay ? 's' : ''
  }${isWaiting}${intent === undefined ? '' : `i${name(intent.revision)}`}${mode === 'run' ? (gate ?? '') : ''}${
    (mode === 'held' || stay) && reason === 'PrimaryNotReady' ? 'P' : ''
  }${facts.preRollout && mode === 'run' && run.preRolloutPassed ? 'h' : ''}${
    facts.adopted && mode === 'rest' ? (contested['selector'] ?? 0) : takenBack
  }`;
}

function contestedKey(contested: Run['contested']): string {
  const { weight = 0, routes = 0, selector = 0 } = contested;
  return `${weight}${routes}${selector}`;
}

const age = (since: string | undefined): number | '' => (since === undefined ? '' : ageOf(since));

/** Of the record, its clocks, as far as they are still read. */
function clocksKey(run: Run, mode: Mode, facts: Facts): string {
  const primary = `${age(run.primaryNotReadySince)},${age(run.primaryReadySince)}`;
  switch (mode) {
    case 'deleting':
      return `${age(run.deletionSince)}`;
    case 'initialising':
      return `${age(run.primaryNotReadySince)},${age(run.notAcceptedSince)}`;
    case 'rest':
      return `${age(run.scaleDownSince)}`;
    case 'held':
      return `${age(run.scaleDownSince)},${age(run.primaryReadySince)}`;
    case 'end':
      return `${age(run.primaryNotReadySince)},${age(run.notAcceptedSince)},${dueKey(run)}`;
    case 'stay':
      // Without a primary it would have to be analysed again.
      if (facts.losesPrimary) return `${primary},${roundsKey(run)},${age(run.scaleDownSince)}`;
      return `${primary},${dueKey(run)},${age(run.scaleDownSince)}`;
    case 'written':
      return `${primary},${dueKey(run)}`;
    case 'promotion':
      return `${primary},${dueKey(run)},${run.raisedAt === undefined ? '' : 'r'},${age(
        run.canaryNotReadySince,
      )},${age(run.invalidSince)}`;
    case 'release':
      return `${primary},${roundsKey(run)},${age(run.canaryNotReadySince)}`;
    case 'standIn':
      return `${roundsKey(run)},${age(run.scaleDownSince)}`;
    case 'run':
      return `${primary},${roundsKey(run)},${roundKey(run, facts)},${
        run.raisedAt === undefined ? '' : 'r'
      },${age(run.canaryNotReadySince)},${age(run.invalidSince)},${age(run.notAcceptedSince)},${age(
        run.gateSince,
      )}`;
  }
}

function roundsKey(run: Run): string {
  return `${dueKey(run)},${run.hooksSince === undefined ? '' : 'h'},${age(run.heldSince)},${age(
    run.canaryReadySince,
  )}`;
}

function dueKey({ roundSince }: Run): number | '' {
  return roundSince === undefined ? '' : ageOf(roundSince);
}

/** A round counts while it has passed and is new; that one failed is asked of the first alone, which hooks can fail. */
function roundKey(run: Run, { interval, preRollout }: Facts): string {
  if (run.lastRound === undefined) return '';
  const { verdict, at } = run.lastRound;
  if (verdict === 'passed') return ageOf(at) <= interval ? `p${ageOf(at)}` : '';
  return verdict === 'failed' && preRollout && !run.preRolloutPassed ? 'f' : '';
}

function ledgerKey(ledger: Ledger, mode: Mode, facts: Facts, name: Naming): string {
  const { round, raisedAgo, settledFor, keptFor } = ledger;
  if (mode === 'deleting') return `${settledFor},${keptFor}`;
  const always = `${name(ledger.revision)},${ledger.earned},${ledger.stay},${settledFor},${keptFor}`;
  if (mode === 'rest' && !ledger.stay) return always;
  const counts = facts.rounds && round?.verdict === 'passed' && round.ago <= facts.interval;
  return `${always},${ledger.raised},${
    raisedAgo === undefined || raisedAgo >= facts.interval ? '' : raisedAgo
  },${counts ? round.ago : ''},${Math.min(facts.iterations, ledger.rounds)},${
    facts.preRollout ? ledger.prepared : ''
  },${ledger.approved},${ledger.analysed === undefined ? '' : name(ledger.analysed)}`;
}
