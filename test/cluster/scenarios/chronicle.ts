/** What happened to the objects of one namespace, in order, as the watches of the API server have told. */
import type { Kinds, KubeEvent } from './kinds.ts';
import type { Api, ChangeType } from './api.ts';
import type { Written } from './shares.ts';

export interface Change<K extends keyof Kinds> {
  /** When the watch delivered it, epoch milliseconds. */
  readonly at: number;
  readonly type: ChangeType;
  readonly object: Kinds[K];
}

type Changes = { readonly [K in keyof Kinds]: Change<K>[] };

const watched = ['Canary', 'Deployment', 'HTTPRoute', 'Service', 'Pod', 'Event'] as const;

export class Chronicle {
  readonly #changes: Changes = {
    Canary: [],
    Deployment: [],
    HTTPRoute: [],
    Service: [],
    Pod: [],
    Event: [],
  };
  readonly #seen = new Set<string>();
  readonly #listeners = new Set<() => void>();
  readonly #stop = new AbortController();
  #watches: Promise<unknown> = Promise.resolve();

  static follow(api: Api, namespace: string): Chronicle {
    const chronicle = new Chronicle();
    const { signal } = chronicle.#stop;
    chronicle.#watches = Promise.all(
      watched.map((kind) => chronicle.#follow(api, kind, namespace, signal)),
    );
    return chronicle;
  }

  async close(): Promise<void> {
    this.#stop.abort();
    await this.#watches;
  }

  changes<K extends keyof Kinds>(kind: K, name?: string): readonly Change<K>[] {
    const all: readonly Change<K>[] = this.#changes[kind];
    return name === undefined ? all : all.filter(({ object }) => object.metadata.name === name);
  }

  /** As it is now; `undefined` when it was never there, or is gone. */
  latest<K extends keyof Kinds>(kind: K, name: string): Kinds[K] | undefined {
    const change = this.changes(kind, name).at(-1);
    return change === undefined || change.type === 'DELETED' ? undefined : change.object;
  }

  /** The names of what is there now. */
  names(kind: keyof Kinds): readonly string[] {
    const all = new Set(this.changes(kind).map(({ object }) => object.metadata.name));
    return [...all].filter((name) => this.latest(kind, name) !== undefined).sort();
  }

  /** Asks again after each change, and every so often, until there is an answer that is not `undefined` or false. */
  async until<T>(what: string, limitMs: number, ask: () => T | undefined | false): Promise<T> {
    const end = Date.now() + limitMs;
    for (;;) {
      const answer = ask();
      if (answer !== undefined && answer !== false) return answer;
      if (Date.now() > end)
        throw new Error(`${what}: not after ${limitMs / 1_000} s; ${this.#state()}`);
      await this.#next();
    }
  }

  /** Phases in the order they were seen, each with the time of its first sight. */
  phases(name: string, from = 0): readonly { readonly at: number; readonly phase: string }[] {
    const phases: { at: number; phase: string }[] = [];
    for (const { at, object } of this.changes('Canary', name)) {
      const phase = object.status?.phase ?? '';
      if (at >= from && phase !== phases.at(-1)?.phase) phases.push({ at, phase });
    }
    return phases;
  }

  /** The weights that were written to a route for a canary Service since `from`, where they changed. */
  weights(route: string, canary: string, from = 0): readonly Written[] {
    let weight = 0;
    const weights = this.changes('HTTPRoute', route).flatMap(({ at, object }) => {
      const before = weight;
      weight = weightOf(object, canary);
      return weight === before ? [] : [{ at, weight }];
    });
    return weights.filter(({ at }) => at >= from);
  }

  /** When the pods of a workload were all gone. */
  async untilNoPods(workload: string, limitMs: number): Promise<number> {
    const name = new RegExp(`^${workload}-[0-9a-z]+-[0-9a-z]+$`);
    await this.until(`${workload} has no pods`, limitMs, () => {
      return this.names('Pod').every((pod) => !name.test(pod));
    });
    return Date.now();
  }

  events(from = 0): readonly KubeEvent[] {
    return this.changes('Event')
      .filter(({ at }) => at >= from)
      .map(({ object }) => object);
  }

  #follow(api: Api, kind: keyof Kinds, namespace: string, signal: AbortSignal): Promise<void> {
    const changes: Change<typeof kind>[] = this.#changes[kind];
    const onChange = (type: ChangeType, object: Kinds[typeof kind]) => {
      const { uid = '', resourceVersion = '' } = object.metadata;
      const id = `${uid} ${resourceVersion} ${type === 'DELETED'}`;
      if (this.#seen.has(id)) return;
      this.#seen.add(id);
      changes.push({ at: Date.now(), type, object });
      for (const listener of this.#listeners) listener();
    };
    return api.follow(kind, namespace, onChange, signal);
  }

  #next(): Promise<void> {
    return new Promise((resolve) => {
      const done = () => {
        clearTimeout(timer);
        this.#listeners.delete(done);
        resolve();
      };
      const timer = setTimeout(done, 200);
      this.#listeners.add(done);
    });
  }

  /** For the message of a failure. */
  #state(): string {
    const canaries = this.names('Canary').map((name) => this.latest('Canary', name)?.status);
    const lines = this.changes('Event')
      .slice(-12)
      .map(({ object }) => `  ${object.involvedObject.name} ${object.reason}: ${object.message}`);
    return `status is ${JSON.stringify(canaries)}; events were\n${lines.join('\n')}`;
  }
}

/** Percent for the canary in the first rule that names it. */
export function weightOf(route: Kinds['HTTPRoute'], canary: string): number {
  for (const { backendRefs = [] } of route.spec.rules ?? []) {
    const own = backendRefs.find(({ name }) => name === canary);
    if (own === undefined) continue;
    const sum = backendRefs.reduce((total, { weight = 1 }) => total + weight, 0);
    return sum === 0 ? 0 : ((own.weight ?? 1) / sum) * 100;
  }
  return 0;
}
