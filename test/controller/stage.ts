/**
 * One canary called cart, in a cluster in memory, with an operator that can be handed real adapters, and with the
 * means to spoil what it reads.
 */
import { customResourceDefinitions } from '../../src/api/crd.ts';
import type { KubernetesObject } from '../../src/api/object.ts';
import type { OperatorParts } from '../../src/operator.ts';
import type { ApiAnswer, ApiCall } from '../../src/sandbox/api-server/call.ts';
import type { RequestRecord } from '../../src/sandbox/api-server/server.ts';
import {
  canary,
  deployment,
  namespace,
  newImage,
  World,
  type WorldOptions,
} from '../simulate/world.ts';

export { canary, deployment, namespace };

const plurals: Readonly<Record<string, string>> = {
  Canary: 'canaries',
  MetricTemplate: 'metrictemplates',
  AlertProvider: 'alertproviders',
  Deployment: 'deployments',
  ReplicaSet: 'replicasets',
  Service: 'services',
  Secret: 'secrets',
  Pod: 'pods',
  HTTPRoute: 'httproutes',
  CustomResourceDefinition: 'customresourcedefinitions',
};

const clusterScoped = new Set(['CustomResourceDefinition']);

/** Where an object lives, or with an empty name its collection. */
export function pathOf(apiVersion: string, kind: string, name = ''): string {
  const root = apiVersion.includes('/') ? `/apis/${apiVersion}` : `/api/${apiVersion}`;
  const scope = clusterScoped.has(kind) ? '' : `/namespaces/${namespace}`;
  return `${root}${scope}/${plurals[kind]}${name === '' ? '' : `/${name}`}`;
}

const byKind: Readonly<Record<string, string>> = {
  Canary: 'serin.dev/v1beta1',
  MetricTemplate: 'serin.dev/v1beta1',
  AlertProvider: 'serin.dev/v1beta1',
  Deployment: 'apps/v1',
  ReplicaSet: 'apps/v1',
  Service: 'v1',
  Secret: 'v1',
  HTTPRoute: 'gateway.networking.k8s.io/v1',
  CustomResourceDefinition: 'apiextensions.k8s.io/v1',
};

export interface Condition {
  readonly type: string;
  readonly status: string;
  readonly reason: string;
  readonly message: string;
}

export interface Status {
  readonly phase?: string;
  readonly message?: string;
  readonly canaryWeight?: number;
  readonly failedChecks?: number;
  readonly conditions?: readonly Condition[];
  readonly checks?: readonly {
    readonly name: string;
    readonly verdict: string;
    readonly why?: string;
  }[];
  readonly waiting?: { readonly reason: string; readonly for: string };
  readonly run?: { readonly [key: string]: unknown };
}

export interface StageOptions extends WorldOptions {
  readonly parts?: Partial<OperatorParts>;
}

export class Stage {
  readonly world: World;
  readonly #options: StageOptions;
  #stop = new AbortController();
  #done: Promise<void> = Promise.resolve();
  #quietFrom = 0;

  constructor(options: StageOptions = {}) {
    this.#options = options;
    this.world = new World(options);
  }

