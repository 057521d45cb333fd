/** Manifests for the tests of `src/api`, and what to check them with. */
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';

import AjvDraft04 from 'ajv-draft-04';
import { parse } from 'yaml';

import type { Canary } from '../../../src/api/canary.ts';
import { customResourceDefinitions } from '../../../src/api/crd.ts';
import type { ApiGroup } from '../../../src/api/group.ts';
import type { StructuralSchema } from '../../../src/api/structural.ts';
import { parseCanary } from '../../../src/api/validation.ts';

/** Facts and Flagger's own files; a plain clone does not have them. */
export const shared = path.resolve('../shared/testdata');
export const hasShared = existsSync(shared);
export const withoutShared = hasShared ? '' : ' (skipped: ../shared/testdata is not here)';

export function readYaml(file: string): unknown {
  return parse(readFileSync(file, 'utf8'));
}

type Part = Readonly<Record<string, unknown>>;

/** A Canary as users write it; each argument replaces a part of the default one. */
export function aManifest({
  spec = {},
  analysis = {},
  service = {},
}: {
  spec?: Part;
  analysis?: Part;
  service?: Part;
} = {}) {
  const strategy = ['stepWeight', 'stepWeights', 'iterations'].some((field) => field in analysis)
    ? {}
    : { stepWeight: 10, maxWeight: 50 };
  return {
    apiVersion: 'serin.dev/v1beta1',
    kind: 'Canary',
    metadata: { name: 'cart', namespace: 'shop', uid: 'u1', generation: 3 },
    spec: {
      targetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'cart' },
      service: { port: 80, ...service },
      analysis: { interval: '1m', threshold: 5, ...strategy, ...analysis },
      ...spec,
    },
  };
}

/** The same, parsed. */
export function aCanary(parts: Parameters<typeof aManifest>[0] = {}): Canary {
  const { value, problems } = parseCanary(aManifest(parts));
  if (value === undefined) throw new Error(JSON.stringify(problems));
  return value;
}

/** The schema that the API server would have for a kind. */
export function servedSchema(kind: string, group: ApiGroup = 'serin.dev'): StructuralSchema {
  const found = customResourceDefinitions(group).find(({ spec }) => spec.names.kind === kind);
  const [version] = found?.spec.versions ?? [];
  if (version === undefined) throw new Error(`no definition of ${kind}`);
  return version.schema.openAPIV3Schema;
}

/** Whether a value passes a structural schema, its rules aside, and why not. */
export function checkerOf(schema: object): (value: unknown) => readonly string[] {
  const ajv = new AjvDraft04.default({ strict: false, validateFormats: false, allErrors: true });
  const check = ajv.compile(withIntOrString(schema));
  return (value) => {
    check(value);
    return (check.errors ?? []).map(
      ({ instancePath, message }) => `${instancePath} ${message ?? ''}`,
    );
  };
}

function withIntOrString(schema: object): object {
  const node: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(schema) as [string, unknown][]) {
    node[key] = isBranch(value) ? withIntOrString(value) : value;
  }
  if (node['x-kubernetes-int-or-string'] === true)
    node['anyOf'] = [{ type: 'integer' }, { type: 'string' }];
  return Array.isArray(schema) ? Object.values(node) : node;
}

function isBranch(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}

/** What the rules of a definition say when they are broken. */
export function messagesIn(schema: StructuralSchema): readonly string[] {
  const { properties = {}, items, additionalProperties } = schema;
  const children = [...Object.values(properties), items, additionalProperties];
  return [
    ...(schema['x-kubernetes-validations'] ?? []).map(({ message }) => message),
    ...children.flatMap((child) => (child ? messagesIn(child) : [])),
  ];
}
