/**
 * The note about our last write of traffic, kept on the routing object itself.
 */

import { marks } from '../api/marks.ts';
import type { KubernetesObject } from '../api/object.ts';
import { annotated } from './owners.ts';
import type { AppliedTraffic, TrafficReason } from './traffic.ts';

/**
 * What our last write to this object said. `undefined`: there was none, or the note is not one that we write,
 * which counts the same: somebody else's edit.
 */
export function appliedTo(object: KubernetesObject): AppliedTraffic | undefined {
  const text = object.metadata.annotations?.[marks.applied];
  return text === undefined ? undefined : parseApplied(text);
}

/** The object with this note, to be sent in the same request as the traffic it tells of. */
export function withApplied(object: KubernetesObject, applied: AppliedTraffic): KubernetesObject {
  const { run, revision, weight, for: reason } = applied;
  return annotated(object, {
    [marks.applied]: JSON.stringify({ run, revision, weight, for: reason }),
  });
}

/** The object without the note, as we leave it behind. */
export function withoutApplied(object: KubernetesObject): KubernetesObject {
  return annotated(object, { [marks.applied]: undefined });
}

/** Reads the text of a note; anything but exactly what we write is `undefined`. */
export function parseApplied(text: string): AppliedTraffic | undefined {
  let note: unknown;
  try {
    note = JSON.parse(text);
  } catch {
    return undefined;
  }
  return isApplied(note) ? note : undefined;
}

function isApplied(note: unknown): note is AppliedTraffic {
  if (typeof note !== 'object' || note === null || Object.keys(note).length !== 4) return false;
  const { run, revision, weight, for: reason }: Partial<Record<string, unknown>> = { ...note };
  return (
    typeof run === 'string' &&
    typeof revision === 'string' &&
    Number.isInteger(weight) &&
    Number(weight) >= 0 &&
    Number(weight) <= 100 &&
    isReason(reason)
  );
}

/** A record, so that a reason added to the type does not compile until it can be read back. */
const reasons: Readonly<Record<Exclude<TrafficReason, `abort:${string}`>, true>> = {
  initialise: true,
  prepare: true,
  raise: true,
  restart: true,
  revert: true,
  promoted: true,
  stay: true,
  correct: true,
  release: true,
};

function isReason(reason: unknown): reason is TrafficReason {
  return (
    typeof reason === 'string' && (reason.startsWith('abort:') || Object.hasOwn(reasons, reason))
  );
}
