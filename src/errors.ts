/**
 * The six reasons a pass cannot finish, named by what happens next.
 *
 * Adapters translate foreign failures into these; beyond an adapter nobody looks at an HTTP status.
 * `controller/error-policy.ts` is the one place that decides what each leads to.
 */

interface Facts {
  /** CamelCase and stable; becomes the `reason` of a condition and of an Event. */
  readonly reason: string;
  /** For the log line. Never a secret, never a whole object. */
  readonly details?: Readonly<Record<string, string | number | boolean>>;
  readonly cause?: unknown;
}

abstract class BaseError extends Error {
  readonly reason: string;
  readonly details: Readonly<Record<string, string | number | boolean>>;

  constructor(message: string, { reason, details = {}, cause }: Facts) {
    super(message, cause === undefined ? {} : { cause });
    this.name = new.target.name;
    this.reason = reason;
    this.details = details;
  }
}

/** The user has to change something. Trying again before that is noise. */
export class InvalidError extends BaseError {
  readonly kind = 'invalid';
}

/** Nothing is wrong; something is not there yet. */
export class WaitingError extends BaseError {
  readonly kind = 'waiting';
  readonly retryAfterMs: number;

  constructor(message: string, facts: Facts & { readonly retryAfterMs: number }) {
    super(message, facts);
    this.retryAfterMs = facts.retryAfterMs;
  }
}

/** Somebody else wrote first: look again and decide again. */
export class ConflictError extends BaseError {
  readonly kind = 'conflict';
}

/** A role or a credential is missing. */
export class DeniedError extends BaseError {
  readonly kind = 'denied';
}

/** The other side did not answer, or said later. */
export class UnavailableError extends BaseError {
  readonly kind = 'unavailable';
  /** How long the other side asked us to wait, when it did. */
  readonly retryAfterMs: number | undefined;

  constructor(message: string, facts: Facts & { readonly retryAfterMs?: number }) {
    super(message, facts);
    this.retryAfterMs = facts.retryAfterMs;
  }
}

/** Our bug, and everything that nobody classified. */
export class DefectError extends BaseError {
  readonly kind = 'defect';
}

export type OperatorError =
  | InvalidError
  | WaitingError
  | ConflictError
  | DeniedError
  | UnavailableError
  | DefectError;

// Only the six extend it, and none of them can be made outside this file's classes.
function isOperatorError(thrown: unknown): thrown is OperatorError {
  return thrown instanceof BaseError;
}

/** Anything thrown, as one of the six; what is not one of them is a defect. */
export function asOperatorError(thrown: unknown): OperatorError {
  if (isOperatorError(thrown)) return thrown;
  const message = thrown instanceof Error ? thrown.message : String(thrown);
  return new DefectError(message, { reason: 'InternalError', cause: thrown });
}

/** Ends every `switch` over a union: a case that was forgotten does not compile. */
export function assertNever(value: never, what: string): never {
  throw new DefectError(`unknown ${what}: ${JSON.stringify(value)}`, { reason: 'InternalError' });
}
