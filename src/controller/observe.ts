/**
 * Gathers what the core needs to see, from the caches: the Canary, both sides, Services and routes.
 *
 * Translates only: what something means is for the core to say. The objects themselves travel beside the
 * observation, because what is written is made from what was read.
 */
import { parseStatus } from '../api/canary-status.ts';
import { apiGroups, apiVersionOf, finalizers, type ApiGroup } from '../api/group.ts';
import { member } from '../api/narrow.ts';
import { refOf, type KubernetesObject, type ObjectRef } from '../api/object.ts';
import { resolveSpec, type ResolvedSpec } from '../api/resolved.ts';
import { parseRun, type Run } from '../api/run.ts';
import { parseCanary, problemText, validate } from '../api/validation.ts';
import { appliedTo } from '../core/applied.ts';
import type {
  Observation,
  PrimaryView,
  Refusal,
  RouteView,
  ServicesView,
  TrafficView,
} from '../core/observation.ts';
import { adoptedBy, equal, heldRevision, otherOwner, ownedBy, type Owner } from '../core/owners.ts';
import { configCopies, revisionOf, sameAsPrimary } from '../core/revision.ts';
import { splitAt } from '../core/traffic.ts';
import type { Workload } from '../core/workload.ts';
import { asOperatorError } from '../errors.ts';
import type { RouteTarget, TrafficRouter } from '../ports/traffic-router.ts';
import type { SelectorLabel, WorkloadKind } from '../ports/workload.ts';
import { keyString, type CanaryKey, type Ports } from './ports.ts';
import { seeServices, type SeenServices } from './services.ts';

export interface SeenObjects {
  readonly canary: KubernetesObject;
  readonly target: KubernetesObject | undefined;
  readonly primary: KubernetesObject | undefined;
  /** The routing objects of this canary; the apex Service itself where it is the route. */
  readonly routes: readonly KubernetesObject[];
}

export interface Seen {
  readonly key: CanaryKey;
  readonly id: string;
  /** `namespace/name`, for logs. */
  readonly name: string;
  readonly observation: Observation;
  readonly objects: SeenObjects;
  readonly services: SeenServices | undefined;
  readonly router: TrafficRouter | undefined;
  readonly workload: WorkloadKind | undefined;
  readonly label: SelectorLabel | undefined;
  readonly routeTarget: RouteTarget | undefined;
  readonly owner: Owner;
  /** For Kubernetes Events. */
  readonly reference: ObjectRef & { readonly uid: string; readonly resourceVersion?: string };
}

interface Read {
  readonly spec: ResolvedSpec | undefined;
  readonly refusals: readonly Refusal[];
}

const read = new WeakMap<KubernetesObject, Read>();

/** `undefined`: the Canary is gone. */
export async function observe(
  key: CanaryKey,
  ports: Ports,
  signal: AbortSignal,
): Promise<Seen | undefined> {
  const { cluster, settings } = ports;
  const canary = cluster.get({ apiVersion: apiVersionOf(key.group), kind: 'Canary', ...key });
  if (canary === undefined) return undefined;
  const { spec, refusals } = readSpec(canary, key.group, ports);
  const { status } = parseStatus(canary['status']);
  const run = parseRun(status.run);
  const provider =
    run !== undefined && refusals.length > 0
      ? run.provider
      : (spec?.provider ?? run?.provider ?? settings.provider[key.group]);
  const router = ports.routers.find(provider);
  const targetRef = spec?.target ?? run?.target;
  const workload = targetRef && ports.workloads.find(`${targetRef.apiVersion}/${targetRef.kind}`);
  const target = targetRef && workload && cluster.get(refIn(key.namespace, targetRef));
  const primary =
    targetRef &&
    workload &&
    cluster.get(refIn(key.namespace, { ...targetRef, name: `${targetRef.name}-primary` }));
  const label = labelOf(workload, target, primary, ports);
  const routeTarget = spec && label && routeTargetOf(spec, label);
  const deleting = canary.metadata.deletionTimestamp !== undefined;
  const owner: Owner = {
    apiVersion: canary.apiVersion,
    kind: canary.kind,
    name: canary.metadata.name,
    uid: canary.metadata.uid ?? '',
  };
  const services =
    routeTarget && label && spec && target && workload
      ? seeServices({
          key,
          spec,
          run,
          canary: owner,
          target,
          routeTarget,
          label,
          discovered: workload.ports(target),
          cluster,
        })
      : undefined;
  const routes = seeRoutes(router, routeTarget, services?.apex, ports);
  const objects = { canary, target, primary, routes };
  const sides = seeSides(objects, workload, label, owner, ports);
  const more = [
    ...crdRefusals(key.group, ports),
    ...refusals,
    ...targetRefusals({ key, canary, spec, target, workload, label, ports, primary, owner }),
    ...routeRefusals(router, routeTarget, routes, services?.apex, owner, ports),
    ...(services?.refusals ?? []),
    ...referenceRefusals(spec, ports),
  ];
  const observation: Observation = {
    namespace: key.namespace,
    name: key.name,
    uid: owner.uid,
    group: key.group,
    generation: canary.metadata.generation ?? 0,
    deleting,
    hasFinalizer: canary.metadata.finalizers?.includes(finalizers[key.group]) ?? false,
    namespaceTerminating: deleting && (await isTerminating(key.namespace, ports, signal)),
    spec,
    refusals: more,
    status,
    run,
    target: sides.target,
    primary: sides.primary,
    services: services?.view ?? noServices,
    traffic: seeTraffic(router, routeTarget, routes, owner, services?.view.apexSide ?? 'missing'),
    provider,
    takeOver: await takeOverOf(objects, status, run, label, ports, signal),
    settings: {
      drainMs: settings.drainMs,
      settleMs: settings.settleMs,
      hasGlobalNotifier: settings.globalNotifier !== undefined,
      clusterName: settings.clusterName,
    },
  };
  return {
    key,
    id: keyString(key),
    name: `${key.namespace}/${key.name}`,
    observation,
    objects,
    services,
    router,
    workload,
    label,
    routeTarget,
    owner,
    reference: {
      ...refOf(canary),
      uid: owner.uid,
      ...(canary.metadata.resourceVersion === undefined
        ? {}
        : { resourceVersion: canary.metadata.resourceVersion }),
    },
  };
}

