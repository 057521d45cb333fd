import { beforeEach, describe, expect, it } from 'vitest';

import { deployment, DEPLOYMENTS, image, PODS, service, SERVICES, TestCluster } from './cluster.ts';

let cluster: TestCluster;

beforeEach(() => {
  cluster = new TestCluster();
});

function endpoints() {
  return cluster.slices.flatMap((slice) => slice.endpoints ?? []);
}

describe('EndpointSlice controller', () => {
  it('lists pods with their address, unready until they are ready', () => {
    cluster.create(SERVICES, service());
    cluster.create(DEPLOYMENTS, deployment(2, 'v1'));
    cluster.advance(500);
    expect(endpoints().map(({ conditions }) => conditions?.ready)).toEqual([false, false]);
    cluster.advance(1_000);
    expect(endpoints().map(({ conditions }) => conditions?.ready)).toEqual([true, true]);
    const [slice] = cluster.slices;
    expect(slice).toMatchObject({
      addressType: 'IPv4',
      metadata: { labels: { 'kubernetes.io/service-name': 'cart' } },
      ports: [{ name: 'http', port: 8080, protocol: 'TCP' }],
    });
    const addresses = new Map(
      cluster.allPods.map(({ metadata, status }) => [metadata.name, status?.podIP]),
    );
    for (const { targetRef, addresses: listed } of endpoints()) {
      expect(listed).toEqual([addresses.get(targetRef?.name ?? '')]);
    }
  });

  it('takes a terminating pod out of rotation while it still serves', () => {
    cluster.behaviours['v1'] = { readyAfterMs: 1_000, stopAfterMs: 5_000 };
    cluster.create(SERVICES, service());
    cluster.create(DEPLOYMENTS, deployment(1, 'v1'));
    cluster.advance(2_000);
    const [pod] = cluster.allPods;
    if (pod === undefined) throw new Error('no pod');
    cluster.remove(PODS, pod);
    cluster.advance(100);
    const listed = endpoints().find(({ targetRef }) => targetRef?.name === pod.metadata.name);
    expect(listed?.conditions).toEqual({ ready: false, serving: true, terminating: true });
    cluster.advance(10_000);
    expect(endpoints().map(({ conditions }) => conditions?.ready)).toEqual([true]);
    expect(endpoints()[0]?.targetRef?.name).not.toBe(pod.metadata.name);
  });

  it('never shows less than the rollout keeps available', () => {
    cluster.create(SERVICES, service());
    cluster.create(DEPLOYMENTS, deployment(2, 'v1'));
    cluster.advance(5_000);
    cluster.patch(DEPLOYMENTS, 'cart', image('v2'));
    let least = 2;
    cluster.advance(20_000, () => {
      const ready = endpoints().filter(({ conditions }) => conditions?.ready === true);
      least = Math.min(least, ready.length);
    });
    expect(least).toBe(2);
  });

  it('follows the selector at once', () => {
    cluster.create(SERVICES, service());
    cluster.create(DEPLOYMENTS, deployment(1, 'v1'));
    cluster.advance(2_000);
    cluster.patch(SERVICES, 'cart', { spec: { selector: { app: 'other' } } });
    cluster.advance(0);
    expect(endpoints()).toEqual([]);
    expect(cluster.slices).toHaveLength(1);
    cluster.patch(SERVICES, 'cart', { spec: { selector: { app: 'cart' } } });
    cluster.advance(0);
    expect(endpoints()).toHaveLength(1);
  });

  it('sees a pod lose and regain its readiness', () => {
    cluster.create(SERVICES, service());
    cluster.create(DEPLOYMENTS, deployment(1, 'v1'));
    cluster.advance(2_000);
    const uid = cluster.allPods[0]?.metadata.uid ?? '';
    cluster.pods.setReady(uid, false);
    cluster.advance(0);
    expect(endpoints()[0]?.conditions?.ready).toBe(false);
    expect(cluster.deployment().status?.availableReplicas ?? 0).toBe(0);
    cluster.pods.setReady(uid, true);
    cluster.advance(0);
    expect(endpoints()[0]?.conditions?.ready).toBe(true);
  });

  it('shows a crash as not ready, with the restarts counted', () => {
    cluster.behaviours['v1'] = { readyAfterMs: 1_000, crashAfterMs: 5_000 };
    cluster.create(SERVICES, service());
    cluster.create(DEPLOYMENTS, deployment(1, 'v1'));
    cluster.advance(6_000);
    expect(endpoints()[0]?.conditions?.ready).toBe(false);
    expect(cluster.allPods[0]?.status?.containerStatuses?.[0]).toMatchObject({
      restartCount: 1,
      state: { waiting: { reason: 'CrashLoopBackOff' } },
      lastState: { terminated: { exitCode: 1 } },
    });
    cluster.advance(11_000);
    expect(endpoints()[0]?.conditions?.ready).toBe(true);
  });
});
