/**
 * The Services of one canary: what there is, beside what they must look like.
 */
import { groupDefaults } from '../api/group.ts';
import { asDeployment, asService } from '../api/narrow.ts';
import type { KubernetesObject } from '../api/object.ts';
import type { ResolvedSpec } from '../api/resolved.ts';
import type { Run } from '../api/run.ts';
import type { Refusal, ServicesView } from '../core/observation.ts';
import { adoptedBy, ownedBy, ownerOf, type Owner } from '../core/owners.ts';
import type { DesiredServices, ServiceChange, ServicePlan } from '../core/service-plan.ts';
import { desiredServices } from '../core/services.ts';
import type { Cluster } from '../ports/cluster.ts';
import type { RouteTarget } from '../ports/traffic-router.ts';
import type { DiscoveredPort, SelectorLabel } from '../ports/workload.ts';
import type { CanaryKey } from './ports.ts';

const services = { apiVersion: 'v1', kind: 'Service' };

export interface SeenServices {
  readonly view: ServicesView;
  readonly apex: KubernetesObject | undefined;
  readonly refusals: readonly Refusal[];
  /** What is due when the apex is to select this side, from the cache as it is now. */
  due(side: 'primary' | 'canary', running: boolean): readonly ServiceChange[];
}

interface Facts {
  readonly key: CanaryKey;
  readonly spec: ResolvedSpec;
  readonly run: Run | undefined;
  readonly canary: Owner;
  readonly target: KubernetesObject;
  readonly routeTarget: RouteTarget;
  readonly label: SelectorLabel;
  readonly discovered: readonly DiscoveredPort[];
  readonly cluster: Cluster;
}

export function seeServices(facts: Facts): SeenServices {
  const { key, run, canary, routeTarget, label, cluster } = facts;
  const plan = (side: 'primary' | 'canary', running: boolean): DesiredServices =>
    desiredServices(planFor(facts, side, running), concerned(facts));
  const desired = plan(run?.stay === true ? 'canary' : 'primary', isRunning(run));
  const apex = cluster.get({ ...services, namespace: key.namespace, name: routeTarget.apex });
  return {
    apex,
    refusals: desired.refusals,
    due: (side, running) => plan(side, running).changes,
    view: {
      known: true,
      backends: stateOf(
        desired.changes.filter(({ role }) => role === 'primary' || role === 'canary'),
      ),
      apex: stateOf(desired.changes.filter(({ role }) => role === 'apex')),
      apexSide: sideOf(apex, label),
      adopted: apex !== undefined && !ownedBy(apex, canary),
      marked: apex !== undefined && adoptedBy(apex, canary),
      followers: desired.changes.some(({ role }) => role === 'follower') ? 'drifted' : 'ready',
      warnings: desired.warnings,
    },
  };
}

/** A namespace may hold thousands of Services; only ours and those that select the target's pods are looked at closely. */
function concerned({
  key,
  canary,
  routeTarget,
  target,
  cluster,
}: Facts): readonly KubernetesObject[] {
  const names = [routeTarget.apex, routeTarget.primaryService, routeTarget.canaryService];
  const podLabels = podLabelsOf(target);
  return cluster.list(services, key.namespace).filter((service) => {
    if (names.includes(service.metadata.name) || adoptedBy(service, canary)) return true;
    const { selector } = asService(service).spec;
    return (
      selector !== undefined &&
      Object.keys(selector).every((name) => selector[name] === podLabels[name])
    );
  });
}

function planFor(
  { key, spec, canary, target, label, discovered }: Facts,
  side: 'primary' | 'canary',
  running: boolean,
): ServicePlan {
  return {
    namespace: key.namespace,
    service: spec.service,
    label,
    discovered,
    podLabels: podLabelsOf(target),
    canary,
    target: ownerOf(target),
    keptByTarget: spec.revertOnDeletion !== false,
    side,
    running,
    adoptsOtherServices: groupDefaults[key.group].adoptsOtherServices,
  };
}

function isRunning(run: Run | undefined): boolean {
  return run !== undefined && (run.weight > 0 || run.intent !== undefined);
}

function podLabelsOf(target: KubernetesObject): Readonly<Record<string, string>> {
  return asDeployment(target).spec.template.metadata?.labels ?? {};
}

function stateOf(changes: readonly ServiceChange[]): 'ready' | 'missing' | 'drifted' {
  if (changes.length === 0) return 'ready';
  return changes.some(({ before }) => before === undefined) ? 'missing' : 'drifted';
}

function sideOf(
  apex: KubernetesObject | undefined,
  { key, value }: SelectorLabel,
): ServicesView['apexSide'] {
  if (apex === undefined) return 'missing';
  const selected = asService(apex).spec.selector?.[key];
  if (selected === `${value}-primary`) return 'primary';
  return selected === value ? 'canary' : 'other';
}
