import { describe, expect, it } from 'vitest';

import { ProbeCount, runProbe, type Verdict } from './probes.ts';
import { isRestarted, RestartDelay } from './restarts.ts';

/** Tries as `+` and `-`. */
function verdicts(tries: string, thresholds: object, initial: Verdict): readonly Verdict[] {
  const count = new ProbeCount(thresholds, initial);
  return tries.split('').map((one) => count.count(one === '+'));
}

describe('the count of a probe', () => {
  it('fails after so many failures in a row, and not before', () => {
    expect(verdicts('--+---', { failureThreshold: 3 }, 'success')).toEqual([
      'success',
      'success',
      'success',
      'success',
      'success',
      'failure',
    ]);
  });

  it('succeeds after so many successes in a row', () => {
    expect(verdicts('+-++-', { successThreshold: 2, failureThreshold: 2 }, 'failure')).toEqual([
      'failure',
      'failure',
      'failure',
      'success',
      'success',
    ]);
  });

  it('takes three failures and one success when nothing is said', () => {
    expect(verdicts('+---', {}, 'unknown')).toEqual(['success', 'success', 'success', 'failure']);
  });
});

describe('the loop of a probe', () => {
  it('ends when it has heard enough, and when it is called off', async () => {
    const seen: Verdict[] = [];
    const loop = {
      probe: { periodSeconds: 0, failureThreshold: 2 },
      initial: 'success' as const,
      tryOnce: async () => ({ ok: false, message: '' }),
      onTry: (verdict: Verdict) => {
        seen.push(verdict);
        return verdict !== 'failure';
      },
    };
    await runProbe(loop, new AbortController().signal);
    expect(seen).toEqual(['success', 'failure']);
    await runProbe(loop, AbortSignal.abort());
    expect(seen).toHaveLength(2);
  });
});

describe('restarts', () => {
  it('wait longer each time, up to five minutes', () => {
    const delay = new RestartDelay();
    const seconds = Array.from({ length: 8 }, () => delay.after(1_000) / 1_000);
    expect(seconds).toEqual([0, 10, 20, 40, 80, 160, 300, 300]);
  });

  it('forget what was before a run of ten minutes', () => {
    const delay = new RestartDelay();
    for (const _ of [1, 2, 3]) delay.after(1_000);
    expect(delay.after(600_000)).toBe(0);
    expect(delay.after(1_000)).toBe(10_000);
  });

  it.each([
    ['Always', 0, true],
    ['OnFailure', 0, false],
    ['OnFailure', 1, true],
    ['Never', 1, false],
  ] as const)('with %s after exit code %d: %s', (policy, exitCode, restarted) => {
    expect(isRestarted(policy, exitCode)).toBe(restarted);
  });
});
