/**
 * What a webhook is told, as Flagger's receivers expect it.
 */
import { createHash } from 'node:crypto';
import type { ResolvedWebhook } from '../api/resolved.ts';
import type { Seen } from './observe.ts';

/** `checksum` is the same throughout a run, and another one for every other revision. */
export function hookBody(
  { observation }: Pick<Seen, 'observation'>,
  { metadata }: Pick<ResolvedWebhook, 'metadata'>,
  phase: string,
  more: Readonly<Record<string, string>> = {},
): unknown {
  const { name, namespace, run, status } = observation;
  const all = { ...metadata, ...more };
  return {
    name,
    namespace,
    phase,
    checksum: checksumOf(run?.revision ?? status.lastAppliedSpec ?? ''),
    ...(Object.keys(all).length === 0 ? {} : { metadata: all }),
  };
}

function checksumOf(revision: string): string {
  return createHash('sha256').update(revision).digest('hex').slice(0, 16);
}
