/** How containers begin, fail, are probed, and end. */

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { containerOf, hasEnded, isReady, Trial } from './trial.ts';

let trial: Trial;
beforeAll(async () => {
  trial = await Trial.begin('node-lifecycle');
});
afterAll(() => trial.end());

const shell = (script: string): readonly string[] => ['/bin/sh', '-c', script];
/** Keeps a deleted pod to be looked at. */
const kept = { finalizers: ['node.test/keep'] };

async function release(name: string): Promise<void> {
  await trial.api.patch(trial.path('pods', name), { metadata: { finalizers: null } });
  await trial.gone(name);
}

describe('a pod that cannot run', () => {
  it('is refused with the names of the fields that are not implemented, and no part of it runs', async () => {
    await trial.pod('refused', {
      livenessProbe: { exec: { command: ['true'] }, terminationGracePeriodSeconds: 5 } as object,
      pod: { dnsConfig: { nameservers: ['192.0.2.1'] } },
    });
    const { status } = await trial.podWhen('refused', hasEnded);
    expect(status).toMatchObject({ phase: 'Failed', reason: 'FieldNotImplemented' });
    const [message] = await trial.events('refused', 'FieldNotImplemented');
    expect(message).toContain('spec.dnsConfig');
    expect(message).toContain('spec.containers[0].livenessProbe.terminationGracePeriodSeconds');
    await expect(trial.kubectl('logs', 'refused')).rejects.toThrow();
  });

  it('waits in ImagePullBackOff for an image that nothing stands in for', async () => {
    await trial.pod('no-image', { image: 'shop.example/cart:7' });
    const pod = await trial.podWhen('no-image', ({ status }) =>
      JSON.stringify(status).includes('ImagePullBackOff'),
    );
    expect(pod.status?.phase).toBe('Pending');
    const messages = await trial.events('no-image', 'Failed');
    expect(messages.join()).toContain('shop.example/cart:7');
  });

  it('waits in CreateContainerConfigError for root that must not be root, or a Secret that is not there', async () => {
    await trial.pod('as-root', { securityContext: { runAsNonRoot: true } });
    const valueFrom = { secretKeyRef: { name: 'missing', key: 'x' } };
    await trial.pod('no-secret', { env: [{ name: 'X', valueFrom }] });
    for (const name of ['as-root', 'no-secret']) {
      const pod = await trial.podWhen(name, ({ status }) =>
        JSON.stringify(status).includes('CreateContainerConfigError'),
      );
      expect(pod.status?.phase).toBe('Pending');
    }
  });

  it('fails when an init container does, without beginning the others', async () => {
    await trial.pod('bad-init', {
      pod: {
        initContainers: [{ name: 'init', image: 'node-test/shell:1', command: shell('exit 4') }],
      },
    });
    const pod = await trial.podWhen('bad-init', hasEnded);
    expect(pod.status?.phase).toBe('Failed');
    expect(containerOf(pod)).toMatchObject({ restartCount: 0, started: false });
  });
});

