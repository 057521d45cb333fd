/** Validation causes in the words Kubernetes uses, so that a client sees here what it will see there. */

import type { Cause } from '../faults.ts';

/** How Go prints the offending value: text quoted, the rest as JSON. */
export function show(value: unknown): string {
  if (value === undefined || value === null) return 'null';
  return JSON.stringify(value) ?? 'null';
}

export function invalidValue(field: string, value: unknown, detail: string): Cause {
  const message = `Invalid value: ${show(value)}${detail === '' ? '' : `: ${detail}`}`;
  return { reason: 'FieldValueInvalid', message, field };
}

export function required(field: string, detail = ''): Cause {
  const message = `Required value${detail === '' ? '' : `: ${detail}`}`;
  return { reason: 'FieldValueRequired', message, field };
}

export function unsupportedValue(
  field: string,
  value: unknown,
  supported: readonly unknown[],
): Cause {
  const list = supported.map((item) => JSON.stringify(item)).join(', ');
  const message = `Unsupported value: ${show(value)}: supported values: ${list}`;
  return { reason: 'FieldValueNotSupported', message, field };
}

export function duplicate(field: string, value: unknown): Cause {
  return { reason: 'FieldValueDuplicate', message: `Duplicate value: ${show(value)}`, field };
}

export function forbiddenField(field: string, detail: string): Cause {
  return { reason: 'FieldValueForbidden', message: `Forbidden: ${detail}`, field };
}

export function tooLong(field: string, limit: number): Cause {
  return {
    reason: 'FieldValueTooLong',
    message: `Too long: may not be more than ${limit} bytes`,
    field,
  };
}

export function tooMany(field: string, actual: number, limit: number): Cause {
  const message = `Too many: ${actual}: must have at most ${limit} items`;
  return { reason: 'FieldValueTooMany', message, field };
}

export function wrongType(field: string, actual: string, expected: string): Cause {
  const detail = `${field} in body must be of type ${expected}: ${JSON.stringify(actual)}`;
  const message = `Invalid value: ${JSON.stringify(actual)}: ${detail}`;
  return { reason: 'FieldValueTypeInvalid', message, field };
}

/** After these the object is too broken for rules across fields to make sense. */
export function blocksRules({ reason }: Cause): boolean {
  return (
    reason === 'FieldValueRequired' ||
    reason === 'FieldValueNotSupported' ||
    reason === 'FieldValueTooLong' ||
    reason === 'FieldValueTooMany' ||
    reason === 'FieldValueTypeInvalid'
  );
}
