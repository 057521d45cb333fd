/** A cluster on simulated time: the API server, its controllers, and pods that behave as told. */
import { ApiServer } from '../../../src/sandbox/api-server/server.ts';
import {
  Client,
  DEPLOYMENTS,
  ENDPOINT_SLICES,
  pathOf,
  PODS,
  REPLICA_SETS,
  type Resource,
  SERVICES,
} from '../../../src/sandbox/controllers/api.ts';
import { Controllers } from '../../../src/sandbox/controllers/controllers.ts';
import {
  type Deployment,
  type EndpointSlice,
  isKubeObject,
  isRecord,
  type KubeObject,
  type Pod,
  type ReplicaSet,
  type Service,
} from '../../../src/sandbox/controllers/objects.ts';
import {
  type PodBehaviour,
  SimulatedPods,
} from '../../../src/sandbox/controllers/simulated-pods.ts';

const START = Date.parse('2026-11-21T12:00:00Z');

export class TestCluster {
  now = START;
  /** By image; what is not listed is ready after one second. */
  readonly behaviours: Record<string, PodBehaviour> = {};
  readonly pods = new SimulatedPods((pod) => {
    return this.behaviours[pod.spec.containers[0]?.image ?? ''] ?? { readyAfterMs: 1_000 };
  });
  readonly api = new ApiServer({ now: () => this.now, random: seeded(7) });
  readonly controllers = new Controllers({ api: this.api, pods: this.pods });
  readonly #client = new Client(this.api, 'test');

  constructor() {
    this.controllers.start();
  }

  /** Lets time pass, stopping at every moment at which something is due; `look` is called at each. */
  advance(ms: number, look: () => void = () => {}): void {
    const until = this.now + ms;
    for (;;) {
      const { nextAt = Infinity } = this.controllers.settle(this.now);
      look();
      if (nextAt > until) break;
      this.now = Math.max(this.now, nextAt);
    }
    this.now = until;
  }

  /** As `advance`, but looks after every single step. */
  advanceWatching(ms: number, look: () => void): void {
    const until = this.now + ms;
    for (;;) {
      const { nextAt = Infinity } = this.controllers.step(this.now);
      look();
      if (nextAt > until) break;
      this.now = Math.max(this.now, nextAt);
    }
    this.now = until;
  }

  create<T extends KubeObject>(resource: Resource, object: T): T {
    const written = this.#client.create(resource, object);
    if (written.outcome !== 'done') throw new Error(`not created: ${JSON.stringify(written)}`);
    return written.object;
  }

  patch(resource: Resource, name: string, body: object): void {
    const answer = this.api.handle({
      method: 'PATCH',
      path: pathOf(resource, 'default', name),
      query: {},
      headers: { 'content-type': 'application/merge-patch+json', 'user-agent': 'test' },
      body,
    });
    if (answer.kind === 'stream' || answer.status !== 200) {
      throw new Error(`not patched: ${JSON.stringify(answer)}`);
    }
  }

  remove(resource: Resource, object: KubeObject): void {
    this.#client.remove(resource, object);
  }

  get deployments(): readonly Deployment[] {
    return this.#list(DEPLOYMENTS).filter(isKubeObject<Deployment>);
  }

  #list(resource: Resource): readonly object[] {
    const path = pathOf(resource, 'default');
    const answer = this.api.handle({ method: 'GET', path, query: {}, headers: {} });
    if (answer.kind === 'stream' || !isRecord(answer.body)) throw new Error('not listed');
    const { items } = answer.body;
    if (!Array.isArray(items)) throw new Error('not a list');
    return items.filter(isRecord);
  }

  deployment(name = 'cart'): Deployment {
    const found = this.deployments.find(({ metadata }) => metadata.name === name);
    if (found === undefined) throw new Error(`no Deployment ${name}`);
    return found;
  }

  get replicaSets(): readonly ReplicaSet[] {
    return this.#list(REPLICA_SETS).filter(isKubeObject<ReplicaSet>);
  }

  get allPods(): readonly Pod[] {
    return this.#list(PODS).filter(isKubeObject<Pod>);
  }

  get slices(): readonly EndpointSlice[] {
    return this.#list(ENDPOINT_SLICES).filter(isKubeObject<EndpointSlice>);
  }

  condition(type: string, name = 'cart'): string | undefined {
    const found = this.deployment(name).status?.conditions?.find((entry) => entry.type === type);
    return found === undefined ? undefined : `${found.status} ${found.reason}`;
  }
}

function template(version: string): Deployment['spec']['template'] {
  const ports = [{ name: 'http', containerPort: 8080 }];
  return {
    metadata: { labels: { app: 'cart' } },
    spec: { containers: [{ name: 'app', image: version, ports }] },
  };
}

export function deployment(
  replicas: number,
  version: string,
  spec: Partial<Deployment['spec']> = {},
): Deployment {
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: 'cart', namespace: 'default' },
    spec: {
      replicas,
      selector: { matchLabels: { app: 'cart' } },
      template: template(version),
      ...spec,
    },
  };
}

export function service(more: Partial<Service['spec']> = {}): Service {
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: 'cart', namespace: 'default' },
    spec: {
      selector: { app: 'cart' },
      ports: [{ name: 'http', port: 80, targetPort: 'http' }],
      ...more,
    },
  };
}

/** A patch that asks for another version. */
export function image(version: string): object {
  return { spec: { template: template(version) } };
}

export { DEPLOYMENTS, PODS, REPLICA_SETS, SERVICES };

/** Mulberry32: small, good enough for uids. */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}