describe('restarts', () => {
  it('come at once, then after a back-off that the status tells, with the last exit code', async () => {
    await trial.pod('crash', {
      command: shell('echo run; exit 3'),
      pod: { restartPolicy: 'Always' },
    });
    const pod = await trial.podWhen('crash', ({ status }) =>
      JSON.stringify(status).includes('CrashLoopBackOff'),
    );
    expect(pod.status?.phase).toBe('Running');
    expect(containerOf(pod)).toMatchObject({
      restartCount: 1,
      ready: false,
      lastState: { terminated: { exitCode: 3, reason: 'Error' } },
    });
    await trial.podWhen('crash', (seen) => containerOf(seen).restartCount === 2);
  });

  it('follow the policy of the pod', async () => {
    await trial.pod('never', { command: shell('exit 1') });
    await trial.pod('on-failure', {
      command: shell('exit 0'),
      pod: { restartPolicy: 'OnFailure' },
    });
    const never = await trial.podWhen('never', hasEnded);
    const onFailure = await trial.podWhen('on-failure', hasEnded);
    expect(never.status?.phase).toBe('Failed');
    expect(containerOf(never).state).toMatchObject({
      terminated: { exitCode: 1, reason: 'Error' },
    });
    expect(onFailure.status?.phase).toBe('Succeeded');
  });

  it('follow a killed process, and the log before stays readable', async () => {
    await trial.pod('twice', {
      command: shell(
        'test -e /d/x && { echo second; exec sleep 600; }; touch /d/x; echo first; exit 5',
      ),
      pod: { restartPolicy: 'Always', volumes: [{ name: 'd', emptyDir: {} }] },
      volumeMounts: [{ name: 'd', mountPath: '/d' }],
    });
    await trial.podWhen('twice', (pod) => isReady(pod) && containerOf(pod).restartCount === 1);
    await trial.until(async () =>
      (await trial.kubectl('logs', 'twice')) === 'second\n' ? true : undefined,
    );
    expect(await trial.kubectl('logs', 'twice', '--previous')).toBe('first\n');
  });
});

describe('probes', () => {
  it('make a pod ready, unready and ready again', async () => {
    await trial.pod('ready', {
      image: 'node-test/server:1',
      ports: [{ name: 'http', containerPort: 8080 }],
      readinessProbe: {
        httpGet: { path: '/ready', port: 'http' },
        periodSeconds: 1,
        failureThreshold: 1,
      },
    });
    const { status } = await trial.podWhen('ready', isReady);
    await fetch(`http://${status?.podIP}:8080/break?path=/ready`);
    await trial.podWhen('ready', (pod) => !isReady(pod));
    await fetch(`http://${status?.podIP}:8080/mend?path=/ready`);
    const pod = await trial.podWhen('ready', isReady);
    expect(containerOf(pod).restartCount).toBe(0);
  });

  it('restart a container that is not alive', async () => {
    await trial.pod('alive', {
      image: 'node-test/server:1',
      livenessProbe: { httpGet: { path: '/live', port: 8080 }, periodSeconds: 1 },
      pod: { restartPolicy: 'Always' },
    });
    const { status } = await trial.podWhen('alive', isReady);
    await trial.until(async () => {
      const answer = await fetch(`http://${status?.podIP}:8080/break?path=/live`).catch(
        () => undefined,
      );
      return answer?.ok;
    });
    const pod = await trial.podWhen('alive', (seen) => containerOf(seen).restartCount === 1);
    expect(pod.status?.podIP).toBe(status?.podIP);
    const [message] = await trial.events('alive', 'Killing');
    expect(message).toContain('failed liveness probe');
  });

  it('leave a container in peace until its startup probe has succeeded', async () => {
    const exec = { command: ['test', '-e', '/tmp/up'] };
    await trial.pod('slow', {
      command: shell('sleep 3; touch /tmp/up; exec sleep 600'),
      startupProbe: { exec, periodSeconds: 1, failureThreshold: 30 },
      livenessProbe: { exec, periodSeconds: 1, failureThreshold: 1 },
    });
    const early = await trial.podWhen('slow', (pod) => 'running' in containerOf(pod).state);
    expect(containerOf(early)).toMatchObject({ started: false, ready: false });
    const late = await trial.podWhen('slow', isReady);
    expect(containerOf(late)).toMatchObject({ started: true, restartCount: 0 });
  });

  it('connect to a port, and time out on a command that hangs', async () => {
    await trial.pod('port', {
      image: 'node-test/server:1',
      readinessProbe: { tcpSocket: { port: 8080 }, periodSeconds: 1 },
    });
    await trial.pod('hangs', {
      readinessProbe: { exec: { command: ['sleep', '600'] }, timeoutSeconds: 1, periodSeconds: 1 },
    });
    await trial.podWhen('port', isReady);
    expect(await trial.events('hangs', 'Unhealthy')).toEqual([
      'Readiness probe failed: command timed out',
    ]);
    const hangs = await trial.seen('hangs');
    expect(hangs && isReady(hangs)).toBe(false);
  });
});

