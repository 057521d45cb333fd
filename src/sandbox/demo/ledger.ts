/** What the traffic generator has reported so far, and what follows from it. */
import type { RequestRecord } from './request-record.ts';

export type Side = 'primary' | 'canary';

export interface SideView {
  readonly requests: number;
  /** Percent; absent without requests. */
  readonly successRate?: number;
  /** The 99th percentile, milliseconds. */
  readonly slowMs?: number;
}

export class Ledger {
  readonly records: RequestRecord[] = [];
  readonly #primaryPrefix: string;

  /** Pods of the primary are named after its Deployment. */
  constructor(app: string) {
    this.#primaryPrefix = `${app}-primary-`;
  }

  add(records: readonly RequestRecord[]): void {
    this.records.push(...records);
  }

  sideOf({ pod }: RequestRecord): Side | undefined {
    if (pod === undefined) return undefined;
    return pod.startsWith(this.#primaryPrefix) ? 'primary' : 'canary';
  }

  /** What was sent in a stretch of time, both ends included. */
  between(from: number, to: number): readonly RequestRecord[] {
    return this.records.filter(({ at }) => at >= from && at <= to);
  }

  /** How one side did lately. */
  view(side: Side, from: number, to: number): SideView {
    const records = this.between(from, to).filter((record) => this.sideOf(record) === side);
    if (records.length === 0) return { requests: 0 };
    const failed = records.filter((record) => record.failed).length;
    const times = records.map(({ tookMs }) => tookMs).sort((a, b) => a - b);
    const slowMs = times[Math.ceil(times.length * 0.99) - 1];
    return {
      requests: records.length,
      successRate: (1 - failed / records.length) * 100,
      ...(slowMs === undefined ? {} : { slowMs }),
    };
  }
}
