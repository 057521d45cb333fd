import type { WorkloadKind } from '../../ports/workload.ts';
import { registry } from '../../ports/registry.ts';
import { deployment } from './deployment/deployment.ts';

/** All kinds of target, by `<apiVersion>/<kind>` as `workloadKindName` spells it. */
export const workloadKinds = registry('target kind', [named(deployment)]);

/** What `spec.targetRef` asks for in the registry. */
export function workloadKindName({
  apiVersion,
  kind,
}: Pick<WorkloadKind, 'apiVersion' | 'kind'>): string {
  return `${apiVersion}/${kind}`;
}

function named(kind: WorkloadKind): WorkloadKind & { readonly name: string } {
  return { ...kind, name: workloadKindName(kind) };
}
