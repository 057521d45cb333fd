/** The last step of every write: a new version number, frozen, stored, told to the watches. */

import type { ServerContext } from './context.ts';
import { freezeJson, withKeys } from './json.ts';
import type { KubeObject } from './object.ts';
import type { ResourceType } from './resource-type.ts';

/** Stores `object` and returns it as this version of the type shows it. */
export function put(
  { store }: ServerContext,
  type: ResourceType,
  object: KubeObject,
  previous: KubeObject | undefined,
): KubeObject {
  const revision = store.nextRevision();
  const metadata = { ...object.metadata, resourceVersion: String(revision) };
  const written = freezeJson(withKeys(object, { metadata }));
  const stored =
    type.apiVersion === type.storageApiVersion
      ? written
      : freezeJson(withKeys(written, { apiVersion: type.storageApiVersion }));
  if (stored === written) type.adopt(stored);
  const kind = previous === undefined ? 'ADDED' : 'MODIFIED';
  store.commit(type.resource, { type: kind, revision, object: stored, previous });
  return written;
}

/** Removes what is stored and returns its last state, which carries the version of the removal. */
export function remove(
  { store }: ServerContext,
  type: ResourceType,
  stored: KubeObject,
  last: KubeObject = stored,
): KubeObject {
  const revision = store.nextRevision();
  const metadata = { ...last.metadata, resourceVersion: String(revision) };
  const object = freezeJson(withKeys(last, { metadata }));
  store.commit(type.resource, { type: 'DELETED', revision, object, previous: stored });
  return object;
}
