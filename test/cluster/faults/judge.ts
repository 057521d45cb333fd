/**
 * Whether an operator kept its promises on a real API server, judged from outside.
 *
 * Each rule is a function of what was seen; ids are those of `test/promises/promises.ts`.
 */
import type { KubernetesObject } from '../../../src/api/object.ts';
import { appliedTo } from '../../../src/core/applied.ts';
import type { PromiseId } from '../../promises/promises.ts';
import {
  availableOf,
  deploymentOf,
  imageOf,
  replicasOf,
  weightIn,
  type Side,
} from '../../simulate/mirror.ts';
import { asOf, historyOf, writeOf, type CaseRecord, type Seen } from './record.ts';

export interface Violation {
  readonly id: PromiseId;
  readonly what: string;
}

/** Clocks of two processes and the way between them. A check that is due is not early by this. */
const toleranceMs = 100;
/** What has not been true for so long nobody can know yet. */
const newsMs = 1_000;

type Rule = (record: CaseRecord, report: (id: PromiseId, what: string) => void) => void;

/** A change of the canary's weight, as the watch shows it. */
export interface Shift {
  readonly from: number;
  readonly to: number;
  readonly version: number;
  /** When the write that made it reached the proxy, and when the server had taken it; else when it was seen. */
  readonly sentAt: number;
  readonly takenAt: number;
}

export function shiftsOf(record: CaseRecord): readonly Shift[] {
  let from = 0;
  return historyOf(record, 'HTTPRoute', 'cart').flatMap((seen): readonly Shift[] => {
    const to = seen.gone ? 0 : (weightIn(seen.object) ?? 0);
    if (to === from) return [];
    const { version, at } = seen;
    const write = writeOf(record, version);
    const times = { sentAt: write?.at ?? at, takenAt: write?.answeredAt ?? at };
    const shift = { from, to, version, ...times };
    from = to;
    return [shift];
  });
}

/** One configured step at a time, never two within one interval. */
const climbsStepByStep: Rule = (record, report) => {
  const { steps, intervalMs } = record;
  let raisedAt: number | undefined;
  for (const { from, to, sentAt, takenAt } of shiftsOf(record)) {
    if (to < from) continue;
    const next = steps.find((step) => step > from);
    if (to !== next)
      report('r2', `the weight went from ${from} to ${to}, the next step is ${next}`);
    const gap = raisedAt === undefined ? Infinity : sentAt - raisedAt;
    if (gap < intervalMs - toleranceMs)
      report('p1', `the weight went to ${to} only ${gap} ms after the last raise`);
    raisedAt = takenAt;
  }
};

/** Each raise after the first has a passed round behind it: the latest one, asked since the raise before was taken. */
const earnsEachRaise: Rule = (record, report) => {
  let raisedAt: number | undefined;
  for (const { from, to, sentAt, takenAt } of shiftsOf(record)) {
    if (to > from && from > 0) {
      const why = notPassed(record, raisedAt ?? 0, sentAt);
      if (why !== undefined) report('p1', `the weight went from ${from} to ${to}: ${why}`);
    }
    if (to > from) raisedAt = takenAt;
  }
};

function notPassed({ asked, checks }: CaseRecord, since: number, at: number): string | undefined {
  const round = asked.filter((one) => one.at >= since && one.at <= at).slice(-checks);
  if (round.length < checks) return 'no round was asked since the last raise';
  const bad = round.find(({ answer }) => answer !== 'good');
  return bad && `the last round was ${bad.answer}: ${bad.query}`;
}

/** An abort takes all traffic back, and nothing of that run comes again. */
const staysAborted: Rule = (record, report) => {
  let aborted: string | undefined;
  for (const { object, gone } of historyOf(record, 'HTTPRoute', 'cart')) {
    const note = gone ? undefined : appliedTo(object);
    const weight = weightIn(object) ?? 0;
    if (note?.for.startsWith('abort:') === true) aborted = note.run;
    if (aborted !== undefined && note?.run === aborted && weight > 0)
      report('p2', `after the abort the canary has ${weight} % in the same run`);
  }
};

/** The record of an abort comes after traffic has gone back. */
const recordsAbortsLast: Rule = (record, report) => {
  const failed = historyOf(record, 'Canary', 'cart').find(({ object }) => isFailed(object));
  if (failed === undefined) return;
  const route = asOf(record, 'HTTPRoute', 'cart', failed.version);
  const weight = weightIn(route) ?? 0;
  if (weight > 0) report('p2', `Failed was recorded while the canary had ${weight} %`);
};

function isFailed(canary: KubernetesObject): boolean {
  const { phase } = (canary['status'] ?? {}) as { readonly phase?: string };
  return phase === 'Failed';
}

