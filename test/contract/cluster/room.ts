/** A place to test in: shorthands for requests, namespaces that come and go, a custom kind. */

import { expect } from 'vitest';

import type { ClusterClient, Method, Reply, RequestOptions, WatchHandle } from './client.ts';

export type Json = Readonly<Record<string, unknown>>;

const TYPES: Readonly<Record<string, string>> = {
  merge: 'application/merge-patch+json',
  json: 'application/json-patch+json',
  strategic: 'application/strategic-merge-patch+json',
};

export const GROUP = 'contract.serin.dev';

export class Room {
  #client: ClusterClient | undefined;
  readonly #namespaces: string[] = [];
  readonly #definitions: string[] = [];

  open(client: ClusterClient): Promise<void> {
    this.#client = client;
    return Promise.resolve();
  }

  get client(): ClusterClient {
    if (this.#client === undefined) throw new Error('the suite is not connected');
    return this.#client;
  }

  async close(): Promise<void> {
    for (const name of this.#namespaces) await this.call('DELETE', `/api/v1/namespaces/${name}`);
    for (const name of this.#definitions) await this.call('DELETE', `${DEFINITIONS}/${name}`);
    await this.#client?.close();
  }

  call(method: Method, path: string, options: RequestOptions = {}): Promise<Reply> {
    return this.client.request(method, path, options);
  }

  get(path: string, query: RequestOptions['query'] = {}): Promise<Reply> {
    return this.call('GET', path, { query });
  }

  create(path: string, body: unknown, query: RequestOptions['query'] = {}): Promise<Reply> {
    return this.call('POST', path, { body, query });
  }

  put(path: string, body: unknown, query: RequestOptions['query'] = {}): Promise<Reply> {
    return this.call('PUT', path, { body, query });
  }

  patch(
    form: 'merge' | 'json' | 'strategic',
    path: string,
    body: unknown,
    query: RequestOptions['query'] = {},
  ): Promise<Reply> {
    const headers = { 'content-type': TYPES[form] ?? '' };
    return this.call('PATCH', path, { body, headers, query });
  }

  /** A new namespace; returns its path below `/api/v1`. */
  async namespace(): Promise<string> {
    const body = { apiVersion: 'v1', kind: 'Namespace', metadata: { generateName: 'contract-' } };
    const reply = await this.create('/api/v1/namespaces', body);
    expect(reply.status).toBe(201);
    const name = text(reply.body, 'metadata.name');
    this.#namespaces.push(name);
    return name;
  }

  /** A ConfigMap that is there. */
  async configMap(namespace: string, name: string, more: Json = {}): Promise<Json> {
    const reply = await this.create(configMaps(namespace), configMap(name, more));
    expect(reply.status).toBe(201);
    return json(reply.body);
  }

  async watch(
    path: string,
    query: Readonly<Record<string, string>>,
    headers: Readonly<Record<string, string>> = {},
  ): Promise<WatchHandle> {
    const handle = await this.client.watch(path, query, headers);
    if ('next' in handle) return handle;
    throw new Error(`the watch was refused: ${JSON.stringify(handle)}`);
  }

  async install(definition: Json): Promise<void> {
    const name = text(definition, 'metadata.name');
    const reply = await this.create(DEFINITIONS, definition);
    expect(reply).toMatchObject({ status: 201 });
    this.#definitions.push(name);
    await this.eventually(async () => {
      const { body } = await this.get(`${DEFINITIONS}/${name}`);
      expect(conditionOf(body, 'Established')).toMatchObject({ status: 'True' });
    });
    // Established is said a moment before every server process has noticed.
    const group = text(definition, 'spec.group');
    await this.eventually(async () => {
      const served = await this.get(`/apis/${group}/v1/${text(definition, 'spec.names.plural')}`);
      expect(served.status).toBe(200);
    });
  }

  /** Waits until a paused Deployment's controller, where there is one, has said all that it has to say. */
  async whenSeen(path: string): Promise<void> {
    let before = '';
    await this.eventually(async () => {
      const version = text((await this.get(path)).body, 'metadata.resourceVersion');
      const isQuiet = version === before;
      before = version;
      expect(isQuiet).toBe(true);
    });
  }

  /** Repeats until it passes; a cluster's controllers take their time. */
  async eventually(check: () => Promise<void>): Promise<void> {
    for (let attempt = 0; ; attempt++) {
      await this.client.settle();
      try {
        return await check();
      } catch (error) {
        if (attempt >= 100) throw error;
      }
    }
  }
}

export const DEFINITIONS = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions';

export function configMaps(namespace: string): string {
  return `/api/v1/namespaces/${namespace}/configmaps`;
}

export function deployments(namespace: string): string {
  return `/apis/apps/v1/namespaces/${namespace}/deployments`;
}

export function widgets(namespace: string, version = 'v1'): string {
  return `/apis/${GROUP}/${version}/namespaces/${namespace}/widgets`;
}

export function configMap(name: string, more: Json = {}, metadata: Json = {}): Json {
  return { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, ...metadata }, ...more };
}

export function deployment(name: string, spec: Json = {}): Json {
  const labels = { app: name };
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name },
    spec: {
      replicas: 0,
      selector: { matchLabels: labels },
      template: {
        metadata: { labels },
        spec: {
          containers: [
            { name: 'main', image: 'example.test/main:1', ports: [{ containerPort: 8080 }] },
            { name: 'side', image: 'example.test/side:1', env: [{ name: 'A', value: '1' }] },
          ],
        },
      },
      ...spec,
    },
  };
}

