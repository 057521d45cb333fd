/** Whether a request matches, and which of several matches wins. Pure. */
import type { RouteMatch, ValueMatch } from './route-objects.ts';

export interface RequestFacts {
  /** Lower case, without the port. */
  readonly host: string;
  /** The port named in the host header, if any. */
  readonly port?: number;
  readonly method: string;
  /** Without the query. */
  readonly path: string;
  readonly query: URLSearchParams;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string | undefined>>;
}

/** The facts of a request that has nothing special about it. */
export function plainRequest(host: string, path = '/'): RequestFacts {
  return { host, method: 'GET', path, query: new URLSearchParams(), headers: {} };
}

export function matches(match: RouteMatch, request: RequestFacts): boolean {
  if (match.method !== undefined && match.method !== request.method) return false;
  if (!matchesPath(match, request.path)) return false;
  const { headers = [], queryParams = [] } = match;
  return (
    headers.every((wanted) => holds(wanted, request.headers[wanted.name.toLowerCase()])) &&
    queryParams.every((wanted) => holds(wanted, request.query.get(wanted.name) ?? undefined))
  );
}

function matchesPath({ path }: RouteMatch, actual: string): boolean {
  const { type = 'PathPrefix', value = '/' } = path ?? {};
  if (type === 'Exact') return actual === value;
  if (type === 'RegularExpression') return whole(value).test(actual);
  return isPrefix(value, actual);
}

/** A prefix ends at a slash: `/a` covers `/a` and `/a/b`, not `/ab`. */
export function isPrefix(prefix: string, path: string): boolean {
  const bare = prefix.endsWith('/') ? prefix.slice(0, -1) : prefix;
  return path === bare || path.startsWith(`${bare}/`);
}

function holds({ type = 'Exact', value }: ValueMatch, actual: string | undefined): boolean {
  if (actual === undefined) return false;
  return type === 'RegularExpression' ? whole(value).test(actual) : actual === value;
}

const expressions = new Map<string, RegExp>();

function whole(expression: string): RegExp {
  let compiled = expressions.get(expression);
  if (compiled === undefined) {
    compiled = new RegExp(`^(?:${expression})$`);
    expressions.set(expression, compiled);
  }
  return compiled;
}

/** What is wrong with the regular expressions of a match; `undefined` when they can be used. */
export function problemOf({
  path,
  headers = [],
  queryParams = [],
}: RouteMatch): string | undefined {
  const all = [...headers, ...queryParams, ...(path === undefined ? [] : [path])];
  for (const { type, value } of all) {
    if (type !== 'RegularExpression' || value === undefined) continue;
    try {
      whole(value);
    } catch {
      return `"${value}" is not a regular expression`;
    }
  }
  return undefined;
}

/** Negative when `a` wins: exact before long before short paths, then method, headers, parameters. */
export function comparePrecedence(a: RouteMatch, b: RouteMatch): number {
  return (
    pathRank(b) - pathRank(a) ||
    (b.path?.value ?? '/').length - (a.path?.value ?? '/').length ||
    Number(b.method !== undefined) - Number(a.method !== undefined) ||
    (b.headers?.length ?? 0) - (a.headers?.length ?? 0) ||
    (b.queryParams?.length ?? 0) - (a.queryParams?.length ?? 0)
  );
}

function pathRank({ path }: RouteMatch): number {
  if (path?.type === 'Exact') return 2;
  return path?.type === 'RegularExpression' ? 1 : 0;
}

/** `*.example.com` covers every host below it; nothing, or `*`, covers all. */
export function coversHost(pattern: string, host: string): boolean {
  if (pattern === '*' || pattern === host) return true;
  return pattern.startsWith('*.') && host.endsWith(pattern.slice(1)) && host !== pattern.slice(2);
}

/** What two patterns have in common, which is the narrower one; `undefined` when nothing. */
export function commonHost(a: string, b: string): string | undefined {
  if (coversHost(a, b)) return b;
  return coversHost(b, a) ? a : undefined;
}