/** The primary is written once, with what was analysed, after the last step and a round that passed. */
const promotesOnce: Rule = (record, report) => {
  const { images, steps } = record;
  const primaries = historyOf(record, 'Deployment', 'cart-primary').filter(({ gone }) => !gone);
  let image = imageOf(primaries[0]?.object);
  const writes: Seen[] = [];
  for (const seen of primaries) {
    const next = imageOf(seen.object);
    if (next === image) continue;
    image = next;
    writes.push(seen);
    if (next !== images.new) report('p4', `the primary was written with ${next}`);
  }
  const [first, second] = writes;
  if (second !== undefined) report('p6', 'the primary was written twice');
  if (first === undefined) return;
  const before = shiftsOf(record).filter(({ version }) => version < first.version);
  const top = before.findLast(({ from, to }) => to > from);
  if (top?.to !== steps.at(-1))
    report('p4', `the primary was written at a weight of ${top?.to ?? 0}`);
  const why = notPassed(record, top?.takenAt ?? 0, writeOf(record, first.version)?.at ?? first.at);
  if (why !== undefined) report('p4', `the primary was written: ${why}`);
};

/** Nobody is scaled down who still has traffic. */
const keepsPods: Rule = (record, report) => {
  let replicas = 0;
  for (const { object, version, gone } of historyOf(record, 'Deployment', 'cart')) {
    const now = gone ? 0 : replicasOf(object);
    const weight = weightIn(asOf(record, 'HTTPRoute', 'cart', version)) ?? 0;
    if (now < replicas && weight > 0 && writeOf(record, version) !== undefined)
      report('p3', `the target was scaled from ${replicas} to ${now} at ${weight} %`);
    replicas = now;
  }
};

/** No write moves traffic to a side without an available replica while the other has one. */
const sendsToTheAvailable: Rule = (record, report) => {
  for (const { from, to, version, sentAt: at } of shiftsOf(record)) {
    const [to_, away]: readonly [Side, Side] =
      to > from ? ['canary', 'primary'] : ['primary', 'canary'];
    if (wasAvailable(record, to_, version, at) || !isAvailable(record, away, version)) continue;
    report('r1', `the weight went to ${to} although the ${to_} has no available replica`);
  }
};

function isAvailable(record: CaseRecord, side: Side, version: number): boolean {
  return availableOf(asOf(record, 'Deployment', deploymentOf(side), version)) > 0;
}

/** At that moment or so shortly before that nobody can have heard. */
function wasAvailable(record: CaseRecord, side: Side, version: number, at: number): boolean {
  if (isAvailable(record, side, version)) return true;
  return historyOf(record, 'Deployment', deploymentOf(side)).some(
    (seen) => seen.version < version && seen.at >= at - newsMs && availableOf(seen.object) > 0,
  );
}

/**
 * A message comes once. Again with the same id only where a process ended between the receiver's answer and the
 * acknowledgement, so that the status still listed it as waiting.
 */
const saysOnce: Rule = (record, report) => {
  const told = Map.groupBy(record.told, ({ receiver, id }) => `${receiver} ${id}`);
  for (const [message, times] of told) {
    for (const [index, { at, text }] of times.entries()) {
      const before = times[index - 1];
      if (before === undefined) continue;
      const mayRepeat = record.ends.some(
        // What it sent last may be read only after it has ended.
        (death) =>
          death >= before.at - newsMs && death <= at && wasWaiting(record, before.id, death),
      );
      if (!mayRepeat) report('p6', `${message} was said again: ${text}`);
    }
  }
};

/** Whether the status listed this message when that process ended. */
function wasWaiting(record: CaseRecord, id: string, end: number): boolean {
  const last = historyOf(record, 'Canary', 'cart').findLast(({ at }) => at <= end);
  return outboxOf(last?.object).includes(id);
}

/** Ids of the messages that wait in the status. */
export function outboxOf(canary: KubernetesObject | undefined): readonly string[] {
  const { run } = (canary?.['status'] ?? {}) as {
    readonly run?: { readonly outbox?: readonly { readonly id: string }[] };
  };
  return (run?.outbox ?? []).map(({ id }) => id);
}

const rules: readonly Rule[] = [
  climbsStepByStep,
  earnsEachRaise,
  staysAborted,
  recordsAbortsLast,
  promotesOnce,
  keepsPods,
  sendsToTheAvailable,
  saysOnce,
];

/** Every promise that was not kept in this record. */
export function violationsIn(record: CaseRecord): readonly Violation[] {
  const found: Violation[] = [];
  for (const rule of rules) rule(record, (id, what) => found.push({ id, what }));
  return found;
}
