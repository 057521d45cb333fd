/**
 * Judges one step of `decide` by the promises. Pure; knows the semantics, not the code that is judged.
 *
 * It is told what was seen and answered, and keeps its own account (`ledger.ts`) of what the rounds have earned.
 */
import type { Effect } from '../../src/core/effects.ts';
import type { Answers, Observation } from '../../src/core/observation.ts';
import { isAvailable, readyAt } from '../../src/core/readiness.ts';
import { aged, type Ledger } from './ledger.ts';
import type { Breach, PromiseId, Step } from './promises.ts';

export interface Judgement {
  readonly breaches: readonly Breach[];
  /** The account after this step. */
  readonly ledger: Ledger;
}

/** Judges a step that came `elapsedMs` after the last one. */
export function judge(step: Step, before: Ledger, elapsedMs = 0): Judgement {
  const ledger = look(step, aged(before, elapsedMs));
  const breaches: Breach[] = [];
  const report = (id: PromiseId, what: string): void => {
    breaches.push({ id, what });
  };
  for (const check of checks) check(step, ledger, report);
  return { breaches, ledger: account(step, ledger) };
}

type Check = (step: Step, ledger: Ledger, report: (id: PromiseId, what: string) => void) => void;

// ── what was seen ───────────────────────────────────────────────────────────

export function liveWeight({ traffic }: Observation): number {
  return traffic.routes.reduce((most, { weight }) => Math.max(most, weight ?? 0), 0);
}

function interval({ before }: Step): number {
  return before.spec?.intervalMs ?? before.run?.intervalMs ?? 0;
}

function isCanaryReady({ before: { target, spec, run } }: Step): boolean {
  const percent = spec?.canaryReadyPercent ?? run?.canaryReadyPercent ?? 100;
  return target !== undefined && readyAt(target, target.revision, percent).ready;
}

const settled = ({ before: { settings } }: Step, { settledFor }: Ledger): boolean =>
  settledFor !== undefined && settledFor >= settings.drainMs;

const hour = 3_600_000;

/** All hooks of a type have said yes in this pass; `undefined`: the spec has none. */
function allYes({ before, answers }: Step, type: string): boolean | undefined {
  const hooks = (before.spec?.webhooks ?? []).filter((hook) => hook.type === type);
  if (hooks.length === 0) return undefined;
  return hooks.every(({ id }) =>
    Object.entries(answers.hooks).some(
      ([question, { kind }]) => kind === 'yes' && question.startsWith(`${type}/${id}/`),
    ),
  );
}

/** A gate whose deadline lets the rollout go on although it said no. */
function mayProceed({ before, answers }: Step, type: string): boolean {
  return (before.spec?.webhooks ?? []).some(
    ({ type: of, onDeadline, deadlineMs, id }) =>
      of === type &&
      onDeadline === 'proceed' &&
      deadlineMs !== undefined &&
      Object.entries(answers.hooks).some(
        ([question, { kind }]) => kind === 'no' && question.startsWith(`${type}/${id}/`),
      ),
  );
}

type Verdict = 'passed' | 'failed' | 'held' | 'open';

/** What the answers of this pass amount to as a round, by the table of section 4. */
export function roundOf({ before, answers }: Step): Verdict {
  const { spec } = before;
  if (spec === undefined) return 'open';
  const hooks = Object.entries(answers.hooks).filter(([id]) => id.startsWith('rollout/'));
  const wanted = spec.webhooks.filter(({ type }) => type === 'rollout').length;
  if (hooks.some(([, { kind }]) => kind === 'no' || kind === 'unreachable')) return 'failed';
  const verdicts = spec.metrics.map((metric) => verdictOf(before, metric, answers));
  if (spec.metrics.length > 0 && verdicts.every((verdict) => verdict === 'unasked')) return 'open';
  if (verdicts.includes('failed')) return 'failed';
  if (hooks.filter(([, { kind }]) => kind === 'yes').length < wanted) return 'open';
  if (verdicts.includes('held') || verdicts.includes('unasked')) return 'held';
  if (verdicts.length > 0 && verdicts.every((verdict) => verdict === 'leftOut')) return 'held';
  return 'passed';
}

