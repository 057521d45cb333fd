/** Lists a kind and follows it for as long as it is wanted, through every outage. */
import { setTimeout as sleep } from 'node:timers/promises';

import * as z from 'zod';

import { RefusedStream, type Transport } from '../../../src/adapters/kubernetes/transport.ts';
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

/**
 * Resolves when the first list has been delivered; follows until `signal` aborts. What happened while the server had
 * forgotten where we were is delivered as it is afterwards.
 */
export async function follow(following: Following, signal: AbortSignal): Promise<void> {
  const follower = new Follower(following, signal);
  await follower.list();
  void follower.goOn();
}

class Follower {
  readonly #following: Following;
  readonly #signal: AbortSignal;
  readonly #known = new Map<string, string>();
  #version: string | undefined;

  constructor(following: Following, signal: AbortSignal) {
    this.#following = following;
    this.#signal = signal;
  }

  async goOn(): Promise<void> {
    while (!this.#signal.aborted) {
      try {
        if (this.#version === undefined) await this.list();
        else await this.#watch(this.#version);
      } catch {
        // Cut, refused or away: again, from where we were.
      }
      await sleep(pauseMs);
    }
  }

  async list(): Promise<void> {
    const { transport, path, apiVersion, kind } = this.#following;
    const request = { method: 'GET', path, query: {}, timeoutMs: 30_000 } as const;
    const { status, body } = await transport.request(request, this.#signal);
    if (status !== 200) throw new Error(`${path}: ${status} ${JSON.stringify(body)}`);
    const { items, metadata } = List.parse(body);
    for (const item of items) this.#tell({ ...item, apiVersion, kind } as KubernetesObject, false);
    this.#version = metadata.resourceVersion;
  }

  async #watch(resourceVersion: string): Promise<void> {
    const { transport, path } = this.#following;
    const query = { watch: 'true', resourceVersion, allowWatchBookmarks: 'true' };
    const request = { method: 'GET', path, query, timeoutMs: 10_000 } as const;
    const take = (type: string, object: unknown): void => {
      const changed = object as KubernetesObject;
      // All that a server says in this way is that it cannot go on from there.
      if (type === 'ERROR') this.#version = undefined;
      else this.#version = changed.metadata.resourceVersion;
      if (type !== 'ERROR' && type !== 'BOOKMARK') this.#tell(changed, type === 'DELETED');
    };
    try {
      await transport.stream(request, take, this.#signal);
    } catch (error) {
      if (error instanceof RefusedStream && error.response.status === 410)
        this.#version = undefined;
      throw error;
    }
  }

  /** Once per version, also when a list repeats it. */
  #tell(object: KubernetesObject, gone: boolean): void {
    const { namespace = '', name, resourceVersion = '' } = object.metadata;
    const key = `${namespace}/${name}`;
    if (this.#known.get(key) === resourceVersion) return;
    this.#known.set(key, resourceVersion);
    this.#following.onChange(object, gone);
  }
}
