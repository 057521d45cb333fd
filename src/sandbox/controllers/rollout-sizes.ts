/** The arithmetic of a Deployment's rollout: how many pods of which ReplicaSet, and nothing else. Pure. */
import type { Deployment, ReplicaSet } from './objects.ts';

export interface Bounds {
  readonly maxSurge: number;
  readonly maxUnavailable: number;
}

/** A new size for one ReplicaSet. */
export interface Resize {
  readonly set: ReplicaSet;
  readonly replicas: number;
}

/** Percentages round up for the surge and down for what may be missing; both zero would never move. */
export function boundsOf({ spec }: Deployment): Bounds {
  if (spec.strategy?.type === 'Recreate') return { maxSurge: 0, maxUnavailable: 0 };
  const replicas = spec.replicas ?? 1;
  const { maxSurge = '25%', maxUnavailable = '25%' } = spec.strategy?.rollingUpdate ?? {};
  const surge = resolve(maxSurge, replicas, Math.ceil);
  const missing = resolve(maxUnavailable, replicas, Math.floor);
  return {
    maxSurge: surge,
    maxUnavailable: surge === 0 && missing === 0 ? 1 : Math.min(missing, replicas),
  };
}

function resolve(
  value: number | string,
  replicas: number,
  round: (value: number) => number,
): number {
  if (typeof value === 'number') return value;
  const number = Number.parseInt(value, 10);
  return value.endsWith('%') ? round((number * replicas) / 100) : number;
}

export function sizeOf({ spec }: ReplicaSet): number {
  return spec.replicas ?? 1;
}

export function availableOf({ status }: ReplicaSet): number {
  return status?.availableReplicas ?? 0;
}

export function total(sets: readonly ReplicaSet[], countOf: (set: ReplicaSet) => number): number {
  return sets.reduce((sum, set) => sum + countOf(set), 0);
}

/** The new ReplicaSet grows as far as the surge allows, and shrinks to what is asked for. */
export function newSetSize(
  deployment: Deployment,
  current: ReplicaSet,
  all: readonly ReplicaSet[],
): number {
  const wanted = deployment.spec.replicas ?? 1;
  const size = sizeOf(current);
  if (size >= wanted || deployment.spec.strategy?.type === 'Recreate') return wanted;
  const room = wanted + boundsOf(deployment).maxSurge - total(all, sizeOf);
  return room <= 0 ? size : size + Math.min(room, wanted - size);
}

/** Old ReplicaSets give up first what serves nobody, then what the rest can do without. */
export function oldSetSizes(
  deployment: Deployment,
  current: ReplicaSet,
  old: readonly ReplicaSet[],
): readonly Resize[] {
  const wanted = deployment.spec.replicas ?? 1;
  const minAvailable = wanted - boundsOf(deployment).maxUnavailable;
  const newUnavailable = sizeOf(current) - availableOf(current);
  const all = [...old, current];
  const spare = total(all, sizeOf) - minAvailable - newUnavailable;
  if (spare <= 0) return [];

  const sizes = new Map(old.map((set) => [set, sizeOf(set)]));
  takeAway(sizes, spare, (set) => sizeOf(set) - availableOf(set));
  takeAway(sizes, total(all, availableOf) - minAvailable, (set) => sizes.get(set) ?? 0);
  return [...sizes]
    .filter(([set, replicas]) => replicas !== sizeOf(set))
    .map(([set, replicas]) => ({ set, replicas }));
}

function takeAway(
  sizes: Map<ReplicaSet, number>,
  count: number,
  mostOf: (set: ReplicaSet) => number,
): void {
  let left = count;
  for (const [set, size] of sizes) {
    const taken = Math.max(0, Math.min(left, mostOf(set), size));
    sizes.set(set, size - taken);
    left -= taken;
  }
}

/**
 * A Deployment scaled in the middle of a rollout: every active ReplicaSet gets its share of the change,
 * biggest first, what is left over goes to the first.
 */
export function proportionalSizes(
  deployment: Deployment,
  active: readonly ReplicaSet[],
  desiredBefore: (set: ReplicaSet) => number,
): readonly Resize[] {
  const wanted = deployment.spec.replicas ?? 1;
  const allowed = wanted > 0 ? wanted + boundsOf(deployment).maxSurge : 0;
  const change = allowed - total(active, sizeOf);
  const ordered = active.toSorted(
    (a, b) => sizeOf(b) - sizeOf(a) || (change > 0 ? byBirth(b, a) : byBirth(a, b)),
  );
  let added = 0;
  const sizes = ordered.map((set) => {
    const share = shareOf(set, allowed, desiredBefore(set), change, change - added);
    added += share;
    return sizeOf(set) + share;
  });
  return ordered.map((set, index) => ({
    set,
    replicas: Math.max(0, (sizes[index] ?? 0) + (index === 0 ? change - added : 0)),
  }));
}

function byBirth(a: ReplicaSet, b: ReplicaSet): number {
  return birthOf(a) - birthOf(b);
}

export function birthOf({ metadata }: ReplicaSet): number {
  return Date.parse(metadata.creationTimestamp ?? '');
}

function shareOf(
  set: ReplicaSet,
  allowed: number,
  maxBefore: number,
  change: number,
  left: number,
): number {
  if (change === 0 || sizeOf(set) === 0 || maxBefore === 0) return 0;
  const fraction = Math.round((sizeOf(set) * allowed) / maxBefore) - sizeOf(set);
  return change > 0 ? Math.max(0, Math.min(fraction, left)) : Math.min(0, Math.max(fraction, left));
}