  /** Begins to work; further operators start beside it. */
  start(more: Partial<OperatorParts> = {}): void {
    const parts = { ...this.#options.parts, ...more };
    ({ done: this.#done } = this.world.operator(this.#stop.signal, undefined, 'serin-0', parts));
  }

  async end(): Promise<void> {
    this.#stop.abort();
    await this.world.clock.advance(30_000);
    await this.#done;
  }

  async restart(more: Partial<OperatorParts> = {}): Promise<void> {
    await this.end();
    this.#stop = new AbortController();
    this.start(more);
  }

  // ── people and tools ──────────────────────────────────────────────────────

  create(object: KubernetesObject): KubernetesObject {
    return this.world.call('POST', pathOf(object.apiVersion, object.kind), object);
  }

  get(kind: string, name: string, apiVersion = byKind[kind] ?? ''): KubernetesObject | undefined {
    try {
      return this.world.call('GET', pathOf(apiVersion, kind, name));
    } catch {
      return undefined;
    }
  }

  patch(kind: string, name: string, patch: object, subresource = '', apiVersion = byKind[kind]) {
    const path = pathOf(apiVersion ?? '', kind, name);
    const full = subresource === '' ? path : `${path}/${subresource}`;
    return this.world.call('PATCH', full, patch);
  }

  put(object: KubernetesObject): KubernetesObject {
    return this.world.call(
      'PUT',
      pathOf(object.apiVersion, object.kind, object.metadata.name),
      object,
    );
  }

  delete(kind: string, name: string, apiVersion = byKind[kind] ?? ''): void {
    this.world.call('DELETE', pathOf(apiVersion, kind, name));
  }

  push(image: string): void {
    this.patch('Deployment', 'cart', newImage(image));
  }

  /** Takes every rule out of the definition of Canaries, as if an older one were installed. */
  loosenCanaries(group: 'serin.dev' | 'flagger.app' = 'serin.dev'): void {
    const name = `canaries.${group}`;
    const strict = this.get('CustomResourceDefinition', name);
    const { versions = [] } = (strict?.['spec'] ?? {}) as { versions?: readonly object[] };
    const open = { type: 'object', 'x-kubernetes-preserve-unknown-fields': true };
    const openAPIV3Schema = { type: 'object', properties: { spec: open, status: open } };
    const loose = versions.map((version) => ({ ...version, schema: { openAPIV3Schema } }));
    this.patch('CustomResourceDefinition', name, { spec: { versions: loose } });
  }

  /** Answers requests that match as the callback says; the rest goes on. */
  intercept(answer: (call: ApiCall) => ApiAnswer | undefined): void {
    this.world.server.intercept = answer;
  }

  // ── time ──────────────────────────────────────────────────────────────────

  async pass(ms: number): Promise<void> {
    await this.world.clock.advance(ms);
  }

  /** Throws with the status when it does not come true in time. */
  async until(what: string, isSo: () => boolean, limitMs = 600_000): Promise<void> {
    if (await this.world.clock.advanceUntil(isSo, limitMs)) return;
    throw new Error(`${what} did not happen; status: ${JSON.stringify(this.status(), null, 1)}`);
  }

  async untilPhase(phase: string, limitMs = 600_000): Promise<void> {
    await this.until(`phase ${phase}`, () => this.status().phase === phase, limitMs);
    // What the same pass sends after its status: words.
    await this.pass(50);
  }

  // ── what came of it ───────────────────────────────────────────────────────

  status(name = 'cart', apiVersion = 'serin.dev/v1beta1'): Status {
    return this.get('Canary', name, apiVersion)?.['status'] ?? {};
  }

  condition(type: string, name = 'cart', apiVersion?: string): Condition | undefined {
    return this.status(name, apiVersion).conditions?.find((condition) => condition.type === type);
  }

  /** From now on the requests of the operator are counted anew. */
  mark(): void {
    this.#quietFrom = this.world.records.length;
  }

  /** What the operator has sent since the mark, watches left out. */
  requests(): readonly RequestRecord[] {
    return this.world.records
      .slice(this.#quietFrom)
      .filter(
        ({ userAgent, query }) => userAgent.startsWith('serin') && query['watch'] === undefined,
      );
  }

  /** Writes of the operator since the mark that change somebody's objects. */
  touched(): readonly string[] {
    return this.requests()
      .filter(({ method, resource, subresource }) => {
        if (method === 'GET' || resource === 'events') return false;
        return !(resource === 'canaries' && subresource === 'status');
      })
      .map(({ method, resource, name }) => `${method} ${resource}/${name}`);
  }

  /** Canary weights that the operator has written into routes since the mark, in order. */
  weights(): readonly number[] {
    return this.requests()
      .filter(({ resource, method }) => resource === 'httproutes' && method !== 'GET')
      .flatMap(({ object }) => weightIn(object) ?? []);
  }

  events(): readonly {
    readonly type: string;
    readonly reason: string;
    readonly message: string;
    readonly count: number;
  }[] {
    const { items } = this.world.call('GET', `/api/v1/namespaces/${namespace}/events`) as never as {
      items: readonly { type: string; reason: string; message: string; count: number }[];
    };
    return items;
  }

  /** The canary's share in the route, in percent. */
  routeWeight(name = 'cart'): number | undefined {
    return weightIn(this.get('HTTPRoute', name));
  }
}

function weightIn(route: unknown): number | undefined {
  const { spec } = (route ?? {}) as {
    spec?: { rules?: readonly { backendRefs?: readonly { name: string; weight?: number }[] }[] };
  };
  const refs = (spec?.rules ?? []).flatMap(({ backendRefs = [] }) => backendRefs);
  const ref = refs.find(({ name }) => name === 'cart-canary');
  return ref && (ref.weight ?? 0);
}

/** The definitions as the repository ships them, for putting one back. */
export const shippedDefinitions = [
  ...customResourceDefinitions('serin.dev'),
  ...customResourceDefinitions('flagger.app'),
];

/** What the API server says to somebody who lacks a role. */
export function forbidden(verb: string, resource: string): ApiAnswer {
  const message = `${resource} is forbidden: User "system:serviceaccount:serin:serin" cannot ${verb} resource "${resource}" in the namespace "${namespace}"`;
  const body = {
    kind: 'Status',
    apiVersion: 'v1',
    status: 'Failure',
    reason: 'Forbidden',
    code: 403,
    message,
  };
  return { kind: 'object', status: 403, body };
}

export const metricTemplate = (spec: object, name = 'latency'): KubernetesObject => ({
  apiVersion: 'serin.dev/v1beta1',
  kind: 'MetricTemplate',
  metadata: { name, namespace },
  spec: { provider: { type: 'prometheus', address: 'http://prometheus:9090' }, ...spec },
});

export const alertProvider = (spec: object, name = 'on-call'): KubernetesObject => ({
  apiVersion: 'serin.dev/v1beta1',
  kind: 'AlertProvider',
  metadata: { name, namespace },
  spec: { type: 'slack', channel: 'releases', ...spec },
});

export const secret = (name: string, values: Readonly<Record<string, string>>) => ({
  apiVersion: 'v1',
  kind: 'Secret',
  metadata: { name, namespace },
  data: Object.fromEntries(
    Object.entries(values).map(([key, value]) => [key, Buffer.from(value).toString('base64')]),
  ),
});
