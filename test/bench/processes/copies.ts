/**
 * Makes many canaries from one that the operator itself has brought to rest: the same seven objects in other
 * namespaces, with their own uids. Nothing of a status is invented here.
 */
import * as z from 'zod';

import type { KubernetesObject } from '../../../src/api/object.ts';

export interface CopyJob {
  readonly from: string;
  readonly to: readonly string[];
  readonly send: (
    method: 'GET' | 'POST' | 'PATCH',
    path: string,
    body?: unknown,
  ) => KubernetesObject;
  readonly collectionOf: (object: KubernetesObject) => string;
}

/** Owners come before what they own. */
const collections: readonly (readonly [apiVersion: string, kind: string, plural: string])[] = [
  ['serin.dev/v1beta1', 'Canary', 'canaries'],
  ['apps/v1', 'Deployment', 'deployments'],
  ['v1', 'Service', 'services'],
  ['gateway.networking.k8s.io/v1', 'HTTPRoute', 'httproutes'],
];

const List = z.object({
  items: z.array(z.looseObject({ metadata: z.looseObject({ name: z.string() }) })),
});

/** Answers the size of each kind's largest object in bytes, as it is sent. */
export function copyNamespace({ from, to, send, collectionOf }: CopyJob): Record<string, number> {
  const originals = collections.flatMap(([apiVersion, kind, plural]) => {
    const root = apiVersion.includes('/') ? 'apis' : 'api';
    const list = send('GET', `/${root}/${apiVersion}/namespaces/${from}/${plural}`);
    const items = List.parse(list).items.map((item) => ({ ...item, apiVersion, kind }));
    // The target first: what we made belongs to it.
    return items.toSorted((a, b) => a.metadata.name.length - b.metadata.name.length);
  });
  for (const namespace of to) copyInto(namespace, originals, { from, to, send, collectionOf });
  const sizes: Record<string, number> = {};
  for (const original of originals) {
    const size = JSON.stringify(original).length;
    sizes[original.kind] = Math.max(sizes[original.kind] ?? 0, size);
  }
  return sizes;
}

function copyInto(
  namespace: string,
  originals: readonly KubernetesObject[],
  { from, send, collectionOf }: CopyJob,
): void {
  send('POST', '/api/v1/namespaces', {
    apiVersion: 'v1',
    kind: 'Namespace',
    metadata: { name: namespace },
  });
  const uids = new Map<string, string>();
  const made: (readonly [path: string, original: KubernetesObject])[] = [];
  for (const original of originals) {
    const copy = translate(original, from, namespace, uids);
    const collection = collectionOf(copy);
    const created = send('POST', collection, withoutServerFields(copy));
    uids.set(original.metadata.uid ?? '', created.metadata.uid ?? '');
    made.push([`${collection}/${created.metadata.name}`, original]);
  }
  // Statuses last: they name uids of objects that were made after theirs.
  for (const [path, original] of made) {
    const { status } = translate(original, from, namespace, uids);
    if (status === undefined || original.kind === 'Service') continue;
    send('PATCH', `${path}/status`, { status });
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
  const spec = z.looseObject({}).parse(object['spec'] ?? {});
  return {
    ...object,
    metadata: { ...without(object.metadata), name: object.metadata.name },
    spec: without(spec),
  };
}

function without(fields: object): object {
  return Object.fromEntries(Object.entries(fields).filter(([field]) => !setByTheServer.has(field)));
}
