/**
 * What is kept of `metadata.managedFields`: names and times, beside the objects in the caches.
 */
import type { KubernetesObject, ManagedFields } from '../../api/object.ts';
import type { StatusWriters } from '../../core/observation.ts';

/** The name that our own writes carry. */
export const ourManager = 'serin';

/** Who else wrote an object last. */
const managers = new WeakMap<KubernetesObject, string>();
/** Who has written a status that is ours, if that was not we alone. */
const statusWriters = new WeakMap<KubernetesObject, StatusWriters>();
const nobody: StatusWriters = { ours: undefined, others: [] };

/** Without managed fields, which are a third of an object and of no use to us: updates name differences. */
export function trimmed(object: KubernetesObject): KubernetesObject {
  if (object.metadata.managedFields === undefined) return object;
  const { managedFields = [], ...metadata } = object.metadata;
  const lean = { ...object, metadata };
  const manager = lastOther(managedFields);
  if (manager !== undefined) managers.set(lean, manager);
  return lean;
}

export function lastManagerOf(object: KubernetesObject): string | undefined {
  return managers.get(object);
}

/** Writes of a status say nothing about who wants what. */
function lastOther(managedFields: readonly ManagedFields[]): string | undefined {
  const others = managedFields.filter(
    ({ manager, subresource = '' }) => manager !== ourManager && subresource === '',
  );
  const [first, ...rest] = others;
  return rest.reduce(
    (last, entry) => ((entry.time ?? '') >= (last?.time ?? '') ? entry : last),
    first,
  )?.manager;
}

// ── who writes a status ─────────────────────────────────────────────────────

export function statusWritersOf(object: KubernetesObject): StatusWriters {
  return statusWriters.get(object) ?? nobody;
}

/** Keeps for `lean` who has written the status of `object`, which it was made from. */
export function keepStatusWriters(lean: KubernetesObject, object: KubernetesObject): void {
  const writers = writersOfStatus(object.metadata.managedFields);
  if (writers.others.length > 0) statusWriters.set(lean, writers);
}

/** One entry stands for a manager, an operation and a version of the API: the last of them tells. */
function writersOfStatus(managedFields: readonly ManagedFields[] = []): StatusWriters {
  const last = new Map<string, string>();
  for (const { manager = '', subresource, time } of managedFields) {
    if (subresource !== 'status' || time === undefined) continue;
    if (time > (last.get(manager) ?? '')) last.set(manager, time);
  }
  const ours = last.get(ourManager);
  last.delete(ourManager);
  const others = [...last].map(([manager, at]) => ({ manager, at }));
  return { ours, others: others.sort((a, b) => a.at.localeCompare(b.at)) };
}
