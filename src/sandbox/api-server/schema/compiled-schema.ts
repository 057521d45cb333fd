/** A schema ready for use: everything that can be computed from its text has been. */

import type { Cause } from '../faults.ts';
import { blocksRules } from './field-errors.ts';
import { compileNormalize } from './normalize.ts';
import { compileRules } from './rules.ts';
import type { SchemaNode } from './schema-node.ts';
import { compileValidate } from './validate.ts';

export interface CompiledSchema {
  readonly node: SchemaNode;
  /** Pruned and defaulted; `unknown` collects the paths that were dropped. */
  normalize(value: unknown, previous: unknown, unknown: string[]): unknown;
  /** All that is wrong; parts identical to `previous` are taken as right. */
  validate(value: unknown, previous: unknown): readonly Cause[];
}

export function compileSchema(node: SchemaNode): CompiledSchema {
  const normalize = compileNormalize(node, true);
  const validate = compileValidate(node, true);
  const rules = compileRules(node);
  return {
    node,
    normalize: (value, previous, unknown) => normalize(value, previous, { path: [], unknown }),
    validate(value, previous) {
      const causes: Cause[] = [];
      validate(value, previous, { path: [], causes });
      if (rules === undefined) return causes;
      if (!causes.some(blocksRules)) rules(value, previous, { path: [], causes });
      else causes.push(UNCHECKED);
      return causes;
    },
  };
}

const UNCHECKED: Cause = {
  reason: 'FieldValueInvalid',
  message:
    'Invalid value: null: some validation rules were not checked because the object was invalid; correct the existing errors to complete validation',
  field: '<nil>',
};
