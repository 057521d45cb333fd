/** `label_replace`: one label computed from another by a regular expression. */
import { labelsOf } from '../labels.ts';
import { QueryError } from './query-error.ts';
import { compileAnchored, RegexError } from './regex.ts';
import type { VectorSample } from './value.ts';

interface Replacement {
  readonly target: string;
  /** May refer to groups of the pattern: `$1`, `${1}`, `${name}`. */
  readonly replacement: string;
  readonly source: string;
  readonly pattern: string;
}

export function replaceLabel(
  vector: readonly VectorSample[],
  { target, replacement, source, pattern }: Replacement,
): readonly VectorSample[] {
  const regex = compile(pattern);
  if (!/^[a-zA-Z_][a-zA-Z0-9_]*$/.test(target)) {
    throw QueryError.execution(`invalid destination label name in label_replace(): ${target}`);
  }
  return vector.map((sample) => {
    const match = regex.exec(sample.labels.get(source) ?? '');
    if (match === null) return sample;
    return {
      ...sample,
      labels: labelsOf([...sample.labels, [target, expand(replacement, match)]]),
    };
  });
}

function compile(pattern: string): RegExp {
  try {
    return compileAnchored(pattern);
  } catch (error) {
    if (!(error instanceof RegexError)) throw error;
    throw QueryError.execution(`invalid regular expression in label_replace(): ${pattern}`);
  }
}

/** As Go expands: the longest name counts, a group that is not there is empty, `$$` is a dollar sign. */
function expand(template: string, match: RegExpExecArray): string {
  return template.replace(/\$(?:(\$)|(\w+)|\{(\w+)\})/g, (_all, dollar, plain, braced) => {
    if (dollar !== undefined) return '$';
    const name: string = plain ?? braced;
    const group = /^\d+$/.test(name) ? match[Number(name)] : match.groups?.[name];
    return group ?? '';
  });
}
