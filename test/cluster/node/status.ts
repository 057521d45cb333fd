/** What the agent says about a pod: its phase, conditions and containers, from what is known of them. */

import type { Pod, PodCondition } from './types.ts';

export type ContainerState =
  | { readonly waiting: { readonly reason: string; readonly message?: string } }
  | { readonly running: { readonly startedAt: string } }
  | { readonly terminated: Terminated };

export interface Terminated {
  readonly exitCode: number;
  readonly signal?: number;
  readonly reason: string;
  readonly message?: string;
  readonly startedAt: string;
  readonly finishedAt: string;
  readonly containerID: string;
}

/** One container as it is now. */
export interface ContainerView {
  readonly name: string;
  readonly image: string;
  readonly state: ContainerState;
  readonly lastState: Terminated | undefined;
  readonly ready: boolean;
  /** Its startup probe has succeeded, or it has none. */
  readonly started: boolean;
  readonly restartCount: number;
  /** Empty until it has run. */
  readonly containerID: string;
}

export interface StatusInput {
  readonly pod: Pod;
  readonly hostIP: string;
  /** `undefined` until the pod has a network. */
  readonly podIP: string | undefined;
  readonly startTime: string;
  readonly init: readonly ContainerView[];
  readonly containers: readonly ContainerView[];
  readonly now: string;
  /** Says that the pod does not run at all, and why. */
  readonly refusal?: { readonly reason: string; readonly message: string } | undefined;
}

export type Phase = 'Pending' | 'Running' | 'Succeeded' | 'Failed';

export interface PodStatus {
  readonly phase: Phase;
  readonly conditions: readonly PodCondition[];
  readonly [field: string]: unknown;
}

/** Conditions of others are kept; ours keep their time while they do not change. */
export function podStatus(input: StatusInput): PodStatus {
  const { pod, hostIP, podIP, startTime, init, containers, refusal } = input;
  const phase = refusal === undefined ? phaseOf(input) : 'Failed';
  const generation = pod.metadata.generation;
  const isRefused = refusal !== undefined;
  return {
    phase,
    ...(generation === undefined ? {} : { observedGeneration: generation }),
    ...(isRefused ? { reason: refusal.reason, message: refusal.message } : {}),
    conditions: conditionsOf(input, phase),
    hostIP,
    hostIPs: [{ ip: hostIP }],
    ...(podIP === undefined ? {} : { podIP, podIPs: [{ ip: podIP }] }),
    startTime,
    ...(isRefused || init.length === 0 ? {} : { initContainerStatuses: init.map(containerStatus) }),
    ...(isRefused ? {} : { containerStatuses: containers.map(containerStatus) }),
  };
}

export function phaseOf({ pod, init, containers }: StatusInput): Phase {
  const policy = pod.spec.restartPolicy ?? 'Always';
  if (policy === 'Never' && init.some((view) => (exitCodeOf(view) ?? 0) !== 0)) return 'Failed';
  const hasEnded = containers.every((view) => exitCodeOf(view) !== undefined);
  const isOver = pod.metadata.deletionTimestamp !== undefined || policy !== 'Always';
  if (hasEnded && isOver) {
    const hasFailed = containers.some((view) => exitCodeOf(view) !== 0);
    if (!hasFailed) return 'Succeeded';
    // A container that failed is started again unless nobody wants that.
    if (policy === 'Never' || pod.metadata.deletionTimestamp !== undefined) return 'Failed';
  }
  // All of them have been started once.
  return containers.every((view) => view.containerID !== '') ? 'Running' : 'Pending';
}

function conditionsOf(input: StatusInput, phase: Phase): readonly PodCondition[] {
  const { pod, podIP, init, containers, now, refusal } = input;
  const known = pod.status?.conditions ?? [];
  const isOver = phase === 'Succeeded' || phase === 'Failed';
  const initialized = refusal === undefined && init.every((view) => exitCodeOf(view) === 0);
  const unready = containers.filter(({ ready }) => !ready).map(({ name }) => name);
  const isReady = refusal === undefined && unready.length === 0 && !isOver;
  const incomplete = init.filter((view) => exitCodeOf(view) !== 0).map(({ name }) => name);
  const completed = phase === 'Succeeded' ? { reason: 'PodCompleted' } : {};
  const notReady = isOver
    ? { reason: phase === 'Succeeded' ? 'PodCompleted' : 'PodFailed' }
    : {
        reason: 'ContainersNotReady',
        message: `containers with unready status: [${unready.join(' ')}]`,
      };
  const notInitialized = {
    reason: 'ContainersNotInitialized',
    message: `containers with incomplete status: [${incomplete.join(' ')}]`,
  };
  const ours: readonly Omit<PodCondition, 'lastTransitionTime'>[] = [
    { type: 'PodReadyToStartContainers', status: truth(podIP !== undefined && !isOver) },
    {
      type: 'Initialized',
      status: truth(initialized),
      ...(initialized ? completed : notInitialized),
    },
    { type: 'Ready', status: truth(isReady), ...(isReady ? {} : notReady) },
    { type: 'ContainersReady', status: truth(isReady), ...(isReady ? {} : notReady) },
    { type: 'PodScheduled', status: 'True' },
  ];
  const types = new Set(ours.map(({ type }) => type));
  const generation = pod.metadata.generation;
  return [
    ...ours.map((condition) => {
      const old = known.find(({ type }) => type === condition.type);
      const isSame = old?.status === condition.status && typeof old.lastTransitionTime === 'string';
      return {
        ...condition,
        ...(generation === undefined ? {} : { observedGeneration: generation }),
        lastTransitionTime: isSame ? (old.lastTransitionTime ?? now) : now,
      };
    }),
    ...known.filter(({ type }) => !types.has(type)),
  ];
}

function containerStatus(view: ContainerView) {
  const { name, image, state, lastState, ready, started, restartCount, containerID } = view;
  return {
    name,
    image,
    imageID: containerID === '' ? '' : `local://${image}`,
    ...(containerID === '' ? {} : { containerID }),
    state,
    lastState: lastState === undefined ? {} : { terminated: lastState },
    ready,
    started,
    restartCount,
  };
}

/** `undefined` while it has not ended. */
export function exitCodeOf({ state }: ContainerView): number | undefined {
  return 'terminated' in state ? state.terminated.exitCode : undefined;
}

const truth = (value: boolean): string => (value ? 'True' : 'False');
