/** Lists a kind and follows it for as long as it is wanted, through every outage. */
import { setTimeout as sleep } from 'node:timers/promises';

import * as z from 'zod';

import type { Transport } from '../../../src/adapters/kubernetes/transport.ts';
import type { KubernetesObject } from '../../../src/api/object.ts';

export interface Following {
  readonly transport: Transport;
  /** `/apis/apps/v1/deployments`. */
  readonly path: string;
  /** Of the objects; a list does not repeat it for each. */
  readonly apiVersion: string;
  readonly kind: string;
  readonly onChange: (object: KubernetesObject, gone: boolean) => void;
}

const List = z.object({
  metadata: z.object({ resourceVersion: z.string() }),
  items: z.array(z.record(z.string(), z.unknown())),
});

/** Between two attempts while the server is away. */
const pauseMs = 100;

/** Resolves when the first list has been delivered; follows until `signal` aborts. */
export async function follow(following: Following, signal: AbortSignal): Promise<void> {
  let version = await list(following, signal);
  const goOn = async (): Promise<void> => {
    while (!signal.aborted) {
      version = await watch(following, version, signal);
      await sleep(pauseMs);
    }
  };
  // Whatever ends it but the signal is an error of ours, and nobody would hear of it otherwise.
  goOn().catch((error: unknown) => {
    if (!signal.aborted) throw error;
  });
}

async function list(following: Following, signal: AbortSignal): Promise<string> {
  const { transport, path, apiVersion, kind, onChange } = following;
  const answer = await transport.request(
    { method: 'GET', path, query: {}, timeoutMs: 30_000 },
    signal,
  );
  if (answer.status !== 200)
    throw new Error(`${path}: ${answer.status} ${JSON.stringify(answer.body)}`);
  const { items, metadata } = List.parse(answer.body);
  for (const item of items) onChange({ ...item, apiVersion, kind } as KubernetesObject, false);
  return metadata.resourceVersion;
}

/** One watch; the version to go on from. A version that the server has forgotten is an error: something was missed. */
async function watch(following: Following, from: string, signal: AbortSignal): Promise<string> {
  const { transport, path, onChange } = following;
  let version = from;
  const query = { watch: 'true', resourceVersion: from, allowWatchBookmarks: 'true' };
  const request = { method: 'GET', path, query, timeoutMs: 10_000 } as const;
  const take = (type: string, object: unknown): void => {
    const changed = object as KubernetesObject;
    if (type === 'ERROR') throw new Error(`${path}: ${JSON.stringify(object)}`);
    version = changed.metadata.resourceVersion ?? version;
    if (type !== 'BOOKMARK') onChange(changed, type === 'DELETED');
  };
  try {
    await transport.stream(request, take, signal);
  } catch {
    // Cut, refused or away: from where we were.
  }
  return version;
}
