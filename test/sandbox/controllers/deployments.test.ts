import { beforeEach, describe, expect, it } from 'vitest';

import { isPodActive, isPodReady } from '../../../src/sandbox/controllers/objects.ts';
import { deployment, DEPLOYMENTS, image, PODS, TestCluster } from './cluster.ts';

let cluster: TestCluster;

beforeEach(() => {
  cluster = new TestCluster();
});

function counts(): object {
  const { replicas, updatedReplicas, readyReplicas, availableReplicas, unavailableReplicas } =
    cluster.deployment().status ?? {};
  return { replicas, updatedReplicas, readyReplicas, availableReplicas, unavailableReplicas };
}

const all = (n: number) => ({
  replicas: n,
  updatedReplicas: n,
  readyReplicas: n,
  availableReplicas: n,
  unavailableReplicas: 0,
});

describe('Deployment controller', () => {
  it('brings up what is asked for and says so', () => {
    cluster.create(DEPLOYMENTS, deployment(3, 'v1'));
    cluster.advance(500);
    expect(counts()).toMatchObject({ replicas: 3, readyReplicas: 0, unavailableReplicas: 3 });
    expect(cluster.condition('Available')).toBe('False MinimumReplicasUnavailable');
    cluster.advance(1_000);
    expect(counts()).toEqual(all(3));
    expect(cluster.condition('Available')).toBe('True MinimumReplicasAvailable');
    expect(cluster.condition('Progressing')).toBe('True NewReplicaSetAvailable');
    const { metadata, status } = cluster.deployment();
    expect(status?.observedGeneration).toBe(metadata.generation);
    expect(metadata.annotations?.['deployment.kubernetes.io/revision']).toBe('1');
    const [set] = cluster.replicaSets;
    const hash = set?.metadata.labels?.['pod-template-hash'];
    expect(set?.metadata.name).toBe(`cart-${hash}`);
    for (const { metadata: pod } of cluster.allPods) {
      expect(pod.name).toMatch(new RegExp(`^cart-${hash}-[a-z0-9]{5}$`));
      expect(pod.labels).toEqual({ app: 'cart', 'pod-template-hash': hash });
    }
  });

  it.each([
    { replicas: 4, maxSurge: '25%', maxUnavailable: '25%', most: 5, least: 3 },
    { replicas: 3, maxSurge: '25%', maxUnavailable: '25%', most: 4, least: 3 },
    { replicas: 2, maxSurge: 0, maxUnavailable: 1, most: 2, least: 1 },
    { replicas: 3, maxSurge: '100%', maxUnavailable: 0, most: 6, least: 3 },
    { replicas: 1, maxSurge: 1, maxUnavailable: 0, most: 2, least: 1 },
    { replicas: 5, maxSurge: 0, maxUnavailable: '10%', most: 5, least: 4 },
  ])(
    'rolls $replicas replicas with surge $maxSurge and unavailable $maxUnavailable inside its bounds',
    ({ replicas, maxSurge, maxUnavailable, most, least }) => {
      const strategy = { type: 'RollingUpdate', rollingUpdate: { maxSurge, maxUnavailable } };
      cluster.create(DEPLOYMENTS, deployment(replicas, 'v1', { strategy }));
      cluster.advance(5_000);
      cluster.patch(DEPLOYMENTS, 'cart', image('v2'));
      let seenMost = 0;
      let seenLeast = replicas;
      cluster.advanceWatching(60_000, () => {
        const active = cluster.allPods.filter(isPodActive);
        seenMost = Math.max(seenMost, active.length);
        seenLeast = Math.min(seenLeast, active.filter(isPodReady).length);
      });
      expect({ seenMost, seenLeast }).toEqual({ seenMost: most, seenLeast: least });
      expect(counts()).toEqual(all(replicas));
      expect(cluster.allPods.every(({ spec }) => spec.containers[0]?.image === 'v2')).toBe(true);
    },
  );

  it('keeps a broken version from replacing the good one and gives up at its deadline', () => {
    cluster.behaviours['broken'] = {};
    cluster.create(DEPLOYMENTS, deployment(4, 'v1', { progressDeadlineSeconds: 30 }));
    cluster.advance(5_000);
    cluster.patch(DEPLOYMENTS, 'cart', image('broken'));
    cluster.advance(29_000);
    expect(cluster.condition('Progressing')).toMatch(/^True/);
    cluster.advance(5_000);
    expect(cluster.condition('Progressing')).toBe('False ProgressDeadlineExceeded');
    expect(cluster.condition('Available')).toBe('True MinimumReplicasAvailable');
    expect(cluster.deployment().status?.availableReplicas).toBe(3);
    cluster.patch(DEPLOYMENTS, 'cart', image('v1'));
    cluster.advance(5_000);
    expect(counts()).toEqual(all(4));
    expect(cluster.condition('Progressing')).toBe('True NewReplicaSetAvailable');
  });

  it('goes back to the ReplicaSet of a template it has had before', () => {
    cluster.create(DEPLOYMENTS, deployment(2, 'v1'));
    cluster.advance(5_000);
    const [first] = cluster.replicaSets;
    cluster.patch(DEPLOYMENTS, 'cart', image('v2'));
    cluster.advance(10_000);
    cluster.patch(DEPLOYMENTS, 'cart', image('v1'));
    cluster.advance(10_000);
    expect(cluster.replicaSets).toHaveLength(2);
    const again = cluster.replicaSets.find(({ spec }) => spec.replicas === 2);
    expect(again?.metadata.uid).toBe(first?.metadata.uid);
    const { annotations } = cluster.deployment().metadata;
    expect(annotations?.['deployment.kubernetes.io/revision']).toBe('3');
  });

  it('recreates only when the last old pod has ended', () => {
    cluster.behaviours['v1'] = { readyAfterMs: 1_000, stopAfterMs: 4_000 };
    cluster.create(DEPLOYMENTS, deployment(2, 'v1', { strategy: { type: 'Recreate' } }));
    cluster.advance(5_000);
    cluster.patch(DEPLOYMENTS, 'cart', image('v2'));
    cluster.advanceWatching(3_000, () => {
      const images = cluster.allPods.map(({ spec }) => spec.containers[0]?.image);
      expect(images).not.toContain('v2');
    });
    cluster.advance(10_000);
    expect(counts()).toEqual(all(2));
    expect(cluster.allPods.map(({ spec }) => spec.containers[0]?.image)).toEqual(['v2', 'v2']);
  });

  it('does nothing about a new template while it is paused, but scales', () => {
    cluster.create(DEPLOYMENTS, deployment(2, 'v1'));
    cluster.advance(5_000);
    cluster.patch(DEPLOYMENTS, 'cart', { spec: { paused: true } });
    cluster.patch(DEPLOYMENTS, 'cart', image('v2'));
    cluster.patch(DEPLOYMENTS, 'cart', { spec: { replicas: 3 } });
    cluster.advance(5_000);
    expect(cluster.replicaSets).toHaveLength(1);
    expect(cluster.condition('Progressing')).toBe('Unknown DeploymentPaused');
    expect(counts()).toMatchObject({ replicas: 3, availableReplicas: 3 });
    cluster.patch(DEPLOYMENTS, 'cart', { spec: { paused: false } });
    cluster.advance(10_000);
    expect(counts()).toEqual(all(3));
    expect(cluster.allPods[0]?.spec.containers[0]?.image).toBe('v2');
    expect(cluster.condition('Progressing')).toBe('True NewReplicaSetAvailable');
  });

  it('scales to zero and back with the same ReplicaSet', () => {
    cluster.create(DEPLOYMENTS, deployment(2, 'v1'));
    cluster.advance(5_000);
    cluster.patch(DEPLOYMENTS, 'cart', { spec: { replicas: 0 } });
    cluster.advance(5_000);
    expect(cluster.allPods).toEqual([]);
    expect(counts()).toEqual(all(0));
    cluster.patch(DEPLOYMENTS, 'cart', { spec: { replicas: 3 } });
    cluster.advance(5_000);
    expect(counts()).toEqual(all(3));
    expect(cluster.replicaSets).toHaveLength(1);
  });

  it('shares a change of size between old and new in the middle of a rollout', () => {
    cluster.behaviours['slow'] = {};
    cluster.create(DEPLOYMENTS, deployment(4, 'v1', { progressDeadlineSeconds: 30 }));
    cluster.advance(5_000);
    cluster.patch(DEPLOYMENTS, 'cart', image('slow'));
    cluster.advance(2_000);
    cluster.patch(DEPLOYMENTS, 'cart', { spec: { replicas: 8 } });
    cluster.advance(5_000);
    const sizes = Object.fromEntries(
      cluster.replicaSets.map(({ spec }) => [
        spec.template.spec.containers[0]?.image,
        spec.replicas,
      ]),
    );
    expect(sizes).toEqual({ v1: 6, slow: 4 });
    expect(cluster.deployment().status?.availableReplicas).toBe(6);
  });

  it('counts a pod as available only after minReadySeconds', () => {
    cluster.create(DEPLOYMENTS, deployment(1, 'v1', { minReadySeconds: 10 }));
    cluster.advance(9_000);
    expect(counts()).toMatchObject({ readyReplicas: 1, availableReplicas: 0 });
    cluster.advance(3_000);
    expect(counts()).toEqual(all(1));
  });

  it('replaces a pod that somebody deletes and takes it out at once', () => {
    cluster.behaviours['v1'] = { readyAfterMs: 1_000, stopAfterMs: 5_000 };
    cluster.create(DEPLOYMENTS, deployment(2, 'v1'));
    cluster.advance(5_000);
    const [victim] = cluster.allPods;
    if (victim === undefined) throw new Error('no pod');
    cluster.remove(PODS, victim);
    cluster.advance(500);
    expect(counts()).toMatchObject({ replicas: 2, readyReplicas: 1 });
    expect(cluster.allPods).toHaveLength(3);
    cluster.advance(6_000);
    expect(counts()).toEqual(all(2));
    expect(cluster.allPods.map(({ metadata }) => metadata.name)).not.toContain(
      victim.metadata.name,
    );
  });

  it('keeps ten old ReplicaSets, or as many as it is told', () => {
    cluster.create(DEPLOYMENTS, deployment(1, 'v0', { revisionHistoryLimit: 2 }));
    for (let version = 1; version <= 5; version++) {
      cluster.advance(10_000);
      cluster.patch(DEPLOYMENTS, 'cart', image(`v${version}`));
    }
    cluster.advance(10_000);
    expect(cluster.replicaSets).toHaveLength(3);
  });

  it('takes its pods down when it is deleted', () => {
    const created = cluster.create(DEPLOYMENTS, deployment(2, 'v1'));
    cluster.advance(5_000);
    cluster.remove(DEPLOYMENTS, created);
    for (let i = 0; i < 5; i++) {
      cluster.api.tick();
      cluster.advance(1_000);
    }
    expect(cluster.replicaSets).toEqual([]);
    expect(cluster.allPods).toEqual([]);
    expect(cluster.pods.running()).toEqual([]);
  });

  it('goes on when its watches are cut or their past is gone', () => {
    cluster.create(DEPLOYMENTS, deployment(2, 'v1'));
    cluster.advance(5_000);
    cluster.api.cutWatches();
    cluster.patch(DEPLOYMENTS, 'cart', image('v2'));
    cluster.advance(10_000);
    expect(counts()).toEqual(all(2));
    expect(cluster.allPods[0]?.spec.containers[0]?.image).toBe('v2');
    cluster.api.compact();
    cluster.api.cutWatches();
    cluster.patch(DEPLOYMENTS, 'cart', { spec: { replicas: 1 } });
    cluster.advance(10_000);
    expect(counts()).toEqual(all(1));
  });

  it('is quiet when nothing changes', () => {
    cluster.create(DEPLOYMENTS, deployment(3, 'v1'));
    cluster.advance(60_000);
    const before = cluster.api.resourceVersion;
    cluster.advance(3_600_000);
    expect(cluster.api.resourceVersion).toBe(before);
  });

  it('does the same again when everything is the same', () => {
    const histories = [1, 2].map(() => {
      const own = new TestCluster();
      own.create(DEPLOYMENTS, deployment(3, 'v1'));
      own.advance(5_000);
      own.patch(DEPLOYMENTS, 'cart', image('v2'));
      own.advance(1_300);
      return JSON.stringify([own.deployments, own.replicaSets, own.allPods]);
    });
    expect(histories[0]).toBe(histories[1]);
  });
});
