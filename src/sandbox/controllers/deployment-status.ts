/** What a Deployment says about itself: counts, and the two conditions that people wait for. Pure. */
import {
  type Condition,
  type Deployment,
  type DeploymentStatus,
  type ReplicaSet,
  timestamp,
} from './objects.ts';
import { availableOf, boundsOf, total } from './rollout-sizes.ts';

/** What the pass that asks for a status has just done to the new ReplicaSet. */
export type NewSetNews = 'created' | 'found' | undefined;

export interface Seen {
  readonly deployment: Deployment;
  readonly current: ReplicaSet | undefined;
  readonly sets: readonly ReplicaSet[];
  readonly news: NewSetNews;
}

export function statusOf(seen: Seen, now: number): DeploymentStatus {
  const { deployment, current, sets } = seen;
  const replicas = total(sets, ({ status }) => status?.replicas ?? 0);
  const available = total(sets, availableOf);
  const before = deployment.status ?? {};
  const counts = {
    ...(before.collisionCount === undefined ? {} : { collisionCount: before.collisionCount }),
    observedGeneration: deployment.metadata.generation ?? 1,
    replicas,
    updatedReplicas: current?.status?.replicas ?? 0,
    readyReplicas: total(sets, ({ status }) => status?.readyReplicas ?? 0),
    availableReplicas: available,
    unavailableReplicas: Math.max(0, replicas - available),
  };
  const others = (before.conditions ?? []).filter(
    ({ type }) => type !== 'Available' && type !== 'Progressing',
  );
  const progressing = progressingOf(seen, counts, now);
  return {
    ...counts,
    conditions: [
      ...others,
      availabilityOf(deployment, available, now),
      ...(progressing === undefined ? [] : [progressing]),
    ],
  };
}

export function isComplete({ spec, metadata }: Deployment, status: DeploymentStatus): boolean {
  const wanted = spec.replicas ?? 1;
  return (
    (status.updatedReplicas ?? 0) === wanted &&
    (status.replicas ?? 0) === wanted &&
    (status.availableReplicas ?? 0) === wanted &&
    (status.observedGeneration ?? 0) >= (metadata.generation ?? 0)
  );
}

/** When the deadline passes, if nothing else happens before. */
export function deadlineOf({ spec }: Deployment, status: DeploymentStatus): number | undefined {
  const progressing = status.conditions?.find(({ type }) => type === 'Progressing');
  if (progressing === undefined || progressing.status === 'False') return undefined;
  const { reason } = progressing;
  if (reason === 'NewReplicaSetAvailable' || reason === 'DeploymentPaused') return undefined;
  const since = Date.parse(progressing.lastUpdateTime ?? '');
  // One second more: timestamps have lost their fraction.
  return since + (spec.progressDeadlineSeconds ?? 600) * 1_000 + 1_000;
}

function availabilityOf(deployment: Deployment, available: number, now: number): Condition {
  const enough = available >= (deployment.spec.replicas ?? 1) - boundsOf(deployment).maxUnavailable;
  return stamped(
    deployment,
    enough
      ? {
          type: 'Available',
          status: 'True',
          reason: 'MinimumReplicasAvailable',
          message: 'Deployment has minimum availability.',
        }
      : {
          type: 'Available',
          status: 'False',
          reason: 'MinimumReplicasUnavailable',
          message: 'Deployment does not have minimum availability.',
        },
    now,
    'when it changes',
  );
}

function progressingOf(seen: Seen, status: DeploymentStatus, now: number): Condition | undefined {
  const { deployment, news } = seen;
  const before = deployment.status?.conditions?.find(({ type }) => type === 'Progressing');
  const set = `ReplicaSet "${seen.current?.metadata.name ?? deployment.metadata.name}"`;
  const say = (value: string, reason: string, message: string, stamp: Stamp): Condition =>
    stamped(deployment, { type: 'Progressing', status: value, reason, message }, now, stamp);

  if (deployment.spec.paused === true) {
    return say('Unknown', 'DeploymentPaused', 'Deployment is paused', 'when it changes');
  }
  if (before?.reason === 'DeploymentPaused') {
    return say('Unknown', 'DeploymentResumed', 'Deployment is resumed', 'always');
  }
  if (news === 'created') {
    return say(
      'True',
      'NewReplicaSetCreated',
      `Created new replica set ${set.slice(11)}`,
      'always',
    );
  }
  const settled =
    before?.reason === 'NewReplicaSetAvailable' && status.replicas === status.updatedReplicas;
  if (settled) return before;
  if (isComplete(deployment, status)) {
    return say(
      'True',
      'NewReplicaSetAvailable',
      `${set} has successfully progressed.`,
      'when it changes',
    );
  }
  if (news === 'found') {
    return say('True', 'FoundNewReplicaSet', `Found new replica set ${set.slice(11)}`, 'always');
  }
  if (hasMoved(deployment.status ?? {}, status)) {
    return say('True', 'ReplicaSetUpdated', `${set} is progressing.`, 'always');
  }
  if (before !== undefined && hasTimedOut(deployment, before, now)) {
    return say(
      'False',
      'ProgressDeadlineExceeded',
      `${set} has timed out progressing.`,
      'when it changes',
    );
  }
  return before;
}

function hasMoved(before: DeploymentStatus, after: DeploymentStatus): boolean {
  return (
    (after.updatedReplicas ?? 0) > (before.updatedReplicas ?? 0) ||
    oldOnes(after) < oldOnes(before) ||
    (after.readyReplicas ?? 0) > (before.readyReplicas ?? 0) ||
    (after.availableReplicas ?? 0) > (before.availableReplicas ?? 0)
  );
}

function hasTimedOut(deployment: Deployment, before: Condition, now: number): boolean {
  if (before.reason === 'ProgressDeadlineExceeded') return true;
  if (before.reason === 'NewReplicaSetAvailable') return false;
  const since = Date.parse(before.lastUpdateTime ?? '');
  return since + (deployment.spec.progressDeadlineSeconds ?? 600) * 1_000 < now;
}

function oldOnes({ replicas = 0, updatedReplicas = 0 }: DeploymentStatus): number {
  return replicas - updatedReplicas;
}

type Stamp = 'always' | 'when it changes';

/** Transition time moves with the status, update time with every word, unless nothing is new. */
function stamped(
  { status }: Deployment,
  condition: Condition,
  now: number,
  stamp: Stamp,
): Condition {
  const before = status?.conditions?.find(({ type }) => type === condition.type);
  const unchanged = before?.status === condition.status && before?.reason === condition.reason;
  if (before !== undefined && unchanged && stamp === 'when it changes') return before;
  const time = timestamp(now);
  return {
    ...condition,
    lastUpdateTime: time,
    lastTransitionTime:
      before?.status === condition.status ? (before.lastTransitionTime ?? time) : time,
  };
}
