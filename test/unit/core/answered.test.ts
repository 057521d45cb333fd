import { describe, expect, it } from 'vitest';

import { whenAnswered } from '../../../src/core/answered.ts';
import type { Decision } from '../../../src/core/effects.ts';
import { freshMemory } from '../../../src/core/observation.ts';

const decided = { now: Date.parse('2026-03-01T10:00:00Z'), monotonic: 5_000 };
const answered = { now: Date.parse('2026-03-01T10:00:04Z'), monotonic: 9_000 };
const then = '2026-03-01T10:00:00.000Z';
const later = '2026-03-01T10:00:04.000Z';

function decision(weight: number, run: object): Decision {
  const status = { phase: 'Progressing', canaryWeight: weight, run: { id: 'a', ...run } } as const;
  const anchors = { [`roundSince@${then}`]: { elapsedMs: 0, monotonic: 5_000 } };
  return {
    effects: [
      { type: 'shiftTraffic', weight, applied: { run: 'a', revision: 'r', weight, for: 'raise' } },
    ],
    status,
    events: [],
    memory: { ...freshMemory, anchors, wrote: status },
    lookAgainAfterMs: 10_000,
  };
}

describe('a decision that was carried out slowly', () => {
  it('counts the interval after a raise from when the server had taken it', () => {
    const { status, memory } = whenAnswered(
      decision(30, { raisedAt: then, roundSince: then, startedAt: then }),
      decided,
      answered,
    );
    expect(status.run).toEqual({ id: 'a', raisedAt: later, roundSince: later, startedAt: then });
    expect(memory.anchors).toEqual({
      [`raisedAt@${later}`]: { elapsedMs: 0, monotonic: 9_000 },
      [`roundSince@${later}`]: { elapsedMs: 0, monotonic: 9_000 },
    });
    expect(memory.wrote).toBe(status);
  });

  it('leaves clocks alone that this decision has not started', () => {
    const kept = decision(30, { raisedAt: '2026-03-01T09:59:00.000Z' });
    expect(whenAnswered(kept, decided, answered)).toBe(kept);
  });

  it('leaves a decision alone that takes traffic away', () => {
    const abort = decision(0, { raisedAt: then, roundSince: then });
    expect(whenAnswered(abort, decided, answered)).toBe(abort);
  });
});
