/**
 * One pod from its assignment to the node until its object is deleted.
 *
 * Order: network, volumes, init containers one by one, containers side by side; when it is deleted, the containers end
 * within the grace period, then the object goes, then everything that was made for it.
 */

import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';

import type { Addresses } from './addresses.ts';
import type { Api } from './api.ts';
import { Container, type ContainerSetting } from './container.ts';
import { ConfigError, hostnameOf } from './environment.ts';
import type { EventType, Tell } from './events.ts';
import { hostsText, rewrite, type NamedService } from './hosts.ts';
import type { Images } from './image.ts';
import type { LogFile } from './logs.ts';
import { openSandbox, type Sandbox } from './network.ts';
import { PodVolumes } from './pod-volumes.ts';
import { pause } from './probes.ts';
import { exitCodeOf, podStatus, type ContainerView } from './status.ts';
import type { ContainerSpec, KeysKind, KeysObject, Pod } from './types.ts';
import { notUnderstood } from './understood.ts';

/** What all pods of the node share. */
export interface NodeSetting {
  readonly api: Api;
  readonly images: Images;
  readonly addresses: Addresses;
  readonly hostIP: string;
  readonly apiServer: () => { readonly host: string; readonly port: number };
  /** A folder; each pod has one in it. */
  readonly folder: string;
  readonly skeleton: string;
  readonly tell: Tell;
  readonly warn: (message: string) => void;
  readonly services: () => readonly NamedService[];
  readonly now: () => number;
}

export interface LiveProcess {
  readonly uid: string;
  readonly namespace: string;
  readonly pod: string;
  readonly container: string;
  /** As the node sees it; 0 when there is none. */
  readonly pid: number;
}

const retryMs = 1_000;
/** For a pod whose object is gone already. */
const forcedGraceMs = 1_000;
const refusalReason = 'FieldNotImplemented';

export class PodWorker {
  readonly #node: NodeSetting;
  readonly #folder: string;
  readonly #startTime: string;
  #pod: Pod;
  #sandbox: Sandbox | undefined;
  #volumes: PodVolumes | undefined;
  #init: readonly Container[] = [];
  #containers: readonly Container[] = [];
  #refusal: { reason: string; message: string } | undefined;
  /** Aborts when the pod is to go. */
  readonly #going = new AbortController();
  #graceMs = Number.POSITIVE_INFINITY;
  #isGone = false;
  #isDirty = false;
  #writing: Promise<void> | undefined;

  constructor(pod: Pod, node: NodeSetting) {
    this.#pod = pod;
    this.#node = node;
    this.#folder = path.join(node.folder, pod.metadata.uid ?? pod.metadata.name);
    this.#startTime = iso(node.now());
  }

