/**
 * Everything that moves by itself in a cluster, as one step function.
 *
 * Watch events only put keys on an agenda; `step` takes one key and brings its object one step closer to
 * what is asked for. Time comes in with each call, randomness is not used, so the same calls in the same
 * order give the same cluster: the simulation replays it, the sandbox drives it with a real clock.
 */
import { Agenda } from './agenda.ts';
import { type Api, Client } from './api.ts';
import { ClusterView } from './cluster-view.ts';
import { DeploymentController } from './deployments.ts';
import { EndpointSliceController } from './endpoint-slices.ts';
import { controllerOf, keyOf, type KubeObject, type Pod, type ReplicaSet } from './objects.ts';
import type { PodDriver } from './pod-driver.ts';
import { PodController } from './pods.ts';
import { ReplicaSetController } from './replica-sets.ts';
import { type Remark, Round } from './round.ts';

export interface ControllersOptions {
  readonly api: Api;
  readonly pods: PodDriver;
  /** Headers for the API server, a token for instance. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Hears what controllers tell people (Kubernetes Events in a cluster). */
  readonly remark?: (remark: Remark) => void;
  /** Called when there is something to do that was not there before. */
  readonly wake?: () => void;
}

export interface StepResult {
  /** Whether something was written. */
  readonly changed: boolean;
  /** When the next step is due: not later than `now` if at once, absent if only a change can tell. */
  readonly nextAt?: number;
}

export class Controllers {
  readonly #agenda = new Agenda();
  readonly #view: ClusterView;
  readonly #deployments = new DeploymentController();
  readonly #sets = new ReplicaSetController();
  readonly #slices = new EndpointSliceController();
  readonly #pods: PodController;
  readonly #remark: (remark: Remark) => void;
  readonly #wake: () => void;
  readonly #ended: Pod[] = [];
  #isBroken = false;

  constructor({ api, pods, headers, remark, wake }: ControllersOptions) {
    this.#remark = remark ?? (() => {});
    this.#wake = wake ?? (() => {});
    this.#pods = new PodController(pods);
    this.#view = new ClusterView(new Client(api, 'kube-controller-manager', headers), {
      deployment: (key) => this.#add('deployment', key),
      replicaSet: (before, after) => this.#onSet(before, after),
      pod: (before, after) => this.#onPod(before, after),
      service: (key) => this.#add('service', key),
      endpointSlice: (before, after) => this.#onSlice(before ?? after, after),
      ended: () => {
        this.#isBroken = true;
        this.#wake();
      },
    });
  }

  /** Lists and watches. Everything that is there already is looked at once. */
  start(): void {
    this.#view.start();
  }

  stop(): void {
    this.#view.stop();
  }

  step(now: number): StepResult {
    if (this.#isBroken) {
      this.#isBroken = false;
      this.#view.refresh();
    }
    for (const pod of this.#ended.splice(0)) this.#pods.gone(pod, now);
    for (const key of this.#pods.collect(now)) this.#agenda.add(`pod ${key}`);
    const item = this.#agenda.next(now);
    const changed = item !== undefined && this.#look(item, now);
    const nextAt = earliest(this.#agenda.nextAt(now), this.#pods.nextAt());
    return nextAt === undefined ? { changed } : { changed, nextAt };
  }

  /** Steps until nothing is due at `now`; answers like the last step, with `changed` for all of them. */
  settle(now: number, atMost = 100_000): StepResult {
    let changed = false;
    for (let steps = 0; steps < atMost; steps++) {
      const result = this.step(now);
      changed ||= result.changed;
      if (result.nextAt === undefined || result.nextAt > now) return { ...result, changed };
    }
    throw new Error(`the controllers did not come to rest in ${atMost} steps`);
  }

  #look(item: string, now: number): boolean {
    const round = new Round(this.#view, this.#agenda, now, item, this.#remark);
    const at = item.indexOf(' ');
    const key = item.slice(at + 1);
    switch (item.slice(0, at)) {
      case 'deployment':
        this.#deployments.sync(key, round);
        break;
      case 'set':
        this.#sets.sync(key, round);
        break;
      case 'pod':
        this.#pods.sync(key, round);
        break;
      case 'service':
        this.#slices.sync(key, round);
        break;
    }
    return round.wrote;
  }

  #onSet(before: ReplicaSet | undefined, after: ReplicaSet | undefined): void {
    if (after !== undefined) this.#add('set', keyOf(after));
    else if (before !== undefined) this.#sets.forget(before);
    this.#addOwner('deployment', 'Deployment', after ?? before);
  }

  #onPod(before: Pod | undefined, after: Pod | undefined): void {
    if (after !== undefined) this.#add('pod', keyOf(after));
    else if (before !== undefined) this.#ended.push(before);
    const pod = after ?? before;
    this.#addOwner('set', 'ReplicaSet', pod);
    if (after === undefined) this.#addGrandparent(before);
    for (const version of [before, after]) {
      if (version === undefined || version.metadata.labels === undefined) continue;
      for (const service of this.#view.servicesSelecting(version)) {
        this.#add('service', keyOf(service));
      }
    }
  }

  /** `Recreate` waits for the last old pod, which no longer shows in its ReplicaSet's numbers. */
  #addGrandparent(pod: Pod | undefined): void {
    const owner = pod === undefined ? undefined : controllerOf(pod);
    if (pod === undefined || owner === undefined) return;
    const set = this.#view.replicaSets.get(`${pod.metadata.namespace ?? ''}/${owner.name}`);
    this.#addOwner('deployment', 'Deployment', set);
  }

  #onSlice(slice: KubeObject | undefined, after: KubeObject | undefined): void {
    const owner = slice === undefined ? undefined : controllerOf(slice);
    // Our own writes come back here; the sync that follows finds nothing to do.
    if (slice === undefined || owner?.kind !== 'Service') return;
    const key = `${slice.metadata.namespace ?? ''}/${owner.name}`;
    if (after === undefined || this.#view.services.get(key) !== undefined)
      this.#add('service', key);
  }

  #addOwner(type: string, kind: string, object: KubeObject | undefined): void {
    const owner = object === undefined ? undefined : controllerOf(object);
    if (object === undefined || owner?.kind !== kind) return;
    this.#add(type, `${object.metadata.namespace ?? ''}/${owner.name}`);
  }

  #add(type: string, key: string): void {
    this.#agenda.add(`${type} ${key}`);
    this.#wake();
  }
}

function earliest(a: number | undefined, b: number | undefined): number | undefined {
  if (a === undefined) return b;
  return b === undefined ? a : Math.min(a, b);
}
