import { describe, expect, it } from 'vitest';

import { failsAnywhere, restFigures, workFigures } from './figures.ts';
import type { Findings } from './task.ts';

const requests = { total: 0, unfinished: false, lists: 0, tally: [] };

/** Two hundred canaries that did everything right. */
const good: Findings = {
  count: 200,
  durations: [],
  initialised: { finished: 200, seconds: 20 },
  rest: { requests, seconds: 60, cpuSeconds: 0.2, residentMiB: 110 },
  promotion: {
    finished: 200,
    requests: { total: 5_400, unfinished: false, lists: 0, tally: ['5400 patch canaries/status'] },
    cpuSeconds: 9,
    seconds: 70,
    queries: 2_000,
    lateness: { steps: 800, p50Ms: 10, p99Ms: 100 },
    spread: Array.from({ length: 10 }, () => 20),
  },
  aborts: [5, 1].map((threshold) => ({
    threshold,
    finished: 200,
    p50Ms: 5_000,
    p99Ms: 10_100,
    requests,
  })),
  residentAfterMiB: 120,
  peakMiB: 125,
};

function missed(findings: Findings): readonly string[] {
  return workFigures(findings, [5, 1]).flatMap(({ reached, measure, measured }) =>
    reached ? [] : [`${measure}: ${measured}`],
  );
}

describe('the rows of canaries at work', () => {
  it('are reached when every value is within its limit', () => {
    expect(missed(good)).toEqual([]);
  });

  it('print the peer beside what is theirs', () => {
    const rows = workFigures(good, [5, 1]);
    const found = Object.fromEntries(rows.map(({ measure, peer }) => [measure, peer]));
    expect(found).toMatchObject({
      'API requests per promotion of five steps, 200 at once': '168',
      'breaking answer → route at 0 p99, threshold 5, 200 at once': '144.7 s',
    });
  });

  it('are missed by a single request too many', () => {
    const rest = {
      ...good.rest!,
      requests: { total: 1, unfinished: false, lists: 1, tally: ['1 list services'] },
    };
    expect(missed({ ...good, rest })).toEqual([expect.stringContaining('API requests per canary')]);
  });

  it('are judged by the larger of two measurements of memory', () => {
    expect(missed({ ...good, residentAfterMiB: 131 })).toEqual([
      'resident memory, 200 canaries: 131 MiB',
    ]);
  });

  it('fail when a canary did not get there, whatever the value', () => {
    const { promotion } = good;
    const found = missed({ ...good, promotion: { ...promotion!, finished: 199 } });
    expect(found).toHaveLength(3);
    expect(found[0]).toMatch(/199 of 200 canaries/);
  });

  it('fail when there are fewer steps than canaries should have taken', () => {
    const lateness = { steps: 799, p50Ms: 10, p99Ms: 100 };
    const found = missed({ ...good, promotion: { ...good.promotion!, lateness } });
    expect(found).toEqual([expect.stringMatching(/^lateness .*\(199 of 200 canaries\)$/)]);
  });

  it('fail without a value, and say why', () => {
    const findings = { count: 200, durations: [], aborts: [], failure: 'no API server' };
    const rows = workFigures(findings, [5, 1]);
    expect(rows.every(({ reached }) => !reached)).toBe(true);
    expect(rows.every(({ remarks = [] }) => remarks[0] === 'missing: no API server')).toBe(true);
    expect(rows.every(failsAnywhere)).toBe(true);
  });
});

describe('on a busy machine', () => {
  it('times do not fail, counts and absent canaries do', () => {
    const slow = { ...good, aborts: good.aborts.map((abort) => ({ ...abort, p99Ms: 99_000 })) };
    expect(workFigures(slow, [5, 1]).filter(failsAnywhere)).toEqual([]);
    const fewer = { ...good, aborts: good.aborts.map((abort) => ({ ...abort, finished: 3 })) };
    expect(workFigures(fewer, [5, 1]).filter(failsAnywhere)).toHaveLength(2);
    const { promotion } = good;
    const chatty = {
      ...promotion!,
      requests: { total: 6_001, unfinished: false, lists: 0, tally: [] },
    };
    expect(workFigures({ ...good, promotion: chatty }, [5, 1]).filter(failsAnywhere)).toHaveLength(
      1,
    );
  });
});

describe('the rows of canaries at rest', () => {
  const resting: Findings = {
    count: 10_000,
    durations: [],
    settled: { finished: 10_000, seconds: 300 },
    rest: { requests, seconds: 60, cpuSeconds: 0.2, residentMiB: 400 },
    aborts: [],
  };

  it('are reached when all have settled in time', () => {
    expect(restFigures(resting).every(({ reached }) => reached)).toBe(true);
  });

  it('fail when settling takes longer than a quarter of an hour', () => {
    const settled = { finished: 10_000, seconds: 901 };
    const found = restFigures({ ...resting, settled }).filter(({ reached }) => !reached);
    expect(found.map(({ measure }) => measure)).toEqual([
      '10,000 canaries at rest adopted after start',
    ]);
  });
});
