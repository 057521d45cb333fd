/**
 * Whether another route would win over the one we would make.
 *
 * Of two routes with the same parent, host and match the Gateway API gives the requests to the older one.
 */

import { isObject } from '../../../api/narrow.ts';
import type { HttpRoute, HttpRouteRule, RouteReference } from '../../../api/object.ts';

/** The oldest of `others` that `route` would lose requests to. */
export function shadowOf(route: HttpRoute, others: readonly HttpRoute[]): HttpRoute | undefined {
  return others.filter((other) => isOlder(other, route) && overlaps(other, route)).sort(byAge)[0];
}

function overlaps(left: HttpRoute, right: HttpRoute): boolean {
  return sharesParent(left, right) && sharesHost(left, right) && sharesMatch(left, right);
}

function sharesParent(left: HttpRoute, right: HttpRoute): boolean {
  const spaces = [left.metadata.namespace ?? '', right.metadata.namespace ?? ''] as const;
  return (left.spec.parentRefs ?? []).some((mine) =>
    (right.spec.parentRefs ?? []).some((theirs) => sameListener(mine, theirs, spaces)),
  );
}

/** A reference without section or port means every listener of the parent. */
function sameListener(
  left: RouteReference,
  right: RouteReference,
  [leftSpace, rightSpace]: readonly [string, string],
): boolean {
  const group = 'gateway.networking.k8s.io';
  return (
    left.name === right.name &&
    (left.namespace ?? leftSpace) === (right.namespace ?? rightSpace) &&
    (left.group ?? group) === (right.group ?? group) &&
    (left.kind ?? 'Gateway') === (right.kind ?? 'Gateway') &&
    sameOrAny(left.sectionName, right.sectionName) &&
    sameOrAny(left.port, right.port)
  );
}

function sameOrAny<T>(left: T | undefined, right: T | undefined): boolean {
  return left === undefined || right === undefined || left === right;
}

/** Equal names only: between a name and a wildcard that covers it the more specific one wins, whatever its age. */
function sharesHost(left: HttpRoute, right: HttpRoute): boolean {
  const [ours, theirs] = [left.spec.hostnames ?? [], right.spec.hostnames ?? []];
  if (ours.length === 0 || theirs.length === 0) return ours.length === theirs.length;
  return ours.some((host) => theirs.includes(host));
}

function sharesMatch(left: HttpRoute, right: HttpRoute): boolean {
  const theirs = new Set(matchKeys(right));
  return matchKeys(left).some((key) => theirs.has(key));
}

function matchKeys({ spec }: HttpRoute): readonly string[] {
  return (spec.rules ?? []).flatMap(({ matches = [] }: HttpRouteRule) =>
    (matches.length === 0 ? [{}] : matches).map(matchKey),
  );
}

/** One text per condition: what an API server would fill in is filled in, and order does not count. */
function matchKey(match: Readonly<Record<string, unknown>>): string {
  const { path, method, headers, queryParams } = match;
  return JSON.stringify([
    { type: 'PathPrefix', value: '/', ...(isObject(path) ? path : {}) },
    method ?? '',
    conditionKeys(headers),
    conditionKeys(queryParams),
  ]);
}

function conditionKeys(conditions: unknown): readonly string[] {
  if (!Array.isArray(conditions)) return [];
  return conditions
    .map((condition: Readonly<Record<string, unknown>>) => {
      const { name, type = 'Exact', value } = condition;
      return JSON.stringify([String(name).toLowerCase(), type, value]);
    })
    .sort();
}

/** One that is not stored yet is the youngest; of two made in the same second the first by name wins. */
function isOlder(left: HttpRoute, right: HttpRoute): boolean {
  return right.metadata.creationTimestamp === undefined || byAge(left, right) < 0;
}

function byAge({ metadata: left }: HttpRoute, { metadata: right }: HttpRoute): number {
  const [ours, theirs] = [left.creationTimestamp ?? '', right.creationTimestamp ?? ''];
  if (ours !== theirs) return ours < theirs ? -1 : 1;
  return left.name < right.name ? -1 : 1;
}
