/**
 * What the real server says to manifests of our kinds, right and wrong, against what the sandbox's server says.
 *
 * Our tests without a cluster judge messages and defaults by the sandbox, so the two must agree to the letter.
 */

import { readFileSync } from 'node:fs';
import path from 'node:path';

import * as fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import * as z from 'zod';

import { customResourceDefinitions } from '../../../src/api/crd.ts';
import { type ApiGroup, apiGroups } from '../../../src/api/group.ts';
import { ApiServer } from '../../../src/sandbox/api-server/server.ts';
import type { ClusterClient, Reply } from '../../contract/cluster/client.ts';
import { httpClient } from '../../contract/cluster/http-client.ts';
import { at, json, Room, text } from '../../contract/cluster/room.ts';
import { memoryClient } from '../../sandbox/api-server/memory-client.ts';
import { arbitraryOf } from '../../unit/api/arbitrary-manifest.ts';
import { brokenCanaries } from '../../unit/api/broken-canaries.ts';
import {
  aManifest,
  hasShared,
  messagesIn,
  readYaml,
  servedSchema,
  shared,
  withoutShared,
} from '../../unit/api/manifests.ts';
import { serverOfKubeconfig } from './kubeconfig.ts';

const plurals = {
  Canary: 'canaries',
  MetricTemplate: 'metrictemplates',
  AlertProvider: 'alertproviders',
} as const;
const Kind = z.enum(['Canary', 'MetricTemplate', 'AlertProvider']);
type Kind = z.infer<typeof Kind>;

const Index = z.object({
  examples: z.array(z.object({ file: z.string(), kind: Kind, upstreamCrdAccepts: z.boolean() })),
});
const examples = hasShared
  ? Index.parse(JSON.parse(readFileSync(path.join(shared, 'flagger-examples/index.json'), 'utf8')))
      .examples
  : [];
const cases = apiGroups.flatMap((group) => examples.map((example) => ({ ...example, group })));

const room = new Room();
let namespace = '';
let sandbox: ClusterClient;

beforeAll(async () => {
  await room.open(httpClient(serverOfKubeconfig()));
  for (const group of apiGroups)
    for (const definition of customResourceDefinitions(group)) await installed(definition);
  namespace = await room.namespace();
  const server = new ApiServer({
    now: Date.now,
    random: Math.random,
    definitions: apiGroups.flatMap((group) => customResourceDefinitions(group)),
  });
  sandbox = memoryClient(server, { advance: () => server.tick() });
  const body = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } };
  await sandbox.request('POST', '/api/v1/namespaces', { body });
});
afterAll(() => room.close());

/** By whoever came first; other suites use them too. */
async function installed(definition: object): Promise<void> {
  const name = text(definition, 'metadata.name');
  const root = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions';
  const reply = await room.create(root, definition);
  expect([201, 409]).toContain(reply.status);
  const dot = name.indexOf('.');
  const [plural, group] = [name.slice(0, dot), name.slice(dot + 1)];
  await room.eventually(async () => {
    expect((await room.get(`/apis/${group}/v1beta1/${plural}`)).status).toBe(200);
  });
}

/** What both servers answer to the same request. */
async function both(kind: Kind, group: ApiGroup, manifest: unknown) {
  const url = `/apis/${group}/v1beta1/namespaces/${namespace}/${plurals[kind]}`;
  const options = { body: manifest, query: { dryRun: 'All', fieldValidation: 'Warn' } };
  const [real, ours] = [
    await room.call('POST', url, options),
    await sandbox.request('POST', url, options),
  ];
  return { real: outcomeOf(real), ours: outcomeOf(ours) };
}

/** A refusal's words, or what would be stored. */
function outcomeOf({ status, headers, body }: Reply) {
  // What cannot be read at all is warned about as well; nobody reads that.
  const warning = status === 400 ? undefined : headers['warning'];
  if (status === 201) return { status, warning, spec: json(body)['spec'] };
  return { status, warning, said: saidIn(body) };
}

/** Sentence by sentence in the order of the alphabet: Kubernetes visits fields as they come. */
function saidIn(body: unknown): readonly string[] {
  const list = at(body, 'details.causes');
  if (!Array.isArray(list)) return [text(body, 'message')];
  return list.map((cause) => `${text(cause, 'field')}: ${text(cause, 'message')}`).sort();
}

function placed(manifest: unknown, group?: ApiGroup): Record<string, unknown> {
  const { apiVersion, metadata, ...rest } = Object(manifest) as Record<string, unknown>;
  const name = Object(metadata) as Record<string, unknown>;
  return {
    ...rest,
    apiVersion: group === undefined ? apiVersion : `${group}/v1beta1`,
    metadata: { ...name, namespace },
  };
}

const document = (file: string) => readYaml(path.join(shared, 'flagger-examples', file));

describe.skipIf(!hasShared)(`an example of Flagger${withoutShared}`, () => {
  it.each(cases.filter(({ upstreamCrdAccepts }) => upstreamCrdAccepts))(
    'that its definition accepts is accepted: $group $file',
    async ({ group, kind, file }) => {
      const { real, ours } = await both(kind, group, placed(document(file), group));
      expect(real).toEqual(ours);
      expect(real.status).toBe(201);
    },
  );

  it.each(cases.filter(({ upstreamCrdAccepts }) => !upstreamCrdAccepts))(
    'that its definition refuses is answered as in the sandbox: $group $file',
    async ({ group, kind, file }) => {
      // Older versions are refused for what they are, so their version stays.
      const manifest = placed(document(file), group === 'flagger.app' ? undefined : group);
      const { real, ours } = await both(kind, group, manifest);
      expect(real).toEqual(ours);
    },
  );
});

describe('a Canary with one thing wrong', () => {
  const promised = apiGroups.flatMap((group) => messagesIn(servedSchema('Canary', group)));

  it.each(
    brokenCanaries.flatMap((broken) => apiGroups.map((group) => [group, ...broken] as const)),
  )('is answered as in the sandbox: %s with %s', async (group, _what, parts) => {
    const { real, ours } = await both('Canary', group, placed(aManifest(parts), group));
    expect(real).toEqual(ours);
  });

  it('is told so in the words of our rules', async () => {
    let broken = 0;
    for (const [, parts] of brokenCanaries) {
      const { real } = await both('Canary', 'serin.dev', placed(aManifest(parts), 'serin.dev'));
      const said = (real.said ?? []).join();
      if (promised.some((message) => said.includes(message))) broken += 1;
    }
    expect(broken).toBeGreaterThan(10);
  });
});

describe('anything in the shape of our kinds', () => {
  it.each(Kind.options)('is answered as in the sandbox: %s', async (kind) => {
    await fc.assert(
      fc.asyncProperty(arbitraryOf(servedSchema(kind), kind), async (manifest) => {
        const { real, ours } = await both(kind, 'serin.dev', placed(manifest, 'serin.dev'));
        expect(real).toEqual(ours);
      }),
      { numRuns: 150 },
    );
  });
});
