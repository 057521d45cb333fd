import { describe, expect, it } from 'vitest';

import { reactTo } from '../../src/controller/error-policy.ts';
import {
  ConflictError,
  DefectError,
  DeniedError,
  InvalidError,
  UnavailableError,
  WaitingError,
} from '../../src/errors.ts';

const facts = { reason: 'Test' };

describe('what a failed pass leads to', () => {
  it('is another one at once, without a word, when somebody else wrote first', () => {
    expect(reactTo(new ConflictError('x', facts))).toEqual({
      retry: 'now',
      log: 'none',
      tellUser: false,
    });
  });

  it('is patience, without a word to the user, when the other side does not answer', () => {
    expect(reactTo(new UnavailableError('x', facts))).toMatchObject({
      retry: 'backoff',
      tellUser: false,
    });
  });

  it('is just as much patience as the other side asks for', () => {
    const error = new UnavailableError('x', { ...facts, retryAfterMs: 7_000 });
    expect(reactTo(error).retry).toEqual({ afterMs: 7_000 });
  });

  it('is growing patience with what is not there yet', () => {
    expect(reactTo(new WaitingError('x', { ...facts, retryAfterMs: 3_000 })).retry).toEqual({
      atLeastMs: 3_000,
    });
  });

  it.each([
    ['a role is missing', new DeniedError('x', facts), 'warn'],
    ['an object is refused', new InvalidError('x', facts), 'warn'],
    ['it is our own fault', new DefectError('x', facts), 'error'],
  ])('is a word to the user, and a line in the log, when %s', (_what, error, log) => {
    expect(reactTo(error)).toEqual({ retry: 'backoff', log, tellUser: true });
  });
});
