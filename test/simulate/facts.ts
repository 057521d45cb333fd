/**
 * What a trial keeps for its judges: who asked what and what was answered, and what each process has been told.
 */
import type { KubernetesObject } from '../../src/api/object.ts';
import { availableOf, imageOf, sideOfService } from './mirror.ts';

export type Verdict = 'good' | 'bad' | 'none' | 'unavailable';

/** One query and its answer. */
export interface Query {
  readonly life: string;
  /** Evaluation time: the same for all queries of a round. */
  readonly round: number;
  readonly metric: string;
  readonly askedAt: number;
  readonly answeredAt: number;
  readonly verdict: Verdict;
}

/** One call of a webhook and its answer. */
export interface HookCall {
  readonly life: string;
  readonly type: string;
  readonly askedAt: number;
  readonly answeredAt: number;
  readonly answer: 'yes' | 'no' | 'unreachable';
}

/** What a process has been told, and since when it has been so all the time. */
export class Known {
  readonly #objects = new Map<string, KubernetesObject>();
  readonly #since = new Map<string, { readonly value: unknown; readonly at: number }>();

  see(object: KubernetesObject, kind: string, at: number): void {
    const { name, resourceVersion } = object.metadata ?? {};
    const isGone = kind.startsWith('no ');
    const key = `${isGone ? kind.slice(3) : kind} ${name}`;
    if (!isInteresting(key)) return;
    const before = this.#objects.get(key);
    if (Number(before?.metadata.resourceVersion ?? 0) > Number(resourceVersion ?? 0)) return;
    this.#objects.set(key, object);
    const now = isGone ? undefined : object;
    if (key.startsWith('Deployment')) {
      this.#note(`${key} available`, availableOf(now) > 0, at);
      this.#note(`${key} image`, imageOf(now), at);
    }
    if (key.startsWith('Canary')) {
      const { spec, metadata } = object as KubernetesObject & {
        readonly spec?: {
          readonly suspend?: boolean;
          readonly analysis?: { readonly mirror?: boolean };
        };
      };
      this.#note('refused', spec?.analysis?.mirror === true, at);
      this.#note('suspended', spec?.suspend === true, at);
      this.#note('deleting', metadata.deletionTimestamp !== undefined, at);
    }
    if (key === 'Service cart') this.#note(key, sideOfService(now), at);
    if (key.startsWith('HTTPRoute')) this.#note(key, object, at);
  }

  /** A list names all there are: what it does not name is gone. */
  seeList(kind: string, names: readonly string[], at: number): void {
    for (const [key, object] of this.#objects) {
      if (key.startsWith(`${kind} `) && !names.includes(object.metadata.name))
        this.see(object, `no ${kind}`, at);
    }
  }

  /** The value that it has known for so long without a break; `undefined` if it has changed since. */
  steady(what: string, now: number, forMs: number): unknown {
    const found = this.#since.get(what);
    return found === undefined || now - found.at < forMs ? undefined : found.value;
  }

  /** Since when the value has been so. */
  since(what: string): number | undefined {
    return this.#since.get(what)?.at;
  }

  #note(what: string, value: unknown, at: number): void {
    if (this.#since.get(what)?.value !== value) this.#since.set(what, { value, at });
  }
}

function isInteresting(key: string): boolean {
  return (
    key === 'Deployment cart' ||
    key === 'Deployment cart-primary' ||
    key === 'Canary cart' ||
    key === 'Service cart' ||
    key.startsWith('HTTPRoute ')
  );
}
