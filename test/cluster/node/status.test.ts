import { describe, expect, it } from 'vitest';

import { aPod, aView, anEndedView } from './samples.ts';
import { podStatus, type StatusInput } from './status.ts';

const now = '2026-01-01T00:10:00Z';
const statusOf = (parts: Partial<StatusInput> = {}) =>
  podStatus({
    pod: aPod(),
    hostIP: '10.99.0.1',
    podIP: '10.244.0.7',
    startTime: '2026-01-01T00:00:00Z',
    init: [],
    containers: [aView()],
    now,
    ...parts,
  });
const conditionOf = (parts: Partial<StatusInput>, type: string) =>
  statusOf(parts).conditions.find((condition) => condition.type === type);
const waiting = (reason: string) => ({ waiting: { reason } });
const fresh = { containerID: '', ready: false, started: false };

describe('the phase of a pod', () => {
  it.each([
    ['Pending', 'Always', [aView({ ...fresh, state: waiting('ContainerCreating') })]],
    ['Pending', 'Always', [aView(), aView({ ...fresh, state: waiting('ImagePullBackOff') })]],
    ['Running', 'Always', [aView()]],
    ['Running', 'Always', [aView({ state: waiting('CrashLoopBackOff'), ready: false })]],
    ['Running', 'Always', [anEndedView(0)]],
    ['Running', 'OnFailure', [anEndedView(1)]],
    ['Running', 'Never', [anEndedView(1), aView()]],
    ['Succeeded', 'Never', [anEndedView(0), anEndedView(0)]],
    ['Succeeded', 'OnFailure', [anEndedView(0)]],
    ['Failed', 'Never', [anEndedView(0), anEndedView(1)]],
  ] as const)('is %s with policy %s', (phase, restartPolicy, containers) => {
    expect(statusOf({ pod: aPod({ restartPolicy }), containers }).phase).toBe(phase);
  });

  it('is Failed when an init container has failed and nothing is restarted', () => {
    const containers = [aView({ ...fresh, state: waiting('PodInitializing') })];
    const init = [anEndedView(2)];
    const pod = aPod({ restartPolicy: 'Never' });
    expect(statusOf({ pod, init, containers }).phase).toBe('Failed');
    expect(statusOf({ init, containers }).phase).toBe('Pending');
  });

  it('ends with a deleted pod, whatever its policy', () => {
    const pod = aPod({}, { deletionTimestamp: now });
    expect(statusOf({ pod, containers: [anEndedView(0)] }).phase).toBe('Succeeded');
    expect(statusOf({ pod, containers: [anEndedView(137)] }).phase).toBe('Failed');
  });
});

describe('the conditions of a pod', () => {
  it('say that it is ready when every container is', () => {
    expect(conditionOf({}, 'Ready')).toMatchObject({ status: 'True' });
    const containers = [aView(), aView({ name: 'side', ready: false })];
    expect(conditionOf({ containers }, 'Ready')).toMatchObject({
      status: 'False',
      reason: 'ContainersNotReady',
      message: 'containers with unready status: [side]',
    });
  });

  it('say which init containers are left', () => {
    const init = [anEndedView(0, { name: 'one' }), aView({ name: 'two' })];
    expect(conditionOf({ init }, 'Initialized')).toMatchObject({
      status: 'False',
      message: 'containers with incomplete status: [two]',
    });
  });

  it('say that a pod which has ended is not ready', () => {
    const pod = aPod({ restartPolicy: 'Never' });
    expect(conditionOf({ pod, containers: [anEndedView(0)] }, 'Ready')).toMatchObject({
      status: 'False',
      reason: 'PodCompleted',
    });
  });

  it('keep their time until they change, and those of others altogether', () => {
    const lastTransitionTime = '2026-01-01T00:05:00Z';
    const foreign = { type: 'DisruptionTarget', status: 'True', lastTransitionTime };
    const pod = {
      ...aPod(),
      status: {
        conditions: [
          { type: 'Ready', status: 'True', lastTransitionTime },
          { type: 'ContainersReady', status: 'False', lastTransitionTime },
          foreign,
        ],
      },
    };
    const { conditions } = statusOf({ pod });
    const timeOf = (type: string) =>
      conditions.find((condition) => condition.type === type)?.lastTransitionTime;
    expect(timeOf('Ready')).toBe(lastTransitionTime);
    expect(timeOf('ContainersReady')).toBe(now);
    expect(conditions).toContainEqual(foreign);
  });

  it('carry the generation that they are about', () => {
    const status = statusOf({ pod: aPod({}, { generation: 3 }) });
    expect(status['observedGeneration']).toBe(3);
    expect(status.conditions.every(({ observedGeneration }) => observedGeneration === 3)).toBe(
      true,
    );
  });
});

describe('the status of a refused pod', () => {
  it('is Failed, says why, and shows no container', () => {
    const refusal = { reason: 'FieldNotImplemented', message: 'spec.hostPID' };
    const status = statusOf({ refusal, podIP: undefined });
    expect(status).toMatchObject({ phase: 'Failed', ...refusal });
    expect(status).not.toHaveProperty('containerStatuses');
    expect(status).not.toHaveProperty('podIP');
  });
});

describe('the status of a container', () => {
  it('tells of the run before', () => {
    const { terminated } = anEndedView(3).state as { terminated: never };
    const [status] = statusOf({
      containers: [aView({ lastState: terminated, restartCount: 2 })],
    })['containerStatuses'] as object[];
    expect(status).toMatchObject({
      restartCount: 2,
      lastState: { terminated: { exitCode: 3, reason: 'Error' } },
      imageID: 'local://cart:1',
    });
  });
});