function verdictOf(
  { group }: Observation,
  { id, range, onNoData }: NonNullable<Observation['spec']>['metrics'][number],
  { checks: answered }: Answers,
): 'passed' | 'failed' | 'held' | 'leftOut' | 'unasked' {
  const answer = answered[id];
  if (answer === undefined) return 'unasked';
  const strict = group === 'flagger.app';
  if (answer.kind !== 'sample') return strict ? 'failed' : 'held';
  const { sample } = answer;
  if (sample.kind === 'manySeries') {
    const last = sample.values.at(-1);
    if (!strict || last === undefined) return strict ? 'failed' : 'held';
    return judgeValue(last, range, onNoData, strict);
  }
  if (sample.kind === 'noData') return noData(onNoData);
  return judgeValue(sample.value, range, onNoData, strict);
}

function noData(policy: 'hold' | 'fail' | 'pass'): 'failed' | 'held' | 'leftOut' {
  if (policy === 'fail') return 'failed';
  return policy === 'pass' ? 'leftOut' : 'held';
}

function judgeValue(
  value: number,
  {
    min = Number.NEGATIVE_INFINITY,
    max = Number.POSITIVE_INFINITY,
  }: { min?: number; max?: number },
  policy: 'hold' | 'fail' | 'pass',
  strict: boolean,
): 'passed' | 'failed' | 'held' | 'leftOut' {
  if (Number.isNaN(value)) return noData(policy);
  if (!Number.isFinite(value)) return strict ? 'failed' : 'held';
  return value >= min && value <= max ? 'passed' : 'failed';
}

/** Takes what this pass sees and is answered into the account, before it is judged. */
function look(step: Step, ledger: Ledger): Ledger {
  const { before } = step;
  let next = ledger;
  const revision = before.target?.revision;
  // Without a primary that can answer nothing can be made of it, and the traffic stays where it is. While suspended
  // nothing is: what counts is what is there afterwards.
  const isFrozen = before.spec?.suspend === true && !before.deleting;
  const isActionable = next.revision === undefined || (isAvailable(before.primary) && !isFrozen);
  if (revision !== undefined && revision !== next.revision && isActionable) {
    // What serves everybody may have been analysed while nobody but it could answer.
    const analysed = next.analysed === revision ? revision : undefined;
    next = { ...next, ...nothingEarned, revision, analysed };
  }
  const { acceptance, version } = before.traffic;
  if (version !== next.trafficVersion)
    next = { ...next, trafficVersion: version, settledFor: undefined };
  if (acceptance.kind === 'accepted') next = { ...next, settledFor: next.settledFor ?? 0 };
  if (allYes(step, 'pre-rollout') === true) next = { ...next, prepared: true };
  if (allYes(step, 'confirm-promotion') === true) next = { ...next, approved: true };
  const verdict = roundOf(step);
  const due = next.raisedAgo === undefined || next.raisedAgo >= interval(step);
  if (verdict !== 'open' && due && isCanaryReady(step)) {
    next = {
      ...next,
      round: { verdict, ago: 0 },
      rounds: next.rounds + (verdict === 'passed' ? 1 : 0),
    };
  }
  return next;
}

const nothingEarned = {
  earned: 0,
  raised: false,
  raisedAgo: undefined,
  round: undefined,
  rounds: 0,
  prepared: false,
  approved: false,
} as const;

/** Takes what this step has really brought about into the account. */
function account(step: Step, ledger: Ledger): Ledger {
  const { before, after } = step;
  const [was, is] = [liveWeight(before), liveWeight(after)];
  let next = ledger;
  if (is > was && is > ledger.earned) {
    next = {
      ...next,
      earned: is,
      raised: true,
      raisedAgo: 0,
      round: undefined,
      stay: next.stay || isStayWrite(step),
    };
  } else if (is > was) {
    next = { ...next, raisedAgo: 0, round: undefined };
  }
  // The run may go on from there: what it has prepared stands, and it begins with its first step.
  if (is === 0 && was > 0) next = { ...next, stay: false };
  if (is === 0 && was > 0 && ledger.earned > 0)
    next = { ...next, earned: 0, raised: false, raisedAgo: undefined, round: undefined };
  // Several routes of which only some were written count as the raise that it is about to be.
  if (is === 100 && isStayWrite(step)) next = { ...next, stay: true };
  if (intendedNow(step)) next = { ...next, analysed: after.run?.intent?.revision };
  if (after.run?.intent === undefined && after.status.phase !== 'Failed')
    next = { ...next, analysed: undefined };
  if (after.run !== undefined && after.run.id !== before.run?.id && !next.stay)
    next = { ...next, ...nothingEarned, earned: next.earned };
  if (after.run?.scaleDownSince === undefined) next = { ...next, keptFor: 0 };
  return next;
}

