/** What clients ask first: which groups, versions and kinds there are, and what can be done with them. */

import type { ServerContext } from './context.ts';
import type { JsonObject } from './json.ts';
import { apiVersionOf, type ResourceType } from './resource-type.ts';

const VERBS = ['create', 'delete', 'deletecollection', 'get', 'list', 'patch', 'update', 'watch'];
/** In the order in which Kubernetes gives them. */
const CUSTOM_VERBS = [
  'delete',
  'deletecollection',
  'get',
  'list',
  'patch',
  'create',
  'update',
  'watch',
];
const SUBRESOURCE_VERBS = ['get', 'patch', 'update'];

/** `/api`. */
export function coreVersions(): JsonObject {
  return { kind: 'APIVersions', versions: ['v1'], serverAddressByClientCIDRs: [] };
}

/** `/apis`. */
export function groupList(context: ServerContext): JsonObject {
  const groups = [...versionsByGroup(context)].filter(([group]) => group !== '');
  return {
    kind: 'APIGroupList',
    apiVersion: 'v1',
    groups: groups.map(([group, versions]) => groupOf(group, versions)),
  };
}

/** `/apis/<group>`. */
export function apiGroup(context: ServerContext, group: string): JsonObject | undefined {
  const versions = versionsByGroup(context).get(group);
  if (versions === undefined) return undefined;
  return { kind: 'APIGroup', apiVersion: 'v1', ...groupOf(group, versions) };
}

function groupOf(group: string, versions: readonly string[]): JsonObject {
  const entries = versions.map((version) => ({
    groupVersion: apiVersionOf(group, version),
    version,
  }));
  return { name: group, versions: entries, preferredVersion: entries[0] };
}

function versionsByGroup({ registry }: ServerContext): ReadonlyMap<string, readonly string[]> {
  const groups = new Map<string, string[]>();
  for (const { definition } of registry.types) {
    const { group, version } = definition;
    const versions = groups.get(group) ?? [];
    if (!versions.includes(version)) versions.push(version);
    groups.set(group, versions);
  }
  for (const versions of groups.values()) versions.sort(byPriority);
  return groups;
}

/** v2 before v1 before v1beta2 before v1alpha1; names of any other form last, by alphabet. */
export function byPriority(a: string, b: string): number {
  const [x, y] = [rank(a), rank(b)];
  for (const [index, part] of x.entries()) {
    const other = y[index] ?? 0;
    if (part !== other) return other - part;
  }
  return a < b ? -1 : 1;
}

function rank(version: string): readonly number[] {
  const match = /^v(\d+)(?:(alpha|beta)(\d+))?$/.exec(version);
  if (match === null) return [0, 0, 0];
  const stability = match[2] === undefined ? 3 : match[2] === 'beta' ? 2 : 1;
  return [stability, Number(match[1]), Number(match[3] ?? 0)];
}

/** `/api/v1` and `/apis/<group>/<version>`. */
export function resourceList(
  { registry }: ServerContext,
  group: string,
  version: string,
): JsonObject | undefined {
  const types = registry.types.filter(
    ({ definition }) => definition.group === group && definition.version === version,
  );
  if (types.length === 0) return undefined;
  return {
    kind: 'APIResourceList',
    apiVersion: 'v1',
    groupVersion: apiVersionOf(group, version),
    resources: types.flatMap(resourcesOf),
  };
}

/** Namespaces are not deleted by the dozen. */
function verbsOf(resource: string, custom: boolean): readonly string[] {
  if (resource === 'namespaces') return VERBS.filter((verb) => verb !== 'deletecollection');
  return custom ? CUSTOM_VERBS : VERBS;
}

function resourcesOf({ definition, resource }: ResourceType): readonly JsonObject[] {
  const { plural, singular, kind, namespaced, shortNames, categories, custom } = definition;
  const main = {
    name: plural,
    singularName: singular,
    namespaced,
    kind,
    verbs: verbsOf(resource, custom),
    ...(shortNames.length > 0 ? { shortNames } : {}),
    ...(categories.length > 0 ? { categories } : {}),
  };
  const entries: JsonObject[] = [main];
  const sub = (name: string, more: JsonObject) =>
    entries.push({ name: `${plural}/${name}`, singularName: '', namespaced, kind, ...more });
  if (definition.hasStatus) sub('status', { verbs: SUBRESOURCE_VERBS });
  if (definition.scale !== undefined)
    sub('scale', {
      group: 'autoscaling',
      version: 'v1',
      kind: 'Scale',
      verbs: SUBRESOURCE_VERBS,
    });
  if (resource === 'namespaces') sub('finalize', { verbs: ['update'] });
  return entries;
}
