/**
 * The HTTPRoute that is made when none sends to the apex: `spec.service` of a Canary, as Flagger maps it.
 *
 * Everything the API server would fill in is written out, so that what is stored equals what was rendered.
 */

import type { RouteMatch } from '../../../api/canary-service.ts';
import { formatDuration } from '../../../api/duration.ts';
import type { HttpRoute, HttpRouteRule } from '../../../api/object.ts';
import type { HeaderChanges, ResolvedGatewayRef, ResolvedService } from '../../../api/resolved.ts';
import type { TrafficSplit } from '../../../core/traffic.ts';
import type { RouteTarget } from '../../../ports/traffic-router.ts';

export type RouteVersion = 'v1' | 'v1beta1';

type StringMatch = NonNullable<RouteMatch['uri']>;
type Filter = Readonly<Record<string, unknown>>;

/** What the Gateway API takes when a CORS filter names no lifetime. */
const corsMaxAgeSeconds = 5;

/** Fields of a match that an HTTPRoute has no place for. Leaving one out would catch requests nobody meant. */
const inexpressible = [
  'authority',
  'scheme',
  'withoutHeaders',
  'ignoreUriCase',
  'port',
  'gateways',
  'sourceLabels',
  'sourceNamespace',
] as const satisfies readonly (keyof RouteMatch)[];

/** Why no HTTPRoute can be made of this service: the field, and what to do. `undefined` when one can. */
export function problemOf(service: ResolvedService, version: RouteVersion): string | undefined {
  if (service.gatewayRefs.length === 0) {
    return `no HTTPRoute sends to ${service.name}, and service.gatewayRefs is empty: name a Gateway, or make a route`;
  }
  if (version === 'v1beta1' && (service.timeoutMs ?? service.backendTimeoutMs) !== undefined) {
    return 'service.timeout and service.backendTimeout need provider gatewayapi:v1';
  }
  if (version === 'v1beta1' && service.corsPolicy !== undefined) {
    return 'service.corsPolicy needs provider gatewayapi:v1';
  }
  if ((service.corsPolicy?.allowOrigins ?? []).length > 0) {
    return 'service.corsPolicy.allowOrigins cannot be expressed in an HTTPRoute: use allowOrigin';
  }
  return service.match.map(matchProblem).find((problem) => problem !== undefined);
}

/** The spec of the route for this split. `problemOf` has said that it can be made. */
export function madeSpec(
  { service, port, primaryService, canaryService }: RouteTarget,
  split: TrafficSplit,
  version: RouteVersion,
): HttpRoute['spec'] {
  const backend = { group: '', kind: 'Service', port };
  const filters = filtersOf(service, version);
  const timeouts = version === 'v1' ? timeoutsOf(service) : {};
  const rule: HttpRouteRule = {
    matches: matchesOf(service),
    ...(filters.length > 0 ? { filters } : {}),
    backendRefs: [
      { ...backend, name: primaryService, weight: split.primary },
      { ...backend, name: canaryService, weight: split.canary },
    ],
    ...(Object.keys(timeouts).length > 0 ? { timeouts } : {}),
  };
  return {
    parentRefs: service.gatewayRefs.map(reference),
    ...(service.hosts.length > 0 ? { hostnames: service.hosts } : {}),
    rules: [rule],
  };
}

/** The conditions of the made route; with none, every request. */
export function matchesOf({ match }: Pick<ResolvedService, 'match'>): readonly Filter[] {
  return match.length === 0 ? [{ path: anyPath }] : match.map(mapMatch);
}

const anyPath = { type: 'PathPrefix', value: '/' };

function matchProblem(match: RouteMatch, index: number): string | undefined {
  const at = `service.match[${index}]`;
  const odd = inexpressible.find((field) => isSet(match[field]));
  if (odd !== undefined) return `${at}.${odd} cannot be expressed in an HTTPRoute: leave it out`;
  if (match.uri !== undefined && pathOf(match.uri) === undefined) {
    return `${at}.uri needs exact, prefix or regex`;
  }
  if (match.method !== undefined && match.method.exact === undefined) {
    return `${at}.method can only be exact in an HTTPRoute`;
  }
  for (const field of ['headers', 'queryParams'] as const) {
    const found = Object.entries(match[field] ?? {}).find(
      ([, way]) => valueMatch(way) === undefined,
    );
    if (found) return `${at}.${field}.${found[0]} can only be exact or regex in an HTTPRoute`;
  }
  return undefined;
}

function isSet(value: unknown): boolean {
  if (value === undefined || value === false) return false;
  return typeof value !== 'object' || value === null || Object.keys(value).length > 0;
}