  /** Resolves when nothing of the pod is left. Never rejects. */
  async run(): Promise<void> {
    // One that was to go before we saw it, or that has ended, is not begun.
    const wasOver = this.#isOver() || this.#pod.metadata.deletionTimestamp !== undefined;
    const work = wasOver ? Promise.resolve() : this.#work();
    if (!this.#going.signal.aborted) {
      await new Promise((resolve) => {
        this.#going.signal.addEventListener('abort', resolve, { once: true });
      });
    }
    await this.#stopContainers();
    await work;
    if (!wasOver) this.#changed();
    await this.#writing;
    await this.#cleanUp();
    if (!this.#isGone) await this.#removeObject();
  }

  /** The object has changed. */
  update(pod: Pod): void {
    if (imagesOf(pod) !== imagesOf(this.#pod)) {
      const message = 'this node does not implement a change of image in a running pod';
      this.#node.tell(pod, 'Warning', refusalReason, message);
    }
    this.#pod = pod;
    this.#volumes?.updatePod(pod);
    const { deletionTimestamp, deletionGracePeriodSeconds } = pod.metadata;
    if (deletionTimestamp === undefined) return;
    const seconds = deletionGracePeriodSeconds ?? pod.spec.terminationGracePeriodSeconds ?? 30;
    this.#go(Number(seconds) * 1000);
  }

  /** The object is not there any more. */
  gone(): void {
    this.#isGone = true;
    this.#go(forcedGraceMs);
  }

  /** The node stops: every process hears it, the object stays. */
  signal(name: 'SIGTERM' | 'SIGKILL'): void {
    // What happens from here on is not the pod's doing: nobody is told.
    this.#isGone = true;
    for (const container of this.#all()) container.signal(name);
  }

  servicesChanged(): void {
    if (this.#sandbox !== undefined) rewrite(this.#hostsFile, this.#hosts());
  }

  keysChanged(kind: KeysKind, namespace: string, name: string): void {
    if (namespace === this.#pod.metadata.namespace) this.#volumes?.keysChanged(kind, name);
  }

  log(container: string, previous: boolean): LogFile | undefined {
    return this.#all()
      .find(({ spec }) => spec.name === container)
      ?.log(previous);
  }

  processes(): readonly LiveProcess[] {
    const { uid = '', namespace = '', name } = this.#pod.metadata;
    return this.#containers.map(({ spec, pid = 0 }) => ({
      uid,
      namespace,
      pod: name,
      container: spec.name,
      pid,
    }));
  }

  get pod(): Pod {
    return this.#pod;
  }

  // ---------------------------------------------------------------- life

  async #work(): Promise<void> {
    const unknown = notUnderstood(this.#pod);
    if (unknown.length > 0) return this.#refuse(unknown);
    if (!(await this.#prepareAgain())) return;
    if (await this.#runInit()) await Promise.all(this.#containers.map((one) => one.run()));
    this.#changed();
  }

  /** What goes wrong with the tools of the system is tried again. */
  async #prepareAgain(): Promise<boolean> {
    while (!this.#going.signal.aborted) {
      try {
        return await this.#prepare();
      } catch (error) {
        this.#node.warn(`pod ${this.#pod.metadata.name}: ${String(error)}`);
        this.#tell('Warning', 'FailedCreatePodSandBox', String(error));
        await this.#cleanUp();
        await pause(retryMs, this.#going.signal);
      }
    }
    return false;
  }

  #refuse(unknown: readonly string[]): void {
    const message = `this node does not implement ${unknown.join(', ')}`;
    this.#refusal = { reason: refusalReason, message };
    this.#tell('Warning', refusalReason, message);
    this.#changed();
  }

  /** Whether the pod may go on. */
  async #prepare(): Promise<boolean> {
    const { spec } = this.#pod;
    this.#changed();
    const { addresses, hostIP } = this.#node;
    const hostname = hostnameOf(this.#pod);
    const hostNetwork = spec.hostNetwork === true;
    const sandbox = await openSandbox({ addresses, hostname, hostIP, hostNetwork });
    mkdirSync(this.#folder, { recursive: true });
    writeFileSync(this.#hostsFile, '', { mode: 0o644 });
    this.#sandbox = sandbox;
    this.servicesChanged();
    const setting = this.#containerSetting(sandbox);
    this.#volumes = new PodVolumes(this.#pod, { ...this.#node, ...setting });
    this.#init = (spec.initContainers ?? []).map(
      (container) =>
        new Container(container, {
          ...setting,
          restartPolicy: spec.restartPolicy === 'Never' ? 'Never' : 'OnFailure',
        }),
    );
    this.#containers = spec.containers.map((container) => new Container(container, setting));
    this.#changed();
    return await this.#makeVolumes(this.#volumes);
  }

  #containerSetting(sandbox: Sandbox): ContainerSetting {
    const { hostIP } = this.#node;
    const hosts = { source: this.#hostsFile, target: '/etc/hosts', readOnly: true, canGrow: false };
    return {
      ...this.#node,
      apiServer: this.#node.apiServer(),
      pod: this.#pod,
      placement: { podIP: sandbox.podIP, hostIP },
      sandbox,
      folder: this.#folder,
      restartPolicy: this.#pod.spec.restartPolicy ?? 'Always',
      find: (kind, name) => this.#find(kind, name),
      bindsOf: (container: ContainerSpec) => [hosts, ...(this.#volumes?.bindsOf(container) ?? [])],
      tell: (type, reason, message) => this.#tell(type, reason, message),
      onChange: () => this.#changed(),
    };
  }

  async #makeVolumes(volumes: PodVolumes): Promise<boolean> {
    while (!this.#going.signal.aborted) {
      try {
        await volumes.make();
        return true;
      } catch (error) {
        const why = error instanceof ConfigError ? error.message : String(error);
        this.#tell('Warning', 'FailedMount', `MountVolume.SetUp failed: ${why}`);
        await pause(retryMs, this.#going.signal);
      }
    }
    return false;
  }

  /** Whether all of them have succeeded. */
  async #runInit(): Promise<boolean> {
    for (const container of this.#init) {
      await container.run();
      if (exitCodeOf(container.view) !== 0 || this.#going.signal.aborted) return false;
    }
    return !this.#going.signal.aborted;
  }

  // ---------------------------------------------------------------- end

  #go(graceMs: number): void {
    if (graceMs >= this.#graceMs) return;
    this.#graceMs = graceMs;
    if (!this.#going.signal.aborted) this.#going.abort();
    // Less time than was said before.
    else void this.#stopContainers();
  }

  async #stopContainers(): Promise<void> {
    await Promise.all(this.#all().map((container) => container.stop(this.#graceMs)));
  }

  async #cleanUp(): Promise<void> {
    this.#volumes?.close();
    await this.#sandbox?.close();
    this.#sandbox = undefined;
    rmSync(this.#folder, { recursive: true, force: true });
  }

  async #removeObject(): Promise<void> {
    const { uid = '' } = this.#pod.metadata;
    while (!this.#isGone) {
      try {
        return await this.#node.api.remove(this.#path, uid);
      } catch (error) {
        this.#node.warn(`pod ${this.#pod.metadata.name} was not removed: ${String(error)}`);
        await pause(retryMs, new AbortController().signal);
      }
    }
  }

  // ---------------------------------------------------------------- status

  #changed(): void {
    this.#isDirty = true;
    this.#writing ??= this.#write().finally(() => {
      this.#writing = undefined;
    });
  }

  async #write(): Promise<void> {
    // Several changes of one moment become one write.
    await pause(5, new AbortController().signal);
    while (this.#isDirty && !this.#isGone) {
      this.#isDirty = false;
      const { uid } = this.#pod.metadata;
      try {
        await this.#node.api.patch(`${this.#path}/status`, {
          metadata: { uid },
          status: this.#status(),
        });
      } catch (error) {
        if (isConflict(error)) return;
        this.#node.warn(`status of ${this.#pod.metadata.name}: ${String(error)}`);
        this.#isDirty = true;
        await pause(retryMs, new AbortController().signal);
      }
    }
  }

  #status() {
    const { init, containers } = this.#views();
    return podStatus({
      pod: this.#pod,
      hostIP: this.#node.hostIP,
      podIP: this.#sandbox?.podIP,
      startTime: this.#startTime,
      init,
      containers,
      now: iso(this.#node.now()),
      refusal: this.#refusal,
    });
  }

  /** Containers that do not exist yet wait. */
  #views() {
    const { spec } = this.#pod;
    const hasInit = (spec.initContainers ?? []).length > 0;
    const waiting = (container: ContainerSpec): ContainerView => ({
      name: container.name,
      image: container.image,
      state: { waiting: { reason: hasInit ? 'PodInitializing' : 'ContainerCreating' } },
      lastState: undefined,
      ready: false,
      started: false,
      restartCount: 0,
      containerID: '',
    });
    const viewOf = (container: ContainerSpec): ContainerView =>
      this.#all().find(({ spec: { name } }) => name === container.name)?.view ?? waiting(container);
    return {
      init: (spec.initContainers ?? []).map(viewOf),
      containers: spec.containers.map(viewOf),
    };
  }

