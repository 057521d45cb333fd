/**
 * Bounds the calls to systems outside the cluster: in all, to each host, and by what they are for.
 *
 * All of an operator's webhooks, alerts and event receivers go through one pool, beside the queue. What steers a
 * release goes first and may use all of it; the rest has a share that leaves it room, so that neither a dead Slack
 * nor a slow event receiver keeps a gate or a rollback hook from being asked, not even on the same host.
 */

/** `question`: its answer steers a release. `message`: kept in a status until delivered. `event`: said once. */
export type CallKind = 'question' | 'message' | 'event';

const maxCalls = 64;
const maxCallsPerHost = 8;

interface Share {
  readonly calls: number;
  readonly perHost: number;
  /** How many may wait for their turn. When one more comes, the oldest is dropped. */
  readonly waiting: number;
}

/**
 * In the order of precedence. Questions and messages are as many as the Canaries' hooks and outboxes; only events come
 * without end. One event at a time to each host keeps them in their order.
 */
const shares: Readonly<Record<CallKind, Share>> = {
  question: { calls: maxCalls, perHost: maxCallsPerHost, waiting: Number.POSITIVE_INFINITY },
  message: { calls: 32, perHost: 4, waiting: Number.POSITIVE_INFINITY },
  event: { calls: 16, perHost: 1, waiting: 1_000 },
};

/** What a call is counted under, and how many may be under way there. */
type Limits = readonly (readonly [name: string, limit: number])[];

interface Waiting {
  readonly limits: Limits;
  readonly start: () => void;
  readonly drop: () => void;
}

export class CallPool {
  /** By kind, in the order of precedence. */
  readonly #waiting: Readonly<Record<CallKind, Set<Waiting>>> = {
    question: new Set(),
    message: new Set(),
    event: new Set(),
  };
  /** Calls under way, by everything they are counted under. */
  readonly #underWay = new Map<string, number>();

  /**
   * Makes the call as soon as there is room, at once if there is. `undefined`: it was never made, because `signal`
   * aborted before its turn or newer ones pushed it out.
   */
  run<T>(
    { kind, url }: { readonly kind: CallKind; readonly url: string },
    call: () => Promise<T>,
    signal: AbortSignal,
  ): Promise<T | undefined> {
    return new Promise((resolve, reject) => {
      if (signal.aborted) return resolve(undefined);
      const queue = this.#waiting[kind];
      const limits = limitsOf(kind, hostOf(url));
      const leave = (): void => {
        queue.delete(waiting);
        signal.removeEventListener('abort', waiting.drop);
      };
      const waiting: Waiting = {
        limits,
        start: () => {
          leave();
          this.#count(limits, 1);
          const ended = (): void => {
            this.#count(limits, -1);
            this.#startWaiting();
          };
          void call().then(resolve, reject).finally(ended);
        },
        drop: () => {
          leave();
          resolve(undefined);
        },
      };
      // Whatever waits already has no room: nobody is overtaken.
      if (this.#hasRoom(limits)) return waiting.start();
      queue.add(waiting);
      signal.addEventListener('abort', waiting.drop, { once: true });
      const [oldest] = queue;
      if (queue.size > shares[kind].waiting) oldest?.drop();
    });
  }

  #startWaiting(): void {
    for (const queue of Object.values(this.#waiting)) {
      for (const { limits, start } of queue) if (this.#hasRoom(limits)) start();
    }
  }

  #hasRoom(limits: Limits): boolean {
    return limits.every(([name, limit]) => (this.#underWay.get(name) ?? 0) < limit);
  }

  #count(limits: Limits, change: 1 | -1): void {
    for (const [name] of limits) {
      const count = (this.#underWay.get(name) ?? 0) + change;
      if (count === 0) this.#underWay.delete(name);
      else this.#underWay.set(name, count);
    }
  }
}

function limitsOf(kind: CallKind, host: string): Limits {
  const { calls, perHost } = shares[kind];
  return [
    ['all', maxCalls],
    [`of ${kind}`, calls],
    [`to ${host}`, maxCallsPerHost],
    [`of ${kind} to ${host}`, perHost],
  ];
}

function hostOf(url: string): string {
  return URL.canParse(url) ? new URL(url).host : url;
}
