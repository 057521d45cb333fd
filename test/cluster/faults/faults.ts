/**
 * The faults that a proxy can be told to commit. Switches only: what they do to a request is in `proxy.ts`.
 */
import type { RequestRecord } from './request-record.ts';

export type Matches = (record: RequestRecord) => boolean;

/** The end of the one who asks, at an exact write. Nothing is forwarded from then on, and nothing answered. */
export interface Kill {
  /** Counted from 1, as `RequestRecord.write`. */
  readonly write: number;
  /** `before`: the server never sees it. `after`: the server has answered, and the answer is withheld. */
  readonly when: 'before' | 'after';
  /** Ends the one who asks, at once. */
  readonly kill: (record: RequestRecord) => void;
}

/** Requests that are kept back before they are forwarded. */
export interface Held {
  /** What is held at this moment, in order of arrival. */
  readonly requests: readonly RequestRecord[];
  /** Resolves with the first request that is, or was, held. */
  readonly first: Promise<RequestRecord>;
  /** Forwards what was held, and holds nothing any more. */
  release(): void;
}

export interface Throttle {
  /** As `Date.now()`. */
  readonly until: number;
  readonly retryAfterSeconds: number;
}

interface Holding extends Held {
  readonly matches: Matches;
  readonly released: Promise<void>;
  take(record: RequestRecord): void;
}

export class FaultSwitches {
  kill: Kill | undefined;
  /** Every request waits so long before it is forwarded. */
  delayMs = 0;
  throttle: Throttle | undefined;
  /** Answers to these are lost after the server has given them. */
  loses: Matches | undefined;
  /** How often a fault was committed, by its name. */
  readonly committed = new Map<string, number>();
  #holds: readonly Holding[] = [];

  commit(name: string): void {
    this.committed.set(name, (this.committed.get(name) ?? 0) + 1);
  }

  hold(matches: Matches): Held {
    const requests: RequestRecord[] = [];
    const first = Promise.withResolvers<RequestRecord>();
    const released = Promise.withResolvers<void>();
    const holding: Holding = {
      matches,
      requests,
      first: first.promise,
      released: released.promise,
      take: (record) => {
        requests.push(record);
        first.resolve(record);
      },
      release: () => {
        this.#holds = this.#holds.filter((other) => other !== holding);
        released.resolve();
      },
    };
    this.#holds = [...this.#holds, holding];
    return holding;
  }

  /** Everything that is held, for those who cannot keep what `hold` gave them. */
  get held(): readonly Held[] {
    return this.#holds;
  }

  /** Waits for as long as somebody holds this one. */
  async whileHeld(record: RequestRecord): Promise<void> {
    for (const holding of this.#holds.filter(({ matches }) => matches(record))) {
      this.commit('held');
      holding.take(record);
      await holding.released;
    }
  }

  /** The refusal that is due now; `undefined` when there is none. Leases have a lane of their own, as on a real server. */
  throttling({ resource }: RequestRecord, now: number): Throttle | undefined {
    const { throttle } = this;
    if (throttle === undefined || now >= throttle.until || resource === 'leases') return undefined;
    this.commit('throttled');
    return throttle;
  }

  killing({ write }: RequestRecord, when: Kill['when']): Kill | undefined {
    const { kill } = this;
    return kill !== undefined && write > 0 && write === kill.write && kill.when === when
      ? kill
      : undefined;
  }
}

/** What an API server says when it has had enough. */
export function tooManyRequests(seconds: number): string {
  return JSON.stringify({
    kind: 'Status',
    apiVersion: 'v1',
    metadata: {},
    status: 'Failure',
    message: 'the server has received too many requests and has asked us to try again later',
    reason: 'TooManyRequests',
    details: { retryAfterSeconds: seconds },
    code: 429,
  });
}
