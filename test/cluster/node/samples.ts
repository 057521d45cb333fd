/** Pods for unit tests: each test shows only what matters to it. */

import type { ContainerView } from './status.ts';
import type { ContainerSpec, Pod, PodSpec } from './types.ts';

export function aPod(spec: Partial<PodSpec> = {}, metadata: Partial<Pod['metadata']> = {}): Pod {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'cart-1', namespace: 'shop', uid: 'u-1', ...metadata },
    spec: { containers: [aContainer()], ...spec },
  };
}

export function aContainer(parts: Partial<ContainerSpec> = {}): ContainerSpec {
  return { name: 'main', image: 'cart:1', ...parts };
}

/** A container that runs and is ready. */
export function aView(parts: Partial<ContainerView> = {}): ContainerView {
  return {
    name: 'main',
    image: 'cart:1',
    state: { running: { startedAt: '2026-01-01T00:00:00Z' } },
    lastState: undefined,
    ready: true,
    started: true,
    restartCount: 0,
    containerID: 'process://1',
    ...parts,
  };
}

/** A container that has ended. */
export function anEndedView(exitCode: number, parts: Partial<ContainerView> = {}): ContainerView {
  const terminated = {
    exitCode,
    reason: exitCode === 0 ? 'Completed' : 'Error',
    startedAt: '2026-01-01T00:00:00Z',
    finishedAt: '2026-01-01T00:00:01Z',
    containerID: 'process://1',
  };
  return aView({ state: { terminated }, ready: false, started: false, ...parts });
}
