/**
 * Makes many canaries from one that the operator itself has brought to rest: the same seven objects in other
 * namespaces, with their own uids. Nothing of a status is invented here.
 */
import * as z from 'zod';

import type { KubernetesObject } from '../../../src/api/object.ts';

export interface Copier {
  readonly from: string;
  /** Throws unless the answer is a success; resolves with the object or list in it. */
  readonly send: (method: 'GET' | 'POST' | 'PATCH', path: string, body?: unknown) => Answered;
  readonly collectionOf: (object: KubernetesObject) => string;
  /** Kinds whose copies start without a status. */
  readonly fresh?: readonly string[];
}
type Answered = KubernetesObject | Promise<KubernetesObject>;

type Collection = readonly [apiVersion: string, kind: string, plural: string];

/** What one canary consists of. Owners come before what they own. */
export const canaryCollections: readonly Collection[] = [
  ['serin.dev/v1beta1', 'Canary', 'canaries'],
  ['apps/v1', 'Deployment', 'deployments'],
  ['v1', 'Service', 'services'],
  ['gateway.networking.k8s.io/v1', 'HTTPRoute', 'httproutes'],
];

const List = z.object({
  items: z.array(z.looseObject({ metadata: z.looseObject({ name: z.string() }) })),
});

/** What there is in the namespace that copies are made from. */
export async function originalsIn(
  { from, send }: Copier,
  collections: readonly Collection[] = canaryCollections,
): Promise<readonly KubernetesObject[]> {
  const originals: KubernetesObject[] = [];
  for (const [apiVersion, kind, plural] of collections) {
    const root = apiVersion.includes('/') ? 'apis' : 'api';
    const list = await send('GET', `/${root}/${apiVersion}/namespaces/${from}/${plural}`);
    const items = List.parse(list).items.map((item) => ({ ...item, apiVersion, kind }));
    // The target first: what we made belongs to it.
    originals.push(...items.toSorted((a, b) => a.metadata.name.length - b.metadata.name.length));
  }
  return originals;
}

/** The size of each kind's largest object in bytes, as it is sent. */
export function sizesOf(originals: readonly KubernetesObject[]): Record<string, number> {
  const sizes: Record<string, number> = {};
  for (const original of originals) {
    const size = JSON.stringify(original).length;
    sizes[original.kind] = Math.max(sizes[original.kind] ?? 0, size);
  }
  return sizes;
}

export async function copyInto(
  namespace: string,
  originals: readonly KubernetesObject[],
  { from, send, collectionOf, fresh = [] }: Copier,
): Promise<void> {
  await send('POST', '/api/v1/namespaces', {
    apiVersion: 'v1',
    kind: 'Namespace',
    metadata: { name: namespace },
  });
  const uids = new Map<string, string>();
  const made: (readonly [path: string, original: KubernetesObject])[] = [];
  for (const original of originals) {
    const copy = translate(original, from, namespace, uids);
    const collection = collectionOf(copy);
    const created = await send('POST', collection, withoutServerFields(copy));
    uids.set(original.metadata.uid ?? '', created.metadata.uid ?? '');
    made.push([`${collection}/${created.metadata.name}`, original]);
  }
  // Statuses last: they name uids of objects that were made after theirs.
  for (const [path, original] of made) {
    const { status } = translate(original, from, namespace, uids);
    if (status === undefined || original.kind === 'Service' || fresh.includes(original.kind))
      continue;
    await send('PATCH', `${path}/status`, { status });
  }
}

function translate(
  object: KubernetesObject,
  from: string,
  to: string,
  uids: ReadonlyMap<string, string>,
): KubernetesObject {
  let text = JSON.stringify(object).replaceAll(from, to);
  for (const [before, after] of uids) text = text.replaceAll(before, after);
  return Copied.parse(JSON.parse(text));
}

const Copied = z.looseObject({
  apiVersion: z.string(),
  kind: z.string(),
  metadata: z.looseObject({ name: z.string() }),
});

const setByTheServer: ReadonlySet<string> = new Set([
  'uid',
  'resourceVersion',
  'creationTimestamp',
  'generation',
  'managedFields',
  'clusterIP',
  'clusterIPs',
]);

function withoutServerFields(object: KubernetesObject): KubernetesObject {
  const { spec } = z.looseObject({ spec: z.looseObject({}).optional() }).parse(object);
  return {
    ...object,
    metadata: { ...without(object.metadata), name: object.metadata.name },
    ...(spec === undefined ? {} : { spec: without(spec) }),
  };
}

function without(fields: object): object {
  return Object.fromEntries(Object.entries(fields).filter(([field]) => !setByTheServer.has(field)));
}
