import { readFileSync } from 'node:fs';
import path from 'node:path';

import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import * as z from 'zod';

import { apiGroups } from '../../../src/api/group.ts';
import type { StructuralSchema } from '../../../src/api/structural.ts';
import {
  parseAlertProvider,
  parseCanary,
  parseMetricTemplate,
  validate,
} from '../../../src/api/validation.ts';
import { compileSchema } from '../../../src/sandbox/api-server/schema/compiled-schema.ts';
import { arbitraryOf } from './arbitrary-manifest.ts';
import { differences, differenceRows } from './differences.ts';
import {
  checkerOf,
  hasShared,
  messagesIn,
  readYaml,
  servedSchema,
  shared,
  withoutShared,
} from './manifests.ts';

const Kind = z.enum(['Canary', 'MetricTemplate', 'AlertProvider']);
type Kind = z.infer<typeof Kind>;
const plurals = {
  Canary: 'canaries',
  MetricTemplate: 'metrictemplates',
  AlertProvider: 'alertproviders',
};

const Example = z.object({
  file: z.string(),
  kind: Kind,
  upstreamCrdAccepts: z.boolean(),
  prunedFields: z.array(z.unknown()),
});
type Example = z.infer<typeof Example>;
const Index = z.object({ examples: z.array(Example) });

const Schema = z.custom<StructuralSchema>((value) => typeof value === 'object');
const Definition = z.object({
  spec: z.object({
    versions: z.array(z.object({ schema: z.object({ openAPIV3Schema: Schema }) })),
  }),
});

function flaggersSchema(kind: Kind): StructuralSchema {
  const file = path.join(shared, `flagger-crds/${plurals[kind]}.flagger.app.yaml`);
  const [version] = Definition.parse(readYaml(file)).spec.versions;
  if (version === undefined) throw new Error(`no schema for ${kind}`);
  return version.schema.openAPIV3Schema;
}

const examples = hasShared
  ? Index.parse(JSON.parse(readFileSync(path.join(shared, 'flagger-examples/index.json'), 'utf8')))
      .examples
  : [];

const document = ({ file }: Example) => readYaml(path.join(shared, 'flagger-examples', file));

const parsers = {
  Canary: parseCanary,
  MetricTemplate: parseMetricTemplate,
  AlertProvider: parseAlertProvider,
};

/** What admission says, without its remark that it stopped looking. */
function causesOf(schema: ReturnType<typeof compileSchema>, manifest: unknown) {
  return schema.validate(manifest, undefined).filter(({ field }) => field !== '<nil>');
}

/** What the whole of our admission and the operator's own reading have against a manifest. */
function refusals(kind: Kind, manifest: unknown): readonly string[] {
  const schema = compileSchema(servedSchema(kind, 'flagger.app'));
  const admitted = schema.normalize(manifest, undefined, []);
  return [
    ...causesOf(schema, admitted).map(({ field, message }) => `${field}: ${message}`),
    ...parsers[kind](manifest).problems.map(({ field, problem }) => `${field}: ${problem}`),
  ];
}

describe('the table of differences', () => {
  it('has five columns, and rows that are numbered in order', () => {
    expect(differenceRows.length).toBeGreaterThan(50);
    for (const [index, row] of differenceRows.entries()) {
      expect(row).toHaveLength(5);
      expect(row.every((cell) => cell !== '')).toBe(true);
      expect(row[0]).toBe(`D${String(index + 1).padStart(2, '0')}`);
    }
  });

  it('has a row for each difference that the tests let pass', () => {
    const ids = differenceRows.map(([id]) => id);
    for (const { row } of differences) expect(ids).toContain(row);
  });
});

