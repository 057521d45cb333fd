/** A cluster, a Prometheus stand-in and the operator's bundle: what the rows set up and take down. */
import { setTimeout as sleep } from 'node:timers/promises';

import { stringify } from 'yaml';
import * as z from 'zod';

import type { KubernetesObject } from '../../src/api/object.ts';
import { alertProvider, canary, type CanaryShape, deployment } from './objects.ts';
import { gateway, namespaceNamed, sourceNamespace } from './objects.ts';
import { buildBundle, type RunningOperator, startOperator } from './processes/operator.ts';
import { startRemote } from './remote.ts';
import { Request } from './requests.ts';
import type { Bench } from './row.ts';

/** Known to the cluster as the operator's; everything that is sent with it is counted. */
const operatorToken = 'bench-operator';

const Phases = z.record(z.string(), z.int());
const Seen = z.object({ queries: z.int(), lastAnswerAtMs: z.number(), messages: z.int() });
export type Seen = z.infer<typeof Seen>;

export class World {
  readonly #cluster: Awaited<ReturnType<typeof startRemote>>;
  readonly #standIn: Awaited<ReturnType<typeof startRemote>>;
  readonly #bundle = buildBundle();
  readonly #apiPort: number;
  readonly #standInPort: number;
  readonly #bench: Bench;
  #operator: RunningOperator | undefined;

  private constructor(
    bench: Bench,
    cluster: Awaited<ReturnType<typeof startRemote>>,
    standIn: Awaited<ReturnType<typeof startRemote>>,
    ports: { readonly api: number; readonly standIn: number },
  ) {
    this.#bench = bench;
    this.#cluster = cluster;
    this.#standIn = standIn;
    this.#apiPort = ports.api;
    this.#standInPort = ports.standIn;
  }

  /** Runs `work` in a world of its own and takes that down again, whatever happens. */
  static async with<T>(bench: Bench, work: (world: World) => Promise<T>): Promise<T> {
    const cluster = await startRemote(new URL('processes/cluster.ts', import.meta.url));
    const standIn = await startRemote(new URL('processes/prometheus.ts', import.meta.url));
    const world = new World(bench, cluster, standIn, {
      api: await cluster.call('listen', undefined, z.int()),
      standIn: await standIn.call('listen', undefined, z.int()),
    });
    try {
      await world.create(namespaceNamed('serin-system'));
      return await work(world);
    } catch (error) {
      const log = world.#operator?.log().split('\n').slice(-20).join('\n');
      if (log !== undefined) bench.say(`the operator's last lines:\n${log}`);
      throw error;
    } finally {
      await world.stopOperator();
      await Promise.all([cluster.stop(), standIn.stop()]);
      world.#bundle.remove();
    }
  }

  async startOperator(): Promise<RunningOperator> {
    this.#operator = await startOperator(this.#bundle.file, {
      kubeconfig: kubeconfigFor(this.#apiPort, operatorToken),
      standInPort: this.#standInPort,
    });
    return this.#operator;
  }

  async stopOperator(): Promise<void> {
    await this.#operator?.stop();
    this.#operator = undefined;
  }

  /** Deployments roll out and routes are followed from now on. */
  async setInMotion(): Promise<void> {
    await this.#cluster.call('setInMotion', undefined, z.undefined());
  }

  async bringToRest(): Promise<void> {
    await this.#cluster.call('bringToRest', undefined, z.undefined());
  }

  async create(object: KubernetesObject): Promise<void> {
    await this.#cluster.call('create', object, z.undefined());
  }

  /** A namespace with all that a user applies for one canary. */
  async createCanary(shape: CanaryShape): Promise<void> {
    const { namespace, alerts } = shape;
    const provider = alerts ? [alertProvider(namespace, this.#standInPort)] : [];
    const objects = [gateway(namespace), ...provider, deployment(namespace), canary(shape)];
    for (const object of [namespaceNamed(namespace), ...objects]) await this.create(object);
  }

  /** Another revision of a namespace's target. */
  async release(namespace: string, version: number): Promise<void> {
    const body = {
      spec: { template: { metadata: { annotations: { 'example.com/release': String(version) } } } },
    };
    const path = `/apis/apps/v1/namespaces/${namespace}/deployments/cart`;
    await this.#cluster.call('patch', { path, body }, z.undefined());
  }

  /** The one canary's objects in further namespaces; answers the largest size of each kind, in bytes. */
  async copy(namespaces: readonly string[]): Promise<Readonly<Record<string, number>>> {
    const sizes: Record<string, number> = {};
    // In parts, so that the other process can answer its watchers in between.
    for (let from = 0; from < namespaces.length; from += 200) {
      const to = namespaces.slice(from, from + 200);
      const argument = { from: sourceNamespace, to };
      Object.assign(sizes, await this.#cluster.call('copy', argument, Phases));
    }
    return sizes;
  }

  /** How many canaries are in which phase. */
  async phases(): Promise<Readonly<Record<string, number>>> {
    return this.#cluster.call('phases', undefined, Phases);
  }

  /** Waits until `count` canaries are in one of the phases. */
  async waitForPhase(phases: readonly string[], count: number, limitMs: number): Promise<void> {
    const until = Date.now() + limitMs;
    for (;;) {
      const now = await this.phases();
      if (phases.reduce((sum, phase) => sum + (now[phase] ?? 0), 0) >= count) return;
      if (Date.now() > until) {
        throw new Error(
          `waited for ${count} canaries in ${phases.join('/')}: ${JSON.stringify(now)}`,
        );
      }
      await sleep(100);
    }
  }

  async requestCount(): Promise<number> {
    return this.#cluster.call('requestCount', undefined, z.int());
  }

  async requestsSince(index: number): Promise<readonly Request[]> {
    return this.#cluster.call('requestsSince', index, z.array(Request));
  }

  /** What the stand-in for Prometheus and Slack has seen. */
  async seen(): Promise<Seen> {
    return this.#standIn.call('seen', undefined, Seen);
  }

  /** What Prometheus answers from now on. */
  async answer(values: {
    readonly successRate: number;
    readonly latencySeconds: number;
  }): Promise<void> {
    await this.#standIn.call('answer', values, z.number());
  }

  /** Brings one canary to rest with the real operator, stops that, and makes `count` of it. */
  async fillWithIdle(count: number): Promise<Readonly<Record<string, number>>> {
    this.#bench.say(`  bringing one canary to rest and copying it ${count - 1} times`);
    await this.setInMotion();
    await this.startOperator();
    await this.createCanary({
      namespace: sourceNamespace,
      interval: '10s',
      threshold: 5,
      stepWeight: 10,
      alerts: false,
    });
    await this.waitForPhase(['Initialized'], 1, 120_000);
    // Let what follows the last status (owner references, drained pods) come to its end.
    await sleep(3_000);
    await this.stopOperator();
    await this.bringToRest();
    const names = Array.from({ length: count - 1 }, (_, index) => `shop-${index}`);
    return this.copy(names);
  }
}

function kubeconfigFor(port: number, token: string): string {
  const cluster = { server: `http://127.0.0.1:${port}`, 'insecure-skip-tls-verify': true };
  return stringify({
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': 'bench',
    contexts: [{ name: 'bench', context: { cluster: 'bench', user: 'bench' } }],
    clusters: [{ name: 'bench', cluster }],
    users: [{ name: 'bench', user: { token } }],
  });
}
