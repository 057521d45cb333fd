/** The few calls that the agent makes, over the operator's own client and reflector. */

import { Client } from '../../../src/adapters/kubernetes/client.ts';
import type { About, Verb } from '../../../src/adapters/kubernetes/error-mapping.ts';
import { httpTransport, loadKubeConfig } from '../../../src/adapters/kubernetes/http-transport.ts';
import { isRecord } from '../../../src/adapters/kubernetes/kinds.ts';
import type { Log } from '../../../src/adapters/kubernetes/log.ts';
import { trimmed } from '../../../src/adapters/kubernetes/managed-fields.ts';
import { ObjectCache } from '../../../src/adapters/kubernetes/object-cache.ts';
import { defaultReflectorSettings, Reflector } from '../../../src/adapters/kubernetes/reflector.ts';
import type { ApiRequest, Method, Transport } from '../../../src/adapters/kubernetes/transport.ts';
import type { KubernetesObject, ObjectKey } from '../../../src/api/object.ts';
import { systemClock } from '../../../src/operator.ts';
import type { ObjectKind } from '../../../src/ports/cluster.ts';

export interface Watched {
  readonly kind: ObjectKind;
  /** What is there now under this name; `undefined` when it is gone. */
  readonly onChange: (key: ObjectKey, object: KubernetesObject | undefined) => void;
  /** Only objects for which this holds, `spec.nodeName=node`. */
  readonly fieldSelector?: string;
}

/** Paths as in the API: `/api/v1/nodes/node`. Every call but `get` throws one of the operator's errors when refused. */
export interface Api {
  /** `undefined` when it is not there. */
  get(path: string): Promise<KubernetesObject | undefined>;
  create(path: string, body: object): Promise<Record<string, unknown>>;
  /** A merge patch. */
  patch(path: string, body: object): Promise<void>;
  /** Does nothing when it is not there, or when another object has its name. */
  remove(path: string, uid: string): Promise<void>;
  /** Resolves when everything that is there has been handed to `onChange`. */
  watch(watched: Watched): Promise<void>;
  close(): Promise<void>;
}

const verbs: Readonly<Record<Method, Verb>> = {
  GET: 'get',
  POST: 'create',
  PUT: 'update',
  PATCH: 'patch',
  DELETE: 'delete',
};

export function connect(kubeconfig: string, version: string, log: Log): Api {
  const transport = httpTransport({ kubeConfig: loadKubeConfig(kubeconfig), version });
  const clock = systemClock;
  const random = Math.random;
  const client = new Client({ transport, clock, random, inFlight: 64 });
  const stop = new AbortController();
  const { signal } = stop;
  const running: Promise<void>[] = [];

  const write = async (method: Method, path: string, body: object): Promise<unknown> => {
    const contentType = method === 'PATCH' ? 'application/merge-patch+json' : 'application/json';
    const request = { method, path, query: {}, body, contentType };
    const response = await client.write({ request, about: aboutOf(method, path) }, signal);
    return response.body;
  };

  return {
    async get(path) {
      const request = { method: 'GET', path, query: {} } as const;
      const response = await client.read({ request, about: aboutOf('GET', path) }, signal);
      return response?.body as KubernetesObject | undefined;
    },
    async create(path, body) {
      const created = await write('POST', path, body);
      return isRecord(created) ? created : {};
    },
    async patch(path, body) {
      await write('PATCH', path, body);
    },
    async remove(path, uid) {
      const options = { gracePeriodSeconds: 0, preconditions: { uid } };
      const body = { apiVersion: 'v1', kind: 'DeleteOptions', ...options };
      await write('DELETE', path, body).catch((error: unknown) => {
        if (!isConflict(error)) throw error;
      });
    },
    async watch({ kind, onChange, fieldSelector }) {
      const cache: ObjectCache = new ObjectCache(({ metadata: { namespace = '', name } }) => {
        const key = { namespace, name };
        onChange(key, cache.get(key));
      });
      const reflector = new Reflector({
        kind,
        namespace: undefined,
        metadataOnly: false,
        client: new Client({ transport: selecting(transport, fieldSelector), clock, random }),
        cache,
        trim: trimmed,
        log,
        settings: { ...defaultReflectorSettings, delay: { minMs: 200, maxMs: 2_000 } },
      });
      running.push(reflector.run(signal));
      await reflector.settled;
    },
    async close() {
      stop.abort();
      await Promise.all(running);
      await transport.close();
    },
  };
}

/** Gone, or not the object that was meant: both are conflicts to the operator's client. */
function isConflict(error: unknown): boolean {
  return isRecord(error) && error['kind'] === 'conflict';
}

/** Lists and watches ask for some objects only. */
function selecting(transport: Transport, fieldSelector: string | undefined): Transport {
  if (fieldSelector === undefined) return transport;
  const select = (request: ApiRequest): ApiRequest => ({
    ...request,
    query: { ...request.query, fieldSelector },
  });
  return {
    request: (request, signal) => transport.request(select(request), signal),
    stream: (request, onEvent, signal, onOpen) =>
      transport.stream(select(request), onEvent, signal, onOpen),
  };
}

function aboutOf(method: Method, path: string): About {
  const [, namespace = ''] = /\/namespaces\/([^/]+)\//.exec(path) ?? [];
  const [resource = '', name = ''] = path.replace(/^.*\/v1\/(namespaces\/[^/]+\/)?/, '').split('/');
  return { verb: verbs[method], resource, namespace, name };
}
