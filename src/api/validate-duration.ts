/**
 * Checks the text of one duration.
 */

import { formatDuration, parseDuration } from './duration.ts';
import { invalid, type Problem } from './problem.ts';

/** None for an absent one. `leastMs` itself is allowed. */
export function durationProblems(
  field: string,
  text: string | undefined,
  leastMs: number,
): readonly Problem[] {
  if (text === undefined) return [];
  const ms = parseDuration(text);
  if (ms === undefined) {
    return [invalid(field, `is not a duration ("${text}")`, 'write it like 30s, 1m30s or 500ms')];
  }
  if (ms < leastMs) {
    return [invalid(field, `is too short (${text})`, `write at least ${formatDuration(leastMs)}`)];
  }
  return [];
}
