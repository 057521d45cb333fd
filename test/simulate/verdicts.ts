/**
 * What one write says about promises 2, 5 and 10: whether an abort waited, whether a failed check had failed, and
 * whether a spec that is refused had an effect.
 */
import type { Query } from './facts.ts';
import type { Write } from './judge.ts';
import { imageOf, replicasOf } from './mirror.ts';
import { noFaults, type Plan } from './plan.ts';

/** What a pass does one after the other, without waiting for anybody. */
const samePassMs = 100;
/** As long as a round and the write of its result may take together. */
const roundMs = 15_000;

/** Whether nothing but an answer out of range can be a failed check. */
function failsByMetricsAlone({ hooks, onNoData, group }: Plan): boolean {
  const asksOthers = hooks.some(({ type }) => type === 'rollout' || type === 'pre-rollout');
  return !asksOthers && onNoData !== 'fail' && group === 'serin.dev';
}

/** Promise 2: the answer that reaches the threshold and the write of weight 0 belong to one pass. */
export function waitedBeforeAbort(
  { process, sentAt }: Write,
  queries: readonly Query[],
  plan: Plan,
): string | undefined {
  if (!failsByMetricsAlone(plan)) return undefined;
  if (plan.rates !== noFaults || plan.operators > 1) return undefined;
  const last = queries.findLast(
    ({ life, verdict }) => life === process.life.id && verdict === 'bad',
  );
  const waitedMs = last === undefined ? Number.POSITIVE_INFINITY : sentAt - last.answeredAt;
  return waitedMs <= samePassMs
    ? undefined
    : `weight 0 was written ${waitedMs} ms after the answer that ended the run`;
}

/** Promise 5: no data and no answer are told apart from a check that failed. */
export function failedWithoutFailure(
  { process, sentAt }: Write,
  queries: readonly Query[],
  plan: Plan,
): string | undefined {
  if (!failsByMetricsAlone(plan)) return undefined;
  const isSeen = queries.some(
    ({ life, verdict, answeredAt }) =>
      life === process.life.id && verdict === 'bad' && answeredAt >= sentAt - roundMs,
  );
  return isSeen ? undefined : 'a failed check was counted, and no answer was out of range';
}

/** Promise 10: beside a spec that is refused no run begins and nothing goes on. */
export function wentOnRefused({ record, before, after }: Write): string | undefined {
  if (record.resource !== 'deployments') return undefined;
  if (replicasOf(before) === 0 && replicasOf(after) > 0 && record.name === 'cart')
    return 'pods were made for a run although the spec is refused';
  if (before !== undefined && after !== undefined && imageOf(before) !== imageOf(after))
    return `${record.name} was given another template although the spec is refused`;
  return undefined;
}
