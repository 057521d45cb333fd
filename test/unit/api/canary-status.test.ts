import { describe, expect, it } from 'vitest';

import { parseStatus, shortRevision } from '../../../src/api/canary-status.ts';

describe('a status', () => {
  it('is empty before there is one', () => {
    expect(parseStatus(undefined)).toEqual({ status: {}, dropped: [] });
  });

  it('comes out as Flagger wrote it', () => {
    const status = {
      phase: 'WaitingPromotion',
      canaryWeight: 0,
      failedChecks: 1,
      iterations: -1,
      lastAppliedSpec: '5d74b6f7c9',
      lastPromotedSpec: '7d4f8c6b9d',
      lastTransitionTime: '2026-01-31T12:00:00Z',
      trackedConfigs: { 'configmap/cart': '0123456789abcdef' },
      conditions: [
        {
          type: 'Promoted',
          status: 'Unknown',
          reason: 'WaitingPromotion',
          message: 'Waiting for approval.',
          lastUpdateTime: '2026-01-31T12:00:00Z',
          lastTransitionTime: '2026-01-31T12:00:00Z',
        },
      ],
    };
    expect(parseStatus(status)).toEqual({ status, dropped: [] });
  });

  it('loses what somebody made unreadable, and nothing else', () => {
    const edited = {
      phase: 'Nonsense',
      canaryWeight: 'all',
      failedChecks: 2,
      run: { id: 'r1', deep: [1] },
    };
    expect(parseStatus(edited)).toEqual({
      status: { failedChecks: 2, run: { id: 'r1', deep: [1] } },
      dropped: ['canaryWeight', 'phase'],
    });
  });

  it.each([null, 'text', 7])('is empty when it is %j', (value) => {
    expect(parseStatus(value).status).toEqual({});
  });

  it('shows a revision by ten digits, whoever recorded it', () => {
    expect(shortRevision(`sha256:${'0123456789abcdef'.repeat(4)}`)).toBe('0123456789');
    expect(shortRevision('5d74b6f7c9')).toBe('5d74b6f7c9');
    expect(shortRevision('')).toBe('');
  });
});
