/** Our definitions, examples and Flagger's, before the server that they are for. */

import { spawnSync } from 'node:child_process';
import { globSync, readFileSync } from 'node:fs';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseAllDocuments } from 'yaml';
import * as z from 'zod';

import { apiGroups } from '../../../src/api/group.ts';
import { httpClient } from '../../contract/cluster/http-client.ts';
import { json, Room, type Json } from '../../contract/cluster/room.ts';
import { serverOfKubeconfig } from './kubeconfig.ts';

const Manifest = z.looseObject({
  apiVersion: z.string(),
  kind: z.string(),
  metadata: z.looseObject({ name: z.string() }),
});
type Manifest = z.infer<typeof Manifest>;

const documents = (file: string): readonly unknown[] =>
  [...parseAllDocuments(readFileSync(file, 'utf8'))].map((one): unknown => one.toJS());

const ours = ['canaries', 'metrictemplates', 'alertproviders'];
const definitions = apiGroups.flatMap((group) =>
  ours.map((plural) => ({ group, plural, file: `crds/${group}_${plural}.yaml` })),
);

const examples = globSync('examples/*/*.yaml')
  .sort()
  .flatMap((file) => documents(file).map((one) => ({ file, object: Manifest.parse(one) })));

const room = new Room();

function kubectl(args: readonly string[], input?: string) {
  const { status, stdout, stderr } = spawnSync('kubectl', args, {
    encoding: 'utf8',
    timeout: 60_000,
    ...(input === undefined ? {} : { input }),
  });
  return { status, stdout, stderr };
}

/** Warnings about who applied it before us are not about what is in it. */
const warningsIn = (text: string) =>
  text.split('\n').filter((line) => /warning/i.test(line) && !/last-applied/.test(line));

/** Sends what an apply would send, and keeps nothing. */
function tried(path: string, object: Json) {
  const headers = { 'content-type': 'application/apply-patch+yaml' };
  const query = {
    fieldManager: 'contract',
    force: 'true',
    fieldValidation: 'Strict',
    dryRun: 'All',
  };
  return room.call('PATCH', path, { body: object, headers, query });
}

beforeAll(async () => {
  await room.open(httpClient(serverOfKubeconfig()));
});
afterAll(() => room.close());

describe('our definitions', () => {
  it.each(definitions)('are accepted without a warning: $file', async ({ group, plural, file }) => {
    const [definition] = documents(file);
    const path = `/apis/apiextensions.k8s.io/v1/customresourcedefinitions/${plural}.${group}`;
    const reply = await tried(path, json(definition));
    expect([200, 201]).toContain(reply.status);
    expect(reply.headers['warning']).toBeUndefined();
  });

  it.each(definitions)('are applied by kubectl without a warning: $file', ({ file }) => {
    const { status, stderr } = kubectl(['apply', '-f', file]);
    expect({ status, warnings: warningsIn(stderr) }).toEqual({ status: 0, warnings: [] });
  });

  it.each(definitions)('are served: $group $plural', async ({ group, plural }) => {
    await room.eventually(async () => {
      expect(await room.get(`/apis/${group}/v1beta1/${plural}`)).toMatchObject({ status: 200 });
    });
  });
});

describe('the examples', () => {
  it.each(examples)('are accepted as they stand: $file $object.kind', async ({ object }) => {
    const served = await isServed(object);
    // Gateway API is not ours to install; the scenarios bring it.
    expect(served || object.apiVersion.startsWith('gateway.networking.k8s.io/')).toBe(true);
    if (!served) return;
    await expectAccepted(object);
  });

  it.each(examples.filter(({ object }) => object.apiVersion.startsWith('serin.dev/')))(
    'are accepted in the other group too: $file $object.kind',
    ({ object }) => expectAccepted({ ...object, apiVersion: 'flagger.app/v1beta1' }),
  );

  it('are created by kubectl on a dry run without a warning', async () => {
    const namespace = await room.namespace();
    const known = [];
    for (const { object } of examples) if (await isServed(object)) known.push(object);
    const list = JSON.stringify({ apiVersion: 'v1', kind: 'List', items: known });
    const args = ['create', '--dry-run=server', '--validate=strict', '-n', namespace, '-f', '-'];
    const { status, stdout, stderr } = kubectl(args, list);
    expect({ status, warnings: warningsIn(stderr) }).toEqual({ status: 0, warnings: [] });
    expect(stdout.trimEnd().split('\n')).toHaveLength(known.length);
  });
});

async function expectAccepted(object: Manifest): Promise<void> {
  const namespace = await room.namespace();
  const metadata = { ...object.metadata, namespace };
  const path = `${collectionOf(object, namespace)}/${object.metadata.name}`;
  const reply = await tried(path, { ...object, metadata });
  expect(reply).toMatchObject({ status: 201, body: { kind: object.kind } });
  expect(reply.headers['warning']).toBeUndefined();
}

async function isServed({ apiVersion }: Manifest): Promise<boolean> {
  const root = apiVersion.includes('/') ? `/apis/${apiVersion}` : `/api/${apiVersion}`;
  return (await room.get(root)).status === 200;
}

function collectionOf({ apiVersion, kind }: Manifest, namespace: string): string {
  const plural = kind === 'Canary' ? 'canaries' : `${kind.toLowerCase()}s`;
  const root = apiVersion.includes('/') ? `/apis/${apiVersion}` : `/api/${apiVersion}`;
  return `${root}/namespaces/${namespace}/${plural}`;
}