export function widget(name: string, spec: Json = {}, more: Json = {}): Json {
  return {
    apiVersion: `${GROUP}/v1`,
    kind: 'Widget',
    metadata: { name },
    spec: { size: 3, ...spec },
    ...more,
  };
}

export function json(value: unknown): Json {
  if (typeof value !== 'object' || value === null)
    throw new Error(`not an object: ${String(value)}`);
  return value as Json;
}

export function at(value: unknown, path: string): unknown {
  return path.split('.').reduce<unknown>((part, key) => {
    if (Array.isArray(part)) return part[Number(key)];
    return typeof part === 'object' && part !== null ? (part as Json)[key] : undefined;
  }, value);
}

export function text(value: unknown, path: string): string {
  const part = at(value, path);
  if (typeof part !== 'string') throw new Error(`no text at ${path} in ${JSON.stringify(value)}`);
  return part;
}

export function items(body: unknown): readonly Json[] {
  const list = at(body, 'items');
  return Array.isArray(list) ? list.map(json) : [];
}

export function names(body: unknown): readonly string[] {
  return items(body).map((item) => text(item, 'metadata.name'));
}

export function conditionOf(body: unknown, type: string): Json | undefined {
  const conditions = at(body, 'status.conditions');
  const list = Array.isArray(conditions) ? conditions.map(json) : [];
  return list.find((condition) => condition['type'] === type);
}

/** Causes as `field: reason`. */
export function causes(body: unknown): readonly string[] {
  const list = at(body, 'details.causes');
  const all = Array.isArray(list) ? list : [];
  return all.map((cause) => `${text(cause, 'field')}: ${text(cause, 'reason')}`).sort();
}

const schema = {
  type: 'object',
  required: ['spec'],
  properties: {
    spec: {
      type: 'object',
      required: ['size'],
      properties: {
        size: { type: 'integer', format: 'int32', minimum: 1, maximum: 100 },
        colour: { type: 'string', enum: ['red', 'green'], default: 'red' },
        label: { type: 'string', pattern: '^[a-z]+$', maxLength: 8 },
        port: {
          'x-kubernetes-int-or-string': true,
          anyOf: [{ type: 'integer' }, { type: 'string' }],
        },
        note: { type: 'string', nullable: true },
        plain: { type: 'string' },
        fixed: {
          type: 'string',
          'x-kubernetes-validations': [{ rule: 'self == oldSelf', message: 'fixed is fixed' }],
        },
        parts: {
          type: 'array',
          maxItems: 3,
          'x-kubernetes-list-type': 'map',
          'x-kubernetes-list-map-keys': ['name'],
          items: {
            type: 'object',
            required: ['name'],
            properties: { name: { type: 'string' }, count: { type: 'integer', default: 1 } },
          },
        },
        tags: { type: 'array', 'x-kubernetes-list-type': 'set', items: { type: 'string' } },
        free: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true },
        nested: {
          type: 'object',
          default: {},
          properties: { deep: { type: 'boolean', default: true } },
        },
        low: { type: 'integer' },
        high: { type: 'integer' },
        replicas: { type: 'integer' },
        at: { type: 'string', format: 'date-time' },
        one: { type: 'string' },
        other: { type: 'string' },
      },
      not: { required: ['one', 'other'] },
      'x-kubernetes-validations': [
        {
          rule: '!has(self.low) || !has(self.high) || self.low <= self.high',
          message: 'low must not exceed high',
        },
        {
          rule: '!has(self.high) || self.high % 2 == 0',
          // A rule's cost is bounded from its types: `string(self.high)` has no length to go by.
          messageExpression: "self.high > 2 ? 'high is odd and not small' : 'high is odd'",
        },
      ],
    },
    status: {
      type: 'object',
      properties: {
        phase: { type: 'string' },
        replicas: { type: 'integer' },
        selector: { type: 'string' },
      },
    },
  },
};

const version = {
  served: true,
  schema: { openAPIV3Schema: schema },
  subresources: {
    status: {},
    scale: {
      specReplicasPath: '.spec.replicas',
      statusReplicasPath: '.status.replicas',
      labelSelectorPath: '.status.selector',
    },
  },
  additionalPrinterColumns: [
    { name: 'Size', type: 'integer', jsonPath: '.spec.size' },
    { name: 'Phase', type: 'string', jsonPath: '.status.phase' },
    { name: 'Age', type: 'date', jsonPath: '.metadata.creationTimestamp' },
  ],
};

export const WIDGETS: Json = {
  apiVersion: 'apiextensions.k8s.io/v1',
  kind: 'CustomResourceDefinition',
  metadata: { name: `widgets.${GROUP}` },
  spec: {
    group: GROUP,
    scope: 'Namespaced',
    names: {
      kind: 'Widget',
      plural: 'widgets',
      singular: 'widget',
      listKind: 'WidgetList',
      shortNames: ['wd'],
    },
    versions: [
      { name: 'v1', storage: true, ...version },
      { name: 'v1beta1', storage: false, ...version },
    ],
  },
};
