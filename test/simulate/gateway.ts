/**
 * A gateway that follows HTTPRoutes: at once, late, or not at all; with a word about it in their status, or without.
 *
 * Traffic goes where the gateway has followed, not where the route says.
 */
import type { KubernetesObject } from '../../src/api/object.ts';
import type { FakeClock } from '../support/fake-clock.ts';
import type { World } from './world.ts';

export type GatewayMode = 'quick' | 'late' | 'stuck' | 'silent';

export class Gateway {
  mode: GatewayMode = 'quick';
  lagMs = 100;
  /** What it serves, by name of the route. */
  readonly serves = new Map<string, KubernetesObject>();
  readonly #world: World;
  readonly #clock: FakeClock;
  readonly #live = new Map<string, KubernetesObject>();
  readonly #onFollow: () => void;

  constructor(world: World, onFollow: () => void) {
    this.#world = world;
    this.#clock = world.clock;
    this.#onFollow = onFollow;
    const answer = world.server.handle({
      method: 'GET',
      path: '/apis/gateway.networking.k8s.io/v1/httproutes',
      query: { watch: 'true', timeoutSeconds: '1000000' },
      headers: { 'user-agent': 'gateway' },
    });
    if (answer.kind !== 'stream') throw new Error('routes cannot be watched');
    answer.stream.open({ event: ({ type, object }) => this.#see(type, object), end: () => {} });
  }

  /** From now on it follows quickly, also what it has missed. */
  heal(): void {
    if (this.mode !== 'silent') this.mode = 'quick';
    this.lagMs = 100;
    for (const name of new Set([...this.#live.keys(), ...this.serves.keys()])) this.#plan(name);
  }

  #see(type: string, object: unknown): void {
    if (type === 'BOOKMARK' || type === 'ERROR') return;
    const route = object as KubernetesObject;
    const { name, generation, uid } = route.metadata;
    const before = this.#live.get(name);
    if (type === 'DELETED') this.#live.delete(name);
    else this.#live.set(name, route);
    const isNews = before?.metadata.generation !== generation || before?.metadata.uid !== uid;
    if (type === 'DELETED' || isNews || !isReported(route)) this.#plan(name);
  }

  #plan(name: string): void {
    if (this.mode === 'stuck') return;
    const lag = this.mode === 'silent' ? Math.min(this.lagMs, 500) : this.lagMs;
    this.#clock.after(Math.max(1, lag), () => this.#follow(name));
  }

  #follow(name: string): void {
    if (this.mode === 'stuck') return;
    const route = this.#live.get(name);
    if (route === undefined) this.serves.delete(name);
    else this.serves.set(name, route);
    this.#onFollow();
    if (route === undefined || this.mode === 'silent' || isReported(route)) return;
    try {
      this.#world.patch('HTTPRoute', name, { status: { parents: [reportOn(route)] } }, 'status');
    } catch {
      // It was deleted in the meantime.
    }
  }
}

interface Parent {
  readonly conditions?: readonly { readonly observedGeneration?: number }[];
}

function isReported({ metadata, ...route }: KubernetesObject): boolean {
  const { parents = [] } = (route['status'] ?? {}) as { readonly parents?: readonly Parent[] };
  return parents.some(({ conditions = [] }) =>
    conditions.some(({ observedGeneration }) => observedGeneration === metadata.generation),
  );
}

function reportOn({ metadata }: KubernetesObject): object {
  return {
    parentRef: { name: 'public' },
    controllerName: 'example.com/gateway',
    conditions: [
      {
        type: 'Accepted',
        status: 'True',
        reason: 'Accepted',
        message: '',
        observedGeneration: metadata.generation,
        lastTransitionTime: '2025-03-01T10:00:00Z',
      },
    ],
  };
}
