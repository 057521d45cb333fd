/**
 * Whether an update strategy leaves pods standing while a primary is replaced.
 */

import type { Deployment, IntOrString } from '../../../api/object.ts';

export type Strategy = NonNullable<Deployment['spec']['strategy']>;

/** What a primary gets instead of a strategy that would take every pod away at once. */
export const safeStrategy: Strategy = {
  type: 'RollingUpdate',
  rollingUpdate: { maxUnavailable: '25%', maxSurge: '25%' },
};

const byDefault: IntOrString = '25%';

/** Why this strategy could leave none of `replicas` pods; `undefined` when some always stay. */
export function danger(strategy: Strategy | undefined, replicas: number): string | undefined {
  if (isRecreate(strategy)) return 'strategy Recreate stops every pod before it starts one';
  const { maxUnavailable = byDefault, maxSurge = byDefault } = strategy?.rollingUpdate ?? {};
  const unavailable = resolve(maxUnavailable, replicas, Math.floor);
  const surge = resolve(maxSurge, replicas, Math.ceil);
  // With room for neither more nor fewer pods Kubernetes takes one away, or nothing could ever move.
  const most = unavailable === 0 && surge === 0 ? 1 : unavailable;
  if (replicas === 0 || most < replicas) return undefined;
  return `maxUnavailable ${maxUnavailable} may take away all of ${replicas} pods at once`;
}

export function isRecreate(strategy: Strategy | undefined): boolean {
  return strategy?.type === 'Recreate';
}

function resolve(value: IntOrString, replicas: number, round: (share: number) => number): number {
  if (typeof value === 'number') return value;
  return round((Number.parseInt(value, 10) * replicas) / 100);
}
