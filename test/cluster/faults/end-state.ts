/** How a rollout ended, in words that are equal for two rollouts that ended alike. */
import type { KubernetesObject } from '../../../src/api/object.ts';
import { appliedTo } from '../../../src/core/applied.ts';
import { imageOf, replicasOf, weightIn } from '../../simulate/mirror.ts';
import { historyOf, type CaseRecord } from './record.ts';

interface Status {
  readonly phase?: string;
  readonly canaryWeight?: number;
  readonly waiting?: { readonly reason?: string };
  readonly conditions?: readonly {
    readonly type: string;
    readonly status: string;
    readonly reason: string;
  }[];
  readonly run?: { readonly outbox?: readonly object[] };
}

export interface EndState {
  readonly phase: string;
  readonly weight: number;
  readonly waiting: string;
  readonly conditions: readonly string[];
  /** What the route says, and what its note says it was for. */
  readonly route: string;
  readonly target: string;
  readonly primary: string;
  /** Service and what it selects. */
  readonly services: readonly string[];
  /** Facts told, without the id of the run, each once. */
  readonly told: readonly string[];
  readonly untold: number;
}

export function endStateOf(record: CaseRecord): EndState {
  const last = (kind: string, name: string): KubernetesObject | undefined => {
    const seen = historyOf(record, kind, name).at(-1);
    return seen === undefined || seen.gone ? undefined : seen.object;
  };
  const canary = last('Canary', 'cart');
  const status: Status = canary?.['status'] ?? {};
  const route = last('HTTPRoute', 'cart');
  const note = route === undefined ? undefined : appliedTo(route);
  return {
    phase: status.phase ?? '',
    weight: status.canaryWeight ?? 0,
    waiting: status.waiting?.reason ?? '',
    conditions: (status.conditions ?? [])
      .map((condition) => `${condition.type}=${condition.status} ${condition.reason}`)
      .sort(),
    route: `${weightIn(route)} ${note?.for} ${note?.weight}`,
    target: deploymentText(last('Deployment', 'cart')),
    primary: deploymentText(last('Deployment', 'cart-primary')),
    services: ['cart', 'cart-canary', 'cart-primary'].map((name) => {
      const { selector } = (last('Service', name)?.['spec'] ?? {}) as { selector?: object };
      return `${name} ${JSON.stringify(selector)}`;
    }),
    told: [...new Set(record.told.map(({ receiver, id }) => `${receiver} ${factOf(id)}`))].sort(),
    untold: status.run?.outbox?.length ?? 0,
  };
}

/** `<uid>-<revision>-<count>/<fact>/<receiver>` without what differs from run to run. */
export function factOf(id: string): string {
  return id.replace(/^[^/]*\//, '').replaceAll(/@[^/]*/g, '');
}

function deploymentText(deployment: KubernetesObject | undefined): string {
  return deployment === undefined ? 'gone' : `${imageOf(deployment)} × ${replicasOf(deployment)}`;
}
