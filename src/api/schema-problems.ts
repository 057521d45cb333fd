/**
 * Says in words what a schema has against an object.
 */

import type * as z from 'zod';

import { assertNever } from '../errors.ts';
import type { Problem } from './problem.ts';

type Issue = z.core.$ZodIssue;

/** Every problem the schema found, each with its field. */
export function schemaProblems(error: z.ZodError): readonly Problem[] {
  return error.issues.map((issue) => ({
    field: fieldOf(issue.path),
    ...describe(issue),
    reason: 'InvalidSpec',
  }));
}

/** `['spec', 'metrics', 0, 'name']` as `spec.metrics[0].name`. */
export function fieldOf(path: readonly PropertyKey[]): string {
  let field = '';
  for (const part of path) {
    if (typeof part === 'number') field += `[${part}]`;
    else field += field === '' ? String(part) : `.${String(part)}`;
  }
  return field;
}

const nouns: Readonly<Record<string, string>> = {
  string: 'a text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  array: 'a list',
  object: 'an object',
  record: 'an object',
};

function describe(issue: Issue): Pick<Problem, 'problem' | 'remedy'> {
  switch (issue.code) {
    case 'invalid_type':
      return wrongType(issue);
    case 'invalid_value':
      return {
        problem: 'has a value that is not among those it can have',
        remedy: `write one of ${issue.values.map((value) => JSON.stringify(value)).join(', ')}`,
      };
    case 'too_small':
      return {
        problem: 'is too small',
        remedy: `${bound(issue.origin)} at least ${issue.minimum}`,
      };
    case 'too_big':
      return { problem: 'is too large', remedy: `${bound(issue.origin)} at most ${issue.maximum}` };
    case 'invalid_format':
      return wrongFormat(issue);
    case 'invalid_union':
      return { problem: 'is of the wrong type', remedy: 'write a number or a text' };
    case 'custom':
    case 'invalid_element':
    case 'invalid_key':
    case 'not_multiple_of':
    case 'unrecognized_keys':
      return { problem: 'is not valid', remedy: issue.message };
    default:
      return assertNever(issue, 'schema issue');
  }
}

function wrongType(issue: z.core.$ZodIssueInvalidType): Pick<Problem, 'problem' | 'remedy'> {
  const noun = nouns[issue.expected] ?? issue.expected;
  // Zod gives no input when the field is absent.
  if (issue.input === undefined && issue.message.includes('undefined')) {
    return { problem: 'is missing', remedy: `add it; it is ${noun}` };
  }
  return { problem: `is not ${noun}`, remedy: `write ${noun}` };
}

function wrongFormat(
  issue: z.core.$ZodIssueInvalidStringFormat,
): Pick<Problem, 'problem' | 'remedy'> {
  if (issue.pattern?.includes('ns|us') === true) {
    return { problem: 'is not a duration', remedy: 'write it like 30s, 1m30s or 500ms' };
  }
  if (issue.format === 'datetime') {
    return { problem: 'is not a time', remedy: 'write it like 2026-01-31T12:00:00Z' };
  }
  return {
    problem: 'has the wrong form',
    remedy: `it has to match ${issue.pattern ?? issue.format}`,
  };
}

function bound(origin: string): string {
  if (origin === 'string') return 'the number of characters has to be';
  if (origin === 'array') return 'the number of items has to be';
  return 'the number has to be';
}
