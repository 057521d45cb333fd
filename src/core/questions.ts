/**
 * What has to be asked before the next decision: metrics and hooks of a round that is due, gates and rollback hooks
 * that are waited for, facts that only a live read can tell.
 *
 * Asking too much costs a query, asking too little costs a pass: `decide` takes no answer for granted.
 */
import type { ResolvedMetric, ResolvedWebhook } from '../api/resolved.ts';
import type { Run } from '../api/run.ts';
import type { WebhookType } from '../api/canary-analysis.ts';
import type { Answers, Memory, Observation, Time } from './observation.ts';
import { Pass } from './pass.ts';
import { isUnderWay, standsIn } from './phases.ts';

export interface HookQuestion {
  /** Equal ids are the same question: it is asked once, and its answer kept until it is no longer asked for. */
  readonly id: string;
  readonly hook: ResolvedWebhook;
  readonly phase: string;
  /** Ask again when the answer is not yes and older than this. */
  readonly repeatAfterMs?: number;
}

export interface Questions {
  readonly metrics: readonly ResolvedMetric[];
  readonly hooks: readonly HookQuestion[];
  readonly apexEndpoints: boolean;
  readonly promotedTemplate: boolean;
}

const nothing: Questions = {
  metrics: [],
  hooks: [],
  apexEndpoints: false,
  promotedTemplate: false,
};

/** Pure: what is due for this observation at this time. Hooks that have answered can make the metrics due. */
export function dueQuestions(
  seen: Observation,
  memory: Memory,
  time: Time,
  hooks: Answers['hooks'] = {},
): Questions {
  const pass = new Pass(seen, { checks: {}, at: 0, hooks }, memory, time);
  const { spec } = seen;
  if (spec === undefined || seen.deleting || spec.suspend || seen.note.leftTo !== undefined)
    return nothing;
  const { phase } = pass;
  return {
    metrics: isRoundDue(pass) ? spec.metrics : [],
    hooks: dueHooks(pass),
    apexEndpoints: phase === 'Initializing' && seen.services.apexSide === 'primary',
    promotedTemplate:
      seen.primary === undefined && seen.run !== undefined && phase !== 'Initializing',
  };
}

/** Whether the metrics are asked in this pass. */
export function isRoundDue(pass: Pass): boolean {
  const { run, phase, seen } = pass;
  const { spec } = seen;
  if (run === undefined || spec === undefined || spec.skipAnalysis) return false;
  if (phase !== 'Progressing' && phase !== 'WaitingPromotion' && !standsIn(pass)) return false;
  if (!pass.canaryReady.ready && !standsIn(pass)) return false;
  if (isBeforeFirstStep(pass)) return false;
  if (run.hooksSince !== undefined && allAnswered(pass)) return true;
  return (pass.clock('roundSince') ?? spec.intervalMs) >= spec.intervalMs;
}

/** No metric is asked at weight 0: the canary has no traffic that could be measured (blue/green: before iteration 1). */
export function isBeforeFirstStep({ run, iterations, seen }: Pass): boolean {
  if (run === undefined || run.stay) return false;
  return seen.spec?.strategy.kind === 'blueGreen'
    ? iterations === 0
    : run.weight === 0 && run.raisedAt === undefined;
}

function allAnswered(pass: Pass): boolean {
  const { hooks } = pass.answers;
  return rolloutHooks(pass).every(({ id }) => {
    const state = hooks[id];
    return state !== undefined && state.kind !== 'pending';
  });
}

export function hooksOf({ seen }: Pass, type: WebhookType): readonly ResolvedWebhook[] {
  return (seen.spec?.webhooks ?? []).filter((hook) => hook.type === type);
}

function dueHooks(pass: Pass): readonly HookQuestion[] {
  // Gates are not asked there; a round is a round.
  if (standsIn(pass))
    return isRoundDue(pass) || pass.run?.hooksSince !== undefined ? rolloutHooks(pass) : [];
  if (!isUnderWay(pass.phase)) return [];
  const { phase, run } = pass;
  const questions = [...gateQuestions(pass)];
  if (phase === 'Waiting' || phase === 'Progressing' || phase === 'WaitingPromotion') {
    questions.push(...rollbackHooks(pass));
  }
  if (phase === 'Progressing' && !pass.seen.spec?.skipAnalysis && pass.canaryReady.ready) {
    if (isBeforeFirstStep(pass) && run?.preRolloutPassed === false && isRetryDue(pass))
      questions.push(...preRolloutHooks(pass));
  }
  if (
    (phase === 'Progressing' || phase === 'WaitingPromotion') &&
    (isRoundDue(pass) || run?.hooksSince !== undefined)
  ) {
    questions.push(...rolloutHooks(pass));
  }
  return questions;
}

/** Asked at each interval while a run is under way; the first yes rolls back. */
export function rollbackHooks(pass: Pass): readonly HookQuestion[] {
  return hooksOf(pass, 'rollback').map((hook) => ({
    id: `rollback/${hook.id}/${pass.run?.id}`,
    hook,
    phase: pass.phase,
    repeatAfterMs: pass.seen.spec?.intervalMs ?? 0,
  }));
}

/** Asked again for each failed check, so that a failed hook gets another chance until the threshold. */
export function preRolloutHooks(pass: Pass): readonly HookQuestion[] {
  return hooksOf(pass, 'pre-rollout').map((hook) => ({
    id: `pre-rollout/${hook.id}/${pass.run?.id}/${pass.failedChecks}`,
    hook,
    phase: pass.phase,
  }));
}

/** A failed first round is tried again one interval later. */
export function isRetryDue(pass: Pass): boolean {
  const { run, seen } = pass;
  const interval = seen.spec?.intervalMs ?? 0;
  return run?.lastRound?.verdict !== 'failed' || (pass.clock('roundSince') ?? interval) >= interval;
}

/** The hooks of the current round; a hook that takes longer than an interval stays the same question. */
export function rolloutHooks(pass: Pass): readonly HookQuestion[] {
  const key = pass.run?.hooksSince ?? pass.run?.roundSince ?? '';
  return hooksOf(pass, 'rollout').map((hook) => ({
    id: `rollout/${hook.id}/${pass.run?.id}/${key}`,
    hook,
    phase: pass.phase,
  }));
}

export type GateType = NonNullable<Run['gate']>;

/** The gates of one kind at this point of the run. An answer belongs to revision, hook and step. */
export function gatesOf(pass: Pass, type: GateType): readonly HookQuestion[] {
  const { run, seen } = pass;
  const at = type === 'confirm-traffic-increase' ? `${run?.weight}` : type;
  return hooksOf(pass, type).map((hook) => ({
    id: `${type}/${hook.id}/${run?.id}/${at}/${seen.generation}`,
    hook,
    phase: pass.phase,
    repeatAfterMs: seen.spec?.intervalMs ?? 0,
  }));
}

/** A gate is asked only while it is what is waited for. */
function gateQuestions(pass: Pass): readonly HookQuestion[] {
  const gate = pass.run?.gate;
  return gate === undefined ? [] : gatesOf(pass, gate);
}
