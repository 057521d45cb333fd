/**
 * Prometheus' HTTP interface as a function: a request and a store in, a response out.
 *
 * It serves instant queries and what clients ask to find out whether a server is there.
 */
import { assertNever } from '../../errors.ts';
import type { Labels } from './labels.ts';
import { evaluate } from './promql/evaluate.ts';
import {
  formatSampleValue,
  formatScalarValue,
  parseDuration,
  parseFloatText,
} from './promql/go-text.ts';
import { QueryError } from './promql/query-error.ts';
import type { QueryResult } from './promql/value.ts';
import type { SampleStore } from './sample-store.ts';

export interface PrometheusRequest {
  readonly method: string;
  /** Path and query, as in the request line. */
  readonly path: string;
  readonly contentType?: string | undefined;
  readonly body?: string;
}

export interface PrometheusResponse {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** The release whose behaviour the evaluator follows. */
export const followedVersion = '2.42.0';

/** Answers one request; `nowMs` is the time of a query that names none. */
export function respond(
  store: SampleStore,
  request: PrometheusRequest,
  nowMs: number,
): PrometheusResponse {
  const { pathname, searchParams } = new URL(request.path, 'http://localhost');
  const methods = served[pathname];
  if (methods === undefined) return plain(404, `${pathname} is not served by this Prometheus\n`);
  if (!methods.includes(request.method)) {
    return plain(405, 'Method Not Allowed\n', { allow: methods.join(', ') });
  }
  switch (pathname) {
    case '/-/ready':
      return plain(200, 'Prometheus Server is Ready.\n');
    case '/-/healthy':
      return plain(200, 'Prometheus Server is Healthy.\n');
    case '/api/v1/status/buildinfo':
      return success(buildInfo);
    default:
      return query(store, parametersOf(request, searchParams), nowMs);
  }
}

const served: Readonly<Record<string, readonly string[]>> = {
  '/-/ready': ['GET', 'HEAD'],
  '/-/healthy': ['GET', 'HEAD'],
  '/api/v1/status/buildinfo': ['GET'],
  '/api/v1/query': ['GET', 'POST'],
};

const buildInfo = {
  version: followedVersion,
  revision: 'embedded',
  branch: 'sandbox',
  buildUser: 'serin',
  buildDate: '',
  goVersion: '',
};

/** Empty for a parameter that is not there. */
interface QueryParameters {
  readonly query: string;
  readonly time: string;
  readonly timeout: string;
}

/** What a form says wins over the path; of several values the first counts. */
function parametersOf(
  { method, contentType = '', body = '' }: PrometheusRequest,
  inPath: URLSearchParams,
): QueryParameters {
  const isForm = contentType.split(';')[0]?.trim() === 'application/x-www-form-urlencoded';
  const inBody = new URLSearchParams(method === 'POST' && isForm ? body : '');
  const value = (name: string) => inBody.get(name) ?? inPath.get(name) ?? '';
  return { query: value('query'), time: value('time'), timeout: value('timeout') };
}

function query(
  store: SampleStore,
  { query: text, time, timeout }: QueryParameters,
  nowMs: number,
): PrometheusResponse {
  const atMs = time === '' ? nowMs : parseTime(time);
  if (atMs === undefined) {
    return badParameter('time', `cannot parse ${JSON.stringify(time)} to a valid timestamp`);
  }
  const allowedMs = timeout === '' ? Infinity : parseTimeout(timeout);
  if (allowedMs === undefined) {
    return badParameter('timeout', `cannot parse ${JSON.stringify(timeout)} to a valid duration`);
  }
  // An evaluation takes no time that could run out halfway; only a limit of nothing is never met.
  if (allowedMs <= 0) return failure(503, 'timeout', 'query timed out in expression evaluation');
  try {
    return success(dataOf(evaluate(store, text, atMs), atMs));
  } catch (error) {
    if (!(error instanceof QueryError)) throw error;
    return error.errorType === 'bad_data'
      ? badParameter('query', error.message)
      : failure(422, error.errorType, error.message);
  }
}

const rfc3339 = /^\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(?:\.\d+)?(?:[Zz]|[+-]\d\d:\d\d)$/;

/** Seconds since the epoch or RFC 3339, in milliseconds. */
function parseTime(text: string): number | undefined {
  const seconds = parseFloatText(text);
  const ms =
    seconds === undefined ? (rfc3339.test(text) ? Date.parse(text) : Number.NaN) : seconds * 1000;
  return Number.isFinite(ms) ? Math.round(ms) : undefined;
}

function parseTimeout(text: string): number | undefined {
  const seconds = parseFloatText(text);
  if (seconds === undefined) return parseDuration(text);
  return Number.isFinite(seconds) ? seconds * 1000 : undefined;
}

function dataOf(result: QueryResult, atMs: number): unknown {
  const at = atMs / 1000;
  switch (result.type) {
    case 'scalar':
      return { resultType: 'scalar', result: [at, formatScalarValue(result.value)] };
    case 'string':
      return { resultType: 'string', result: [at, result.value] };
    case 'vector':
      return {
        resultType: 'vector',
        result: result.samples.map(({ labels, value }) => ({
          metric: metricOf(labels),
          value: [at, formatSampleValue(value)],
        })),
      };
    case 'matrix':
      return {
        resultType: 'matrix',
        result: result.series.map(({ labels, points }) => ({
          metric: metricOf(labels),
          values: points.map(({ tMs, value }) => [tMs / 1000, formatSampleValue(value)]),
        })),
      };
    default:
      return assertNever(result, 'result type');
  }
}

function metricOf(labels: Labels): Readonly<Record<string, string>> {
  return Object.fromEntries(labels);
}

function success(data: unknown): PrometheusResponse {
  return json(200, { status: 'success', data });
}

function badParameter(name: string, problem: string): PrometheusResponse {
  return failure(400, 'bad_data', `invalid parameter "${name}": ${problem}`);
}

/** An error as Prometheus' JSON has it. */
export function failure(status: number, errorType: string, error: string): PrometheusResponse {
  return json(status, { status: 'error', errorType, error });
}

function json(status: number, body: unknown): PrometheusResponse {
  return { status, headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) };
}

function plain(
  status: number,
  body: string,
  headers: PrometheusResponse['headers'] = {},
): PrometheusResponse {
  return { status, headers: { 'content-type': 'text/plain; charset=utf-8', ...headers }, body };
}
