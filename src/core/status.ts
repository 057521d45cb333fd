/**
 * What was decided, as a status: conditions for people and tools, and the record for the next pass.
 */
import { shortRevision, type CanaryStatus } from '../api/canary-status.ts';
import type { Condition } from '../api/object.ts';
import type { Run } from '../api/run.ts';
import type { Effect } from './effects.ts';
import type { Memory } from './observation.ts';
import { clockNames, recordOf, type Pass } from './pass.ts';
import { isUnderWay } from './phases.ts';

/** A wait is worth a patch of its own only once it has lasted so long. */
const worthTellingMs = 30_000;
/** And then at most so often. */
const tellAgainMs = 60_000;

/** The status as it should be after this pass, and the memory that goes with it. */
export function conclude(pass: Pass): { readonly status: CanaryStatus; readonly memory: Memory } {
  const before = pass.seen.status;
  const { wordsAt, wrote } = pass.memoryBefore;
  const after = pass.keepsStatus ? before : render(pass);
  if (same(before, after))
    return { status: before, memory: { ...remember(pass, {}, wordsAt), wrote } };
  if (isDecision(pass, before, after))
    return { status: after, memory: { ...remember(pass, {}, wordsAt), wrote: after } };
  if (isWorthTelling(pass, before, after))
    return { status: after, memory: { ...remember(pass, {}, pass.time.monotonic), wrote: after } };
  return { status: before, memory: { ...remember(pass, unsavedParts(pass), wordsAt), wrote } };
}

function render(pass: Pass): CanaryStatus {
  const { seen, run } = pass;
  const before = seen.status;
  const story = pass.story ?? storyBefore(pass) ?? { reason: pass.phase, message: '' };
  const judged = pass.judged && seen.spec !== undefined && seen.target !== undefined;
  return {
    ...before,
    phase: pass.phase,
    message: story.message,
    provider: seen.provider,
    revision: revisionText(pass),
    canaryWeight: weightAfter(pass),
    failedChecks: pass.failedChecks,
    iterations: pass.iterations,
    checks: [...pass.checks],
    waiting: pass.waiting,
    lastAppliedSpec: pass.lastApplied,
    lastPromotedSpec: pass.lastPromoted,
    lastTransitionTime: pass.phase === pass.phaseBefore ? before.lastTransitionTime : pass.nowText,
    observedGeneration: judged ? seen.generation : before.observedGeneration,
    conditions: conditionsOf(pass, story),
    run,
  };
}

/** The revision under test or promoted; between runs the one that was taken up last, also after a revert. */
function revisionText({ run, phase, lastApplied }: Pass): string | undefined {
  const rests = phase === 'Initialized' || phase === 'Succeeded';
  const revision = rests ? (lastApplied ?? run?.revision) : (run?.revision ?? lastApplied);
  return revision === undefined ? undefined : shortRevision(revision);
}

/** The live weight after this pass's own writes. */
function weightAfter(pass: Pass): number {
  const shift = pass.effects.findLast((effect) => effect.type === 'shiftTraffic');
  return shift?.type === 'shiftTraffic' ? shift.weight : pass.liveWeight;
}

/**
 * What was said last stays said, unless it told of something that is over: between runs only the outcome of the last
 * one outlives the pass that said it.
 */
function storyBefore({ seen: { status }, phase, run }: Pass): Pass['story'] {
  if (status.phase !== phase) return undefined;
  const ready = status.conditions?.find(({ type }) => type === 'Ready');
  if (ready === undefined) return undefined;
  const said = { reason: ready.reason, message: status.message ?? ready.message ?? '' };
  if (phase !== 'Initialized' && phase !== 'Succeeded' && phase !== 'Failed') return said;
  if (ready.reason === phase || ready.reason === 'Reverted') return said;
  const reason = (phase === 'Failed' ? run?.reason : undefined) ?? phase;
  return ready.reason === reason ? said : { reason, message: restingTexts[phase] };
}

const restingTexts = {
  Initialized: 'Deployment initialization completed.',
  Succeeded: 'the primary serves what was last promoted',
  Failed: 'the last release was rolled back; the primary serves what was promoted before',
} as const;

// ── conditions ──────────────────────────────────────────────────────────────

type ConditionStatus = Condition['status'];

