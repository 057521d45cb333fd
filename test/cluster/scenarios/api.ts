/** The API server as a person with all permissions sees it: what scenarios set up and judge by. */
import { setTimeout as sleep } from 'node:timers/promises';

import {
  type HttpTransport,
  httpTransport,
  loadKubeConfig,
} from '../../../src/adapters/kubernetes/http-transport.ts';
import type { ApiResponse, Method } from '../../../src/adapters/kubernetes/transport.ts';
import type { KubeObject } from '../../../src/sandbox/controllers/objects.ts';
import { type Group, type Kinds, pathOf, pathOfKind } from './kinds.ts';

export type ChangeType = 'ADDED' | 'MODIFIED' | 'DELETED';

export class Api {
  /** Of the Canaries that are looked at. */
  readonly group: Group;
  readonly #transport: HttpTransport;

  constructor(group: Group = 'serin.dev', kubeconfig = process.env['KUBECONFIG']) {
    this.group = group;
    this.#transport = httpTransport({
      kubeConfig: loadKubeConfig(kubeconfig),
      version: 'scenarios',
    });
  }

  /** `undefined` when there is none. */
  async get<K extends keyof Kinds>(
    kind: K,
    namespace: string,
    name: string,
  ): Promise<Kinds[K] | undefined> {
    const answer = await this.#send('GET', pathOfKind(this.group, kind, namespace, name));
    return answer.status === 404 ? undefined : (taken(answer, 'GET', name) as Kinds[K]);
  }

  /** An object that is there already stays as it is. */
  async create(object: KubeObject): Promise<void> {
    const { apiVersion, kind, metadata } = object;
    const path = pathOf(apiVersion, kind, metadata.namespace);
    let answer = await this.#send('POST', path, object);
    // A new kind is served a moment after it is established; until then there is no such page.
    for (let tries = 0; tries < 50 && typeof answer.body === 'string'; tries++) {
      await sleep(200);
      answer = await this.#send('POST', path, object);
    }
    if (answer.status !== 409) taken(answer, 'POST', `${kind} ${metadata.name}`);
  }

  /** A merge patch. */
  async patch(kind: keyof Kinds, namespace: string, name: string, body: object): Promise<void> {
    const path = pathOfKind(this.group, kind, namespace, name);
    taken(await this.#send('PATCH', path, body, 'application/merge-patch+json'), 'PATCH', path);
  }

  /** As kubectl does: what it owns goes by garbage collection. */
  async delete(kind: keyof Kinds, namespace: string, name: string): Promise<void> {
    const path = pathOfKind(this.group, kind, namespace, name);
    const body = { propagationPolicy: 'Background' };
    taken(await this.#send('DELETE', path, body), 'DELETE', path);
  }

  async deleteNamespace(name: string): Promise<void> {
    const path = pathOf('v1', 'Namespace', undefined, name);
    const answer = await this.#send('DELETE', path);
    if (answer.status !== 404) taken(answer, 'DELETE', path);
  }

  /**
   * Every version of every object of a kind, beginning with what is there, until `signal` aborts. After an outage
   * the same version may come again, and what was deleted meanwhile is not told.
   */
  async follow<K extends keyof Kinds>(
    kind: K,
    namespace: string,
    onChange: (type: ChangeType, object: Kinds[K]) => void,
    signal: AbortSignal,
  ): Promise<void> {
    const path = pathOfKind(this.group, kind, namespace);
    let version: string | undefined;
    const take = (type: string, object: unknown) => {
      const told = object as Kinds[K];
      version = type === 'ERROR' ? undefined : told.metadata.resourceVersion;
      if (type !== 'ERROR' && type !== 'BOOKMARK') onChange(type as ChangeType, told);
    };
    while (!signal.aborted) {
      try {
        version ??= await this.#list(path, (item) => onChange('ADDED', item as Kinds[K]));
        const query = { watch: 'true', resourceVersion: version, allowWatchBookmarks: 'true' };
        const request = { method: 'GET', path, query, timeoutMs: 30_000 } as const;
        await this.#transport.stream(request, take, signal);
      } catch {
        // The API server was stopped, or the version is too old: what was missed is read again.
        version = undefined;
        await sleep(signal.aborted ? 0 : 200);
      }
    }
  }

  async close(): Promise<void> {
    await this.#transport.close();
  }

  /** Answers with the version that a watch goes on from. */
  async #list(path: string, onItem: (item: unknown) => void): Promise<string> {
    const list = taken(await this.#send('GET', path), 'GET', path) as KubeList;
    for (const item of list.items) onItem(item);
    return list.metadata.resourceVersion;
  }

  #send(method: Method, path: string, body?: unknown, contentType?: string): Promise<ApiResponse> {
    const request = {
      method,
      path,
      query: {},
      timeoutMs: 30_000,
      ...(body === undefined ? {} : { body }),
      ...(contentType === undefined ? {} : { contentType }),
    };
    return this.#transport.request(request, new AbortController().signal);
  }
}

interface KubeList {
  readonly metadata: { readonly resourceVersion: string };
  readonly items: readonly unknown[];
}

function taken({ status, body }: ApiResponse, verb: string, what: string): unknown {
  if (status < 300) return body;
  throw new Error(`${verb} ${what}: ${status} ${JSON.stringify(body)}`);
}
