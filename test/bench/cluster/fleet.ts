/** Many canaries, each in a namespace of its own with all that its user applies. */
import { setTimeout as sleep } from 'node:timers/promises';

import * as z from 'zod';

import type { KubernetesObject } from '../../../src/api/object.ts';
import { onFakeNodes } from '../../cluster/fake-nodes.ts';
import { canary, deployment, gateway, namespaceNamed } from '../objects.ts';
import { type Api, forEach, until } from './api.ts';

export type Group = 'serin.dev' | 'flagger.app';

export const intervalMs = 10_000;
export const stepWeights = [10, 20, 40, 60, 80];

/** How many requests of ours are under way at once. */
const width = 16;

export class Fleet {
  readonly names: readonly string[];
  readonly #client: Api;
  readonly #group: Group;
  #version = 1;

  constructor(client: Api, count: number, group: Group) {
    this.#client = client;
    this.#group = group;
    this.names = Array.from({ length: count }, (_, index) => `shop-${index}`);
  }

  get canaries(): string {
    return `/apis/${this.#group}/v1beta1/canaries`;
  }

  /** Namespaces, configuration and Deployments; resolves when every Deployment is available. */
  async createTargets(limitMs: number): Promise<void> {
    await forEach(this.names, width, async (namespace) => {
      await this.#client.create(namespaceNamed(namespace));
      const objects = [gateway(namespace), ...configurationOf(namespace)];
      for (const object of objects) await this.#client.create(object);
      await this.#client.create(configured(deployment(namespace)));
    });
    const all = `${this.names.length} Deployments are available`;
    await until(all, limitMs, async () => (await this.#available()) >= this.names.length, 1_000);
  }

  async #available(): Promise<number> {
    const { items } = Deployments.parse(await this.#client.get('/apis/apps/v1/deployments'));
    return items.filter(({ status }) => (status?.availableReplicas ?? 0) > 0).length;
  }

  async createCanaries(threshold: number): Promise<void> {
    await forEach(this.names, width, async (namespace) => {
      await this.#client.create(canaryOf(namespace, this.#group, threshold));
    });
  }

  async setThreshold(threshold: number): Promise<void> {
    const change = { spec: { analysis: { threshold } } };
    await forEach(this.names, width, async (namespace) => {
      const path = `/apis/${this.#group}/v1beta1/namespaces/${namespace}/canaries/cart`;
      await this.#client.patch(path, change);
    });
  }

  /** Another revision of every target, one after the other, evenly over one interval. */
  async release(): Promise<void> {
    this.#version += 1;
    const annotations = { 'example.com/release': String(this.#version) };
    const change = { spec: { template: { metadata: { annotations } } } };
    const from = performance.now();
    await forEach(this.names, width, async (namespace, index) => {
      const at = from + (index / this.names.length) * intervalMs;
      await sleep(Math.max(0, at - performance.now()));
      await this.#client.patch(`/apis/apps/v1/namespaces/${namespace}/deployments/cart`, change);
    });
  }
}

const Deployments = z.object({
  items: z.array(
    z.object({ status: z.object({ availableReplicas: z.int().optional() }).optional() }),
  ),
});

/** What the target refers to. */
export function configurationOf(namespace: string): readonly KubernetesObject[] {
  const metadata = { namespace, name: 'cart' };
  return [
    { apiVersion: 'v1', kind: 'ConfigMap', metadata, data: { CURRENCY: 'EUR' } },
    { apiVersion: 'v1', kind: 'Secret', metadata, stringData: { PASSWORD: 'not a real one' } },
  ];
}

const Target = z.looseObject({
  apiVersion: z.string(),
  kind: z.string(),
  metadata: z.looseObject({ name: z.string() }),
  spec: z.looseObject({
    template: z.looseObject({
      spec: z.looseObject({ containers: z.array(z.looseObject({})) }),
    }),
  }),
});

/** Refers to both, and its pods only exist in the API. */
export function configured(object: KubernetesObject): KubernetesObject {
  const target = Target.parse(object);
  const { template } = target.spec;
  const envFrom = [{ configMapRef: { name: 'cart' } }, { secretRef: { name: 'cart' } }];
  const containers = template.spec.containers.map((container) => ({ ...container, envFrom }));
  const spec = { ...template.spec, ...onFakeNodes, containers };
  return { ...target, spec: { ...target.spec, template: { ...template, spec } } };
}

export function canaryOf(namespace: string, group: Group, threshold: number): KubernetesObject {
  const interval = `${intervalMs / 1000}s`;
  const object = canary({ namespace, interval, threshold, stepWeights, alerts: false });
  if (group === 'serin.dev') return object;
  const spec = z.looseObject({}).parse(object['spec']);
  // Its operator has another default.
  return {
    ...object,
    apiVersion: `${group}/v1beta1`,
    spec: { ...spec, provider: 'gatewayapi:v1' },
  };
}
