/**
 * The one place that decides what a failed pass leads to.
 */
import { assertNever, type OperatorError } from '../errors.ts';

export interface Reaction {
  /**
   * `onChange`: not before the Canary, or something it refers to, changes. `atLeastMs`: with growing pauses, none of
   * them shorter. `afterMs`: just then, however often it has failed.
   */
  readonly retry:
    | 'now'
    | 'backoff'
    | 'onChange'
    | { readonly atLeastMs: number }
    | { readonly afterMs: number };
  readonly log: 'none' | 'debug' | 'warn' | 'error';
  /** Shown as a Warning event. */
  readonly tellUser: boolean;
}

export function reactTo(error: OperatorError): Reaction {
  switch (error.kind) {
    case 'invalid':
      return { retry: 'backoff', log: 'warn', tellUser: true };
    case 'waiting':
      return { retry: { atLeastMs: error.retryAfterMs }, log: 'debug', tellUser: false };
    case 'conflict':
      return { retry: 'now', log: 'none', tellUser: false };
    case 'denied':
      return { retry: 'backoff', log: 'warn', tellUser: true };
    case 'unavailable':
      return {
        // Whoever says when to come back rations by that: growing pauses would only hold up an abort.
        retry: error.retryAfterMs === undefined ? 'backoff' : { afterMs: error.retryAfterMs },
        log: 'warn',
        tellUser: false,
      };
    case 'defect':
      return { retry: 'backoff', log: 'error', tellUser: true };
    default:
      return assertNever(error, 'error kind');
  }
}
