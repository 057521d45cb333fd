import { readFileSync } from 'node:fs';

import { RE2JS } from 're2js';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';

import { customResourceDefinitions, servedKinds } from '../../src/api/crd.ts';
import { drift } from '../../src/api/generate.ts';
import { apiGroups } from '../../src/api/group.ts';
import type { StructuralSchema } from '../../src/api/structural.ts';
import { compileCel } from '../../src/sandbox/api-server/schema/cel-environment.ts';
import { structuralProblems } from '../../src/sandbox/api-server/schema/structural.ts';

interface Place {
  readonly path: string;
  readonly schema: StructuralSchema;
  readonly isField: boolean;
}

function placesIn(schema: StructuralSchema, path: string, isField = false): readonly Place[] {
  const { properties = {}, items, additionalProperties } = schema;
  return [
    { path, schema, isField },
    ...Object.entries(properties).flatMap(([name, child]) =>
      placesIn(child, `${path}.${name}`, true),
    ),
    ...(items ? placesIn(items, `${path}[]`) : []),
    ...(additionalProperties ? placesIn(additionalProperties, `${path}.*`) : []),
  ];
}

const definitions = apiGroups.flatMap((group) => customResourceDefinitions(group));
const schemaOf = (definition: (typeof definitions)[number]): StructuralSchema => {
  const [version] = definition.spec.versions;
  if (version === undefined) throw new Error('no version');
  return version.schema.openAPIV3Schema;
};

/** What the API server takes and what cannot be meant all the same. */
function oddIn({ path, schema }: Place): readonly string[] {
  const typedPort =
    schema['x-kubernetes-int-or-string'] && schema.type ? ['int-or-string with a type'] : [];
  const missing = (schema.required ?? [])
    .filter((name) => !schema.properties?.[name])
    .map((name) => `requires ${name}, which it does not have`);
  return [...typedPort, ...missing].map((oddity) => `${path}: ${oddity}`);
}

/** CEL rules cost by what they may have to look at: nothing they see may be without a bound. */
function unboundedIn({ path, schema }: Place): readonly string[] {
  const isBounded =
    schema.maxLength !== undefined ||
    schema.enum !== undefined ||
    schema.format === 'date-time' ||
    (schema.type !== 'string' &&
      schema.type !== 'array' &&
      schema.additionalProperties === undefined) ||
    schema.maxItems !== undefined ||
    schema.maxProperties !== undefined;
  return isBounded ? [] : [path];
}

describe('the generated files', () => {
  it('are what the schemas say; `npm run generate` writes them', () => {
    expect(drift()).toEqual([]);
  });

  it('are read by others as we mean them', () => {
    for (const definition of definitions) {
      const { group, names } = definition.spec;
      expect(parse(readFileSync(`crds/${group}_${names.plural}.yaml`, 'utf8'))).toEqual(
        structuredClone(definition),
      );
    }
  });
});

describe.each(definitions.map((definition) => [definition.metadata.name, definition] as const))(
  '%s',
  (_, definition) => {
    const schema = schemaOf(definition);
    const places = placesIn(schema, 'self');

    it('is structural', () => {
      expect(structuralProblems(schema, 'self')).toEqual([]);
      expect(places.flatMap(oddIn)).toEqual([]);
    });

    it('describes every field in a sentence', () => {
      const bare = places.filter(
        ({ schema: { description = '' }, isField, path }) =>
          isField && path !== 'self.metadata' && !/^.{6,}[.]$/.test(description),
      );
      expect(bare.map(({ path }) => path)).toEqual([]);
    });

    it('describes every item but the metadata, which the API server allows nobody', () => {
      expect(places.filter((place) => !place.schema.description).map(({ path }) => path)).toEqual([
        'self.metadata',
      ]);
      expect(schema.properties?.['metadata']).toEqual({ type: 'object' });
    });

    it('has only patterns that RE2 can run', () => {
      for (const {
        schema: { pattern },
      } of places) {
        if (pattern !== undefined) expect(() => RE2JS.compile(pattern)).not.toThrow();
      }
    });

    it('has only rules that are CEL', () => {
      const rules = places.flatMap((place) => place.schema['x-kubernetes-validations'] ?? []);
      for (const { rule } of rules) expect(() => compileCel(rule)).not.toThrow();
    });

    it('bounds everything that a rule may have to look at', () => {
      const { spec } = schema.properties ?? {};
      if (spec === undefined) throw new Error('no spec');
      expect(placesIn(spec, 'spec').flatMap(unboundedIn)).toEqual([]);
    });

    it('is small enough to be applied', () => {
      expect(JSON.stringify(definition).length).toBeLessThan(256 * 1024);
    });

    it('has defaults that pass their own schema', () => {
      for (const { schema: part, path } of places) {
        const { default: value, type } = part;
        if (value === undefined) continue;
        expect({ path, type: type === 'integer' ? 'number' : type }).toEqual({
          path,
          type: typeof value,
        });
        if (part.pattern) expect(value).toMatch(new RegExp(part.pattern));
      }
    });

    it('shows columns that exist', () => {
      const paths = new Set(places.map(({ path }) => path.replace(/^self/, '')));
      const [version] = definition.spec.versions;
      for (const { jsonPath } of version?.additionalPrinterColumns ?? []) {
        expect(jsonPath === '.metadata.creationTimestamp' || paths.has(jsonPath), jsonPath).toBe(
          true,
        );
      }
    });
  },
);

const columns = (group: string) =>
  definitions
    .find(({ metadata }) => metadata.name === `canaries.${group}`)
    ?.spec.versions[0]?.additionalPrinterColumns.filter(({ priority }) => priority === undefined)
    .map(({ name }) => name);

describe('the two groups', () => {
  it('have one schema', () => {
    const [ours, flaggers] = apiGroups.map((group) =>
      customResourceDefinitions(group).map(schemaOf),
    );
    expect(flaggers).toEqual(ours);
  });

  it('serve the same kinds', () => {
    expect(servedKinds.map(({ kind }) => kind)).toEqual([
      'Canary',
      'MetricTemplate',
      'AlertProvider',
    ]);
  });

  it('keep room for what a rollout has to remember', () => {
    const canary = definitions.find(({ spec }) => spec.names.kind === 'Canary');
    const status = canary && schemaOf(canary).properties?.['status'];
    expect(status?.properties?.['run']).toMatchObject({
      type: 'object',
      'x-kubernetes-preserve-unknown-fields': true,
    });
  });

  it('tell the story in columns', () => {
    expect(columns('serin.dev')).toEqual([
      'Target',
      'Phase',
      'Weight',
      'Revision',
      'Message',
      'Age',
    ]);
    // Scripts written for Flagger count these.
    expect(columns('flagger.app')?.slice(0, 3)).toEqual(['Status', 'Weight', 'LastTransitionTime']);
  });
});