function isStayWrite({ decision }: Step): boolean {
  return decision.effects.some(
    (effect) => effect.type === 'shiftTraffic' && effect.applied.for === 'stay',
  );
}

function intendedNow({ before, after }: Step): boolean {
  const intent = after.run?.intent?.revision;
  return (
    intent !== undefined &&
    (before.run?.intent === undefined || before.run.intent.revision !== intent)
  );
}

// ── the rules ───────────────────────────────────────────────────────────────

type TrafficEffect = Extract<Effect, { type: 'shiftTraffic' | 'writeApex' | 'serveTarget' }>;

function moves({ decision }: Step): readonly TrafficEffect[] {
  return decision.effects.filter(
    (effect): effect is TrafficEffect =>
      effect.type === 'shiftTraffic' ||
      effect.type === 'writeApex' ||
      effect.type === 'serveTarget',
  );
}

const onlyToTheAvailable: Check = (step, _ledger, report) => {
  const { before } = step;
  const canary = isAvailable(before.target);
  const primary = isAvailable(before.primary);
  const live = liveWeight(before);
  const lowest = Math.min(...before.traffic.routes.map(({ weight }) => weight ?? 100), 100);
  for (const effect of moves(step)) {
    const [toCanary, toPrimary] = directionOf(effect, before, live, lowest);
    if (toCanary && !canary && primary)
      report('r1', `${effect.type} sends traffic to a canary without pods`);
    if (toPrimary && !primary && canary)
      report('r1', `${effect.type} sends traffic to a primary without pods`);
  }
};

function directionOf(
  effect: TrafficEffect,
  { services, traffic }: Observation,
  live: number,
  lowest: number,
): readonly [toCanary: boolean, toPrimary: boolean] {
  switch (effect.type) {
    case 'shiftTraffic':
      return [
        effect.weight > lowest || (effect.weight > 0 && traffic.routes.length === 0),
        effect.weight < live,
      ];
    case 'writeApex':
      return [
        effect.side === 'canary' && services.apexSide !== 'canary',
        effect.side === 'primary' &&
          services.apexSide !== 'primary' &&
          services.apexSide !== 'missing',
      ];
    case 'serveTarget':
      return [services.apexSide !== 'canary', false];
  }
}

/** Both sides hold the same, which has passed its analysis: what share of it comes from where is no risk. */
function isPromoted({ target, primary }: Observation): boolean {
  return primary !== undefined && primary.holds === target?.revision;
}

/** Section 7: the canary serves because nobody else can; section 9: what deletion may do. */
function isNamedException({ before }: Step, ledger: Ledger): boolean {
  if (before.deleting) return true;
  if (ledger.stay || before.primary === undefined) return true;
  const { primary, target } = before;
  // A run that failed after its primary was written, and nothing but the canary can answer.
  if (!isAvailable(primary) && before.status.phase === 'Failed') return true;
  const written = primary.holds === target?.revision;
  const over = readyAt(primary, primary.revision, before.spec?.primaryReadyPercent ?? 100);
  return written && (!isAvailable(primary) || !over.ready);
}

const earnsEachRaise: Check = (step, ledger, report) => {
  const { before, decision } = step;
  const live = liveWeight(before);
  for (const effect of decision.effects) {
    if (effect.type !== 'shiftTraffic') continue;
    const { weight } = effect;
    if (before.spec?.suspend === true && !before.deleting)
      report('r2', 'traffic was written while suspended');
    if (weight <= Math.min(live, ledger.earned)) continue;
    if (isNamedException(step, ledger)) continue;
    if (weight <= live) {
      if (isAvailable(before.primary) && !isPromoted(before))
        report('r2', `weight ${weight} stays although ${ledger.earned} is earned`);
      continue;
    }
    // A raise that was begun, on several routing objects, is completed.
    if (weight <= ledger.earned && ledger.raised) continue;
    const why = notEarned(step, ledger);
    if (why !== undefined) report('p1', `weight went from ${live} to ${weight}: ${why}`);
    const allowed = allowedRaise(step, ledger, live);
    if (weight > allowed) report('r2', `weight went from ${live} to ${weight}, at most ${allowed}`);
    if (
      allYes(step, 'confirm-traffic-increase') === false &&
      !mayProceed(step, 'confirm-traffic-increase')
    )
      if (before.spec?.strategy.kind === 'weighted')
        report('p5', `weight went to ${weight} although a gate has not said yes`);
  }
};

