/**
 * What the controllers know of the cluster: one mirror per kind, and indices that make every question of a
 * sync cost as much as its answer is long, however many other workloads there are.
 */
import {
  type Client,
  DEPLOYMENTS,
  ENDPOINT_SLICES,
  PODS,
  REPLICA_SETS,
  type Resource,
  SERVICES,
} from './api.ts';
import { hasAll } from './labels.ts';
import { Mirror } from './mirror.ts';
import {
  controllerOf,
  type Deployment,
  type EndpointSlice,
  keyOf,
  type KubeObject,
  type Labels,
  type Pod,
  type ReplicaSet,
  type Service,
} from './objects.ts';

/** Hears which object has changed; `before` and `after` as in a mirror. */
export interface ViewListener {
  deployment(key: string): void;
  replicaSet(before: ReplicaSet | undefined, after: ReplicaSet | undefined): void;
  pod(before: Pod | undefined, after: Pod | undefined): void;
  service(key: string): void;
  endpointSlice(before: EndpointSlice | undefined, after: EndpointSlice | undefined): void;
  /** A stream is over: `refresh` when it suits. */
  ended(): void;
}

export const SERVICE_NAME = 'kubernetes.io/service-name';

export class ClusterView {
  readonly client: Client;
  readonly deployments: Mirror<Deployment>;
  readonly replicaSets: Mirror<ReplicaSet>;
  readonly pods: Mirror<Pod>;
  readonly services: Mirror<Service>;
  readonly slices: Mirror<EndpointSlice>;
  readonly #ended: () => void;
  readonly #setsByOwner = new Index<ReplicaSet>();
  readonly #podsByOwner = new Index<Pod>();
  readonly #podsByLabel = new Index<Pod>();
  readonly #servicesByLabel = new Index<Service>();
  readonly #slicesByService = new Index<EndpointSlice>();

  constructor(client: Client, listener: ViewListener) {
    this.client = client;
    this.#ended = () => listener.ended();
    this.deployments = this.#mirror<Deployment>(DEPLOYMENTS, (key) => listener.deployment(key));
    this.replicaSets = this.#mirror<ReplicaSet>(REPLICA_SETS, (_, before, after) => {
      this.#setsByOwner.update(before, after, ownerTerms);
      listener.replicaSet(before, after);
    });
    this.pods = this.#mirror<Pod>(PODS, (_, before, after) => {
      this.#podsByOwner.update(before, after, ownerTerms);
      this.#podsByLabel.update(before, after, labelTerms);
      listener.pod(before, after);
    });
    this.services = this.#mirror<Service>(SERVICES, (key, before, after) => {
      this.#servicesByLabel.update(before, after, selectorTerms);
      listener.service(key);
    });
    this.slices = this.#mirror<EndpointSlice>(ENDPOINT_SLICES, (_, before, after) => {
      this.#slicesByService.update(before, after, serviceNameTerms);
      listener.endpointSlice(before, after);
    });
  }

  start(): void {
    for (const mirror of this.#all()) mirror.start();
  }

  stop(): void {
    for (const mirror of this.#all()) mirror.stop();
  }

  refresh(): void {
    for (const mirror of this.#all()) mirror.refresh();
  }

  setsOf(owner: KubeObject): readonly ReplicaSet[] {
    return this.#setsByOwner.find(owner.metadata.uid ?? '');
  }

  podsOf(owner: KubeObject): readonly Pod[] {
    return this.#podsByOwner.find(owner.metadata.uid ?? '');
  }

  /** Objects without a controller in a namespace: somebody's orphans, perhaps ours to adopt. */
  orphanSets(namespace: string): readonly ReplicaSet[] {
    return this.#setsByOwner.find(orphanTerm(namespace));
  }

  orphanPods(namespace: string): readonly Pod[] {
    return this.#podsByOwner.find(orphanTerm(namespace));
  }

  podsSelectedBy({ metadata, spec }: Service): readonly Pod[] {
    const selector = spec.selector ?? {};
    const [term] = pairTerms(metadata.namespace, selector);
    if (term === undefined) return [];
    return this.#podsByLabel.find(term).filter((pod) => hasAll(pod.metadata.labels, selector));
  }

  servicesSelecting(pod: Pod): readonly Service[] {
    return labelTerms(pod)
      .flatMap((term) => this.#servicesByLabel.find(term))
      .filter(({ spec }) => hasAll(pod.metadata.labels, spec.selector ?? {}));
  }

  slicesOf(service: KubeObject): readonly EndpointSlice[] {
    return this.#slicesByService.find(keyOf(service));
  }

  #mirror<T extends KubeObject>(
    resource: Resource,
    changed: (key: string, before: T | undefined, after: T | undefined) => void,
  ): Mirror<T> {
    return new Mirror<T>(this.client, resource, changed, this.#ended);
  }

  #all(): { start(): void; stop(): void; refresh(): void }[] {
    return [this.services, this.slices, this.deployments, this.replicaSets, this.pods];
  }
}

/** Objects by the terms they are filed under, in the order they came. */
class Index<T extends KubeObject> {
  readonly #files = new Map<string, Map<string, T>>();

  find(term: string): readonly T[] {
    const file = this.#files.get(term);
    return file === undefined ? [] : [...file.values()];
  }

  update(
    before: T | undefined,
    after: T | undefined,
    termsOf: (object: T) => readonly string[],
  ): void {
    const terms = after === undefined ? [] : termsOf(after);
    if (before !== undefined) {
      for (const term of termsOf(before)) {
        if (!terms.includes(term)) this.#remove(term, keyOf(before));
      }
    }
    if (after !== undefined) for (const term of terms) this.#add(term, after);
  }

  #add(term: string, object: T): void {
    const file = this.#files.get(term);
    if (file === undefined) this.#files.set(term, new Map([[keyOf(object), object]]));
    else file.set(keyOf(object), object);
  }

  #remove(term: string, key: string): void {
    const file = this.#files.get(term);
    file?.delete(key);
    if (file?.size === 0) this.#files.delete(term);
  }
}

function orphanTerm(namespace: string | undefined): string {
  return `orphans in ${namespace ?? ''}`;
}

function ownerTerms(object: KubeObject): readonly string[] {
  return [controllerOf(object)?.uid ?? orphanTerm(object.metadata.namespace)];
}

function pairTerms(namespace: string | undefined, labels: Labels): readonly string[] {
  return Object.keys(labels).map((key) => `${namespace ?? ''}/${key}=${labels[key]}`);
}

function labelTerms({ metadata }: Pod): readonly string[] {
  return pairTerms(metadata.namespace, metadata.labels ?? {});
}

/** One pair is enough to find a Service; the rest of its selector is compared afterwards. */
function selectorTerms({ metadata, spec }: Service): readonly string[] {
  return pairTerms(metadata.namespace, spec.selector ?? {}).slice(0, 1);
}

function serviceNameTerms({ metadata }: EndpointSlice): readonly string[] {
  const service = metadata.labels?.[SERVICE_NAME];
  return service === undefined ? [] : [`${metadata.namespace ?? ''}/${service}`];
}
