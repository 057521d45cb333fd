/**
 * Does in one namespace what the cluster's controllers would do, for clusters that run none: says that a Deployment
 * has rolled out, and which pods a Service leads to. There are no pods.
 */
import { setTimeout as sleep } from 'node:timers/promises';

import * as z from 'zod';

import { type Api, collectionOf } from './api.ts';

const Deployments = z.object({
  items: z.array(
    z.object({
      metadata: z.object({ name: z.string(), generation: z.int() }),
      spec: z.object({ replicas: z.int() }),
      status: z.object({ observedGeneration: z.int().optional() }).optional(),
    }),
  ),
});

const Services = z.object({
  items: z.array(
    z.object({
      metadata: z.object({ name: z.string() }),
      spec: z.object({ selector: z.record(z.string(), z.string()) }),
    }),
  ),
});

export interface Controllers {
  stop(): Promise<void>;
}

export function playControllers(client: Api, namespace: string): Controllers {
  const stopping = new AbortController();
  const slices = new Map<string, string>();
  const run = async () => {
    while (!stopping.signal.aborted) {
      await rollOut(client, namespace);
      await lead(client, namespace, slices);
      await sleep(100);
    }
  };
  const running = run();
  return {
    stop: async () => {
      stopping.abort();
      await running;
    },
  };
}

async function rollOut(client: Api, namespace: string): Promise<void> {
  const path = `/apis/apps/v1/namespaces/${namespace}/deployments`;
  for (const { metadata, spec, status } of Deployments.parse(await client.get(path)).items) {
    const { name, generation } = metadata;
    if (status?.observedGeneration === generation) continue;
    const { replicas } = spec;
    const now = new Date().toISOString().replace(/\.\d+/, '');
    const condition = { lastTransitionTime: now, lastUpdateTime: now, status: 'True', message: '' };
    await client.patch(`${path}/${name}/status`, {
      status: {
        observedGeneration: generation,
        replicas,
        readyReplicas: replicas,
        updatedReplicas: replicas,
        availableReplicas: replicas,
        conditions: [
          { ...condition, type: 'Available', reason: 'MinimumReplicasAvailable' },
          { ...condition, type: 'Progressing', reason: 'NewReplicaSetAvailable' },
        ],
      },
    });
  }
}

/** One slice for each Service, with a pod named after the side that it selects. */
async function lead(client: Api, namespace: string, slices: Map<string, string>): Promise<void> {
  const path = `/api/v1/namespaces/${namespace}/services`;
  for (const { metadata, spec } of Services.parse(await client.get(path)).items) {
    const side = Object.values(spec.selector)[0] ?? '';
    const before = slices.get(metadata.name);
    if (before === side) continue;
    slices.set(metadata.name, side);
    const slice = sliceOf(namespace, metadata.name, side);
    const collection = collectionOf(slice);
    if (before === undefined) await client.create(slice);
    else await client.patch(`${collection}/${metadata.name}`, { endpoints: slice.endpoints });
  }
}

function sliceOf(namespace: string, service: string, side: string) {
  return {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: {
      namespace,
      name: service,
      labels: { 'kubernetes.io/service-name': service },
    },
    addressType: 'IPv4',
    ports: [{ name: 'http', port: 8080, protocol: 'TCP' }],
    endpoints: [
      {
        addresses: ['10.244.0.1'],
        conditions: { ready: true },
        targetRef: { kind: 'Pod', namespace, name: `${side}-0` },
      },
    ],
  };
}
