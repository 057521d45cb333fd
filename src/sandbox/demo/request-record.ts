/** What the traffic generator notes about each request, and what can be counted from it. */

export interface RequestRecord {
  /** When it was sent, epoch milliseconds. */
  readonly at: number;
  readonly tookMs: number;
  /** 0 when there was no answer. */
  readonly status: number;
  /** No answer, or one that says the server failed. */
  readonly failed: boolean;
  /** Who answered; absent when no version did. */
  readonly version?: string;
  readonly pod?: string;
  /** It had a connection of its own. */
  readonly fresh?: true;
  /** There was no answer on a connection on which this pod had answered before. */
  readonly lastPod?: string;
  readonly error?: string;
}

export interface TrafficMessage {
  readonly kind: 'requests';
  readonly records: readonly RequestRecord[];
}

export interface VersionCount {
  readonly version: string;
  readonly requests: number;
  readonly failed: number;
}

/** The word for requests that no version answered. */
export const NOBODY = 'nobody';

/** Requests and failures by the version that answered, in the order they appeared. */
export function countByVersion(records: readonly RequestRecord[]): readonly VersionCount[] {
  const counts = new Map<string, { version: string; requests: number; failed: number }>();
  for (const { version = NOBODY, failed } of records) {
    const count = counts.get(version) ?? { version, requests: 0, failed: 0 };
    count.requests++;
    if (failed) count.failed++;
    counts.set(version, count);
  }
  return [...counts.values()];
}

export function isTrafficMessage(message: unknown): message is TrafficMessage {
  return (
    typeof message === 'object' &&
    message !== null &&
    'kind' in message &&
    message.kind === 'requests'
  );
}
