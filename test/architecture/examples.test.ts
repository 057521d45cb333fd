import { globSync, readFileSync } from 'node:fs';
import path from 'node:path';

import { describe, expect, it } from 'vitest';
import { parseAllDocuments } from 'yaml';
import * as z from 'zod';

import { customResourceDefinitions } from '../../src/api/crd.ts';
import { apiGroups } from '../../src/api/group.ts';
import { lint } from '../../src/cli/lint.ts';
import { ApiServer } from '../../src/sandbox/api-server/server.ts';
import { compileSchema } from '../../src/sandbox/api-server/schema/compiled-schema.ts';
import {
  checkerOf,
  hasShared,
  readYaml,
  servedSchema,
  shared,
  withoutShared,
} from '../unit/api/manifests.ts';

const Manifest = z.looseObject({
  apiVersion: z.string(),
  kind: z.string(),
  metadata: z.looseObject({ name: z.string() }),
});

const files = globSync('examples/*/*.yaml').sort();
const folders = [...new Set(files.map((file) => path.dirname(file)))];

const manifests = files.flatMap((file) =>
  [...parseAllDocuments(readFileSync(file, 'utf8'))].map((document) => ({
    file,
    object: Manifest.parse(document.toJS()),
  })),
);
const kinds = new Set(customResourceDefinitions('serin.dev').map(({ spec }) => spec.names.kind));
const ours = manifests.filter(({ object }) => kinds.has(object.kind));
const named = (folder: string, kind: string) =>
  manifests
    .filter(({ file, object }) => path.dirname(file) === folder && object.kind === kind)
    .map(({ object }) => object.metadata.name);

describe('the examples', () => {
  it('show every kind', () => {
    expect(new Set(ours.map(({ object }) => object.kind))).toEqual(kinds);
  });

  it('pass `serin lint` without a problem and without a warning', () => {
    const report = lint(
      files.map((file) => [file, readFileSync(file, 'utf8')] as const),
      {},
    );
    expect(report.problems).toEqual([]);
    expect(report.warnings).toEqual([]);
    expect(report.checked).toBe(ours.length);
  });

  it.each(ours)(
    'pass admission with nothing dropped, in both groups: $file $object.kind',
    ({ object }) => {
      for (const group of apiGroups) {
        const schema = compileSchema(servedSchema(object.kind, group));
        const manifest = { ...object, apiVersion: `${group}/v1beta1` };
        const dropped: string[] = [];
        const admitted = schema.normalize(manifest, undefined, dropped);
        expect(dropped).toEqual([]);
        expect(schema.validate(admitted, undefined)).toEqual([]);
        expect(checkerOf(servedSchema(object.kind, group))(manifest)).toEqual([]);
      }
    },
  );

  it('have names that clash in no namespace, but for the gateway they share', () => {
    const names = manifests
      .filter(({ object }) => object.kind !== 'Gateway')
      .map(({ object }) => `${object.kind}/${object.metadata.name}`);
    expect(new Set(names).size).toBe(names.length);
  });
});

const plurals: Readonly<Record<string, string>> = { Canary: 'canaries' };

function collectionOf({ apiVersion, kind }: z.infer<typeof Manifest>): string {
  const plural = plurals[kind] ?? `${kind.toLowerCase()}s`;
  const root = apiVersion.includes('/') ? `/apis/${apiVersion}` : `/api/${apiVersion}`;
  return `${root}/namespaces/default/${plural}`;
}

describe.skipIf(!hasShared)(`the examples in the sandbox${withoutShared}`, () => {
  const gatewayApi = globSync(path.join(shared, 'crds/gateway-api-v1.6-standard/*.yaml')).map(
    (file) => z.looseObject({}).parse(readYaml(file)),
  );

  it.each(folders)('are taken by the API server with strict validation: %s', (folder) => {
    const definitions = [...customResourceDefinitions('serin.dev'), ...gatewayApi];
    const server = new ApiServer({ now: () => 0, random: () => 0.5, definitions });
    for (const { file, object } of manifests) {
      if (path.dirname(file) !== folder) continue;
      const answer = server.handle({
        method: 'POST',
        path: collectionOf(object),
        query: { fieldValidation: 'Strict' },
        headers: { 'content-type': 'application/json' },
        body: object,
      });
      expect(answer, file).toMatchObject({ kind: 'object', status: 201 });
    }
  });
});

describe.each(folders)('%s', (folder) => {
  it('brings the workload that its Canary refers to', () => {
    expect(named(folder, 'Canary')).toHaveLength(1);
    expect(named(folder, 'Deployment')).toEqual(named(folder, 'Canary'));
  });

  it('says what it shows', () => {
    expect(readFileSync('examples/README.md', 'utf8')).toContain(`(${path.basename(folder)})`);
  });
});
