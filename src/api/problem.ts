/**
 * Something in a manifest that a person has to change.
 */
export interface Problem {
  /** Where: `spec.analysis.metrics[0].interval`. */
  readonly field: string;
  /** What is wrong, as part of a sentence, without a full stop. */
  readonly problem: string;
  /** What to write instead. */
  readonly remedy: string;
  /** Stable CamelCase word; becomes the reason of the `Stalled` condition. */
  readonly reason: 'InvalidSpec' | 'NotSupported';
}

/** One sentence for a condition or a line of output. */
export function problemText({ field, problem, remedy }: Problem): string {
  return `${field} ${problem}: ${remedy}`;
}

/** A problem that the user has to repair. */
export function invalid(field: string, problem: string, remedy: string): Problem {
  return { field, problem, remedy, reason: 'InvalidSpec' };
}

export function isHttpUrl(text: string | undefined): boolean {
  return text !== undefined && /^https?:\/\//i.test(text) && URL.canParse(text);
}
