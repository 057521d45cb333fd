/** How the harness itself talks to the API server: as the components do, which the audit log leaves out. */
import { setTimeout as sleep } from 'node:timers/promises';

import * as z from 'zod';

import { httpTransport, loadKubeConfig } from '../../../src/adapters/kubernetes/http-transport.ts';
import type { KubernetesObject } from '../../../src/api/object.ts';
import { FILES } from '../../cluster/layout.ts';

/** How long "not now" is taken for an answer. */
const patienceMs = 30_000;
const manager = { fieldManager: 'bench' };
const Answer = z.looseObject({
  apiVersion: z.string(),
  kind: z.string(),
  metadata: z.looseObject({ name: z.string().default('') }),
});

type Method = 'GET' | 'POST' | 'PATCH';
type Stream = ReturnType<typeof httpTransport>['stream'];

export interface Api {
  get(path: string): Promise<KubernetesObject>;
  create(object: KubernetesObject): Promise<KubernetesObject>;
  post(path: string, body: unknown): Promise<KubernetesObject>;
  /** As a merge. */
  patch(path: string, body: unknown): Promise<KubernetesObject>;
  readonly stream: Stream;
  close(): Promise<void>;
}

export function apiClient(): Api {
  const kubeConfig = loadKubeConfig(FILES.componentsKubeconfig);
  const transport = httpTransport({ kubeConfig, version: 'bench' });
  const ask = (method: Method, path: string, body: unknown) =>
    transport.request(
      {
        method,
        path,
        query: method === 'GET' ? {} : manager,
        timeoutMs: 60_000,
        ...(body === undefined ? {} : { body }),
        ...(method === 'PATCH' ? { contentType: 'application/merge-patch+json' } : {}),
      },
      new AbortController().signal,
    );
  const send = async (method: Method, path: string, body?: unknown): Promise<KubernetesObject> => {
    const end = Date.now() + patienceMs;
    for (;;) {
      const { status, body: answer, retryAfterMs = 1_000 } = await ask(method, path, body);
      if (status < 300) return Answer.parse(answer);
      // "Not now": a kind that has just been defined, for example.
      if (status !== 429 || Date.now() > end) {
        throw new Error(`${method} ${path}: ${status} ${JSON.stringify(answer)}`);
      }
      await sleep(retryAfterMs);
    }
  };
  return {
    get: (path) => send('GET', path),
    create: (object) => send('POST', collectionOf(object), object),
    post: (path, body) => send('POST', path, body),
    patch: (path, body) => send('PATCH', path, body),
    stream: (...args) => transport.stream(...args),
    close: () => transport.close(),
  };
}

const plurals: Readonly<Record<string, string>> = {
  AlertProvider: 'alertproviders',
  Canary: 'canaries',
  ConfigMap: 'configmaps',
  Deployment: 'deployments',
  EndpointSlice: 'endpointslices',
  Gateway: 'gateways',
  HTTPRoute: 'httproutes',
  Namespace: 'namespaces',
  Secret: 'secrets',
  Service: 'services',
};

export function collectionOf({ apiVersion, kind, metadata }: KubernetesObject): string {
  const plural = plurals[kind];
  if (plural === undefined) throw new Error(`the bench knows no ${kind}`);
  const root = apiVersion.includes('/') ? `/apis/${apiVersion}` : `/api/${apiVersion}`;
  const { namespace } = metadata;
  return `${root}${namespace === undefined ? '' : `/namespaces/${namespace}`}/${plural}`;
}

/**
 * Calls back for everything in a collection and for each change from now on; resolves when it knows where it starts.
 * A watch that the server ends is taken up where it ended; whatever else goes wrong is told to `onFailure`.
 */
export async function follow(
  client: Api,
  path: string,
  onEvent: (type: string, object: unknown) => void,
  onFailure: (error: unknown) => void,
): Promise<void> {
  const list = z
    .object({ metadata: z.object({ resourceVersion: z.string() }), items: z.array(z.unknown()) })
    .parse(await client.get(path));
  for (const item of list.items) onEvent('ADDED', item);
  void watchOn(client, path, list.metadata.resourceVersion, onEvent).catch(onFailure);
}

const Versioned = z.object({ metadata: z.object({ resourceVersion: z.string() }) });

async function watchOn(
  client: Api,
  path: string,
  from: string,
  onEvent: (type: string, object: unknown) => void,
): Promise<never> {
  let version = from;
  for (;;) {
    const query = { watch: 'true', allowWatchBookmarks: 'true', resourceVersion: version };
    await client.stream(
      { method: 'GET', path, query, timeoutMs: 30_000 },
      (type, object) => {
        if (type === 'ERROR') throw new Error(`${path}: ${JSON.stringify(object)}`);
        version = Versioned.parse(object).metadata.resourceVersion;
        if (type !== 'BOOKMARK') onEvent(type, object);
      },
      new AbortController().signal,
    );
  }
}

/** Does `work` for every item, `width` at a time. */
export async function forEach<T>(
  items: readonly T[],
  width: number,
  work: (item: T, index: number) => Promise<void>,
): Promise<void> {
  const waiting = items.entries();
  const worker = async () => {
    for (const [index, item] of waiting) await work(item, index);
  };
  await Promise.all(Array.from({ length: width }, worker));
}

/** Asks until the answer is yes. */
export async function until(
  what: string,
  limitMs: number,
  isSo: () => boolean | Promise<boolean>,
  everyMs = 100,
): Promise<void> {
  const end = Date.now() + limitMs;
  while (!(await isSo())) {
    if (Date.now() > end) throw new Error(`waited ${limitMs / 1000} s until ${what}`);
    await sleep(everyMs);
  }
}
