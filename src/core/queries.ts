/**
 * The queries behind the built-in metrics, for routers that do not measure requests themselves: what the pods of
 * the target report as `http_request_duration_seconds`.
 */

/** What a built-in query is about. */
export interface QueryScope {
  readonly namespace: string;
  /** Name of the target, whose pods are the canary's. */
  readonly target: string;
  /** The window, as PromQL writes a range: see `isWindow`. */
  readonly interval: string;
}

export interface BuiltinQuery {
  readonly query: string;
  /** What the answer is multiplied by: request durations are seconds on the wire and milliseconds to users. */
  readonly scale: number;
}

/** The window of a built-in metric whose `interval` is not set. */
export const defaultWindow = '1m';

/** The query of a built-in metric; `undefined` for a name that is none. */
export function builtinQuery(name: string, scope: QueryScope): BuiltinQuery | undefined {
  switch (name) {
    case 'request-success-rate':
      return { query: successRate(scope), scale: 1 };
    case 'request-duration':
      return { query: durationP99(scope), scale: 1000 };
    default:
      return undefined;
  }
}

/** Whether PromQL takes a text as a range: whole numbers with units from the largest down, and more than zero. */
export function isWindow(text: string): boolean {
  const range =
    /^(?:[0-9]+y)?(?:[0-9]+w)?(?:[0-9]+d)?(?:[0-9]+h)?(?:[0-9]+m)?(?:[0-9]+s)?(?:[0-9]+ms)?$/;
  return range.test(text) && /[1-9]/.test(text);
}

/**
 * Percent of requests that did not fail.
 *
 * Where there are requests but none succeeded, the numerator has no series at all; it falls back to zero, so
 * that the answer is 0 and not nothing. Without any request both sides are zero or missing: no data.
 */
function successRate(scope: QueryScope): string {
  const all = rateOf('http_request_duration_seconds_count', scope);
  const good = rateOf('http_request_duration_seconds_count', scope, ', status!~"5.*"');
  return `(sum(${good}) or 0 * sum(${all})) / sum(${all}) * 100`;
}

/** What 99 of 100 requests did not exceed, in seconds. */
function durationP99(scope: QueryScope): string {
  const buckets = rateOf('http_request_duration_seconds_bucket', scope);
  return `histogram_quantile(0.99, sum(${buckets}) by (le))`;
}

function rateOf(metric: string, { namespace, target, interval }: QueryScope, more = ''): string {
  // Pods of a Deployment: its name, the hash of a ReplicaSet, five characters. The primary's have one part more.
  const pods = `${target.replaceAll('.', '[.]')}-[0-9a-zA-Z]+(-[0-9a-zA-Z]+)`;
  const labels = `kubernetes_namespace="${namespace}", kubernetes_pod_name=~"${pods}"`;
  return `rate(${metric}{${labels}${more}}[${interval}])`;
}
