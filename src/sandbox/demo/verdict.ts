/**
 * Whether the demo showed what it should: judged from what the traffic generator and the API server have
 * recorded, never from what the operator says about itself. Pure.
 */
import type { ClusterLog } from './cluster-log.ts';
import type { Ledger } from './ledger.ts';
import { countByVersion, NOBODY, type VersionCount } from './request-record.ts';

/** One release: what was pushed, when, and when it was over. */
export interface Release {
  readonly image: string;
  readonly version: string;
  readonly pushedAt: number;
  readonly endedAt: number;
}

export interface Evidence {
  readonly ledger: Pick<Ledger, 'records' | 'between' | 'sideOf'>;
  readonly log: Pick<ClusterLog, 'weights' | 'primaryImages' | 'backAtZero'>;
  readonly good: Release;
  readonly bad: Release;
  /** When the last request was sent. */
  readonly finishedAt: number;
}

export interface Verdict {
  readonly promoted: boolean;
  readonly aborted: boolean;
  /** Empty when all is well. */
  readonly problems: readonly string[];
  readonly counts: readonly VersionCount[];
}

/** Time for the last answers of one side to come in before a stretch is looked at. */
const SETTLE_MS = 1_000;
const LOOK_MS = 2_000;

export function judge(evidence: Evidence): Verdict {
  const promotion = problemsOfPromotion(evidence);
  const abort = problemsOfAbort(evidence);
  return {
    promoted: promotion.length === 0,
    aborted: abort.length === 0,
    problems: [...promotion, ...abort, ...strayFailures(evidence)],
    counts: countByVersion(evidence.ledger.records),
  };
}

function problemsOfPromotion({ log, ledger, good, bad }: Evidence): readonly string[] {
  const problems: string[] = [];
  const weights = writtenBetween(log.weights, good.pushedAt, good.endedAt);
  if (!weights.some(({ weight }) => weight > 0)) {
    problems.push(`${good.version} never got a share of the traffic`);
  }
  const image = log.primaryImages.findLast(({ at }) => at <= good.endedAt)?.image;
  if (image !== good.image) problems.push(`the primary runs ${image}, not ${good.image}`);
  const before = bad.pushedAt - LOOK_MS;
  problems.push(...notOnPrimary(ledger, before, bad.pushedAt, good.version));
  return problems;
}

function problemsOfAbort({ log, ledger, good, bad, finishedAt }: Evidence): readonly string[] {
  const problems: string[] = [];
  const zeroAt = log.backAtZero(bad.pushedAt);
  if (zeroAt === undefined) problems.push(`${bad.version} was not given traffic and taken off it`);
  if (log.primaryImages.some(({ image }) => image === bad.image)) {
    problems.push(`the primary was given ${bad.image}`);
  }
  const from = Math.max((zeroAt ?? bad.endedAt) + SETTLE_MS, finishedAt - LOOK_MS);
  return [...problems, ...notOnPrimary(ledger, from, finishedAt, good.version)];
}

/** Every request of a stretch was answered by a primary pod of that version. */
function notOnPrimary(
  ledger: Evidence['ledger'],
  from: number,
  to: number,
  version: string,
): readonly string[] {
  const records = ledger.between(from, to);
  if (records.length === 0) return ['no traffic to judge by'];
  const strays = records.filter(
    (record) => record.version !== version || ledger.sideOf(record) !== 'primary',
  );
  if (strays.length === 0) return [];
  return [
    `${strays.length} of ${records.length} requests were not answered by ${version}'s primary`,
  ];
}

function strayFailures({ ledger, bad }: Evidence): readonly string[] {
  return countByVersion(ledger.records)
    .filter(({ version, failed }) => version !== bad.version && failed > 0)
    .map(({ version, failed }) => {
      const who = version === NOBODY ? 'no version answered' : `${version} answered`;
      return `${failed} failed requests that ${who}`;
    });
}

function writtenBetween<T extends { readonly at: number }>(
  writes: readonly T[],
  from: number,
  to: number,
): readonly T[] {
  return writes.filter(({ at }) => at >= from && at <= to);
}
