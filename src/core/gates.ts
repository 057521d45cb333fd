/**
 * Outside systems that say go, wait or roll back.
 */
import type { Pass } from './pass.ts';
import { gatesOf, rollbackHooks, type GateType } from './questions.ts';

export type GateOutcome =
  | { readonly kind: 'open' }
  | { readonly kind: 'waiting' }
  | { readonly kind: 'rollback'; readonly why: string };

const opened: GateOutcome = { kind: 'open' };

const waitingFor: Readonly<Record<GateType, string>> = {
  'confirm-rollout': 'waiting for approval to roll out',
  'confirm-traffic-increase': 'waiting for approval to give the canary more traffic',
  'confirm-promotion': 'waiting for approval to promote',
};

const alertTexts: Readonly<Record<GateType, string>> = {
  'confirm-rollout': 'Canary is waiting for approval.',
  'confirm-traffic-increase': 'Canary traffic increase is waiting for approval.',
  'confirm-promotion': 'Canary promotion is waiting for approval.',
};

/** Whether all gates of a kind are open at this point of the run; uses their answers up. Starts waiting when they are not. */
export function passGates(pass: Pass, type: GateType): GateOutcome {
  const { run } = pass;
  const questions = gatesOf(pass, type);
  if (questions.length === 0 || run === undefined) {
    closeGate(pass, type);
    return opened;
  }
  if (run.gate !== type) {
    run.gate = type;
    pass.restartClock('gateSince');
    pass.lookAgain(0);
  }
  const verdict = judgeGate(pass, type);
  if (verdict.kind === 'waiting' || verdict.kind === 'rollback') return verdict;
  if (verdict.kind === 'approved') {
    const names = questions.map(({ hook }) => hook.name).join(', ');
    pass.tell('Normal', 'GateOpened', `${type} approved by ${names}`);
  } else {
    pass.tell(
      'Warning',
      'GateDeadline',
      `webhook ${verdict.hook} did not approve within its deadline; going on, as onDeadline says`,
    );
  }
  closeGate(pass, type);
  return opened;
}

/**
 * The gate that is waited for, while something else keeps its answer from being used: it still has its deadline.
 * `undefined`: none is waited for.
 */
export function lookAtGate(pass: Pass): GateOutcome | undefined {
  const type = pass.run?.gate;
  if (type === undefined) return undefined;
  const verdict = judgeGate(pass, type);
  return verdict.kind === 'approved' || verdict.kind === 'goesOn' ? opened : verdict;
}

type GateVerdict =
  | { readonly kind: 'approved' }
  /** Past its deadline, and `onDeadline: proceed`. */
  | { readonly kind: 'goesOn'; readonly hook: string }
  | Exclude<GateOutcome, { readonly kind: 'open' }>;

function judgeGate(pass: Pass, type: GateType): GateVerdict {
  const { run, seen } = pass;
  const closed = gatesOf(pass, type).find(({ id }) => pass.answers.hooks[id]?.kind !== 'yes');
  if (closed === undefined || run === undefined) return { kind: 'approved' };
  const state = pass.answers.hooks[closed.id];
  const { hook } = closed;
  const answer =
    state === undefined || state.kind === 'pending' || state.kind === 'yes'
      ? 'no answer yet'
      : state.why;
  const waited = pass.clock('gateSince') ?? 0;
  const left = hook.deadlineMs === undefined ? undefined : hook.deadlineMs - waited;
  pass.wait(
    'WaitingForGate',
    `${waitingFor[type]} (webhook ${hook.name})`,
    run.gateSince ?? pass.nowText,
    left,
    answer,
  );
  pass.lookAgain(seen.spec?.intervalMs ?? 1_000);
  if (state !== undefined && state.kind !== 'pending' && !hook.muteAlert) {
    pass.alert({ fact: `gate:${type}:${run.weight}`, severity: 'warn', text: alertTexts[type] });
  }
  if (hook.deadlineMs === undefined || !pass.isOver(waited, hook.deadlineMs))
    return { kind: 'waiting' };
  if (hook.onDeadline === 'proceed' && state?.kind === 'no')
    return { kind: 'goesOn', hook: hook.name };
  return {
    kind: 'rollback',
    why: `webhook ${hook.name} did not approve within its deadline: ${answer}`,
  };
}

/** Stops waiting for a gate; another kind that is waited for stays. */
export function closeGate(pass: Pass, type?: GateType): void {
  const { run } = pass;
  if (run === undefined || (type !== undefined && run.gate !== type)) return;
  delete run.gate;
  pass.stopClock('gateSince');
}

/** The name of the first rollback hook that says yes. */
export function rollbackAsked(pass: Pass): string | undefined {
  const hooks = rollbackHooks(pass);
  if (hooks.length > 0) pass.lookAgain(pass.seen.spec?.intervalMs ?? 1_000);
  return hooks.find(({ id }) => pass.answers.hooks[id]?.kind === 'yes')?.hook.name;
}