interface Row {
  readonly ready: ConditionStatus;
  readonly reconciling: boolean;
  readonly stalled: boolean;
  /** `undefined`: stays as it was. */
  readonly promoted: ConditionStatus | undefined;
}

/** The table of section 12 of the semantics. */
function rowOf(pass: Pass): Row {
  const { phase, seen } = pass;
  const refused = seen.refusals.length > 0 || seen.spec === undefined;
  if (refused && !isUnderWay(phase) && !seen.deleting)
    return { ready: 'False', reconciling: false, stalled: true, promoted: undefined };
  if (phase === 'Failed')
    return { ready: 'False', reconciling: false, stalled: true, promoted: 'False' };
  if (phase === 'Initialized' || phase === 'Succeeded') {
    const unserved = pass.story?.reason === 'PrimaryNotReady';
    return {
      ready: pass.stalled || unserved ? 'False' : 'True',
      reconciling: false,
      stalled: pass.stalled,
      promoted: 'True',
    };
  }
  return { ready: 'False', reconciling: !pass.stalled, stalled: pass.stalled, promoted: 'Unknown' };
}

function conditionsOf(
  pass: Pass,
  story: { readonly reason: string; readonly message: string },
): Condition[] {
  const row = rowOf(pass);
  const rows: [string, ConditionStatus | undefined][] = [
    ['Ready', row.ready],
    ['Reconciling', row.reconciling ? 'True' : undefined],
    ['Stalled', row.stalled ? 'True' : undefined],
    ['Promoted', row.promoted],
  ];
  const before = pass.seen.status.conditions ?? [];
  return rows.flatMap(([type, status]) => {
    const old = before.find((condition) => condition.type === type);
    if (status === undefined) return type === 'Promoted' && old !== undefined ? [old] : [];
    const reason = type === 'Promoted' ? pass.phase : story.reason;
    const message = story.message;
    if (
      old !== undefined &&
      old.status === status &&
      old.reason === reason &&
      old.message === message &&
      old.observedGeneration === pass.seen.generation
    ) {
      return [old];
    }
    return [
      {
        type,
        status,
        reason,
        message,
        observedGeneration: pass.seen.generation,
        lastUpdateTime: pass.nowText,
        lastTransitionTime:
          old?.status === status ? (old.lastTransitionTime ?? pass.nowText) : pass.nowText,
      },
    ];
  });
}

// ── is it worth a patch ─────────────────────────────────────────────────────

function isDecision(pass: Pass, before: CanaryStatus, after: CanaryStatus): boolean {
  if (pass.effects.some(isRecorded) || pass.events.length > 0) return true;
  return !same(essence(before, pass.seen.run), essence(after, pass.run)) || hasNews(pass);
}

/** A route that is prepared serves as before, and says itself that it is. */
function isRecorded(effect: Effect): boolean {
  return effect.type !== 'shiftTraffic' || effect.applied.for !== 'prepare';
}

/**
 * Whether the outbox is worth a patch: a new entry always is. That one was delivered goes with the next patch, or
 * alone when a run brings none for a while: a restart would say it again.
 */
function hasNews(pass: Pass): boolean {
  const before = pass.seen.run?.outbox ?? [];
  const after = pass.run?.outbox ?? [];
  if (after.some(({ id }) => before.every((entry) => entry.id !== id))) return true;
  const delivered = before.filter(({ id }) => after.every((entry) => entry.id !== id));
  if (delivered.length === 0 || !isUnderWay(pass.phase)) return delivered.length > 0;
  const age = Math.max(...delivered.map(({ since }) => pass.time.now - Date.parse(since)));
  if (age < worthTellingMs) pass.lookAgain(worthTellingMs - age);
  return age >= worthTellingMs;
}

/** A status without its words and without the clocks of waits that began by themselves. */
function essence(status: CanaryStatus, run: Run | undefined): unknown {
  const quiet = new Set<string>([...quietParts, 'outbox']);
  return {
    ...status,
    message: undefined,
    checks: status.checks
      ?.filter(({ verdict }) => verdict !== 'passed' && verdict !== 'pending')
      .map(({ name, verdict }) => `${name} ${verdict}`),
    waiting: status.waiting?.reason === 'Suspended' ? status.waiting.since : undefined,
    conditions: status.conditions?.map((condition) => `${condition.type}=${condition.status}`),
    run: run && Object.fromEntries(Object.entries(run).filter(([name]) => !quiet.has(name))),
  };
}