function allowedRaise({ before }: Step, { rounds }: Ledger, live: number): number {
  const strategy = before.spec?.strategy;
  if (strategy?.kind === 'weighted') return strategy.steps.find((step) => step > live) ?? live;
  return strategy?.kind === 'blueGreen' && rounds >= strategy.iterations ? 100 : live;
}

/** Why another raise, or the promotion, is not due; `undefined`: it is. */
function notEarned(step: Step, { raised, round, prepared, rounds }: Ledger): string | undefined {
  const { before } = step;
  if (before.target?.revision !== before.run?.revision) return 'another revision is there';
  if (!isCanaryReady(step)) return 'the canary is not ready';
  if (before.refusals.length > 0 || before.spec === undefined) return 'the spec is refused';
  if (before.spec.strategy.kind === 'weighted' && !raised) {
    const hooks = before.spec.webhooks.some(({ type }) => type === 'pre-rollout');
    return hooks && !prepared ? 'the pre-rollout hooks have not passed' : undefined;
  }
  if (before.spec.strategy.kind === 'blueGreen' && rounds < before.spec.strategy.iterations)
    return `${rounds} rounds have passed`;
  if (round === undefined) return 'no round was decided since the last raise';
  if (round.verdict !== 'passed') return `the latest round ${round.verdict}`;
  return round.ago > interval(step) ? 'the latest round is too old' : undefined;
}

/** Where the weight is higher than earned, the first thing written is a lower one. */
const lowersFirst: Check = (step, ledger, report) => {
  const { before, decision } = step;
  const live = liveWeight(before);
  if (live <= ledger.earned || before.run === undefined || before.spec?.suspend === true) return;
  if (!isAvailable(before.primary) || isNamedException(step, ledger)) return;
  if (isPromoted(before)) return;
  // Until initialisation is over the target serves users anyway.
  if (before.status.phase === 'Initializing') return;
  if (before.refusals.some(({ reason }) => reason === 'CrdTooOld')) return;
  const first = decision.effects.find(({ type }) => type !== 'touchPrimary');
  if (first?.type !== 'shiftTraffic' || first.weight > ledger.earned)
    report(
      'r2',
      `weight ${live} is not earned (${ledger.earned} is), and the first write is ${first?.type ?? 'none'}`,
    );
};

const abortsFirst: Check = (step, _ledger, report) => {
  const { before, decision, memory } = step;
  const { effects, status } = decision;
  const fails = status.phase === 'Failed' && before.status.phase !== 'Failed';
  const written =
    before.run?.intent?.revision === before.primary?.holds && before.run?.intent !== undefined;
  const lost = status.conditions?.some(({ reason }) => reason === 'PrimaryNotReady') ?? false;
  if (fails && !written && !lost && before.run?.stay !== true) {
    const first = effects.find(({ type }) => type !== 'touchPrimary');
    if (first?.type !== 'shiftTraffic' || first.weight !== 0)
      report('p2', `an abort begins with ${first?.type ?? 'nothing'}`);
  }
  const raises = (status.run as { outbox?: readonly { id: string }[] } | undefined)?.outbox ?? [];
  if (
    fails &&
    before.settings.hasGlobalNotifier &&
    !raises.some(({ id }) => /\/(failed|PrimaryNotReady)/.test(id))
  )
    report('p2', 'a run failed and nobody is told');
  if (memory.looked && mustAbort(step) && !fails && status.phase === before.status.phase)
    report('p2', 'the threshold is reached, and the run goes on');
};

/** The threshold is reached in this very round, and nothing that comes before checks in a pass is the case. */
function mustAbort(step: Step): boolean {
  const { before, answers } = step;
  const { spec, run, status, target } = before;
  if (spec === undefined || run === undefined || before.deleting || spec.suspend) return false;
  if (status.phase !== 'Progressing' && status.phase !== 'WaitingPromotion') return false;
  if (before.refusals.length > 0 || spec.skipAnalysis) return false;
  if (target?.revision !== run.revision || !isCanaryReady(step)) return false;
  if (!isAvailable(before.primary) || Object.keys(answers.checks).length === 0) return false;
  const edited = before.traffic.routes.some(({ weight }) => weight !== run.weight);
  const foreign = before.traffic.routes.some(
    ({ applied, weight }) =>
      applied?.run !== run.id || applied.weight !== run.weight || weight !== run.weight,
  );
  if (edited || (foreign && run.weight > 0) || before.traffic.routes.length === 0) return false;
  return roundOf(step) === 'failed' && (status.failedChecks ?? 0) + 1 >= spec.threshold;
}

