/**
 * Fields that no schema knows: the API server would drop them without a word.
 */
import type { Problem } from '../api/problem.ts';
import type { StructuralSchema } from '../api/structural.ts';

/** Every unknown field of `value`, with the name that was probably meant. */
export function unknownFields(
  schema: StructuralSchema,
  value: unknown,
  field = '',
): readonly Problem[] {
  if (typeof value !== 'object' || value === null) return [];
  if (schema['x-kubernetes-preserve-unknown-fields']) return [];
  if (Array.isArray(value)) {
    const { items } = schema;
    return items
      ? value.flatMap((item, index) => unknownFields(items, item, `${field}[${index}]`))
      : [];
  }
  return Object.entries(value).flatMap(([key, child]: [string, unknown]) => {
    const path = field === '' ? key : `${field}.${key}`;
    // The API server itself knows what metadata is.
    if (path === 'metadata') return [];
    const inner = schema.properties?.[key] ?? schema.additionalProperties;
    if (inner !== undefined) return unknownFields(inner, child, path);
    return [unknown(path, key, Object.keys(schema.properties ?? {}))];
  });
}

function unknown(field: string, key: string, known: readonly string[]): Problem {
  const close = known.find((name) => distance(name.toLowerCase(), key.toLowerCase()) <= 2);
  return {
    field,
    problem: 'is no field, and would be dropped',
    remedy: close === undefined ? 'remove it' : `did you mean ${close}?`,
    reason: 'InvalidSpec',
  };
}

/** Letters to add, drop or change (Levenshtein). */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (const [i, letter] of a.split('').entries()) {
    const next = [i + 1];
    for (const [j, other] of b.split('').entries()) {
      const substituted = (row[j] ?? 0) + (letter === other ? 0 : 1);
      next.push(Math.min(substituted, (row[j + 1] ?? 0) + 1, (next[j] ?? 0) + 1));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}
