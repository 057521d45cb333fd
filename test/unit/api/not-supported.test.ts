import { describe, expect, it } from 'vitest';

import {
  findNotSupported,
  notSupported,
  type NotSupported,
} from '../../../src/api/not-supported.ts';
import type { StructuralSchema } from '../../../src/api/structural.ts';
import { aManifest, servedSchema } from './manifests.ts';

const steps = (field: string) => field.split(/\.|(?=\[\])/);

function schemaAt({ kind, field }: NotSupported): StructuralSchema | undefined {
  return steps(field).reduce<StructuralSchema | undefined>(
    (schema, step) =>
      step === '[]' ? schema?.items : (schema?.properties?.[step] ?? schema?.additionalProperties),
    servedSchema(kind),
  );
}

/** A manifest that has `value` at the place an entry speaks of, and nothing else. */
function using(entry: NotSupported, value: unknown): unknown {
  return steps(entry.field).reduceRight<unknown>((inner, step) => {
    if (step === '[]') return [inner];
    return step === '*' ? { some: inner } : { [step]: inner };
  }, value);
}

const used = (entry: NotSupported): unknown => {
  const schema = schemaAt(entry);
  const values = schema?.enum?.filter((value) => !entry.works?.some((works) => works === value));
  if (values?.[0] !== undefined) return values[0];
  if (schema?.type === 'boolean') return true;
  if (schema?.type === 'integer') return 7;
  if (schema?.type === 'string') return 'text';
  return schema?.type === 'array' ? [{ some: 'text' }] : { some: 'text' };
};

describe.each(notSupported)('what is not supported: $kind $field', (entry) => {
  it('is a field that the schema accepts', () => {
    const schema = schemaAt(entry);
    expect(schema).toBeDefined();
    for (const works of entry.works ?? []) expect(schema?.enum).toContain(works);
  });

  it('is found where it is used', () => {
    const found = findNotSupported(entry.kind, using(entry, used(entry)));
    expect(found).toContainEqual(
      expect.objectContaining({ reason: 'NotSupported', remedy: entry.instead }),
    );
  });

  it('is not found where it asks for nothing', () => {
    for (const nothing of [false, 0, '', [], {}, undefined]) {
      expect(findNotSupported(entry.kind, using(entry, nothing))).toEqual([]);
    }
    for (const works of entry.works ?? [])
      expect(findNotSupported(entry.kind, using(entry, works))).toEqual([]);
  });
});

describe('what is not supported', () => {
  it('does not touch a plain Canary', () => {
    expect(findNotSupported('Canary', aManifest())).toEqual([]);
  });

  it('is named with its place in a list and in a map', () => {
    const match = [{}, { headers: { 'x-a': { prefix: 'b' } } }];
    expect(
      findNotSupported('Canary', aManifest({ service: { match } })).map(({ field }) => field),
    ).toEqual(['spec.service.match[1].headers.x-a.prefix']);
  });
});