  // ---------------------------------------------------------------- parts

  /** It has ended before the agent saw it. */
  #isOver(): boolean {
    const phase = (this.#pod['status'] as { phase?: string } | undefined)?.phase;
    return phase === 'Succeeded' || phase === 'Failed';
  }

  #all(): readonly Container[] {
    return [...this.#init, ...this.#containers];
  }

  get #path(): string {
    const { namespace, name } = this.#pod.metadata;
    return `/api/v1/namespaces/${namespace}/pods/${name}`;
  }

  get #hostsFile(): string {
    return path.join(this.#folder, 'hosts');
  }

  #hosts(): string {
    const { metadata, spec } = this.#pod;
    return hostsText({
      namespace: metadata.namespace ?? '',
      hostname: hostnameOf(this.#pod),
      podIP: this.#sandbox?.podIP ?? '',
      aliases: spec.hostAliases ?? [],
      services: this.#node.services(),
    });
  }

  async #find(kind: KeysKind, name: string): Promise<KeysObject | undefined> {
    const plural = kind === 'Secret' ? 'secrets' : 'configmaps';
    const folder = `/api/v1/namespaces/${this.#pod.metadata.namespace}`;
    return await this.#node.api.get(`${folder}/${plural}/${name}`);
  }

  #tell(type: EventType, reason: string, message: string): void {
    this.#node.tell(this.#pod, type, reason, message);
  }
}

/** The object is gone, or another has its name. */
function isConflict(error: unknown): boolean {
  return error instanceof Error && 'kind' in error && error.kind === 'conflict';
}

const imagesOf = ({ spec }: Pod): string => spec.containers.map(({ image }) => image).join();
const iso = (ms: number): string => new Date(ms).toISOString().replace(/\.\d+Z$/, 'Z');
