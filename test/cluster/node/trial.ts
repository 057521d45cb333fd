/** A namespace to try the node in: pods are made by their parts, and waited for by what the API says. */

import { execFile, spawn } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';

import * as z from 'zod';

import { silentLog } from '../../../src/adapters/kubernetes/log.ts';
import type { KubernetesObject } from '../../../src/api/object.ts';
import { connect, type Api } from './api.ts';
import type { ContainerView, Terminated } from './status.ts';
import type { ContainerSpec, Pod } from './types.ts';

const run = promisify(execFile);
const longestMs = 60_000;

export type SeenContainer = Omit<ContainerView, 'lastState'> & {
  readonly lastState: { readonly terminated?: Pick<Terminated, 'exitCode' | 'reason'> };
};

export interface SeenPod extends Pod {
  readonly status?: {
    readonly phase?: string;
    readonly podIP?: string;
    readonly reason?: string;
    readonly conditions?: readonly { readonly type: string; readonly status: string }[];
    readonly containerStatuses?: readonly SeenContainer[];
  };
}

export type Parts = Partial<ContainerSpec> & { readonly pod?: object; readonly metadata?: object };

export class Trial {
  readonly namespace: string;
  readonly api: Api;

  private constructor(namespace: string, api: Api) {
    this.namespace = namespace;
    this.api = api;
  }

  /** In a namespace of this name, ready for pods. */
  static async begin(namespace: string): Promise<Trial> {
    const kubeconfig = process.env['KUBECONFIG'];
    if (kubeconfig === undefined) throw new Error('KUBECONFIG names no cluster');
    const api = connect(kubeconfig, 'test', silentLog);
    await api.create('/api/v1/namespaces', { metadata: { name: namespace } });
    const trial = new Trial(namespace, api);
    await trial.until(() => api.get(trial.path('serviceaccounts', 'default')));
    return trial;
  }

  async end(): Promise<void> {
    await this.api.remove(`/api/v1/namespaces/${this.namespace}`, await this.#uid());
    await this.until(async () => {
      const left = await this.api.get(`/api/v1/namespaces/${this.namespace}`);
      return left === undefined ? true : undefined;
    });
    await this.api.close();
  }

  path(plural: string, name = ''): string {
    return `/api/v1/namespaces/${this.namespace}/${plural}${name === '' ? '' : `/${name}`}`;
  }

  async make(plural: string, name: string, body: object): Promise<void> {
    await this.api.create(this.path(plural), { metadata: { name }, ...body });
  }

  /** A pod of one shell, unless another image is named. */
  async pod(name: string, { pod = {}, metadata = {}, ...container }: Parts = {}): Promise<void> {
    await this.api.create(this.path('pods'), {
      metadata: { name, ...metadata },
      spec: {
        restartPolicy: 'Never',
        // Most of these programs do not listen, and no test waits for them.
        terminationGracePeriodSeconds: 1,
        containers: [{ name: 'main', image: 'node-test/shell:1', ...container }],
        ...pod,
      },
    });
  }

  async seen(name: string): Promise<SeenPod | undefined> {
    return (await this.api.get(this.path('pods', name))) as SeenPod | undefined;
  }

  /** The pod as soon as `isSo` holds for it. */
  podWhen(name: string, isSo: (pod: SeenPod) => boolean): Promise<SeenPod> {
    return this.until(
      async () => {
        const pod = await this.seen(name);
        return pod !== undefined && isSo(pod) ? pod : undefined;
      },
      () => this.#describe(name),
    );
  }

  /** What a shell says until it ends. */
  async output(name: string, script: string, parts: Parts = {}): Promise<string> {
    await this.pod(name, { command: ['/bin/sh', '-c', script], ...parts });
    const { status } = await this.podWhen(name, hasEnded);
    const said = await this.kubectl('logs', name);
    if (status?.phase !== 'Succeeded') throw new Error(`${name} has failed: ${said}`);
    return said;
  }

  async delete(name: string): Promise<void> {
    await this.kubectl('delete', 'pod', name, '--wait=false');
  }

  async gone(name: string): Promise<void> {
    await this.until(async () => ((await this.seen(name)) === undefined ? true : undefined));
  }

  async kubectl(...args: readonly string[]): Promise<string> {
    const { stdout } = await run('kubectl', ['--namespace', this.namespace, ...args]);
    return stdout;
  }

  /** Reads the log until the container ends; resolves with what it said. */
  follow(name: string): Promise<string> {
    return new Promise((resolve, reject) => {
      const args = ['--namespace', this.namespace, 'logs', '-f', name];
      const child = spawn('kubectl', args, { stdio: ['ignore', 'pipe', 'inherit'] });
      let text = '';
      child.stdout.on('data', (chunk: Buffer) => {
        text += chunk.toString();
      });
      child.once('error', reject);
      child.once('close', () => resolve(text));
    });
  }

  /** Reasons and messages of the Events about a pod, once one has this reason. */
  events(name: string, reason: string): Promise<readonly string[]> {
    return this.until(
      async () => {
        const { items } = EventList.parse(await this.api.get(this.path('events')));
        const about = items.filter(({ involvedObject }) => involvedObject.name === name);
        const meant = about.filter((event) => event.reason === reason);
        return meant.length > 0 ? meant.map(({ message }) => message) : undefined;
      },
      () => this.#describe(name),
    );
  }

  /** Asks again until there is an answer. */
  async until<T>(ask: () => Promise<T | undefined>, explain = async () => ''): Promise<T> {
    const end = Date.now() + longestMs;
    for (;;) {
      const answer = await ask();
      if (answer !== undefined) return answer;
      if (Date.now() > end) throw new Error(`waited for too long\n${await explain()}`);
      await sleep(100);
    }
  }

  async #describe(name: string): Promise<string> {
    return await this.kubectl('describe', 'pod', name).catch(String);
  }

  async #uid(): Promise<string> {
    const object: KubernetesObject | undefined = await this.api.get(
      `/api/v1/namespaces/${this.namespace}`,
    );
    return object?.metadata.uid ?? '';
  }
}

const EventList = z.object({
  items: z.array(
    z.object({
      reason: z.string(),
      message: z.string(),
      involvedObject: z.object({ name: z.string() }),
    }),
  ),
});

export function hasEnded({ status }: SeenPod): boolean {
  return status?.phase === 'Succeeded' || status?.phase === 'Failed';
}

export function isReady({ status }: SeenPod): boolean {
  return (status?.conditions ?? []).some(
    (condition) => condition.type === 'Ready' && condition.status === 'True',
  );
}

/** Of its only container; one that waits while nothing is said of it. */
export function containerOf({ status }: SeenPod): SeenContainer {
  const [container = unsaid] = status?.containerStatuses ?? [];
  return container;
}

const unsaid: SeenContainer = {
  name: '',
  image: '',
  state: { waiting: { reason: '' } },
  lastState: {},
  ready: false,
  started: false,
  restartCount: 0,
  containerID: '',
};