// ── the spec ────────────────────────────────────────────────────────────────

/** Parsed once per version of the object: a thousand quiet passes must not parse a thousand times. */
function readSpec(canary: KubernetesObject, group: ApiGroup, { settings, routers }: Ports): Read {
  const known = read.get(canary);
  if (known !== undefined) return known;
  const { value, problems } = parseCanary(canary);
  const found =
    value === undefined
      ? problems
      : [
          ...problems,
          ...validate(value, {
            group,
            defaultProvider: settings.provider[group],
            noCrossNamespaceRefs: settings.noCrossNamespaceRefs,
          }),
        ];
  const refusals: Refusal[] = found.map((problem) => ({
    reason: problem.reason,
    message: problemText(problem),
  }));
  const spec = value && resolveSpec(value, group, settings.provider[group]);
  if (spec !== undefined && routers.find(spec.provider) === undefined && refusals.length === 0) {
    refusals.push({
      reason: 'NotSupported',
      message: `spec.provider ${spec.provider} is not supported: use one of ${routers.names.join(', ')}`,
    });
  }
  const result = { spec, refusals };
  read.set(canary, result);
  return result;
}

function crdRefusals(group: ApiGroup, { crdTooOld }: Ports): readonly Refusal[] {
  if (!crdTooOld(group)) return [];
  return [
    {
      reason: 'CrdTooOld',
      message: `the installed definition of canaries.${group} does not know status.run: apply crds/${group}_canaries.yaml`,
    },
  ];
}

// ── the two sides ───────────────────────────────────────────────────────────

function refIn(
  namespace: string,
  { apiVersion, kind, name }: { apiVersion: string; kind: string; name: string },
): ObjectRef {
  return { apiVersion, kind, namespace, name };
}

