/**
 * How the sandbox's own controllers talk to its API server: in process, one call at a time.
 *
 * `ApiServer` fits `Api`. The user agent matters: it ends up as the manager of the fields we write, and an
 * operator that names who changed a field will name it.
 */
import type { ApiAnswer, ApiCall } from '../api-server/call.ts';
import { isKubeObject, isRecord, type KubeObject } from './objects.ts';

export interface Api {
  handle(call: ApiCall): ApiAnswer;
}

export interface Resource {
  /** `apps/v1` */
  readonly apiVersion: string;
  readonly kind: string;
  /** `deployments` */
  readonly plural: string;
}

const GATEWAY_API = 'gateway.networking.k8s.io/v1';

export const DEPLOYMENTS = describe('apps/v1', 'Deployment', 'deployments');
export const REPLICA_SETS = describe('apps/v1', 'ReplicaSet', 'replicasets');
export const PODS = describe('v1', 'Pod', 'pods');
export const SERVICES = describe('v1', 'Service', 'services');
export const CONFIG_MAPS = describe('v1', 'ConfigMap', 'configmaps');
export const SECRETS = describe('v1', 'Secret', 'secrets');
export const ENDPOINT_SLICES = describe('discovery.k8s.io/v1', 'EndpointSlice', 'endpointslices');
export const GATEWAYS = describe(GATEWAY_API, 'Gateway', 'gateways');
export const HTTP_ROUTES = describe(GATEWAY_API, 'HTTPRoute', 'httproutes');

function describe(apiVersion: string, kind: string, plural: string): Resource {
  return { apiVersion, kind, plural };
}

/** What became of a call. `conflict` covers both a stale version and a name that is taken. */
export type Written<T> =
  | { readonly outcome: 'done'; readonly object: T }
  | { readonly outcome: 'conflict' | 'gone' }
  | { readonly outcome: 'refused'; readonly status: number; readonly message: string };

export class Client {
  readonly #api: Api;
  readonly #headers: Readonly<Record<string, string>>;

  constructor(api: Api, userAgent: string, headers: Readonly<Record<string, string>> = {}) {
    this.#api = api;
    this.#headers = { ...headers, 'user-agent': userAgent };
  }

  /** Any call, with our headers added. */
  handle({ contentType, ...call }: Omit<ApiCall, 'headers'> & { contentType?: string }): ApiAnswer {
    const headers =
      contentType === undefined ? this.#headers : { ...this.#headers, 'content-type': contentType };
    return this.#api.handle({ ...call, headers });
  }

  get<T extends KubeObject>(resource: Resource, namespace: string, name: string): Written<T> {
    return this.#call('GET', pathOf(resource, namespace, name));
  }

  create<T extends KubeObject>(resource: Resource, object: T): Written<T> {
    return this.#call('POST', pathOf(resource, object.metadata.namespace), object);
  }

  /** Replaces the object it was read from; somebody else's write in between is a conflict. */
  replace<T extends KubeObject>(resource: Resource, object: T): Written<T> {
    const { namespace, name } = object.metadata;
    return this.#call('PUT', pathOf(resource, namespace, name), object);
  }

  replaceStatus<T extends KubeObject>(resource: Resource, object: T): Written<T> {
    const { namespace, name } = object.metadata;
    return this.#call('PUT', `${pathOf(resource, namespace, name)}/status`, object);
  }

  /** Without `graceSeconds` the object's own grace period counts. */
  remove<T extends KubeObject>(resource: Resource, object: T, graceSeconds?: number): Written<T> {
    const { namespace, name, uid } = object.metadata;
    return this.#call('DELETE', pathOf(resource, namespace, name), {
      apiVersion: 'v1',
      kind: 'DeleteOptions',
      propagationPolicy: 'Background',
      preconditions: { uid },
      ...(graceSeconds === undefined ? {} : { gracePeriodSeconds: graceSeconds }),
    });
  }

  #call<T extends KubeObject>(method: ApiCall['method'], path: string, body?: unknown): Written<T> {
    const headers =
      body === undefined ? this.#headers : { ...this.#headers, 'content-type': 'application/json' };
    const answer = this.#api.handle({ method, path, query: {}, headers, body });
    if (answer.kind === 'stream') throw new Error(`${method} ${path} answered with a stream`);
    const { status } = answer;
    if (status < 300 && isRecord(answer.body) && isKubeObject<T>(answer.body))
      return { outcome: 'done', object: answer.body };
    if (status === 404) return { outcome: 'gone' };
    if (status === 409) return { outcome: 'conflict' };
    return { outcome: 'refused', status, message: messageOf(answer.body) };
  }
}

export function pathOf(
  { apiVersion, plural }: Resource,
  namespace?: string,
  name?: string,
): string {
  const prefix = `/${apiVersion.includes('/') ? 'apis' : 'api'}/${apiVersion}`;
  const within = namespace === undefined ? '' : `/namespaces/${namespace}`;
  return `${prefix}${within}/${plural}${name === undefined ? '' : `/${name}`}`;
}

function messageOf(body: unknown): string {
  const known = typeof body === 'object' && body !== null && 'message' in body;
  return known ? String(body.message) : 'no reason given';
}