function mapMatch({ uri, method, headers, queryParams }: RouteMatch): Filter {
  return {
    path: (uri && pathOf(uri)) ?? anyPath,
    ...(method === undefined ? {} : { method: method.exact }),
    ...named('headers', headers),
    ...named('queryParams', queryParams),
  };
}

/** Sorted by name, so that the same spec always gives the same route. */
function named(field: string, matches: Readonly<Record<string, StringMatch>> | undefined): Filter {
  const entries = Object.entries(matches ?? {}).sort(byName);
  if (entries.length === 0) return {};
  return { [field]: entries.map(([name, way]) => ({ name, ...valueMatch(way) })) };
}

function pathOf({ regex, exact, prefix }: StringMatch) {
  if (regex !== undefined) return { type: 'RegularExpression', value: regex };
  if (exact !== undefined) return { type: 'Exact', value: exact };
  return prefix === undefined ? undefined : { type: 'PathPrefix', value: prefix };
}

function valueMatch({ regex, exact }: StringMatch) {
  if (regex !== undefined) return { type: 'RegularExpression', value: regex };
  return exact === undefined ? undefined : { type: 'Exact', value: exact };
}

function filtersOf(service: ResolvedService, version: RouteVersion): readonly Filter[] {
  const { requestHeaders, responseHeaders } = service;
  return [
    ...headerFilter('RequestHeaderModifier', 'requestHeaderModifier', requestHeaders),
    ...headerFilter('ResponseHeaderModifier', 'responseHeaderModifier', responseHeaders),
    ...rewriteFilter(service.rewrite),
    ...service.mirror.map((receiver) => ({
      type: 'RequestMirror',
      requestMirror: { backendRef: reference(receiver) },
    })),
    ...(version === 'v1' ? corsFilter(service) : []),
  ];
}

function headerFilter(type: string, field: string, changes: HeaderChanges | undefined): Filter[] {
  if (changes === undefined) return [];
  const operations = {
    ...(Object.keys(changes.add).length > 0 ? { add: headerList(changes.add) } : {}),
    ...(Object.keys(changes.set).length > 0 ? { set: headerList(changes.set) } : {}),
    ...(changes.remove.length > 0 ? { remove: changes.remove } : {}),
  };
  return Object.keys(operations).length === 0 ? [] : [{ type, [field]: operations }];
}

function headerList(headers: Readonly<Record<string, string>>) {
  return Object.entries(headers)
    .sort(byName)
    .map(([name, value]) => ({ name, value }));
}

function rewriteFilter(rewrite: ResolvedService['rewrite']): Filter[] {
  if (rewrite === undefined) return [];
  const { uri = '', authority = '', replacesPrefix } = rewrite;
  const path = replacesPrefix
    ? { type: 'ReplacePrefixMatch', replacePrefixMatch: uri }
    : { type: 'ReplaceFullPath', replaceFullPath: uri };
  const urlRewrite = {
    ...(authority === '' ? {} : { hostname: authority }),
    ...(uri === '' ? {} : { path }),
  };
  return Object.keys(urlRewrite).length === 0 ? [] : [{ type: 'URLRewrite', urlRewrite }];
}

function corsFilter({ corsPolicy, corsMaxAgeMs }: ResolvedService): Filter[] {
  if (corsPolicy === undefined) return [];
  const lists = {
    allowOrigins: corsPolicy.allowOrigin,
    allowMethods: corsPolicy.allowMethods,
    allowHeaders: corsPolicy.allowHeaders,
    exposeHeaders: corsPolicy.exposeHeaders,
  };
  const cors = {
    ...Object.fromEntries(Object.entries(lists).filter(([, list = []]) => list.length > 0)),
    ...(corsPolicy.allowCredentials === true ? { allowCredentials: true } : {}),
    maxAge: corsMaxAgeMs === undefined ? corsMaxAgeSeconds : Math.trunc(corsMaxAgeMs / 1_000),
  };
  return [{ type: 'CORS', cors }];
}

function timeoutsOf({ timeoutMs, backendTimeoutMs }: ResolvedService) {
  return {
    ...(timeoutMs === undefined ? {} : { request: formatDuration(timeoutMs) }),
    ...(backendTimeoutMs === undefined ? {} : { backendRequest: formatDuration(backendTimeoutMs) }),
  };
}

/** Group and kind, and of the other fields those that are set. */
function reference({ group, kind, name, namespace, sectionName, port }: ResolvedGatewayRef) {
  return {
    group,
    kind,
    name,
    ...(namespace === undefined ? {} : { namespace }),
    ...(sectionName === undefined ? {} : { sectionName }),
    ...(port === undefined ? {} : { port }),
  };
}

function byName([left]: readonly [string, unknown], [right]: readonly [string, unknown]): number {
  return left < right ? -1 : 1;
}
