/**
 * The part of a kubelet that clients see: starts and stops pods through a `PodDriver` and writes what the
 * driver reports into pod status.
 */
import { PODS } from './api.ts';
import {
  type Condition,
  type ContainerState,
  isPodActive,
  keyOf,
  type Pod,
  type PodStatus,
  timestamp,
} from './objects.ts';
import type { PodDriver, PodReport } from './pod-driver.ts';
import type { Round } from './round.ts';

interface Life {
  readonly pod: Pod;
  readonly key: string;
  readonly startedAt: number;
  ip: string | undefined;
  ready: boolean;
  restarts: number;
  state: ContainerState;
  lastState: ContainerState;
  phase: 'Pending' | 'Running';
  stopping: boolean;
  stopped: boolean;
}

export class PodController {
  readonly #driver: PodDriver;
  readonly #lives = new Map<string, Life>();

  constructor(driver: PodDriver) {
    this.#driver = driver;
  }

  /** Takes in what the driver says; answers with the keys of the pods that it is about. */
  collect(now: number): readonly string[] {
    return this.#driver.poll(now).flatMap((report) => {
      const life = this.#lives.get(report.uid);
      if (life === undefined) return [];
      apply(life, report, now);
      return [life.key];
    });
  }

  nextAt(): number | undefined {
    return this.#driver.nextAt();
  }

  /** A pod that is gone from the API server without a farewell is ended at once. */
  gone(pod: Pod, now: number): void {
    const uid = pod.metadata.uid ?? '';
    if (this.#lives.delete(uid)) this.#driver.stop(pod, 0, now);
  }

  sync(key: string, round: Round): void {
    const pod = round.view.pods.get(key);
    if (pod === undefined) return;
    const life = this.#lives.get(pod.metadata.uid ?? '') ?? this.#begin(pod, round);
    if (life === undefined) return;
    if (pod.metadata.deletionTimestamp !== undefined && !life.stopping) {
      life.stopping = true;
      const { deletionGracePeriodSeconds, deletionTimestamp } = pod.metadata;
      const grace = deletionGracePeriodSeconds ?? 30;
      this.#driver.stop(pod, deletionTimestamp === undefined ? 0 : grace, round.now);
      // What ends at once is gone before anybody could read another status of it.
      if (grace === 0) life.stopped = true;
    }
    if (life.stopped) {
      this.#lives.delete(pod.metadata.uid ?? '');
      round.remove(round.view.pods, PODS, pod, 0);
      return;
    }
    recordStatus(pod, life, round);
  }

  #begin(pod: Pod, round: Round): Life | undefined {
    if (!isPodActive(pod)) {
      // Deleted before it was ever started.
      if (pod.metadata.deletionTimestamp !== undefined) round.remove(round.view.pods, PODS, pod, 0);
      return undefined;
    }
    const life: Life = {
      pod,
      key: keyOf(pod),
      startedAt: round.now,
      ip: undefined,
      ready: false,
      restarts: 0,
      state: { waiting: { reason: 'ContainerCreating' } },
      lastState: {},
      phase: 'Pending',
      stopping: false,
      stopped: false,
    };
    this.#lives.set(pod.metadata.uid ?? '', life);
    this.#driver.start(pod, round.now);
    for (const started of this.collect(round.now)) round.agenda.add(`pod ${started}`);
    return life;
  }
}

function apply(life: Life, report: PodReport, now: number): void {
  switch (report.kind) {
    case 'waiting':
      life.ready = false;
      life.state = { waiting: { reason: report.reason, message: report.message } };
      break;
    case 'running':
      life.phase = 'Running';
      life.ip = report.ip;
      life.state = { running: { startedAt: timestamp(now) } };
      break;
    case 'ready':
      life.ready = 'running' in life.state;
      break;
    case 'unready':
      life.ready = false;
      break;
    case 'exited':
      life.ready = false;
      life.restarts++;
      life.lastState = {
        terminated: {
          exitCode: report.code,
          reason: report.code === 0 ? 'Completed' : 'Error',
          message: report.message,
          finishedAt: timestamp(now),
        },
      };
      life.state = life.lastState;
      break;
    case 'stopped':
      life.stopped = true;
      life.ready = false;
      break;
  }
}

function recordStatus(pod: Pod, life: Life, round: Round): void {
  const written = pod.status?.containerStatuses?.[0];
  const same =
    written !== undefined &&
    pod.status?.phase === life.phase &&
    pod.status.podIP === life.ip &&
    written.ready === life.ready &&
    written.restartCount === life.restarts &&
    JSON.stringify(written.state) === JSON.stringify(life.state);
  if (same) return;
  round.replaceStatus(round.view.pods, PODS, { ...pod, status: statusOf(pod, life, round.now) });
  remarkOn(pod, life, written?.state, round);
}

/** What a kubelet would say in an event: why a container waits, and that it has started. */
function remarkOn(
  about: Pod,
  { state }: Life,
  before: ContainerState | undefined,
  round: Round,
): void {
  const { waiting, running } = state;
  if (running !== undefined && before?.running === undefined) {
    round.remark({ about, type: 'Normal', reason: 'Started', message: 'Started container' });
  }
  const { reason = '', message } = waiting ?? {};
  if (message === undefined || before?.waiting?.message === message) return;
  const kind = reason.endsWith('BackOff') ? 'BackOff' : 'Failed';
  round.remark({ about, type: 'Warning', reason: kind, message });
}

function statusOf(pod: Pod, life: Life, now: number): PodStatus {
  const running = 'running' in life.state;
  const condition = (type: string, holds: boolean): Condition => {
    const status = holds ? 'True' : 'False';
    const before = pod.status?.conditions?.find((known) => known.type === type);
    return before?.status === status
      ? before
      : {
          type,
          status,
          lastTransitionTime: timestamp(now),
          ...(holds ? {} : { reason: 'ContainersNotReady', message: 'containers are not ready' }),
        };
  };
  return {
    phase: life.phase,
    conditions: [
      condition('PodReadyToStartContainers', life.ip !== undefined),
      condition('Initialized', true),
      condition('Ready', life.ready),
      condition('ContainersReady', life.ready),
      condition('PodScheduled', true),
    ],
    hostIP: '127.0.0.1',
    hostIPs: [{ ip: '127.0.0.1' }],
    ...(life.ip === undefined ? {} : { podIP: life.ip, podIPs: [{ ip: life.ip }] }),
    startTime: timestamp(life.startedAt),
    qosClass: 'BestEffort',
    containerStatuses: pod.spec.containers.map(({ name, image = '' }) => ({
      name,
      image,
      imageID: running || life.restarts > 0 ? image : '',
      ready: life.ready,
      started: running,
      restartCount: life.restarts,
      state: life.state,
      lastState: life.lastState,
    })),
  };
}
