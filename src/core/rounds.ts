/**
 * One evaluation of all due checks: metrics and `rollout` hooks.
 *
 * A round is due one interval after the previous one was decided, or after the last raise. Passes in between neither
 * count nor step, and missed rounds are not made up.
 */
import type { CheckResult } from '../api/canary-status.ts';
import { groupDefaults } from '../api/group.ts';
import type { ResolvedSpec } from '../api/resolved.ts';
import { judgeRound, type HeldReason } from './analysis.ts';
import type { Pass } from './pass.ts';
import { isRoundDue, rolloutHooks } from './questions.ts';

export type RoundOutcome =
  /** Nothing was due, or a hook is still being asked. */
  | { readonly kind: 'open' }
  | { readonly kind: 'passed' }
  | { readonly kind: 'failed'; readonly why: string }
  | { readonly kind: 'held'; readonly reason: HeldReason; readonly why: string };

const open: RoundOutcome = { kind: 'open' };

/** Evaluates the round if it is due, and records what every check said. */
export function evaluateRound(pass: Pass): RoundOutcome {
  const { run, seen } = pass;
  const { spec } = seen;
  if (run === undefined || spec === undefined) return open;
  if (!isRoundDue(pass)) {
    const passed = pass.clock('roundSince') ?? 0;
    // Not due for another reason than time: whatever that is will wake us.
    if (passed < spec.intervalMs) pass.lookAgain(spec.intervalMs - passed);
    return open;
  }
  // It became due between asking and deciding: the next pass asks.
  if (spec.metrics.length > 0 && Object.keys(pass.answers.checks).length === 0) {
    pass.lookAgain(0);
    return open;
  }
  const hooks = judgeHooks(pass);
  const round = judgeRound(spec.metrics, pass.answers.checks, groupDefaults[seen.group]);
  pass.asked = true;
  warnOfSeries(pass, spec);
  pass.checks = stamp(pass, [...round.results, ...hooks.results]);
  pass.restartClock('roundSince');
  pass.lookAgain(spec.intervalMs);
  if (hooks.failed !== undefined || round.verdict === 'failed') {
    if (hooks.failed !== undefined || !hooks.pending) delete run.hooksSince;
    run.lastRound = { at: pass.nowText, verdict: 'failed' };
    return { kind: 'failed', why: hooks.failed ?? failureText(pass.checks) };
  }
  if (hooks.pending) {
    run.hooksSince ??= seen.run?.roundSince ?? pass.nowText;
    return open;
  }
  delete run.hooksSince;
  if (round.verdict === 'held') {
    run.lastRound = { at: pass.nowText, verdict: 'held' };
    const why = pass.checks.find((check) => check.why !== undefined);
    return {
      kind: 'held',
      reason: round.heldReason ?? 'NoData',
      why: why === undefined ? 'no check had data' : `${why.name}: ${why.why}`,
    };
  }
  run.lastRound = { at: pass.nowText, verdict: 'passed' };
  return { kind: 'passed' };
}

/** Flagger takes the last of several series; whoever wrote the query should know. */
function warnOfSeries(pass: Pass, { metrics }: ResolvedSpec): void {
  if (!groupDefaults[pass.seen.group].lastSeriesCounts) return;
  for (const { id, name } of metrics) {
    const answer = pass.answers.checks[id];
    if (answer?.kind !== 'sample' || answer.sample.kind !== 'manySeries') continue;
    const count = answer.sample.values.length;
    pass.tellOnce(
      `series:${id}`,
      'Warning',
      'SeveralSeries',
      `metric ${name} gave ${count} series and the last one counts: aggregate them to one`,
    );
  }
}

interface JudgedHooks {
  readonly results: readonly Omit<CheckResult, 'at'>[];
  readonly failed: string | undefined;
  readonly pending: boolean;
}

function judgeHooks(pass: Pass): JudgedHooks {
  const results: Omit<CheckResult, 'at'>[] = [];
  let failed: string | undefined;
  let pending = false;
  for (const { id, hook } of rolloutHooks(pass)) {
    const state = pass.answers.hooks[id] ?? { kind: 'pending' as const, since: 0 };
    const base = { name: hook.name, kind: 'webhook' as const };
    if (state.kind === 'pending') {
      pending = true;
      results.push({ ...base, verdict: 'pending', why: 'it has not answered yet' });
      // Hooks are called one after another, as they are listed.
      break;
    }
    if (state.kind === 'yes') {
      results.push({ ...base, verdict: 'passed' });
      continue;
    }
    failed ??= `webhook ${hook.name}: ${state.why}`;
    results.push({
      ...base,
      verdict: state.kind === 'no' ? 'failed' : 'unavailable',
      why: state.why.slice(0, 500),
    });
    break;
  }
  return { results, failed, pending };
}

function stamp(pass: Pass, results: readonly Omit<CheckResult, 'at'>[]): readonly CheckResult[] {
  const at = pass.nowText;
  return results.map((result) => ({ ...result, at }));
}

/** `request-success-rate 92.1 is outside >= 99; latency 812 is outside <= 500` */
export function failureText(checks: readonly CheckResult[]): string {
  return checks
    .filter(({ verdict }) => verdict !== 'passed' && verdict !== 'pending')
    .map(({ name, why, verdict }) => `${name}: ${why ?? verdict}`)
    .join('; ');
}
