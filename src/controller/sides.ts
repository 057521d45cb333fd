/**
 * Target and primary: their workloads, the label that tells their pods apart, and what Flagger left of them.
 */
import { member } from '../api/narrow.ts';
import type { KubernetesObject } from '../api/object.ts';
import type { ResolvedService } from '../api/resolved.ts';
import type { Run } from '../api/run.ts';
import type { Observation, PrimaryView } from '../core/observation.ts';
import { heldRevision, ownedBy, type Owner } from '../core/owners.ts';
import { configCopies, revisionOf, sameAsPrimary } from '../core/revision.ts';
import type { Workload } from '../core/workload.ts';
import type { RouteTarget } from '../ports/traffic-router.ts';
import type { SelectorLabel, WorkloadKind } from '../ports/workload.ts';
import type { SeenObjects } from './observe.ts';
import type { Ports } from './ports.ts';

/** The label that tells the sides apart: the target's, or, without a target, the primary's with its suffix taken off. */
export function labelOf(
  workload: WorkloadKind | undefined,
  target: KubernetesObject | undefined,
  primary: KubernetesObject | undefined,
  { settings }: Ports,
): SelectorLabel | undefined {
  const { selectorLabels } = settings.copy;
  if (workload === undefined) return undefined;
  if (target !== undefined) return workload.selectorLabel(target, selectorLabels);
  const label = primary && workload.selectorLabel(primary, selectorLabels);
  return label && { ...label, value: label.value.replace(/-primary$/, '') };
}

/** The three Services and the two selectors of one canary. */
export function routeTargetOf(
  namespace: string,
  service: ResolvedService,
  label: SelectorLabel,
): RouteTarget {
  const apex = service.name;
  return {
    namespace,
    apex,
    primaryService: `${apex}-primary`,
    canaryService: `${apex}-canary`,
    port: service.port,
    service,
    primarySelector: { [label.key]: `${label.value}-primary` },
    canarySelector: { [label.key]: label.value },
  };
}

interface Sides {
  readonly target: Workload | undefined;
  readonly primary: PrimaryView | undefined;
}

export function seeSides(
  { target, primary }: SeenObjects,
  workload: WorkloadKind | undefined,
  label: SelectorLabel | undefined,
  owner: Owner,
  { settings }: Ports,
): Sides {
  if (workload === undefined) return { target: undefined, primary: undefined };
  const view = primary && workload.view(primary, revisionOf);
  return {
    target: target && workload.view(target, revisionOf),
    primary: primary &&
      view && {
        ...view,
        // The primary's own template, its names exchanged back: comparable with the target's.
        revision:
          label === undefined
            ? view.revision
            : revisionOf(workload.templateOf(primary, label, 'primary', settings.copy)),
        holds: heldRevision(primary),
        hasConfigCopies:
          target !== undefined &&
          configCopies(podTemplate(target), podTemplate(primary)).length > 0,
        owned: ownedBy(primary, owner),
      },
  };
}

function podTemplate(object: KubernetesObject): unknown {
  return member(object['spec'], 'template');
}

/**
 * What Flagger recorded is no hash of ours: whether both sides hold the same is then read from the sides themselves,
 * and whether a failed revision is a new one from the age of its ReplicaSet.
 */
export async function takeOverOf(
  { target, primary }: SeenObjects,
  { lastAppliedSpec, lastTransitionTime, phase }: Observation['status'],
  run: Run | undefined,
  label: SelectorLabel | undefined,
  { cluster }: Ports,
  signal: AbortSignal,
): Promise<Observation['takeOver']> {
  if (run !== undefined || lastAppliedSpec === undefined || lastAppliedSpec.includes(':'))
    return 'none';
  if (target === undefined || primary === undefined || label === undefined) return 'none';
  const template = podTemplate(target);
  if (sameAsPrimary(template, podTemplate(primary), label).same) return 'same';
  if (phase !== 'Failed') return 'different';
  const sets = await cluster.readList(
    { apiVersion: 'apps/v1', kind: 'ReplicaSet' },
    target.metadata.namespace ?? '',
    { [label.key]: label.value },
    signal,
  );
  const current = sets.find((set) => revisionOf(podTemplate(set)) === revisionOf(template));
  const born = current?.metadata.creationTimestamp;
  return born !== undefined &&
    lastTransitionTime !== undefined &&
    Date.parse(born) > Date.parse(lastTransitionTime)
    ? 'younger'
    : 'different';
}
