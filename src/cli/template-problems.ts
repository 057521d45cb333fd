/**
 * Problems in the query templates of a manifest.
 */
import type { Problem } from '../api/problem.ts';
import { compileTemplate } from '../core/template.ts';

/** One problem for each place of the query that cannot be understood. */
export function templateProblems(field: string, query: string): readonly Problem[] {
  const compiled = compileTemplate(query);
  if (compiled.ok) return [];
  return compiled.problems.map((problem) => ({
    field,
    problem: `cannot be filled in (${problem})`,
    remedy:
      'use {{ name }}, {{ namespace }}, {{ target }}, {{ service }}, {{ interval }} or {{ variables.name }}',
    reason: 'InvalidSpec',
  }));
}
