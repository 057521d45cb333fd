/**
 * Deployment → ReplicaSets, one per template: rolling update, recreate, pause, scale, history.
 *
 * Each sync compares what is with what should be and moves one step; the changes it makes come back through
 * the watch and lead to the next. `rollout-sizes.ts` has the arithmetic, `deployment-status.ts` the words.
 */
import { DEPLOYMENTS, REPLICA_SETS } from './api.ts';
import { isComplete, type NewSetNews, deadlineOf, statusOf } from './deployment-status.ts';
import { canonical, templateHash } from './hash.ts';
import { selects } from './labels.ts';
import {
  type Deployment,
  type DeploymentStatus,
  keyOf,
  type Labels,
  type OwnerReference,
  type PodTemplate,
  type ReplicaSet,
} from './objects.ts';
import {
  birthOf,
  boundsOf,
  newSetSize,
  oldSetSizes,
  proportionalSizes,
  sizeOf,
} from './rollout-sizes.ts';
import type { Round } from './round.ts';

const HASH_LABEL = 'pod-template-hash';
const REVISION = 'deployment.kubernetes.io/revision';
const DESIRED = 'deployment.kubernetes.io/desired-replicas';
const MOST = 'deployment.kubernetes.io/max-replicas';

export class DeploymentController {
  sync(key: string, round: Round): void {
    const deployment = round.view.deployments.get(key);
    if (deployment === undefined) return;
    if (deployment.metadata.deletionTimestamp !== undefined) {
      recordStatus(deployment, undefined, round);
      return;
    }
    adopt(deployment, round);
    const news = this.#move(deployment, round);
    recordStatus(round.view.deployments.get(key) ?? deployment, news, round);
  }

  #move(deployment: Deployment, round: Round): NewSetNews {
    const recreates = deployment.spec.strategy?.type === 'Recreate';
    if (deployment.spec.paused === true || (!recreates && wasScaled(deployment, round))) {
      scale(deployment, round);
      return undefined;
    }
    if (recreates) return recreate(deployment, round);
    const { set, news } = ensureCurrent(deployment, round);
    if (set === undefined) return news;
    const all = setsOf(deployment, round);
    if (resize(deployment, set, newSetSize(deployment, set, all), round)) return news;
    for (const smaller of oldSetSizes(deployment, set, oldSets(deployment, round))) {
      resize(deployment, smaller.set, smaller.replicas, round);
    }
    forgetHistory(deployment, round);
    return news;
  }
}

function setsOf(deployment: Deployment, round: Round): readonly ReplicaSet[] {
  return round.view
    .setsOf(deployment)
    .filter(({ metadata }) => metadata.deletionTimestamp === undefined);
}

/** Of several with the same template the oldest counts: it was there when the revision was recorded. */
function currentSet(deployment: Deployment, round: Round): ReplicaSet | undefined {
  const wanted = canonical(withoutHash(deployment.spec.template));
  return setsOf(deployment, round)
    .filter(({ spec }) => canonical(withoutHash(spec.template)) === wanted)
    .sort(oldestFirst)[0];
}

function oldSets(deployment: Deployment, round: Round): ReplicaSet[] {
  const current = currentSet(deployment, round);
  return setsOf(deployment, round)
    .filter((set) => set !== current)
    .sort(oldestFirst);
}

function adopt(deployment: Deployment, round: Round): void {
  for (const set of round.view.orphanSets(deployment.metadata.namespace ?? '')) {
    if (!selects(deployment.spec.selector, set.metadata.labels)) continue;
    const ownerReferences = [...(set.metadata.ownerReferences ?? []), ownerReference(deployment)];
    const metadata = { ...set.metadata, ownerReferences };
    round.replace(round.view.replicaSets, REPLICA_SETS, { ...set, metadata });
  }
}

/** Nothing of the new template starts before the last pod of the old one has ended. */
function recreate(deployment: Deployment, round: Round): NewSetNews {
  let busy = false;
  for (const old of oldSets(deployment, round)) {
    if (resize(deployment, old, 0, round)) busy = true;
    const running = round.view
      .podsOf(old)
      .some(({ status }) => status?.phase !== 'Succeeded' && status?.phase !== 'Failed');
    if (running) busy = true;
  }
  if (busy) return undefined;
  const { set, news } = ensureCurrent(deployment, round);
  if (set !== undefined) resize(deployment, set, deployment.spec.replicas ?? 1, round);
  forgetHistory(deployment, round);
  return news;
}

function ensureCurrent(
  deployment: Deployment,
  round: Round,
): { set: ReplicaSet | undefined; news: NewSetNews } {
  const existing = currentSet(deployment, round);
  if (existing === undefined) return createCurrent(deployment, round);
  const revision = String(Math.max(...oldSets(deployment, round).map(revisionOf), 0) + 1);
  const behind = revisionOf(existing) < Number(revision);
  const set = behind ? annotate(existing, { [REVISION]: revision }, round) : existing;
  if (set === undefined) return { set, news: undefined };
  noteRevision(deployment, set, round);
  const unknown = !deployment.status?.conditions?.some(({ type }) => type === 'Progressing');
  return { set, news: behind || unknown ? 'found' : undefined };
}

