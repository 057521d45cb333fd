/** The last words of the demo. Pure. */
import type { ClusterLog } from './cluster-log.ts';
import type { Evidence, Release, Verdict } from './verdict.ts';

export function summary(
  {
    log,
    good,
    bad,
  }: Pick<Evidence, 'good' | 'bad'> & { log: Pick<ClusterLog, 'weights' | 'backAtZero'> },
  { promoted, aborted, counts, problems }: Verdict,
  firstFailingScrapeAt: number | undefined,
): readonly string[] {
  const total = counts.reduce((sum, { requests }) => sum + requests, 0);
  return [
    `${promoted ? 'promoted ' : 'NOT PROMOTED'} ${good.version}   ${steps(log, good)}`,
    `${aborted ? 'aborted  ' : 'NOT ABORTED'} ${bad.version}   ${steps(log, bad)}`,
    `requests  ${total} sent`,
    ...counts.map(
      ({ version, requests, failed }) =>
        `          ${version.padEnd(14)} ${String(requests).padStart(6)} answered ${String(failed).padStart(5)} failed`,
    ),
    `from the first failing scrape to weight 0: ${reaction(log, bad, firstFailingScrapeAt)}`,
    ...problems.map((problem) => `problem   ${problem}`),
  ];
}

function steps(log: Pick<ClusterLog, 'weights'>, { pushedAt, endedAt }: Release): string {
  const weights = log.weights.filter(({ at }) => at >= pushedAt && at <= endedAt);
  const path = ['0', ...weights.map(({ weight }) => String(weight))].join(' → ');
  return `${path} %   in ${seconds(endedAt - pushedAt)}`;
}

function reaction(
  log: Pick<ClusterLog, 'backAtZero'>,
  bad: Release,
  scrapedAt: number | undefined,
): string {
  const zeroAt = log.backAtZero(bad.pushedAt);
  if (scrapedAt === undefined) return 'no failing scrape was seen';
  return zeroAt === undefined ? 'weight 0 was not written' : seconds(zeroAt - scrapedAt);
}

function seconds(ms: number): string {
  return `${(ms / 1_000).toFixed(1)} s`;
}