/** Whoever continues after a death finds the abort on the route, and may not go on with the run. */
const completesAborts: Check = ({ before, decision }, _ledger, report) => {
  const { run, status, primary, spec } = before;
  const underWay = /^(Waiting|Progressing|WaitingPromotion|Promoting)$/.test(status.phase ?? '');
  const written = run?.intent !== undefined && run.intent.revision === primary?.holds;
  if (run === undefined || !underWay || written || before.deleting || spec?.suspend === true)
    return;
  const aborted = before.traffic.routes.some(
    ({ applied }) =>
      applied?.run === run.id &&
      applied.revision === run.revision &&
      applied.for.startsWith('abort:'),
  );
  if (aborted && isAvailable(primary) && decision.status.phase !== 'Failed')
    report('p6', 'an abort that was written is not completed');
};

const keepsPods: Check = (step, ledger, report) => {
  const { before, decision } = step;
  for (const effect of decision.effects) {
    if (effect.type === 'scaleTarget' && effect.replicas < (before.target?.replicas ?? 0)) {
      if (before.services.apexSide === 'canary')
        report('p3', 'the target is scaled down while the apex Service selects it');
      if (liveWeight(before) > 0)
        report('p3', `the target is scaled down at weight ${liveWeight(before)}`);
      const kept = ledger.keptFor >= hour && isAvailable(before.primary);
      const deletionIsOver = before.deleting;
      if (!settled(step, ledger) && !kept && !deletionIsOver)
        report('p3', 'the target is scaled down before the data plane has followed and drained');
    }
    if (effect.type === 'deletePrimary') {
      if (before.services.apexSide !== 'canary')
        report('p3', 'the primary is deleted while the apex Service selects it');
      if (
        before.traffic.weights === 'exact' &&
        before.traffic.routes.some(({ resting }) => !resting)
      )
        report('p3', 'the primary is deleted while a route sends to it');
    }
    if (effect.type === 'scalePrimary' && effect.replicas < 1)
      report('p3', 'the primary is scaled to 0');
    if (
      effect.type === 'promote' &&
      before.status.phase === 'Promoting' &&
      liveWeight(before) > 0 &&
      !settled(step, ledger) &&
      !ledger.stay &&
      ledger.analysed === undefined
    )
      report('p3', 'the primary is written before the data plane has followed');
  }
};

const promotesTheAnalysed: Check = (step, ledger, report) => {
  const { before, decision } = step;
  const isInitialising =
    before.status.phase === 'Initializing' || (before.status.phase ?? '') === '';
  for (const effect of decision.effects) {
    if (effect.type !== 'promote') continue;
    if (isInitialising) continue;
    if (effect.revision !== before.target?.revision)
      report('p4', 'another revision than the target holds is promoted');
    if (effect.revision !== ledger.analysed)
      report('p4', `promoted ${effect.revision}, analysed ${ledger.analysed ?? 'nothing'}`);
    if (before.primary?.holds === effect.revision) report('p6', 'promoted twice');
    if (before.refusals.length > 0 || before.spec?.suspend === true || before.deleting)
      report('p4', 'promoted although the spec does not allow it');
  }
  if (decision.effects.some(({ type }) => type === 'createPrimary') && before.primary !== undefined)
    report('p6', 'a primary is made although there is one');
  if (intendsNow(step)) {
    const why = notReadyToPromote(step, ledger);
    if (why !== undefined) report('p4', `the intent to promote is recorded: ${why}`);
    if (
      allYes(step, 'confirm-promotion') === false &&
      !ledger.approved &&
      before.spec?.skipAnalysis !== true
    )
      if (!mayProceed(step, 'confirm-promotion') && before.status.phase !== 'Failed')
        report('p5', 'promoted although the gate has not said yes');
  }
};

/** The decision, whether or not it was written, intends to promote. */
function intendsNow({ before, decision }: Step): boolean {
  const run = decision.status.run as
    | { readonly intent?: { readonly revision: string } }
    | undefined;
  return run?.intent !== undefined && before.run?.intent?.revision !== run.intent.revision;
}

function notReadyToPromote(step: Step, ledger: Ledger): string | undefined {
  const { before } = step;
  const { spec } = before;
  if (spec?.skipAnalysis === true && !ledger.stay)
    return isCanaryReady(step) ? undefined : 'the canary is not ready';
  // All traffic is on it already: held rounds count as readiness after their deadline (section 7).
  if (ledger.stay) return isCanaryReady(step) ? undefined : 'the canary is not ready';
  const why = notEarned(step, ledger);
  if (why !== undefined) return why;
  if (spec?.strategy.kind === 'weighted') {
    const last = spec.strategy.steps.at(-1) ?? 0;
    if (liveWeight(before) < last)
      return `weight ${liveWeight(before)} is below the last step ${last}`;
  } else if (before.traffic.weights === 'exact' && liveWeight(before) < 100) {
    return 'the canary has not had all traffic';
  }
  return settled(step, ledger) || liveWeight(before) === 0
    ? undefined
    : 'the data plane has not followed';
}