/** The label that tells the sides apart: the target's, or, without a target, the primary's with its suffix taken off. */
function labelOf(
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

function routeTargetOf(spec: ResolvedSpec, label: SelectorLabel): RouteTarget {
  const apex = spec.service.name;
  return {
    namespace: spec.namespace,
    apex,
    primaryService: `${apex}-primary`,
    canaryService: `${apex}-canary`,
    port: spec.service.port,
    service: spec.service,
    primarySelector: { [label.key]: `${label.value}-primary` },
    canarySelector: { [label.key]: label.value },
  };
}

interface Sides {
  readonly target: Workload | undefined;
  readonly primary: PrimaryView | undefined;
}

function seeSides(
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
async function takeOverOf(
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

// ── refusals ────────────────────────────────────────────────────────────────

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

function targetRefusals({
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

function referenceRefusals(spec: ResolvedSpec | undefined, { cluster }: Ports): readonly Refusal[] {
  if (spec === undefined) return [];
  const apiVersion = apiVersionOf(spec.group);
  const missing = (
    kind: string,
    ref: { readonly namespace: string; readonly name: string },
    field: string,
  ): Refusal[] =>
    cluster.get({ apiVersion, kind, ...ref }) === undefined
      ? [
          {
            reason: `${kind}NotFound`,
            message: `${field} names ${kind} ${ref.namespace}/${ref.name}, which does not exist: create it or correct the name`,
          },
        ]
      : [];
  return [
    ...spec.metrics.flatMap(({ templateRef, name }) =>
      templateRef === undefined ? [] : missing('MetricTemplate', templateRef, `metric ${name}`),
    ),
    ...spec.alerts.flatMap(({ providerRef, name }) =>
      missing('AlertProvider', providerRef, `alert ${name}`),
    ),
  ];
}

function routeRefusals(
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

// ── traffic ─────────────────────────────────────────────────────────────────

function seeRoutes(
  router: TrafficRouter | undefined,
  routeTarget: RouteTarget | undefined,
  apex: KubernetesObject | undefined,
  { cluster }: Ports,
): readonly KubernetesObject[] {
  if (router === undefined || routeTarget === undefined) return [];
  const routes =
    router.kind !== undefined && cluster.serves(router.kind)
      ? cluster.list(router.kind, routeTarget.namespace)
      : [];
  return router.select(routeTarget, { apex, routes });
}

function seeTraffic(
  router: TrafficRouter | undefined,
  routeTarget: RouteTarget | undefined,
  routes: readonly KubernetesObject[],
  owner: Owner,
  apexSide: string,
): TrafficView {
  const views =
    router && routeTarget ? routes.map((route) => seeRoute(router, routeTarget, route, owner)) : [];
  return {
    weights: router?.capabilities.weights === 'exact' ? 'exact' : 'switch',
    routes: views,
    acceptance: worstAcceptance(router, routeTarget, routes),
    version: [
      ...routes.map(
        ({ metadata }) => `${metadata.uid}:${metadata.generation ?? metadata.resourceVersion}`,
      ),
      // Services have no generation: which side the apex selects is what matters to those who drain.
      apexSide,
    ].join(','),
  };
}

function seeRoute(
  router: TrafficRouter,
  routeTarget: RouteTarget,
  route: KubernetesObject,
  owner: Owner,
): RouteView {
  const split = router.observe(routeTarget, route);
  const adopted = adoptedBy(route, owner);
  const made = ownedBy(route, owner);
  return {
    name: `${route.kind}/${route.metadata.name}`,
    weight: split?.canary,
    applied: appliedTo(route),
    adopted,
    resting: isResting(router, routeTarget, route),
    drifted:
      split !== undefined &&
      (made || adopted) &&
      isDrifted(router, routeTarget, route, split.canary),
  };
}

/** A route of ours that is not what it would be if it were rendered now. A resting one is as its owner wrote it. */
function isDrifted(
  router: TrafficRouter,
  routeTarget: RouteTarget,
  route: KubernetesObject,
  weight: number,
): boolean {
  if (router.kind === undefined || isResting(router, routeTarget, route)) return false;
  try {
    return !equal(router.render(routeTarget, splitAt(weight), route)['spec'], route['spec']);
  } catch (thrown) {
    if (asOperatorError(thrown).kind === 'invalid') return false;
    throw thrown;
  }
}

function isResting(
  router: TrafficRouter,
  routeTarget: RouteTarget,
  route: KubernetesObject,
): boolean {
  return equal(router.release(routeTarget, route)['spec'], route['spec']);
}

function worstAcceptance(
  router: TrafficRouter | undefined,
  routeTarget: RouteTarget | undefined,
  routes: readonly KubernetesObject[],
): TrafficView['acceptance'] {
  let worst: TrafficView['acceptance'] = { kind: 'accepted', why: '' };
  if (router === undefined || routeTarget === undefined) return worst;
  for (const route of routes) {
    const acceptance = router.acceptance(routeTarget, route);
    if (acceptance.kind === 'accepted') continue;
    if (worst.kind === 'accepted' || acceptance.kind === 'refused') worst = acceptance;
  }
  return worst;
}

const noServices: ServicesView = {
  backends: 'missing',
  apex: 'missing',
  apexSide: 'missing',
  adopted: false,
  followers: 'ready',
  warnings: [],
};

async function isTerminating(
  namespace: string,
  { cluster }: Ports,
  signal: AbortSignal,
): Promise<boolean> {
  const found = await cluster.read(
    { apiVersion: 'v1', kind: 'Namespace', namespace: '', name: namespace },
    signal,
  );
  return found === undefined || found.metadata.deletionTimestamp !== undefined;
}
