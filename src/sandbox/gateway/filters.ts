/** What a rule's filters make of a request and of its answer. Pure. */
import { isPrefix, type RequestFacts } from './matching.ts';
import type {
  CorsPolicy,
  HeaderModifier,
  PathModifier,
  RouteFilter,
  RouteMatch,
} from './route-objects.ts';

export type Headers = Record<string, string | string[] | undefined>;

/** An answer that the gateway gives itself. */
export interface OwnAnswer {
  readonly status: number;
  readonly headers: Headers;
}

/** `undefined` when no filter answers and the request goes on to a backend. */
export function ownAnswer(
  filters: readonly RouteFilter[],
  request: RequestFacts,
  match: RouteMatch,
): OwnAnswer | undefined {
  for (const filter of filters) {
    if (filter.requestRedirect !== undefined)
      return redirect(filter.requestRedirect, request, match);
    if (filter.cors !== undefined && isPreflight(request)) return preflight(filter.cors, request);
  }
  return undefined;
}

function redirect(
  wanted: NonNullable<RouteFilter['requestRedirect']>,
  request: RequestFacts,
  match: RouteMatch,
): OwnAnswer {
  const { scheme = 'http', hostname = request.host, statusCode = 302 } = wanted;
  const wellKnown = scheme === 'https' ? 443 : 80;
  // A changed scheme brings its own port; otherwise the port stays what it was.
  const port = wanted.port ?? (wanted.scheme === undefined ? request.port : undefined) ?? wellKnown;
  const path = rewritePath(request.path, wanted.path, match);
  const query = request.query.size === 0 ? '' : `?${request.query.toString()}`;
  const authority = port === wellKnown ? hostname : `${hostname}:${port}`;
  return { status: statusCode, headers: { location: `${scheme}://${authority}${path}${query}` } };
}

/** Path and host as the backend shall see them; the host is absent when it stays. */
export function rewritten(
  filters: readonly RouteFilter[],
  path: string,
  match: RouteMatch,
): { path: string; host?: string } {
  const rewrite = filters.find(({ urlRewrite }) => urlRewrite !== undefined)?.urlRewrite;
  const host = rewrite?.hostname;
  const newPath = rewritePath(path, rewrite?.path, match);
  return host === undefined ? { path: newPath } : { path: newPath, host };
}

export function rewritePath(
  path: string,
  modifier: PathModifier | undefined,
  match: RouteMatch,
): string {
  if (modifier === undefined) return path;
  if (modifier.type === 'ReplaceFullPath') return modifier.replaceFullPath ?? '/';
  const prefix = match.path?.value ?? '/';
  if (!isPrefix(prefix, path)) return path;
  const rest = path.slice(prefix.endsWith('/') ? prefix.length - 1 : prefix.length);
  const replacement = (modifier.replacePrefixMatch ?? '/').replace(/\/$/, '');
  const joined = `${replacement}${rest}`;
  return joined.startsWith('/') ? joined : `/${joined}`;
}

export function modifyRequestHeaders(filters: readonly RouteFilter[], headers: Headers): Headers {
  return filters.reduce(
    (current, { requestHeaderModifier }) => modified(current, requestHeaderModifier),
    headers,
  );
}

export function modifyResponseHeaders(
  filters: readonly RouteFilter[],
  headers: Headers,
  request: RequestFacts,
): Headers {
  return filters.reduce((current, { responseHeaderModifier, cors }) => {
    const next = modified(current, responseHeaderModifier);
    return cors === undefined ? next : { ...next, ...corsHeaders(cors, request) };
  }, headers);
}

/** Set first, then add, then remove, as the API orders them. */
function modified(headers: Headers, modifier: HeaderModifier | undefined): Headers {
  if (modifier === undefined) return headers;
  const next = { ...headers };
  for (const { name, value } of modifier.set ?? []) next[name.toLowerCase()] = value;
  for (const { name, value } of modifier.add ?? []) {
    const key = name.toLowerCase();
    const before = next[key];
    next[key] = before === undefined ? value : [before, value].flat();
  }
  for (const name of modifier.remove ?? []) delete next[name.toLowerCase()];
  return next;
}

function isPreflight({ method, headers }: RequestFacts): boolean {
  const asks = headers['access-control-request-method'] !== undefined;
  return method === 'OPTIONS' && headers['origin'] !== undefined && asks;
}

function preflight(cors: CorsPolicy, request: RequestFacts): OwnAnswer {
  const allowed = corsHeaders(cors, request);
  if (allowed['access-control-allow-origin'] === undefined) return { status: 200, headers: {} };
  const list = (names: readonly string[] | undefined, asked: string) =>
    names?.includes('*') === true ? request.headers[asked] : names?.join(', ');
  return {
    status: 200,
    headers: {
      ...allowed,
      'access-control-allow-methods': list(cors.allowMethods, 'access-control-request-method'),
      'access-control-allow-headers': list(cors.allowHeaders, 'access-control-request-headers'),
      'access-control-max-age': String(cors.maxAge ?? 5),
    },
  };
}

function corsHeaders(cors: CorsPolicy, { headers }: RequestFacts): Headers {
  const { origin } = headers;
  const allowed = (cors.allowOrigins ?? []).some((pattern) => coversOrigin(pattern, origin));
  if (origin === undefined || !allowed) return {};
  return {
    'access-control-allow-origin': origin,
    vary: 'Origin',
    ...(cors.allowCredentials === true ? { 'access-control-allow-credentials': 'true' } : {}),
    ...(cors.exposeHeaders === undefined
      ? {}
      : { 'access-control-expose-headers': cors.exposeHeaders.join(', ') }),
  };
}

function coversOrigin(pattern: string, origin: string | undefined): boolean {
  if (origin === undefined) return false;
  if (pattern === '*' || pattern === origin) return true;
  const [before, after] = pattern.split('*');
  if (before === undefined || after === undefined) return false;
  return origin.startsWith(before) && origin.endsWith(after) && origin.length > pattern.length - 1;
}