function createCurrent(
  deployment: Deployment,
  round: Round,
): { set: ReplicaSet | undefined; news: NewSetNews } {
  const fresh = newSet(deployment, round);
  const answer = round.create(round.view.replicaSets, REPLICA_SETS, fresh);
  if (answer.outcome === 'conflict') {
    // Another template has the same hash: count the collision, which changes the hash.
    const status = deployment.status ?? {};
    round.replaceStatus(round.view.deployments, DEPLOYMENTS, {
      ...deployment,
      status: { ...status, collisionCount: (status.collisionCount ?? 0) + 1 },
    });
  }
  if (answer.outcome !== 'done') return { set: undefined, news: undefined };
  if (sizeOf(fresh) > 0) remarkScaling(deployment, answer.object, 0, sizeOf(fresh), round);
  noteRevision(deployment, answer.object, round);
  return { set: answer.object, news: 'created' };
}

function newSet(deployment: Deployment, round: Round): ReplicaSet {
  const { metadata, spec } = deployment;
  const hash = templateHash(spec.template, deployment.status?.collisionCount ?? 0);
  const all = setsOf(deployment, round);
  const labels = { ...spec.template.metadata?.labels, [HASH_LABEL]: hash };
  const draft: ReplicaSet = {
    apiVersion: REPLICA_SETS.apiVersion,
    kind: REPLICA_SETS.kind,
    metadata: {
      name: `${metadata.name}-${hash}`,
      namespace: metadata.namespace ?? '',
      labels,
      annotations: {
        ...inherited(deployment),
        ...sizesNote(deployment),
        [REVISION]: String(Math.max(...all.map(revisionOf), 0) + 1),
      },
      ownerReferences: [ownerReference(deployment)],
    },
    spec: {
      replicas: 0,
      ...(spec.minReadySeconds === undefined ? {} : { minReadySeconds: spec.minReadySeconds }),
      selector: {
        ...spec.selector,
        matchLabels: { ...spec.selector.matchLabels, [HASH_LABEL]: hash },
      },
      template: { ...spec.template, metadata: { ...spec.template.metadata, labels } },
    },
  };
  const replicas = newSetSize(deployment, draft, [...all, draft]);
  return { ...draft, spec: { ...draft.spec, replicas } };
}

/** A change of `replicas` alone is told from a rollout by what the ReplicaSets remember. */
function wasScaled(deployment: Deployment, round: Round): boolean {
  const wanted = String(deployment.spec.replicas ?? 1);
  return setsOf(deployment, round).some(({ metadata, spec }) => {
    const noted = metadata.annotations?.[DESIRED];
    return (spec.replicas ?? 1) > 0 && noted !== undefined && noted !== wanted;
  });
}

function scale(deployment: Deployment, round: Round): void {
  const all = setsOf(deployment, round);
  const active = all.filter((set) => sizeOf(set) > 0);
  const current = currentSet(deployment, round);
  const wanted = deployment.spec.replicas ?? 1;
  if (active.length <= 1) {
    const only = active[0] ?? current ?? all.toSorted(oldestFirst).at(-1);
    if (only !== undefined) resize(deployment, only, wanted, round);
    return;
  }
  const full = current !== undefined && sizeOf(current) === wanted && isSaturated(current, wanted);
  if (full) {
    for (const old of oldSets(deployment, round)) resize(deployment, old, 0, round);
    return;
  }
  if (deployment.spec.strategy?.type === 'Recreate') return;
  const sizes = proportionalSizes(deployment, active, ({ metadata }) =>
    Number(metadata.annotations?.[MOST] ?? wanted),
  );
  for (const { set, replicas } of sizes) resize(deployment, set, replicas, round);
}

function isSaturated({ metadata, status }: ReplicaSet, wanted: number): boolean {
  return (
    Number(metadata.annotations?.[DESIRED]) === wanted &&
    (status?.availableReplicas ?? 0) === wanted
  );
}

/** Whether the size changed; the notes about sizes are brought up to date in any case. */
function resize(deployment: Deployment, set: ReplicaSet, replicas: number, round: Round): boolean {
  const from = sizeOf(set);
  const notes = sizesNote(deployment);
  const noted = Object.entries(notes).every(
    ([key, value]) => set.metadata.annotations?.[key] === value,
  );
  const minReadySeconds = deployment.spec.minReadySeconds ?? 0;
  const sameWait = (set.spec.minReadySeconds ?? 0) === minReadySeconds;
  if (from === replicas && noted && sameWait) return false;
  const written = round.replace(round.view.replicaSets, REPLICA_SETS, {
    ...set,
    metadata: { ...set.metadata, annotations: { ...set.metadata.annotations, ...notes } },
    spec: { ...set.spec, replicas, ...(sameWait ? {} : { minReadySeconds }) },
  });
  if (written === undefined) return false;
  if (from !== replicas) remarkScaling(deployment, set, from, replicas, round);
  return from !== replicas;
}