const tellsMissingApart: Check = (step, _ledger, report) => {
  const { before, decision, answers } = step;
  const counted = (decision.status.failedChecks ?? 0) > (before.status.failedChecks ?? 0);
  if (!counted) return;
  const failed =
    roundOf(step) === 'failed' ||
    Object.entries(answers.hooks).some(
      ([id, { kind }]) =>
        /^(rollout|pre-rollout)\//.test(id) && (kind === 'no' || kind === 'unreachable'),
    );
  if (!failed) report('p5', 'a check counts as failed although none has failed');
  if ((decision.status.failedChecks ?? 0) > (before.status.failedChecks ?? 0) + 1)
    report('p5', 'one round counts more than once');
};

const opensGatesOnlyOnYes: Check = (step, _ledger, report) => {
  const { before, decision } = step;
  const up = decision.effects.some(
    (effect) => effect.type === 'scaleTarget' && effect.replicas > (before.target?.replicas ?? 0),
  );
  if (!up || before.deleting || before.status.phase !== 'Waiting') return;
  if (allYes(step, 'confirm-rollout') === false && !mayProceed(step, 'confirm-rollout'))
    report('p5', 'pods are started although the gate has not said yes');
};

const explainsWaits: Check = ({ before, decision }, _ledger, report) => {
  const { waiting, conditions = [], phase } = decision.status;
  const ready = conditions.find(({ type }) => type === 'Ready');
  if (ready === undefined || ready.reason === '') report('p8', 'the status has no reason');
  if (waiting === undefined) return;
  if ((waiting.reason ?? '') === '' || waiting.for === '') report('p8', 'a wait has no reason');
  const chosen =
    waiting.reason === 'Suspended' ||
    waiting.reason === 'PrimaryScaledToZero' ||
    (waiting.reason === 'WaitingForGate' &&
      before.spec?.webhooks.some(({ deadlineMs }) => deadlineMs === undefined));
  if (waiting.until === undefined && !chosen)
    report('p8', `the wait ${waiting.reason} in ${phase} has no end`);
};

const ownStatusFields = new Set([
  'phase',
  'message',
  'provider',
  'canaryWeight',
  'failedChecks',
  'iterations',
  'checks',
  'waiting',
  'lastAppliedSpec',
  'lastPromotedSpec',
  'lastTransitionTime',
  'observedGeneration',
  'conditions',
  'revision',
  'run',
]);

const keepsForeignFields: Check = ({ before, decision }, _ledger, report) => {
  const after: Readonly<Record<string, unknown>> = decision.status;
  for (const [name, value] of Object.entries(before.status)) {
    if (!ownStatusFields.has(name) && after[name] !== value)
      report('p9', `status.${name} is somebody else's and was changed`);
  }
};

const refusesWithoutTouching: Check = ({ before, decision }, _ledger, report) => {
  const refused = before.refusals.length > 0 || before.spec === undefined;
  if (!refused || before.deleting || before.spec?.suspend === true) return;
  const underWay = /^(Waiting|Progressing|WaitingPromotion|Promoting|Finalising)$/.test(
    before.status.phase ?? '',
  );
  if (before.run === undefined && decision.effects.length > 0)
    report('p10', `refused, and yet ${decision.effects.map(({ type }) => type).join(', ')}`);
  if (underWay && before.run !== undefined) return;
  const stalled = decision.status.conditions?.find(({ type }) => type === 'Stalled');
  const expected = before.refusals[0];
  if (stalled?.status !== 'True') report('p10', 'refused, and not Stalled');
  else if (expected !== undefined && stalled.message?.includes(expected.message) !== true)
    report('p10', 'Stalled, and the message does not say what to change');
};

const checks: readonly Check[] = [
  onlyToTheAvailable,
  earnsEachRaise,
  lowersFirst,
  abortsFirst,
  completesAborts,
  keepsPods,
  promotesTheAnalysed,
  tellsMissingApart,
  opensGatesOnlyOnYes,
  explainsWaits,
  keepsForeignFields,
  refusesWithoutTouching,
];
