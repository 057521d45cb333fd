/**
 * ReplicaSet → Pods: as many as asked for, no more. Pods on their way out count for nothing here, as in
 * Kubernetes; they only leave the list when they have ended.
 */
import { PODS, REPLICA_SETS } from './api.ts';
import { suffix } from './hash.ts';
import { selects } from './labels.ts';
import {
  type Condition,
  isPodActive,
  isPodReady,
  keyOf,
  type OwnerReference,
  type Pod,
  readyCondition,
  type ReplicaSet,
} from './objects.ts';
import type { Round } from './round.ts';

export const NODE_NAME = 'sandbox';

export class ReplicaSetController {
  // Per ReplicaSet, so that names do not depend on what else goes on.
  readonly #named = new Map<string, number>();

  sync(key: string, round: Round): void {
    const set = round.view.replicaSets.get(key);
    if (set === undefined) return;
    if (set.metadata.deletionTimestamp === undefined) {
      this.#adopt(set, round);
      this.#resize(set, round);
    }
    this.#recordStatus(set, round);
  }

  forget(set: ReplicaSet): void {
    this.#named.delete(set.metadata.uid ?? '');
  }

  #adopt(set: ReplicaSet, round: Round): void {
    for (const pod of round.view.orphanPods(set.metadata.namespace ?? '')) {
      if (!isPodActive(pod) || !selects(set.spec.selector, pod.metadata.labels)) continue;
      const ownerReferences = [...(pod.metadata.ownerReferences ?? []), ownerReference(set)];
      round.replace(round.view.pods, PODS, {
        ...pod,
        metadata: { ...pod.metadata, ownerReferences },
      });
    }
  }

  #resize(set: ReplicaSet, round: Round): void {
    const pods = round.view.podsOf(set).filter(isPodActive);
    const surplus = pods.length - (set.spec.replicas ?? 1);
    for (let i = surplus; i < 0; i++) if (!this.#createPod(set, round)) return;
    if (surplus <= 0) return;
    for (const pod of pods.sort(leastWantedFirst).slice(0, surplus)) {
      round.remove(round.view.pods, PODS, pod);
      const message = `Deleted pod: ${pod.metadata.name}`;
      round.remark({ about: set, type: 'Normal', reason: 'SuccessfulDelete', message });
    }
  }

  #createPod(set: ReplicaSet, round: Round): boolean {
    for (let attempt = 0; attempt < 5; attempt++) {
      const pod = this.#newPod(set);
      const { outcome } = round.create(round.view.pods, PODS, pod);
      if (outcome === 'conflict') continue; // the name was taken
      if (outcome !== 'done') return false;
      const message = `Created pod: ${pod.metadata.name}`;
      round.remark({ about: set, type: 'Normal', reason: 'SuccessfulCreate', message });
      return true;
    }
    return false;
  }

  #newPod(set: ReplicaSet): Pod {
    const uid = set.metadata.uid ?? '';
    const count = (this.#named.get(uid) ?? 0) + 1;
    this.#named.set(uid, count);
    const { namespace = '', name } = set.metadata;
    const { metadata, spec } = set.spec.template;
    return {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: {
        ...metadata,
        name: `${name}-${suffix(`${uid}/${count}`)}`,
        namespace,
        ownerReferences: [ownerReference(set)],
      },
      spec: { ...spec, nodeName: NODE_NAME },
    };
  }

  #recordStatus(set: ReplicaSet, round: Round): void {
    const current = round.view.replicaSets.get(keyOf(set)) ?? set;
    const status = statusOf(current, round);
    if (isSame(status, current.status ?? {})) return;
    round.replaceStatus(round.view.replicaSets, REPLICA_SETS, { ...current, status });
  }
}

function statusOf(set: ReplicaSet, round: Round): NonNullable<ReplicaSet['status']> {
  const pods = round.view.podsOf(set).filter(isPodActive);
  const labels = Object.entries(set.spec.template.metadata?.labels ?? {});
  const ready = pods.filter(isPodReady);
  const generation = set.metadata.generation;
  return {
    replicas: pods.length,
    fullyLabeledReplicas: pods.filter((pod) =>
      labels.every(([key, value]) => pod.metadata.labels?.[key] === value),
    ).length,
    readyReplicas: ready.length,
    availableReplicas: ready.filter((pod) => isAvailable(pod, set, round)).length,
    ...(generation === undefined ? {} : { observedGeneration: generation }),
  };
}

/** Ready for `minReadySeconds`; when it is not yet, we come back at the moment it will be. */
function isAvailable(pod: Pod, set: ReplicaSet, round: Round): boolean {
  const minReadyMs = (set.spec.minReadySeconds ?? 0) * 1_000;
  if (minReadyMs === 0) return true;
  const since = Date.parse(readyCondition(pod)?.lastTransitionTime ?? '');
  if (since + minReadyMs <= round.now) return true;
  round.lookAgainAt(since + minReadyMs);
  return false;
}

/** Kubernetes writes zeros as absent fields; equal is what reads equal. */
function isSame(
  a: NonNullable<ReplicaSet['status']>,
  b: NonNullable<ReplicaSet['status']> & { conditions?: readonly Condition[] },
): boolean {
  return (
    a.replicas === (b.replicas ?? 0) &&
    a.fullyLabeledReplicas === (b.fullyLabeledReplicas ?? 0) &&
    a.readyReplicas === (b.readyReplicas ?? 0) &&
    a.availableReplicas === (b.availableReplicas ?? 0) &&
    a.observedGeneration === b.observedGeneration
  );
}

/** Those that serve nobody go first, then the youngest. */
function leastWantedFirst(a: Pod, b: Pod): number {
  return rank(a) - rank(b) || ageOf(b) - ageOf(a) || (keyOf(a) < keyOf(b) ? -1 : 1);
}

function rank(pod: Pod): number {
  if (isPodReady(pod)) return 2;
  return pod.status?.phase === 'Running' ? 1 : 0;
}

function ageOf(pod: Pod): number {
  return Date.parse(
    readyCondition(pod)?.lastTransitionTime ?? pod.metadata.creationTimestamp ?? '',
  );
}

function ownerReference({ metadata }: ReplicaSet): OwnerReference {
  return {
    apiVersion: REPLICA_SETS.apiVersion,
    kind: REPLICA_SETS.kind,
    name: metadata.name,
    uid: metadata.uid ?? '',
    controller: true,
    blockOwnerDeletion: true,
  };
}
