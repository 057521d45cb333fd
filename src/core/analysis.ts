/**
 * Judging one sample against one range, and a round's checks together.
 *
 * Missing information is told apart from failure: what each result counts for is the table of section 4 of the
 * semantics, and stands only in `judgeCheck`.
 */
import type { CheckResult } from '../api/canary-status.ts';
import type { GroupDefaults, OnNoData } from '../api/group.ts';

/** The answer to one query. */
export type Sample =
  | { readonly kind: 'value'; readonly value: number; readonly seriesCount?: number }
  | { readonly kind: 'noData'; readonly why: string }
  | { readonly kind: 'manySeries'; readonly values: readonly number[] };

/** Both ends inclusive. */
export interface Range {
  readonly min?: number | undefined;
  readonly max?: number | undefined;
}

/** What came of asking one check. */
export type CheckAnswer =
  | { readonly kind: 'sample'; readonly sample: Sample }
  | { readonly kind: 'unavailable'; readonly why: string }
  | { readonly kind: 'denied'; readonly why: string }
  | { readonly kind: 'invalid'; readonly why: string };

/** One metric of the spec, as far as judging needs it. */
export interface Check {
  /** Unique among the checks of a Canary, unlike the name. */
  readonly id: string;
  readonly name: string;
  readonly range: Range;
  readonly onNoData: OnNoData;
}

/** What one check counts for in its round. */
export type Weighing = 'passes' | 'fails' | 'holds' | 'leftOut';

export interface JudgedCheck {
  readonly weighing: Weighing;
  readonly result: Omit<CheckResult, 'at'>;
  /** Why a round that waits for it is held. */
  readonly heldReason: HeldReason | undefined;
}

export type HeldReason = 'NoData' | 'MetricsUnavailable' | 'MetricsDenied' | 'MetricsInvalid';

const heldReasons = {
  noData: 'NoData',
  unavailable: 'MetricsUnavailable',
  denied: 'MetricsDenied',
  invalid: 'MetricsInvalid',
} as const;

/** Whether a value lies in its range. NaN lies in none. */
export function isInRange(value: number, { min, max }: Range): boolean {
  return (
    !Number.isNaN(value) &&
    (min === undefined || value >= min) &&
    (max === undefined || value <= max)
  );
}

/** `>= 99`, `<= 500`, `0 to 500`, `any value`. */
export function rangeText({ min, max }: Range): string {
  if (min !== undefined && max !== undefined) return `${min} to ${max}`;
  if (min !== undefined) return `>= ${min}`;
  if (max !== undefined) return `<= ${max}`;
  return 'any value';
}

/** At most four digits after the point: enough to see why, short enough to read. */
export function valueText(value: number): string {
  return String(Number(value.toFixed(4)));
}

/** What one answer counts for. */
export function judgeCheck(check: Check, answer: CheckAnswer, rules: GroupDefaults): JudgedCheck {
  const reading = read(answer, rules);
  const base = { name: check.name, kind: 'metric' as const, range: rangeText(check.range) };
  if (reading.kind === 'value') {
    const passes = isInRange(reading.value, check.range);
    const value = valueText(reading.value);
    return {
      weighing: passes ? 'passes' : 'fails',
      result: {
        ...base,
        value,
        verdict: passes ? 'passed' : 'failed',
        ...(passes ? {} : { why: `${value} is outside ${base.range}` }),
      },
      heldReason: undefined,
    };
  }
  return {
    weighing: weigh(reading.kind, check.onNoData, rules),
    result: { ...base, verdict: reading.kind, why: reading.why.slice(0, 500) },
    heldReason: heldReasons[reading.kind],
  };
}

type Reading =
  | { readonly kind: 'value'; readonly value: number }
  | { readonly kind: keyof typeof heldReasons; readonly why: string };

function read(answer: CheckAnswer, rules: GroupDefaults): Reading {
  if (answer.kind !== 'sample') return answer;
  const { sample } = answer;
  switch (sample.kind) {
    case 'noData':
      return sample;
    case 'value':
      return finite(sample.value);
    case 'manySeries': {
      const last = sample.values.at(-1);
      return rules.lastSeriesCounts && last !== undefined
        ? finite(last)
        : {
            kind: 'invalid',
            why: `the query gave ${sample.values.length} series; aggregate them to one`,
          };
    }
  }
}

function finite(value: number): Reading {
  if (Number.isNaN(value)) return { kind: 'noData', why: 'the value is not a number' };
  if (Number.isFinite(value)) return { kind: 'value', value };
  return { kind: 'invalid', why: 'the value is infinite, usually a division by zero in the query' };
}

function weigh(kind: keyof typeof heldReasons, onNoData: OnNoData, rules: GroupDefaults): Weighing {
  if (kind !== 'noData') return rules.errorsFail ? 'fails' : 'holds';
  return ({ hold: 'holds', fail: 'fails', pass: 'leftOut' } as const)[onNoData];
}

export interface JudgedRound {
  readonly verdict: 'passed' | 'failed' | 'held';
  readonly results: readonly Omit<CheckResult, 'at'>[];
  readonly heldReason: HeldReason | undefined;
}

/**
 * All checks of a round together. A definite failure beside a held check makes it a failed round; a round from which
 * every check was left out is held; without checks the readiness of the canary is the round.
 */
export function judgeRound(
  checks: readonly Check[],
  answers: Readonly<Record<string, CheckAnswer>>,
  rules: GroupDefaults,
): JudgedRound {
  const notAsked: CheckAnswer = { kind: 'unavailable', why: 'it was not asked' };
  const judged = checks.map((check) => ({
    ...judgeCheck(check, answers[check.id] ?? notAsked, rules),
    isAnswered: answers[check.id] !== undefined,
  }));
  const results = judged.map(({ result }) => result);
  const held = judged.find(({ weighing }) => weighing === 'holds');
  if (judged.some(({ weighing }) => weighing === 'fails')) {
    // Asking ends with the failure that decides: what was not answered by then has nothing to say.
    const told = judged.flatMap(({ isAnswered, result }) => (isAnswered ? [result] : []));
    return { verdict: 'failed', results: told.length > 0 ? told : results, heldReason: undefined };
  }
  if (held !== undefined) return { verdict: 'held', results, heldReason: held.heldReason };
  if (judged.length > 0 && judged.every(({ weighing }) => weighing === 'leftOut')) {
    return { verdict: 'held', results, heldReason: 'NoData' };
  }
  return { verdict: 'passed', results, heldReason: undefined };
}
