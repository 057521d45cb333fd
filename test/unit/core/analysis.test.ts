import { describe, expect, it } from 'vitest';

import { groupDefaults, type ApiGroup, type OnNoData } from '../../../src/api/group.ts';
import {
  isInRange,
  judgeCheck,
  judgeRound,
  rangeText,
  type CheckAnswer,
} from '../../../src/core/analysis.ts';

const check = (onNoData: OnNoData) => ({ id: 'rate', name: 'rate', range: { min: 99 }, onNoData });
const value = (number: number): CheckAnswer => ({
  kind: 'sample',
  sample: { kind: 'value', value: number },
});
const noData: CheckAnswer = { kind: 'sample', sample: { kind: 'noData', why: 'nothing there' } };
const series = (...values: number[]): CheckAnswer => ({
  kind: 'sample',
  sample: { kind: 'manySeries', values },
});

/** What one answer counts for, by group; `onNoData` as the group has it. */
const table: readonly (readonly [string, CheckAnswer, string, string])[] = [
  ['in range', value(99), 'passes', 'passes'],
  ['out of range', value(98.9), 'fails', 'fails'],
  ['no series', noData, 'holds', 'fails'],
  ['not a number', value(Number.NaN), 'holds', 'fails'],
  ['no answer', { kind: 'unavailable', why: 'timed out' }, 'holds', 'fails'],
  ['refused', { kind: 'denied', why: '403' }, 'holds', 'fails'],
  ['unreadable', { kind: 'invalid', why: 'HTML' }, 'holds', 'fails'],
  ['infinite', value(Number.POSITIVE_INFINITY), 'holds', 'fails'],
  ['several series, the last one good', series(1, 99), 'holds', 'passes'],
  ['several series, the last one bad', series(99, 1), 'holds', 'fails'],
  ['several series, the last one no number', series(99, Number.NaN), 'holds', 'fails'],
];

describe('one check', () => {
  it.each(table)('counts as the table says: %s', (_what, answer, serin, flagger) => {
    const weighings = (['serin.dev', 'flagger.app'] as const).map((group: ApiGroup) => {
      const rules = groupDefaults[group];
      return judgeCheck(check(rules.onNoData), answer, rules).weighing;
    });
    expect(weighings).toEqual([serin, flagger]);
  });

  it.each([
    ['hold', 'holds'],
    ['fail', 'fails'],
    ['pass', 'leftOut'],
  ] as const)('follows onNoData: %s in both groups', (policy, weighing) => {
    for (const rules of Object.values(groupDefaults)) {
      expect(judgeCheck(check(policy), noData, rules).weighing).toBe(weighing);
    }
  });

  it('says value and range when it fails', () => {
    expect(judgeCheck(check('hold'), value(50), groupDefaults['serin.dev']).result).toEqual({
      name: 'rate',
      kind: 'metric',
      range: '>= 99',
      value: '50',
      verdict: 'failed',
      why: '50 is outside >= 99',
    });
  });
});

describe('a range', () => {
  it('includes both of its ends', () => {
    const range = { min: 1, max: 3 };
    expect([0.99, 1, 2, 3, 3.01].map((number) => isInRange(number, range))).toEqual([
      false,
      true,
      true,
      true,
      false,
    ]);
  });

  it('holds no NaN, also when it is open on both sides', () => {
    expect(isInRange(Number.NaN, {})).toBe(false);
  });

  it('reads like a sentence', () => {
    const ranges = [{ min: 1 }, { max: 2 }, { min: 1, max: 2 }, {}];
    expect(ranges.map(rangeText)).toEqual(['>= 1', '<= 2', '1 to 2', 'any value']);
  });
});

describe('a round', () => {
  const rules = groupDefaults['serin.dev'];
  const checks = [
    { ...check('hold'), id: 'a' },
    { ...check('pass'), id: 'b' },
  ];

  it('passes when every check passes', () => {
    expect(judgeRound(checks, { a: value(100), b: value(100) }, rules).verdict).toBe('passed');
  });

  it('fails on one definite failure beside a held check', () => {
    expect(judgeRound(checks, { a: noData, b: value(1) }, rules).verdict).toBe('failed');
  });

  it('is held by one check without an answer', () => {
    const round = judgeRound(checks, { a: { kind: 'denied', why: '401' }, b: value(100) }, rules);
    expect(round).toMatchObject({ verdict: 'held', heldReason: 'MetricsDenied' });
  });

  it('passes without a check that onNoData leaves out', () => {
    expect(judgeRound(checks, { a: value(100), b: noData }, rules).verdict).toBe('passed');
  });

  it('is held when every check was left out', () => {
    const left = judgeRound([checks[1] ?? check('pass')], { b: noData }, rules);
    expect(left).toMatchObject({ verdict: 'held', heldReason: 'NoData' });
  });

  it('never passes on a check that was not asked, in either group', () => {
    for (const group of Object.values(groupDefaults)) {
      expect(judgeRound(checks, {}, group).verdict).not.toBe('passed');
    }
  });

  it('leaves out of a failure what was cut short by it', () => {
    const { results } = judgeRound(checks, { a: value(1) }, rules);
    expect(results.map(({ name, verdict }) => `${name} ${verdict}`)).toEqual(['rate failed']);
  });

  it('without checks passes: readiness is the round', () => {
    expect(judgeRound([], {}, rules).verdict).toBe('passed');
  });
});
