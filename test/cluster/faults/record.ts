/**
 * What was seen of one rollout from outside: by a watch with all permissions, by the proxies in front of the operators,
 * and by the stand-ins for Prometheus and Slack. The judge looks at nothing else.
 */
import type { KubernetesObject } from '../../../src/api/object.ts';
import type { RequestRecord } from './request-record.ts';

/** One object as the watch delivered it. */
export interface Seen {
  /** `resourceVersion` as a number: it orders the changes of all kinds. */
  readonly version: number;
  /** When the watch delivered it, as `Date.now()`. */
  readonly at: number;
  readonly gone: boolean;
  readonly object: KubernetesObject;
}

/** What the stand-in for Prometheus was asked, and what it let the operator know. */
export interface Asked {
  readonly at: number;
  readonly query: string;
  /** Whether the answer is in the range of the check; `unknown` for no usable answer. */
  readonly answer: 'good' | 'bad' | 'unknown';
}

/** A message as a receiver got it, whether or not the sender lived to hear the answer. */
export interface Told {
  readonly at: number;
  readonly receiver: string;
  /** `<run>/<fact>/<receiver>`, as the message shows it. */
  readonly id: string;
  readonly text: string;
}

export interface CaseRecord {
  /** Configured weights of the canary, rising. */
  readonly steps: readonly number[];
  readonly intervalMs: number;
  /** Queries of one round. */
  readonly checks: number;
  /** What is released, and what ran before. */
  readonly images: { readonly old: string; readonly new: string };
  /** In order of `version`. */
  readonly seen: readonly Seen[];
  /** Of all its operators, in order of `at`. */
  readonly writes: readonly RequestRecord[];
  readonly asked: readonly Asked[];
  readonly told: readonly Told[];
  /** When an operator was ended by SIGKILL, or lost its Lease. */
  readonly ends: readonly number[];
}

/** The changes of one object, oldest first. */
export function historyOf(
  { seen }: Pick<CaseRecord, 'seen'>,
  kind: string,
  name: string,
): readonly Seen[] {
  return seen.filter(({ object }) => object.kind === kind && object.metadata.name === name);
}

/** An object as it was when `version` was written. */
export function asOf(
  record: Pick<CaseRecord, 'seen'>,
  kind: string,
  name: string,
  version: number,
): KubernetesObject | undefined {
  const last = historyOf(record, kind, name).findLast((seen) => seen.version <= version);
  return last === undefined || last.gone ? undefined : last.object;
}

/** The write that made this version; `undefined` when it was not an operator's. */
export function writeOf(
  { writes }: Pick<CaseRecord, 'writes'>,
  version: number,
): RequestRecord | undefined {
  const text = `"resourceVersion":"${version}"`;
  return writes.find(({ answer, status }) => status < 300 && answer.includes(text));
}
