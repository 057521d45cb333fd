/** `kubectl explain` has words for everything that users write. */

import { spawnSync } from 'node:child_process';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { customResourceDefinitions } from '../../../src/api/crd.ts';
import { apiGroups } from '../../../src/api/group.ts';
import type { StructuralSchema } from '../../../src/api/structural.ts';
import { httpClient } from '../../contract/cluster/http-client.ts';
import { at, json, Room, type Json } from '../../contract/cluster/room.ts';
import { serverOfKubeconfig } from './kubeconfig.ts';

const kinds = apiGroups.flatMap((group) =>
  customResourceDefinitions(group).map((definition) => ({
    group,
    kind: definition.spec.names.kind,
    singular: definition.spec.names.singular,
    schema: definition.spec.versions[0]?.schema.openAPIV3Schema,
    definition,
  })),
);
type Explained = (typeof kinds)[number];

const room = new Room();

beforeAll(async () => {
  await room.open(httpClient(serverOfKubeconfig()));
  for (const { definition, group, kind } of kinds) {
    const root = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions';
    expect([201, 409]).toContain((await room.create(root, definition)).status);
    await room.eventually(async () => expect(await published(group, kind)).toBeDefined());
  }
});
afterAll(() => room.close());

/** The schema as the server publishes it. */
async function published(group: string, kind: string): Promise<Json | undefined> {
  const { body } = await room.get(`/openapi/v3/apis/${group}/v1beta1`);
  const schemas = at(body, 'components.schemas');
  if (schemas === undefined) return undefined;
  return Object.values(json(schemas))
    .map(json)
    .find((schema) => at(schema, 'x-kubernetes-group-version-kind.0.kind') === kind);
}

function explain(path: string, group: string, ...more: readonly string[]) {
  const args = ['explain', path, `--api-version=${group}/v1beta1`, ...more];
  const { status, stdout } = spawnSync('kubectl', args, { encoding: 'utf8', timeout: 60_000 });
  return { status, stdout };
}

describe.each(kinds)('$kind in $group', ({ group, kind, singular, schema }: Explained) => {
  it('is published with a text for every field', async () => {
    expect(silentIn(await published(group, kind), kind)).toEqual([]);
  });

  it('is explained as a whole, down to the last field', () => {
    const { status, stdout } = explain(`${singular}.spec`, group, '--recursive');
    expect(status).toBe(0);
    const shown = new Set(stdout.match(/[\w-]+(?=\t)/g));
    const spec = schema?.properties?.['spec'] ?? {};
    expect(namesIn(spec).filter((name) => !shown.has(name))).toEqual([]);
  });

  it('is explained field by field, in our words', () => {
    const { status, stdout } = explain(`${singular}.spec`, group);
    expect(status).toBe(0);
    expect(stdout).not.toContain('<no description>');
    const words = stdout.replaceAll(/\s+/g, ' ');
    for (const field of Object.values(schema?.properties?.['spec']?.properties ?? {}))
      expect(words).toContain((field.description ?? '?').replaceAll(/\s+/g, ' '));
  });
});

/** Where the published schema has no words; `metadata` and what it refers to are the server's. */
function silentIn(schema: unknown, path: string): readonly string[] {
  const fields = at(schema, 'properties');
  const named = fields === undefined ? [] : Object.entries(json(fields));
  const below = named
    .filter(([name]) => name !== 'metadata')
    .flatMap(([name, field]) => [
      ...(at(field, 'description') === undefined ? [`${path}.${name}`] : []),
      ...silentIn(field, `${path}.${name}`),
    ]);
  const inner = ['items', 'additionalProperties'].flatMap((key) => {
    const part = at(schema, key);
    return typeof part === 'object' ? silentIn(part, `${path}[]`) : [];
  });
  return [...below, ...inner];
}

function namesIn({ properties = {}, items, additionalProperties }: StructuralSchema): string[] {
  const below = [...Object.values(properties), items, additionalProperties];
  const deeper = below.flatMap((part) => (typeof part === 'object' ? namesIn(part) : []));
  return [...Object.keys(properties), ...deeper];
}
