/**
 * Why a Canary is refused as it stands: what the schema could not say, because it depends on other objects.
 */
import { apiGroups, apiVersionOf, type ApiGroup } from '../api/group.ts';
import { member } from '../api/narrow.ts';
import type { KubernetesObject } from '../api/object.ts';
import type { ResolvedSpec } from '../api/resolved.ts';
import type { Refusal } from '../core/observation.ts';
import { otherOwner, ownedBy, type Owner } from '../core/owners.ts';
import type { RouteTarget, TrafficRouter } from '../ports/traffic-router.ts';
import type { SelectorLabel, WorkloadKind } from '../ports/workload.ts';
import type { CanaryKey, Ports } from './ports.ts';

export function crdRefusals(group: ApiGroup, { crdTooOld }: Ports): readonly Refusal[] {
  if (!crdTooOld(group)) return [];
  return [
    {
      reason: 'CrdTooOld',
      message: `the installed definition of canaries.${group} does not know status.run: apply crds/${group}_canaries.yaml`,
    },
  ];
}

interface TargetFacts {
  readonly key: CanaryKey;
  readonly canary: KubernetesObject;
  readonly spec: ResolvedSpec | undefined;
  readonly target: KubernetesObject | undefined;
  readonly primary: KubernetesObject | undefined;
  readonly workload: WorkloadKind | undefined;
  readonly label: SelectorLabel | undefined;
  readonly owner: Owner;
  readonly ports: Ports;
}

export function targetRefusals({
  key,
  canary,
  spec,
  target,
  primary,
  workload,
  label,
  owner,
  ports,
}: TargetFacts): readonly Refusal[] {
  if (
    spec === undefined ||
    workload === undefined ||
    canary.metadata.deletionTimestamp !== undefined
  )
    return [];
  const refusals: Refusal[] = [];
  const other = olderCanary(key, canary, spec, ports);
  if (other !== undefined) {
    refusals.push({
      reason: 'TargetInUse',
      message: `${spec.target.kind} ${spec.target.name} is the target of the older Canary ${other}: delete one of them`,
    });
  }
  const foreign = primary && otherOwner(primary, owner);
  if (foreign !== undefined) {
    refusals.push({
      reason: 'NotOurs',
      message: `${spec.target.name}-primary belongs to ${foreign}: remove it, or choose another target`,
    });
  }
  if (target === undefined) return refusals;
  if (label === undefined) {
    refusals.push({
      reason: 'SelectorNotSupported',
      message: `${spec.target.kind} ${spec.target.name} selects its pods by none of the labels ${ports.settings.copy.selectorLabels.join(', ')}: add one of them, or name yours with --selector-labels`,
    });
  }
  const unsafe = workload.unsafe(target);
  if (unsafe !== undefined && key.group === 'serin.dev')
    refusals.push({ reason: 'UnsafeStrategy', message: unsafe });
  return refusals;
}

/** Another Canary, of either group, that had the same target first. */
function olderCanary(
  key: CanaryKey,
  canary: KubernetesObject,
  spec: ResolvedSpec,
  { cluster, settings }: Ports,
): string | undefined {
  for (const group of apiGroups) {
    if (!settings.groups.includes(group)) continue;
    for (const other of cluster.list(
      { apiVersion: apiVersionOf(group), kind: 'Canary' },
      key.namespace,
    )) {
      if (other.metadata.uid === canary.metadata.uid) continue;
      const target = member(other['spec'], 'targetRef');
      if (
        member(target, 'name') === spec.target.name &&
        member(target, 'kind') === spec.target.kind &&
        isOlder(other, canary)
      ) {
        return `${other.metadata.name} (${group})`;
      }
    }
  }
  return undefined;
}

function isOlder({ metadata: a }: KubernetesObject, { metadata: b }: KubernetesObject): boolean {
  const [left, right] = [a.creationTimestamp ?? '', b.creationTimestamp ?? ''];
  return left === right ? (a.uid ?? '') < (b.uid ?? '') : left < right;
}

export function routeRefusals(
  router: TrafficRouter | undefined,
  routeTarget: RouteTarget | undefined,
  routes: readonly KubernetesObject[],
  apex: KubernetesObject | undefined,
  owner: Owner,
  ports: Ports,
): readonly Refusal[] {
  if (router?.kind === undefined || routeTarget === undefined) return [];
  if (!ports.cluster.serves(router.kind)) {
    return [
      {
        reason: 'KindNotServed',
        message: `the cluster does not serve ${router.kind.kind} (${router.kind.apiVersion}): install the Gateway API, or choose another provider`,
      },
    ];
  }
  const foreign = routes.find((route) => otherOwner(route, owner) !== undefined);
  if (foreign !== undefined) {
    return [
      {
        reason: 'NotOurs',
        message: `${foreign.kind} ${foreign.metadata.name} belongs to ${otherOwner(foreign, owner)}: take Service ${routeTarget.apex} out of it, or remove it`,
      },
    ];
  }
  const made = routes.some((route) => ownedBy(route, owner));
  if (routes.length > 0 && !made) return [];
  const unsupported = router.unsupported(routeTarget);
  if (unsupported !== undefined) return [{ reason: 'InvalidSpec', message: unsupported }];
  if (routes.length > 0) return [];
  const taken = ports.cluster.get({
    ...router.kind,
    namespace: routeTarget.namespace,
    name: routeTarget.apex,
  });
  if (taken !== undefined) {
    return [
      {
        reason: 'NotOurs',
        message: `${router.kind.kind} ${routeTarget.apex} exists and has no rule whose only backend is Service ${routeTarget.apex}: add one, or rename it`,
      },
    ];
  }
  const shadow = router.shadowedBy(routeTarget, {
    apex,
    routes: ports.cluster.list(router.kind, routeTarget.namespace),
  });
  return shadow === undefined
    ? []
    : [
        {
          reason: 'RouteShadowed',
          message: `the older ${router.kind.kind} ${shadow} has the same parent, host and match and would win: point it at Service ${routeTarget.apex}, or change service.hosts`,
        },
      ];
}