describe('the end', () => {
  it('comes by preStop, then SIGTERM, and the pod goes when its processes have', async () => {
    await trial.pod('polite', {
      pod: { terminationGracePeriodSeconds: 30 },
      command: shell('trap "echo term; exit 0" TERM; echo up; while true; do sleep 0.1; done'),
      lifecycle: {
        preStop: {
          exec: { command: shell('echo hook >/proc/1/fd/1; sleep 1; echo hooked >/proc/1/fd/1') },
        },
      },
    });
    await trial.podWhen('polite', isReady);
    const said = trial.follow('polite');
    await trial.until(async () =>
      (await trial.kubectl('logs', 'polite')).includes('up') ? true : undefined,
    );
    await trial.delete('polite');
    expect(await said).toBe('up\nhook\nhooked\nterm\n');
    await trial.gone('polite');
  });

  it('is SIGKILL for a program that does not listen when its grace period is over', async () => {
    await trial.pod('deaf', {
      metadata: kept,
      command: shell('trap "" TERM; while true; do sleep 0.1; done'),
      pod: { terminationGracePeriodSeconds: 2 },
    });
    await trial.podWhen('deaf', isReady);
    await trial.delete('deaf');
    const pod = await trial.podWhen('deaf', (seen) => 'terminated' in containerOf(seen).state);
    expect(containerOf(pod).state).toMatchObject({ terminated: { exitCode: 137 } });
    await release('deaf');
  });

  it('counts the time of preStop', async () => {
    await trial.pod('long-hook', {
      metadata: kept,
      command: shell('trap "exit 7" TERM; while true; do sleep 0.1; done'),
      lifecycle: { preStop: { sleep: { seconds: 1 } } },
      pod: { terminationGracePeriodSeconds: 30 },
    });
    await trial.pod('endless-hook', {
      metadata: kept,
      command: shell('trap "exit 7" TERM; while true; do sleep 0.1; done'),
      lifecycle: { preStop: { exec: { command: ['sleep', '600'] } } },
      pod: { terminationGracePeriodSeconds: 2 },
    });
    for (const name of ['long-hook', 'endless-hook']) await trial.podWhen(name, isReady);
    for (const name of ['long-hook', 'endless-hook']) await trial.delete(name);
    for (const name of ['long-hook', 'endless-hook']) {
      const pod = await trial.podWhen(name, (seen) => 'terminated' in containerOf(seen).state);
      expect(containerOf(pod).state).toMatchObject({ terminated: { exitCode: 7 } });
      await release(name);
    }
  });

  it('is at once for a pod that is deleted by force', async () => {
    await trial.pod('forced', { command: shell('trap "" TERM; while true; do sleep 0.1; done') });
    const { status } = await trial.podWhen('forced', isReady);
    await trial.kubectl('delete', 'pod', 'forced', '--grace-period=0', '--force');
    await trial.gone('forced');
    expect(status?.podIP).toMatch(/^10\.244\./);
  });
});

describe('kubectl logs', () => {
  it('shows the last lines, the time of each, and both streams', async () => {
    await trial.pod('talks', {
      command: shell('echo one; echo two; sleep 0.3; echo three >&2; printf four'),
    });
    await trial.podWhen('talks', hasEnded);
    const all = (await trial.kubectl('logs', 'talks')).split(/\n|(?=four)/);
    expect(all.filter((line) => line !== '').toSorted()).toEqual(['four', 'one', 'three', 'two']);
    expect(await trial.kubectl('logs', 'talks', '--tail=0')).toBe('');
    expect((await trial.kubectl('logs', 'talks', '--tail=2')).split('\n').length).toBe(2);
    const stamped = await trial.kubectl('logs', 'talks', '--timestamps');
    expect(stamped).toMatch(/^\d{4}-\d\d-\d\dT\S+Z one$/m);
    expect(await trial.kubectl('logs', 'talks', '--since=1h')).toContain('one');
  });
});