function sizesNote(deployment: Deployment): Labels {
  const wanted = deployment.spec.replicas ?? 1;
  return { [DESIRED]: String(wanted), [MOST]: String(wanted + boundsOf(deployment).maxSurge) };
}

function annotate(set: ReplicaSet, notes: Labels, round: Round): ReplicaSet | undefined {
  const annotations = { ...set.metadata.annotations, ...notes };
  const metadata = { ...set.metadata, annotations };
  return round.replace(round.view.replicaSets, REPLICA_SETS, { ...set, metadata });
}

/** `kubectl rollout history` and people read the number from the Deployment. */
function noteRevision(deployment: Deployment, set: ReplicaSet, round: Round): void {
  const revision = set.metadata.annotations?.[REVISION];
  const latest = round.view.deployments.get(keyOf(deployment)) ?? deployment;
  if (revision === undefined || latest.metadata.annotations?.[REVISION] === revision) return;
  const annotations = { ...latest.metadata.annotations, [REVISION]: revision };
  // By way of the status, as Kubernetes does: other writes of annotations count as a new generation.
  round.replaceStatus(round.view.deployments, DEPLOYMENTS, {
    ...latest,
    metadata: { ...latest.metadata, annotations },
  });
}

function forgetHistory(deployment: Deployment, round: Round): void {
  if (!isComplete(deployment, deployment.status ?? {})) return;
  const limit = deployment.spec.revisionHistoryLimit ?? 10;
  const idle = oldSets(deployment, round).filter(
    (set) => sizeOf(set) === 0 && (set.status?.replicas ?? 0) === 0,
  );
  const surplus = idle.toSorted((a, b) => revisionOf(a) - revisionOf(b));
  for (const set of surplus.slice(0, Math.max(0, idle.length - limit))) {
    round.remove(round.view.replicaSets, REPLICA_SETS, set);
  }
}

function recordStatus(deployment: Deployment, news: NewSetNews, round: Round): void {
  const sets = setsOf(deployment, round);
  const current = currentSet(deployment, round);
  const status = statusOf({ deployment, current, sets, news }, round.now);
  const deadline = deadlineOf(deployment, status);
  if (deadline !== undefined) round.lookAgainAt(deadline);
  if (isSame(status, deployment.status ?? {})) return;
  round.replaceStatus(round.view.deployments, DEPLOYMENTS, { ...deployment, status });
}

function isSame(a: DeploymentStatus, b: DeploymentStatus): boolean {
  return (
    a.observedGeneration === b.observedGeneration &&
    a.replicas === (b.replicas ?? 0) &&
    a.updatedReplicas === (b.updatedReplicas ?? 0) &&
    a.readyReplicas === (b.readyReplicas ?? 0) &&
    a.availableReplicas === (b.availableReplicas ?? 0) &&
    a.unavailableReplicas === (b.unavailableReplicas ?? 0) &&
    canonical(a.conditions ?? []) === canonical(b.conditions ?? [])
  );
}

function remarkScaling(
  deployment: Deployment,
  set: ReplicaSet,
  from: number,
  to: number,
  round: Round,
): void {
  round.remark({
    about: deployment,
    type: 'Normal',
    reason: 'ScalingReplicaSet',
    message: `Scaled ${to > from ? 'up' : 'down'} replica set ${set.metadata.name} from ${from} to ${to}`,
  });
}

const stripped = new WeakMap<PodTemplate, PodTemplate>();

function withoutHash(template: PodTemplate): PodTemplate {
  if (template.metadata?.labels?.[HASH_LABEL] === undefined) return template;
  const known = stripped.get(template);
  if (known !== undefined) return known;
  const { [HASH_LABEL]: _, ...labels } = template.metadata.labels;
  const plain = Object.freeze({ ...template, metadata: { ...template.metadata, labels } });
  stripped.set(template, plain);
  return plain;
}

function inherited({ metadata }: Deployment): Labels {
  const own = ['kubectl.kubernetes.io/last-applied-configuration', REVISION, DESIRED, MOST];
  return Object.fromEntries(
    Object.entries(metadata.annotations ?? {}).filter(([key]) => !own.includes(key)),
  );
}

function revisionOf({ metadata }: ReplicaSet): number {
  return Number(metadata.annotations?.[REVISION] ?? 0);
}

function oldestFirst(a: ReplicaSet, b: ReplicaSet): number {
  return birthOf(a) - birthOf(b) || (keyOf(a) < keyOf(b) ? -1 : 1);
}

function ownerReference({ metadata }: Deployment): OwnerReference {
  return {
    apiVersion: DEPLOYMENTS.apiVersion,
    kind: DEPLOYMENTS.kind,
    name: metadata.name,
    uid: metadata.uid ?? '',
    controller: true,
    blockOwnerDeletion: true,
  };
}