describe.skipIf(!hasShared)(`an example of Flagger${withoutShared}`, () => {
  const fine = examples.filter(({ upstreamCrdAccepts }) => upstreamCrdAccepts);

  it('is there', () => {
    expect(examples.length).toBe(81);
    expect(fine.length).toBe(66);
  });

  it.each(fine)('that its definition accepts is accepted by ours: $file', (example) => {
    const manifest = document(example);
    const kind = example.kind;
    expect(refusals(kind, manifest)).toEqual([]);
    expect(checkerOf(servedSchema(kind, 'flagger.app'))(manifest)).toEqual([]);
  });

  it.each(fine)('loses no more fields than with its own definition: $file', (example) => {
    const dropped: string[] = [];
    compileSchema(servedSchema(example.kind, 'flagger.app')).normalize(
      document(example),
      undefined,
      dropped,
    );
    expect(dropped.length).toBeLessThanOrEqual(example.prunedFields.length);
  });

  it.each(fine)('comes through the other group unchanged: $file', (example) => {
    const [ours, flaggers] = apiGroups.map((group) =>
      compileSchema(servedSchema(example.kind, group)),
    );
    const first = flaggers?.normalize(document(example), undefined, []);
    const dropped: string[] = [];
    expect(ours?.normalize(first, undefined, dropped)).toEqual(first);
    expect(dropped).toEqual([]);
  });

  it.each(fine)(
    'comes through the pruning of Flagger as it was, but for our own fields: $file',
    (example) => {
      const manifest = document(example);
      const prune = compileSchema(flaggersSchema(example.kind));
      const ours = compileSchema(servedSchema(example.kind, 'flagger.app')).normalize(
        manifest,
        undefined,
        [],
      );
      const dropped: string[] = [];
      prune.normalize(ours, undefined, dropped);
      expect(
        dropped.filter((field) => !/onNoData|holdDeadline|\.deadline|onDeadline/.test(field)),
      ).toEqual([]);
      expect(prune.validate(prune.normalize(ours, undefined, []), undefined)).toEqual([]);
    },
  );

  it('is refused by ours where something is missing that both need', () => {
    const refusedByBoth = examples.filter(({ upstreamCrdAccepts }) => !upstreamCrdAccepts);
    const nowAccepted = refusedByBoth.filter(
      (example) => refusals(example.kind, document(example)).length === 0,
    );
    // D84: address and secretRef together. The older apiVersions are refused by the API server, not by a schema.
    expect(nowAccepted.map(({ file }) => file)).toEqual([
      'docs-usage-alerting-1.yaml',
      'docs-usage-metrics-7.yaml',
    ]);
  });
});

describe.skipIf(!hasShared)(`anything that Flagger's definitions accept${withoutShared}`, () => {
  it.each(Kind.options)('is accepted by ours, or explained by a row of the table: %s', (kind) => {
    const flaggers = flaggersSchema(kind);
    const check = checkerOf(flaggers);
    const theirs = compileSchema(flaggers);
    let accepted = 0;
    fc.assert(
      fc.property(arbitraryOf(flaggers, kind), (manifest) => {
        fc.pre(check(manifest).length === 0);
        fc.pre(causesOf(theirs, theirs.normalize(manifest, undefined, [])).length === 0);
        const unexplained = refusals(kind, manifest).filter(
          (refusal) => !differences.some(({ explains }) => explains.test(refusal)),
        );
        expect(unexplained).toEqual([]);
        accepted += 1;
      }),
      { numRuns: 1_000 },
    );
    expect(accepted).toBe(1_000);
  });
});

describe('admission and the operator', () => {
  const structure = servedSchema('Canary');
  const schema = compileSchema(structure);
  const rules = messagesIn(structure);
  const isRule = ({ message }: { readonly message: string }) =>
    rules.some((rule) => message.includes(rule));
  const admit = (manifest: unknown) => causesOf(schema, schema.normalize(manifest, undefined, []));

  it('read a Canary alike', () => {
    let refused = 0;
    fc.assert(
      fc.property(arbitraryOf(structure, 'Canary'), (manifest) => {
        const shape = admit(manifest).filter((cause) => !isRule(cause));
        expect(parseCanary(manifest).problems.length > 0).toBe(shape.length > 0);
        if (shape.length > 0) refused += 1;
      }),
      { numRuns: 1_000 },
    );
    expect(refused).toBeGreaterThan(20);
    expect(refused).toBeLessThan(980);
  });

  it('refuse the same: what breaks a rule of the definition is a problem for the operator too', () => {
    let broken = 0;
    fc.assert(
      fc.property(arbitraryOf(structure, 'Canary'), (manifest) => {
        const { value } = parseCanary({ ...Object(manifest), apiVersion: 'serin.dev/v1beta1' });
        if (value === undefined || !admit(value).some(isRule)) return;
        broken += 1;
        expect(validate(value, { group: 'serin.dev' })).not.toEqual([]);
      }),
      { numRuns: 1_000 },
    );
    expect(broken).toBeGreaterThan(20);
  });
});
