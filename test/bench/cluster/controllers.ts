/**
 * Does in one namespace what the cluster's controllers would do, for clusters that run none: says that a Deployment
 * has rolled out, and which pod a Service leads to. There are no pods.
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

/** Of the Services only `service` leads anywhere: nobody asks about the others. */
export function playControllers(client: Api, namespace: string, service: string): Controllers {
  const stopping = new AbortController();
  let side: string | undefined;
  const run = async () => {
    while (!stopping.signal.aborted) {
      await rollOut(client, namespace);
      side = await lead(client, namespace, service, side);
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

/** Answers the side that the Service selects, whose pod is in its slice now. */
async function lead(
  client: Api,
  namespace: string,
  service: string,
  before: string | undefined,
): Promise<string | undefined> {
  const path = `/api/v1/namespaces/${namespace}/services`;
  const { items } = Services.parse(await client.get(path));
  const found = items.find(({ metadata }) => metadata.name === service);
  const side = Object.values(found?.spec.selector ?? {})[0];
  if (side === undefined || side === before) return before;
  const slice = sliceOf(namespace, service, side);
  if (before === undefined) await client.create(slice);
  else await client.patch(`${collectionOf(slice)}/${service}`, { endpoints: slice.endpoints });
  return side;
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
