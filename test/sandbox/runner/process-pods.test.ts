import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { pod, startRunner } from './pods.ts';

let runner: Awaited<ReturnType<typeof startRunner>>;
const configs = { 'ConfigMap shop/settings': { fail: '2' } };

beforeEach(async () => {
  runner = await startRunner(configs);
});

afterEach(() => runner.close());

describe('pods as processes', () => {
  it('starts a pod on an address of its own and says when it is ready', async () => {
    const [one, two] = [pod('one', 'serin.dev/demo:1.0.0'), pod('two', 'serin.dev/demo:1.1.0')];
    runner.driver.start(one);
    const first = await runner.next('running');
    await runner.next('ready');
    runner.driver.start(two);
    const second = await runner.next('running');
    await runner.next('ready');
    expect(first.ip).not.toBe(second.ip);

    const answers = await Promise.all(
      [first, second].map(async ({ ip }) => {
        const { headers } = await fetch(`http://${ip}:8080/`);
        return [headers.get('x-app-version'), headers.get('x-app-pod')];
      }),
    );
    expect(answers).toEqual([
      ['1.0.0', 'one'],
      ['1.1.0', 'two'],
    ]);
  });

  it('passes the environment of the spec on, references included', async () => {
    const configured = pod('one', 'serin.dev/demo:1.0.0-flaky', {
      env: [
        { name: 'SUFFIX', valueFrom: { fieldRef: { fieldPath: "metadata.labels['app']" } } },
        { name: 'APP_VERSION', value: 'mine-$(SUFFIX)' },
        {
          name: 'APP_FAIL_EVERY',
          valueFrom: { configMapKeyRef: { name: 'settings', key: 'fail' } },
        },
      ],
    });
    runner.driver.start(configured);
    const { ip } = await runner.next('running');
    await runner.next('ready');
    const statuses: number[] = [];
    for (let i = 0; i < 4; i++) {
      const answer = await fetch(`http://${ip}:8080/`);
      statuses.push(answer.status);
      expect(answer.headers.get('x-app-version')).toBe('mine-cart');
    }
    expect(statuses).toEqual([200, 500, 200, 500]);
  });

  it('waits with the reason of a kubelet for an image or a setting that is missing', async () => {
    runner.driver.start(pod('one', 'nginx:1'));
    expect(await runner.next('waiting')).toMatchObject({
      reason: 'ImagePullBackOff',
      message: expect.stringContaining('"nginx:1"'),
    });
    const env = [{ name: 'A', valueFrom: { secretKeyRef: { name: 'token', key: 'a' } } }];
    runner.driver.start(pod('two', 'serin.dev/demo:1.0.0', { env }));
    expect(await runner.next('waiting')).toMatchObject({
      reason: 'CreateContainerConfigError',
      message: "couldn't find key a in Secret shop/token",
    });
  });

  it('starts a crashed program again and keeps its last words', async () => {
    const env = [{ name: 'APP_BEHAVIOUR', value: 'confused' }];
    runner.driver.start(pod('one', 'serin.dev/demo:1.0.0', { env }));
    expect(await runner.next('exited')).toMatchObject({
      code: 1,
      message: expect.stringContaining('APP_BEHAVIOUR "confused" is none of'),
    });
    expect(await runner.next('waiting')).toMatchObject({ reason: 'CrashLoopBackOff' });
    await runner.next('running');
  });

  it('answers until the end when it is asked to stop', async () => {
    const draining = pod('one', 'serin.dev/demo:1.0.0', {
      env: [{ name: 'APP_DRAIN_MS', value: '150' }],
    });
    runner.driver.start(draining);
    const { ip } = await runner.next('running');
    await runner.next('ready');
    runner.driver.stop(draining, 30);
    await expect.poll(async () => (await fetch(`http://${ip}:8080/readyz`)).status).toBe(503);
    expect((await fetch(`http://${ip}:8080/`)).status).toBe(200);
    await runner.next('stopped');
    await expect(fetch(`http://${ip}:8080/`)).rejects.toThrow('fetch failed');
  });

  it('kills what does not stop within its grace period', async () => {
    const stubborn = pod('one', 'serin.dev/demo:1.0.0', {
      env: [{ name: 'APP_DRAIN_MS', value: '600000' }],
    });
    runner.driver.start(stubborn);
    await runner.next('ready');
    runner.driver.stop(stubborn, 0.05);
    expect(await runner.next('stopped')).toMatchObject({ uid: stubborn.metadata.uid });
  });
});
