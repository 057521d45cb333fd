/** The agent: one worker for each pod of its node, told of changes by four watches. */

import { mkdirSync, readFileSync, rmSync } from 'node:fs';
import path from 'node:path';

import type { KubernetesObject, ObjectKey, Service } from '../../../src/api/object.ts';
import { keyText } from '../../../src/api/object.ts';
import { Addresses } from './addresses.ts';
import type { Api } from './api.ts';
import { eventTeller } from './events.ts';
import type { NamedService } from './hosts.ts';
import type { Images } from './image.ts';
import { registerNode, renewLease } from './node-object.ts';
import { PodWorker, type NodeSetting } from './pod.ts';
import { makeSkeleton } from './root.ts';
import { serve } from './server.ts';
import type { KeysKind, Pod } from './types.ts';

export interface AgentOptions {
  readonly api: Api;
  readonly images: Images;
  readonly name: string;
  readonly address: string;
  readonly podCidr: string;
  /** A folder of the agent's own, best on a tmpfs. Emptied at the start. */
  readonly state: string;
  readonly tlsCert: string;
  readonly tlsKey: string;
  readonly warn: (message: string) => void;
}

const port = 10_250;
const leaseMs = 15_000;
/** Services come in groups; their names are written once for each. */
const servicesMs = 30;
const stopMs = 3_000;

const core = (kind: string) => ({ apiVersion: 'v1', kind });

export class Agent {
  readonly #options: AgentOptions;
  /** By uid. */
  readonly #workers = new Map<string, PodWorker>();
  /** Which uid a name stands for, to notice that another pod has it now. */
  readonly #uids = new Map<string, string>();
  readonly #services = new Map<string, NamedService>();
  #apiServer = { host: '', port: 443 };
  readonly #apiServerKnown = Promise.withResolvers<void>();
  #node: NodeSetting | undefined;
  #servicesTimer: NodeJS.Timeout | undefined;
  #leaseTimer: NodeJS.Timeout | undefined;
  #server: { close(): void } | undefined;

  constructor(options: AgentOptions) {
    this.#options = options;
  }

  /** Resolves when the node is ready and has taken up every pod that was assigned to it. */
  async start(): Promise<void> {
    const { api, name, address, podCidr, tlsCert, tlsKey } = this.#options;
    this.#node = await this.#setting();
    this.#server = await serve({
      address,
      port,
      cert: readFileSync(tlsCert),
      key: readFileSync(tlsKey),
      processes: () => [...this.#workers.values()].flatMap((worker) => worker.processes()),
      log: ({ namespace, pod, container, previous }) => {
        const uid = this.#uids.get(keyText({ namespace, name: pod })) ?? '';
        return this.#workers.get(uid)?.log(container, previous);
      },
    });
    await registerNode(api, { name, address, podCidr, port });
    await this.#renew();
    await api.watch({
      kind: core('Service'),
      onChange: (key, object) => this.#onService(key, object),
    });
    // Every container is told where it is; the API server makes that Service itself, a little after it is ready.
    await this.#apiServerKnown.promise;
    await Promise.all([
      ...(['ConfigMap', 'Secret'] as const).map((kind) =>
        api.watch({ kind: core(kind), onChange: (key) => this.#onKeys(kind, key) }),
      ),
      api.watch({
        kind: core('Pod'),
        fieldSelector: `spec.nodeName=${name}`,
        onChange: (key, object) => this.#onPod(key, object),
      }),
    ]);
  }

  /** Ends every process: asked first, killed after three seconds. The objects stay. */
  async stop(): Promise<void> {
    clearTimeout(this.#leaseTimer);
    clearTimeout(this.#servicesTimer);
    this.#server?.close();
    for (const worker of this.#workers.values()) worker.signal('SIGTERM');
    const endsAt = performance.now() + stopMs;
    while (this.#hasProcesses() && performance.now() < endsAt) {
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    for (const worker of this.#workers.values()) worker.signal('SIGKILL');
    await this.#options.api.close();
  }

  async #setting(): Promise<NodeSetting> {
    const { api, images, name, address, podCidr, state, warn } = this.#options;
    rmSync(state, { recursive: true, force: true });
    const skeleton = path.join(state, 'skeleton');
    await makeSkeleton(skeleton);
    const folder = path.join(state, 'pods');
    mkdirSync(folder, { recursive: true });
    return {
      api,
      images,
      folder,
      skeleton,
      warn,
      addresses: new Addresses(podCidr),
      hostIP: address,
      apiServer: () => this.#apiServer,
      tell: eventTeller(api, name, warn),
      services: () => [...this.#services.values()],
      now: () => Date.now(),
    };
  }

  async #renew(): Promise<void> {
    const { api, name, warn } = this.#options;
    await renewLease(api, name).catch((error: unknown) => {
      warn(`the node's Lease was not renewed: ${String(error)}`);
    });
    this.#leaseTimer = setTimeout(() => void this.#renew(), leaseMs);
  }

  #onPod(key: ObjectKey, object: KubernetesObject | undefined): void {
    const known = this.#uids.get(keyText(key));
    const uid = object?.metadata.uid;
    if (known !== undefined && known !== uid) {
      this.#workers.get(known)?.gone();
      this.#uids.delete(keyText(key));
    }
    if (object === undefined || uid === undefined || this.#node === undefined) return;
    const pod = object as Pod;
    this.#uids.set(keyText(key), uid);
    const worker = this.#workers.get(uid) ?? this.#begin(uid, pod, this.#node);
    worker.update(pod);
  }

  #begin(uid: string, pod: Pod, node: NodeSetting): PodWorker {
    const worker = new PodWorker(pod, node);
    this.#workers.set(uid, worker);
    const { warn } = this.#options;
    worker
      .run()
      .catch((error: unknown) => warn(`pod ${pod.metadata.name}: ${String(error)}`))
      .finally(() => this.#workers.delete(uid));
    return worker;
  }

  #onService(key: ObjectKey, object: KubernetesObject | undefined): void {
    const id = keyText(key);
    const { clusterIP = '', ports = [] } = (object as Service | undefined)?.spec ?? {};
    if (id === 'default/kubernetes' && clusterIP !== '') {
      this.#apiServer = { host: clusterIP, port: ports[0]?.port ?? 443 };
      this.#apiServerKnown.resolve();
    }
    if (clusterIP === '' || clusterIP === 'None') {
      if (!this.#services.delete(id)) return;
    } else {
      if (this.#services.get(id)?.clusterIP === clusterIP) return;
      const createdAt = object?.metadata.creationTimestamp ?? '';
      this.#services.set(id, { ...key, clusterIP, createdAt });
    }
    this.#servicesTimer ??= setTimeout(() => {
      this.#servicesTimer = undefined;
      for (const worker of this.#workers.values()) worker.servicesChanged();
    }, servicesMs);
  }

  #onKeys(kind: KeysKind, { namespace, name }: ObjectKey): void {
    for (const worker of this.#workers.values()) worker.keysChanged(kind, namespace, name);
  }

  #hasProcesses(): boolean {
    return [...this.#workers.values()].some((worker) =>
      worker.processes().some(({ pid }) => pid !== 0),
    );
  }
}
