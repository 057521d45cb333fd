/**
 * One pass as it is being decided: what was seen, and what has been decided so far.
 *
 * The rules (`initialise.ts`, `progress.ts`, …) read the first half and fill the second; `decide.ts` calls them in
 * order and turns the result into a `Decision`. Nothing here outlives the pass.
 */
import type { CheckResult, Phase, Waiting } from '../api/canary-status.ts';
import { Run } from '../api/run.ts';
import type { Effect, Told } from './effects.ts';
import { step, type RolloutContext, type RolloutEvent, type Step } from './machine.ts';
import type { Answers, Memory, Observation, Time } from './observation.ts';
import { isAvailable, readyAt, type Readiness } from './readiness.ts';
import type { AppliedTraffic, TrafficReason } from './traffic.ts';
import { queueAlert, queuePostRollout, type Alert } from './outbox.ts';

/** What kubectl shows beside the phase. */
export interface Story {
  readonly reason: string;
  readonly message: string;
}

/** The API server refuses a status with longer texts, and a status that cannot be stored stops the run. */
const maxWaitChars = 1024;
const maxStoryChars = 8 * 1024;

function clipped(text: string, max = maxWaitChars): string {
  return text.length <= max ? text : `${text.slice(0, max - 1)}…`;
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

/** The clocks of `status.run`, by name. */
export type ClockName =
  | 'roundSince'
  | 'raisedAt'
  | 'heldSince'
  | 'canaryNotReadySince'
  | 'canaryReadySince'
  | 'primaryNotReadySince'
  | 'primaryReadySince'
  | 'invalidSince'
  | 'notAcceptedSince'
  | 'gateSince'
  | 'suspendedAt'
  | 'deletionSince'
  | 'scaleDownSince';

/** Every clock of a run; `exposedSince` and the like are read through `elapsed`. */
export const clockNames: readonly ClockName[] = [
  'roundSince',
  'raisedAt',
  'heldSince',
  'canaryNotReadySince',
  'canaryReadySince',
  'primaryNotReadySince',
  'primaryReadySince',
  'invalidSince',
  'notAcceptedSince',
  'gateSince',
  'suspendedAt',
  'deletionSince',
  'scaleDownSince',
];

/** What tells one record of a run from the one before it, as far as a pass may keep something on top of it. */
export function recordOf({
  id,
  weight,
  raisedAt,
  roundSince,
  lastRound,
  intent,
  stay,
}: Run): string {
  return JSON.stringify([id, weight, raisedAt, roundSince, lastRound, intent, stay]);
}

function withUnsaved(run: Run, { unsaved, unsavedOf }: Memory): Mutable<Run> {
  if (Object.keys(unsaved).length === 0) return { ...run };
  // Somebody has written since, perhaps we ourselves without hearing of it: a round must not outlive its raise.
  if (unsavedOf !== undefined && unsavedOf !== recordOf(run)) return { ...run };
  const clocks = Object.entries(unsaved).filter(([, since]) => since !== null);
  const kept = Object.entries(run).filter(([name]) => unsaved[name] !== null);
  return Run.parse(Object.fromEntries([...kept, ...clocks]));
}

export class Pass {
  readonly seen: Observation;
  readonly answers: Answers;
  readonly time: Time;
  readonly memoryBefore: Memory;

  phase: Phase;
  readonly phaseBefore: Phase | '';
  run: Mutable<Run> | undefined;
  failedChecks: number;
  iterations: number;
  checks: readonly CheckResult[];
  waiting: Waiting | undefined;
  story: Story | undefined;
  stalled = false;
  lastApplied: string | undefined;
  lastPromoted: string | undefined;
  /** The target's revision was looked at. */
  judged = true;
  /** Every question of a due round was answered in this pass. */
  asked = false;
  outcome: 'succeeded' | 'failed' | 'skipped' | undefined;
  /** The status stays as it was read, whatever it says. */
  keepsStatus = false;

  readonly effects: Effect[] = [];
  readonly events: Told[] = [];
  /** Clocks that are timed in memory alone, like the drain: key to first sight. */
  readonly keptAnchors = new Set<string>();
  #lookMs: number | undefined;

  constructor(seen: Observation, answers: Answers, memory: Memory, time: Time) {
    this.seen = seen;
    this.answers = answers;
    this.time = time;
    this.memoryBefore = memory;
    const { status } = seen;
    this.phaseBefore = status.phase ?? '';
    this.phase = status.phase === undefined || status.phase === '' ? 'Initializing' : status.phase;
    this.run = seen.run === undefined ? undefined : withUnsaved(seen.run, memory);
    this.failedChecks = status.failedChecks ?? 0;
    this.iterations = Math.max(0, status.iterations ?? 0);
    this.checks = status.checks ?? [];
    this.lastApplied = status.lastAppliedSpec;
    this.lastPromoted = status.lastPromotedSpec;
  }

  /** The current moment as the status writes it. */
  get nowText(): string {
    return new Date(this.time.now).toISOString();
  }

  // ── time ──────────────────────────────────────────────────────────────────

  /** Look again after `ms` at the latest. */
  lookAgain(ms: number): void {
    const wait = Math.max(0, ms);
    if (this.#lookMs === undefined || wait < this.#lookMs) this.#lookMs = wait;
  }

  get lookAgainAfterMs(): number | undefined {
    return this.#lookMs;
  }

  /**
   * How long ago `since` was, on the monotonic clock from the moment this process first saw it: a wall clock that
   * jumps neither shortens nor prolongs a wait.
   */
  elapsed(name: string, since: string): number {
    const key = `${name}@${since}`;
    this.keptAnchors.add(key);
    const anchor = this.memoryBefore.anchors[key];
    if (anchor !== undefined) return anchor.elapsedMs + this.time.monotonic - anchor.monotonic;
    return Math.max(0, this.time.now - Date.parse(since));
  }

  /** Time on one of the run's clocks; `undefined` when it does not run. */
  clock(name: ClockName): number | undefined {
    const since = this.run?.[name];
    return since === undefined ? undefined : this.elapsed(name, since);
  }

  /** Starts a clock unless it runs, and tells its time. */
  startClock(name: ClockName): number {
    if (this.run === undefined) return 0;
    this.run[name] ??= this.nowText;
    return this.clock(name) ?? 0;
  }

  restartClock(name: ClockName): void {
    if (this.run !== undefined) this.run[name] = this.nowText;
  }

  stopClock(name: ClockName): void {
    if (this.run !== undefined) delete this.run[name];
  }

  /** Whether the clock has reached the deadline, after a look at the world made since the start; else looks again in time. */
  isOver(elapsedMs: number, deadlineMs: number): boolean {
    if (elapsedMs < deadlineMs) {
      this.lookAgain(deadlineMs - elapsedMs);
      return false;
    }
    if (this.memoryBefore.looked) return true;
    this.lookAgain(0);
    return false;
  }

  /** Timed in memory: how long `key` has been so. Starts anew after a restart. */
  heldFor(key: string): number {
    this.keptAnchors.add(key);
    const anchor = this.memoryBefore.anchors[key];
    return anchor === undefined ? 0 : anchor.elapsedMs + this.time.monotonic - anchor.monotonic;
  }

  // ── the two sides ─────────────────────────────────────────────────────────

  get primaryAvailable(): boolean {
    return isAvailable(this.seen.primary);
  }

  get canaryAvailable(): boolean {
    return isAvailable(this.seen.target);
  }

  /** The revision the primary says it holds. */
  get primaryHolds(): string | undefined {
    return this.seen.primary?.holds;
  }

  get primaryReady(): Readiness {
    const { primary, spec } = this.seen;
    const percent = spec?.primaryReadyPercent ?? this.run?.primaryReadyPercent ?? 100;
    return readyAt(primary, primary?.revision ?? '', percent);
  }

  get canaryReady(): Readiness {
    const { target, spec } = this.seen;
    const percent = spec?.canaryReadyPercent ?? this.run?.canaryReadyPercent ?? 100;
    return readyAt(target, this.run?.revision ?? '', percent);
  }

  // ── traffic ───────────────────────────────────────────────────────────────

  /** The highest share that any routing object gives the canary now. */
  get liveWeight(): number {
    return Math.max(0, ...this.seen.traffic.routes.map(({ weight }) => weight ?? 0));
  }

  applied(weight: number, reason: TrafficReason): AppliedTraffic {
    return { run: this.run?.id ?? '', revision: this.run?.revision ?? '', weight, for: reason };
  }

  /** The rule above all others: no traffic to a side that cannot answer, away from one that can. */
  #strands(weight: number): boolean {
    const { traffic, services } = this.seen;
    // Where the apex decides alone it sends nobody to the primary unless it selects it, whatever a weight says.
    const byApex = traffic.weights === 'switch' || traffic.routes.some((route) => route.byApex);
    const live = byApex && services.apexSide !== 'primary' ? 100 : this.liveWeight;
    if (weight < live) return !this.primaryAvailable && this.canaryAvailable;
    return weight > live && !this.canaryAvailable && this.primaryAvailable;
  }

  shiftTraffic(weight: number, reason: TrafficReason): void {
    if (this.#strands(weight)) {
      // Recorded all the same: it goes back as soon as there is somebody who can take it.
      if (this.run !== undefined) this.run.weight = Math.min(weight, this.run.weight);
      return;
    }
    const write: Effect = { type: 'shiftTraffic', weight, applied: this.applied(weight, reason) };
    // What takes traffic away comes before anything else; only a promotion under way is stopped first.
    const first = weight === 0 && reason !== 'initialise';
    const touches = this.effects.filter(({ type }) => first && type === 'touchPrimary');
    // Only the last word counts: one pass writes each routing object once.
    const others = this.effects.filter(
      (effect) => effect.type !== 'shiftTraffic' && !touches.includes(effect),
    );
    this.effects.splice(
      0,
      this.effects.length,
      ...(first ? [...touches, write, ...others] : [...others, write]),
    );
    if (this.run !== undefined) {
      this.run.weight = weight;
      delete this.run.notAcceptedSince;
    }
  }

  // ── the machine ───────────────────────────────────────────────────────────

  get context(): RolloutContext {
    const strategy = this.seen.spec?.strategy;
    return {
      strategy: strategy?.kind ?? 'weighted',
      steps: strategy?.kind === 'weighted' ? strategy.steps : [],
      iterations: strategy?.kind === 'blueGreen' ? strategy.iterations : 0,
      promotionStep: strategy?.kind === 'weighted' ? strategy.promotionStep : 0,
      threshold: this.seen.spec?.threshold ?? this.run?.threshold ?? 1,
      switchOnly: this.seen.traffic.weights === 'switch',
      weight: this.run?.weight ?? 0,
      iteration: this.iterations,
      failedChecks: this.failedChecks,
    };
  }

  /** Steps the machine: the phase, the counters and the traffic follow. */
  step(event: RolloutEvent): Step {
    const next = step(this.phase, this.context, event);
    this.phase = next.phase;
    this.iterations = next.context.iteration;
    this.failedChecks = next.context.failedChecks;
    if (next.shift !== undefined) this.shiftTraffic(next.shift.weight, next.shift.for);
    else if (this.run !== undefined) this.run.weight = next.context.weight;
    return next;
  }

  // ── words ─────────────────────────────────────────────────────────────────

  tell(type: Told['type'], reason: string, message: string): void {
    this.events.push({ type, reason, message });
  }

  /** Tells something once in a run. */
  tellOnce(fact: string, type: Told['type'], reason: string, message: string): boolean {
    if (this.run === undefined || this.run.told.includes(fact)) return false;
    this.run.told = [...this.run.told, fact];
    this.tell(type, reason, message);
    return true;
  }

  forget(fact: string): void {
    if (this.run?.told.includes(fact))
      this.run.told = this.run.told.filter((told) => told !== fact);
  }

  /** Neither a word nor a record of this pass: the status stays as others have written it. */
  keepStatus(): void {
    this.keepsStatus = true;
    this.events.length = 0;
  }

  alert(alert: Alert): void {
    queueAlert(this, alert);
  }

  /** The run is over: hooks of type `post-rollout` are told, from the outbox. */
  finish(outcome: 'succeeded' | 'failed' | 'skipped'): void {
    this.outcome = outcome;
    queuePostRollout(this);
  }

  say(reason: string, message: string): void {
    this.story = { reason, message: clipped(message, maxStoryChars) };
  }

  /** A wait, in words: `until` is the time left, if it ends by itself. */
  wait(reason: string, message: string, since: string, leftMs?: number, lastAnswer?: string): void {
    const before = this.seen.status.waiting;
    const same = before?.reason === reason && before.since === since;
    this.waiting = {
      for: clipped(message),
      reason,
      since,
      ...(lastAnswer === undefined ? {} : { lastAnswer: clipped(lastAnswer) }),
      ...(leftMs === undefined
        ? {}
        : {
            until:
              same && before?.until !== undefined
                ? before.until
                : new Date(this.time.now + Math.max(0, leftMs)).toISOString(),
          }),
    };
    this.say(reason, message);
  }
}
