import type { KubernetesObject } from '../../api/object.ts';
import { UnavailableError } from '../../errors.ts';
import { isRecord } from './kinds.ts';

/** One page of a list, as it came over the wire: items leave out their kind. */
export interface ListPage {
  readonly items: readonly KubernetesObject[];
  readonly version: string;
  /** Asks for the next page; `undefined` on the last. */
  readonly next: string | undefined;
}

/** Throws `UnavailableError` for something that is no list: an intermediary's page, half an answer. */
export function parseListPage(body: unknown): ListPage {
  const metadata = isRecord(body) && isRecord(body['metadata']) ? body['metadata'] : {};
  // Go writes an empty slice as null.
  const items: unknown = isRecord(body) && 'items' in body ? (body['items'] ?? []) : undefined;
  const version = metadata['resourceVersion'];
  if (!Array.isArray(items) || !items.every(isItem) || typeof version !== 'string') {
    throw new UnavailableError('the API server answered with something that is no list', {
      reason: 'UnreadableAnswer',
    });
  }
  const next = metadata['continue'];
  return { items, version, next: typeof next === 'string' && next !== '' ? next : undefined };
}

function isItem(item: unknown): item is KubernetesObject {
  return (
    isRecord(item) && isRecord(item['metadata']) && typeof item['metadata']['name'] === 'string'
  );
}