/** What changes without our deciding anything: clocks that the world starts, and rounds that lead to nothing. */
const quietParts = [
  'canaryNotReadySince',
  'canaryReadySince',
  'primaryNotReadySince',
  'primaryReadySince',
  'notAcceptedSince',
  'roundSince',
  'lastRound',
  'hooksSince',
] as const;

function isWorthTelling(pass: Pass, before: CanaryStatus, after: CanaryStatus): boolean {
  if (same(words(before), words(after))) return false;
  const since = pass.waiting?.since ?? before.waiting?.since;
  if (since === undefined) return false;
  const lasted = pass.elapsed('wait', since);
  if (lasted < worthTellingMs) {
    pass.lookAgain(worthTellingMs - lasted);
    return false;
  }
  const { wordsAt } = pass.memoryBefore;
  const ago = wordsAt === undefined ? tellAgainMs : pass.time.monotonic - wordsAt;
  if (ago >= tellAgainMs) return true;
  pass.lookAgain(tellAgainMs - ago);
  return false;
}

/**
 * What a person would read anew; that the same was heard again a moment ago is no news, nor that a hook was asked again.
 */
function words({ message, checks, waiting, conditions }: CanaryStatus): unknown {
  return {
    message,
    checks: checks?.map((check) =>
      check.verdict === 'pending'
        ? { name: check.name, kind: check.kind, verdict: 'passed' }
        : { ...check, at: undefined },
    ),
    waiting,
    conditions: conditions?.map(({ type, status, reason }) => `${type}=${status} ${reason}`),
  };
}

function unsavedParts(pass: Pass): Memory['unsaved'] {
  const saved = pass.seen.run;
  return Object.fromEntries(
    quietParts.flatMap((name) => {
      const now = pass.run?.[name];
      return same(now, saved?.[name]) ? [] : [[name, now ?? null] as const];
    }),
  );
}

// ── memory ──────────────────────────────────────────────────────────────────

/** Every clock of the run, and every key that was timed in this pass, with where it stands now. */
function remember(pass: Pass, unsaved: Memory['unsaved'], wordsAt: number | undefined): Memory {
  const anchors: Record<string, { elapsedMs: number; monotonic: number }> = {};
  const keep = (key: string, since: string | undefined): void => {
    const known = pass.memoryBefore.anchors[key];
    anchors[key] = known ?? {
      elapsedMs: since === undefined ? 0 : Math.max(0, pass.time.now - Date.parse(since)),
      monotonic: pass.time.monotonic,
    };
  };
  for (const key of pass.keptAnchors) {
    const at = key.indexOf('@');
    const since = key.slice(at + 1);
    keep(key, Number.isNaN(Date.parse(since)) || !since.endsWith('Z') ? undefined : since);
  }
  for (const name of clockNames) {
    const since = pass.run?.[name];
    if (since !== undefined) keep(`${name}@${since}`, since);
  }
  const { run } = pass;
  if (run?.lastRound !== undefined) keep(`lastRound@${run.lastRound.at}`, run.lastRound.at);
  if (run?.exposedSince !== undefined) keep(`exposedSince@${run.exposedSince}`, run.exposedSince);
  return {
    looked: true,
    asked: pass.memoryBefore.asked || pass.asked,
    anchors,
    unsaved,
    unsavedOf: pass.seen.run === undefined ? undefined : recordOf(pass.seen.run),
    wordsAt,
  };
}

/** Deep equality of plain data; `undefined` fields count as absent. */
export function same(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false;
  if (Array.isArray(a) || Array.isArray(b)) {
    return (
      Array.isArray(a) &&
      Array.isArray(b) &&
      a.length === b.length &&
      a.every((item, index) => same(item, b[index]))
    );
  }
  const left = Object.entries(a).filter(([, value]) => value !== undefined);
  const right = new Map(Object.entries(b).filter(([, value]) => value !== undefined));
  return (
    left.length === right.size &&
    left.every(([key, value]) => right.has(key) && same(value, right.get(key)))
  );
}
