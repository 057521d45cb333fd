/**
 * A node, pods and a gateway on paper: every Pod of that node is Ready at once, and every HTTPRoute is accepted by its
 * parents. Sweeps need many rollouts, and none of them needs traffic.
 */
import type { Transport } from '../../../src/adapters/kubernetes/transport.ts';
import type { KubernetesObject } from '../../../src/api/object.ts';
import { follow } from './follow.ts';

/** Where pods are that only exist on paper. */
const paperNode = 'paper';

/** Of the spec of such pods: they are born on the node, and nobody waits for their end. */
export const onPaper = { nodeName: paperNode, terminationGracePeriodSeconds: 0 } as const;

/** What routes name as their parent. Another name than that of any gateway that really runs in the cluster. */
export const paperGateway = 'paper';

/** Without a Node, a pod is no endpoint. The taint keeps everybody else's pods away. */
export const paperNodeObject: KubernetesObject = {
  apiVersion: 'v1',
  kind: 'Node',
  metadata: { name: paperNode },
  spec: { taints: [{ key: 'serin.dev/paper', effect: 'NoSchedule' }] },
};

export async function startPaperWorld(transport: Transport, signal: AbortSignal): Promise<void> {
  const pods = new PaperPods(transport, signal);
  await follow(
    {
      transport,
      path: '/api/v1/pods',
      apiVersion: 'v1',
      kind: 'Pod',
      onChange: (pod, gone) => pods.see(pod, gone),
    },
    signal,
  );
  await follow(
    {
      transport,
      path: '/apis/gateway.networking.k8s.io/v1/httproutes',
      apiVersion: 'gateway.networking.k8s.io/v1',
      kind: 'HTTPRoute',
      onChange: (route, gone) => {
        if (!gone) void acceptRoute(transport, route, signal);
      },
    },
    signal,
  );
}

class PaperPods {
  readonly #transport: Transport;
  readonly #signal: AbortSignal;
  #count = 0;

  constructor(transport: Transport, signal: AbortSignal) {
    this.#transport = transport;
    this.#signal = signal;
  }

  see(pod: KubernetesObject, gone: boolean): void {
    const { nodeName } = pod['spec'] as { readonly nodeName?: string };
    const { phase } = (pod['status'] ?? {}) as { readonly phase?: string };
    if (gone || nodeName !== paperNode || phase === 'Running') return;
    this.#count += 1;
    // Room for all pods of a run; nobody sends anything there.
    const ip = `10.245.${this.#count >> 8}.${this.#count & 0xff}`;
    void patchStatus(this.#transport, podPath(pod), runningAt(pod, ip), this.#signal);
  }
}

function podPath({ metadata }: KubernetesObject): string {
  return `/api/v1/namespaces/${metadata.namespace}/pods/${metadata.name}/status`;
}

function runningAt(pod: KubernetesObject, podIP: string): object {
  const { containers } = pod['spec'] as {
    readonly containers: readonly { readonly name: string; readonly image: string }[];
  };
  const at = new Date().toISOString();
  const conditions = ['PodScheduled', 'Initialized', 'ContainersReady', 'Ready'];
  return {
    phase: 'Running',
    podIP,
    podIPs: [{ ip: podIP }],
    startTime: at,
    conditions: conditions.map((type) => ({ type, status: 'True', lastTransitionTime: at })),
    containerStatuses: containers.map(({ name, image }) => ({
      name,
      image,
      imageID: image,
      ready: true,
      started: true,
      restartCount: 0,
      state: { running: { startedAt: at } },
    })),
  };
}

async function acceptRoute(
  transport: Transport,
  route: KubernetesObject,
  signal: AbortSignal,
): Promise<void> {
  const { generation = 0, namespace, name } = route.metadata;
  const { parentRefs = [] } = route['spec'] as { readonly parentRefs?: readonly object[] };
  const { parents = [] } = (route['status'] ?? {}) as { readonly parents?: readonly Parent[] };
  const seen = parents.every(({ conditions }) =>
    conditions.every(({ observedGeneration = 0 }) => observedGeneration >= generation),
  );
  if (parents.length > 0 && seen) return;
  const path = `/apis/gateway.networking.k8s.io/v1/namespaces/${namespace}/httproutes/${name}/status`;
  const status = { parents: parentRefs.map((parentRef) => reportOn(parentRef, generation)) };
  await patchStatus(transport, path, status, signal);
}

interface Parent {
  readonly conditions: readonly { readonly observedGeneration?: number }[];
}

function reportOn(parentRef: object, observedGeneration: number): object {
  const words = { reason: 'Accepted', message: '', lastTransitionTime: new Date().toISOString() };
  return {
    parentRef,
    controllerName: 'example.com/paper',
    conditions: [{ type: 'Accepted', status: 'True', observedGeneration, ...words }],
  };
}

/** What is gone meanwhile needs no status; what the server does not take now it takes when it is back. */
async function patchStatus(
  transport: Transport,
  path: string,
  status: object,
  signal: AbortSignal,
): Promise<void> {
  const request = {
    method: 'PATCH',
    path,
    query: {},
    body: { status },
    contentType: 'application/merge-patch+json',
    timeoutMs: 30_000,
  } as const;
  while (!signal.aborted) {
    try {
      const { status: code, body } = await transport.request(request, signal);
      if (code < 300 || code === 404 || code === 409) return;
      if (code < 500 && code !== 429)
        throw new Error(`PATCH ${path}: ${code} ${JSON.stringify(body)}`);
    } catch (error) {
      if (signal.aborted) return;
      if (error instanceof Error && error.message.startsWith('PATCH ')) throw error;
    }
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}
