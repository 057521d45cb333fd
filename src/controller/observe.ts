/**
 * Gathers what the core needs to see, from the caches: the Canary, both sides, Services and routes.
 *
 * Translates only: what something means is for the core to say. The objects themselves travel beside the
 * observation, because what is written is made from what was read.
 */
import { parseStatus, type CanaryStatus, type Phase } from '../api/canary-status.ts';
import { apiVersionOf, finalizers, type ApiGroup } from '../api/group.ts';
import { isObject } from '../api/narrow.ts';
import { refOf, type KubernetesObject, type ObjectRef } from '../api/object.ts';
import { resolveService } from '../api/resolved-service.ts';
import { resolveSpec, type ResolvedService, type ResolvedSpec } from '../api/resolved.ts';
import { parseRun, type Run } from '../api/run.ts';
import { parseCanary, problemText, validate } from '../api/validation.ts';
import type { Observation, Refusal, ServicesView } from '../core/observation.ts';
import { writersNoteOn } from '../core/other-writers.ts';
import type { Owner } from '../core/owners.ts';
import { isUnderWay } from '../core/phases.ts';
import type { RouteTarget, TrafficRouter } from '../ports/traffic-router.ts';
import type { SelectorLabel, WorkloadKind } from '../ports/workload.ts';
import { keyString, type CanaryKey, type Ports } from './ports.ts';
import { referenceRefusals } from './references.ts';
import { crdRefusals, routeRefusals, targetRefusals } from './refusals.ts';
import { seeServices, type SeenServices } from './services.ts';
import { labelOf, routeTargetOf, seeSides, takeOverOf } from './sides.ts';
import { seeRoutes, seeTraffic } from './traffic.ts';

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

/** By the spec: versions of an object that differ in the rest share it. */
const readBefore = new WeakMap<object, Read>();

interface Recorded {
  readonly status: CanaryStatus;
  readonly run: Run | undefined;
}

const recordedIn = new WeakMap<object, Recorded>();

/** What is not in the caches. */
interface LiveFacts {
  readonly namespaceTerminating: boolean;
  readonly takeOver: Observation['takeOver'];
}

/** `undefined`: the Canary is gone. */
export async function observe(
  key: CanaryKey,
  ports: Ports,
  signal: AbortSignal,
): Promise<Seen | undefined> {
  const { clock } = ports;
  const found = lookUp(key, ports);
  if (found === undefined) return undefined;
  const began = clock.monotonic();
  const facts = await readLive(found, ports, signal);
  // While something is read the cluster goes on: what is seen is seen after it.
  const latest = clock.monotonic() - began < 1 ? found : lookUp(key, ports);
  return latest && seenOf(latest, facts, ports);
}

async function readLive(
  { key, objects, status, run, label }: Found,
  ports: Ports,
  signal: AbortSignal,
): Promise<LiveFacts> {
  const deleting = objects.canary.metadata.deletionTimestamp !== undefined;
  return {
    namespaceTerminating: deleting && (await isTerminating(key.namespace, ports, signal)),
    takeOver: await takeOverOf(objects, status, run, label, ports, signal),
  };
}

type Found = NonNullable<ReturnType<typeof lookUp>>;

/** The Canary and everything that concerns it, from the caches, all of one moment. */
function lookUp(key: CanaryKey, ports: Ports) {
  const { cluster, settings } = ports;
  const canary = cluster.get({ apiVersion: apiVersionOf(key.group), kind: 'Canary', ...key });
  if (canary === undefined) return undefined;
  const { status, run } = recorded(canary['status']);
  const { spec, refusals } = keptToRun(readSpec(canary, key.group, ports), run, status.phase ?? '');
  const provider = spec?.provider ?? run?.provider ?? settings.provider[key.group];
  const router = ports.routers.find(provider);
  const targetRef = spec?.target ?? run?.target;
  const workload = targetRef && ports.workloads.find(`${targetRef.apiVersion}/${targetRef.kind}`);
  const target = targetRef && workload && cluster.get(refIn(key.namespace, targetRef));
  const primary =
    targetRef &&
    workload &&
    cluster.get(refIn(key.namespace, { ...targetRef, name: `${targetRef.name}-primary` }));
  const label = labelOf(workload, target, primary, ports);
  const service = spec?.service ?? (run && serviceOf(run));
  const routeTarget = service && label && routeTargetOf(key.namespace, service, label);
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
  const objects: SeenObjects = { canary, target, primary, routes };
  return {
    key,
    objects,
    status,
    run,
    spec,
    refusals,
    provider,
    router,
    workload,
    label,
    routeTarget,
    services,
    owner,
  };
}

function seenOf(found: Found, facts: LiveFacts, ports: Ports): Seen {
  const { key, objects, services, router, workload, label, routeTarget, owner } = found;
  const { canary } = objects;
  return {
    key,
    id: keyString(key),
    name: `${key.namespace}/${key.name}`,
    observation: observationOf(found, facts, ports),
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

function observationOf(found: Found, facts: LiveFacts, ports: Ports): Observation {
  const { key, objects, status, run, spec, provider } = found;
  const { services, router, workload, label, routeTarget, owner } = found;
  const { cluster, settings } = ports;
  const { canary, target, primary, routes } = objects;
  const sides = seeSides(objects, workload, label, owner, ports);
  return {
    namespace: key.namespace,
    name: key.name,
    uid: owner.uid,
    group: key.group,
    generation: canary.metadata.generation ?? 0,
    deleting: canary.metadata.deletionTimestamp !== undefined,
    hasFinalizer: canary.metadata.finalizers?.includes(finalizers[key.group]) ?? false,
    spec,
    refusals: [
      ...crdRefusals(key.group, ports),
      ...found.refusals,
      ...targetRefusals({ key, canary, spec, target, workload, label, ports, primary, owner }),
      ...routeRefusals(router, routeTarget, routes, services?.apex, owner, ports),
      ...(services?.refusals ?? []),
      ...referenceRefusals(spec, ports),
    ],
    status,
    run,
    target: sides.target,
    primary: sides.primary,
    services: services?.view ?? noServices,
    traffic: seeTraffic(router, routeTarget, routes, owner, services?.view.apexSide ?? 'missing'),
    provider,
    ...facts,
    writers: cluster.statusWriters(canary),
    note: writersNoteOn(canary),
    settings: {
      drainMs: settings.drainMs,
      settleMs: settings.settleMs,
      hasGlobalNotifier: settings.globalNotifier !== undefined,
      clusterName: settings.clusterName,
    },
  };
}

// ── the spec ────────────────────────────────────────────────────────────────

/** Without a spec that parses: enough of a Service to move weights on the routes there are, and no more. */
function serviceOf({ apex, port, target }: Run): ResolvedService {
  return resolveService({ name: apex, port }, target.name);
}

/**
 * A Canary keeps the target and the Service it began with, and a run its provider: what an edit would have us give up
 * half way is refused, and the record is followed until the edit is taken back.
 */
function keptToRun(read: Read, run: Run | undefined, phase: Phase | ''): Read {
  const { spec } = read;
  if (run === undefined || spec === undefined) return read;
  const underWay = isUnderWay(phase);
  const changed = [
    ...difference('spec.targetRef.name', spec.target.name, run.target.name),
    ...difference('spec.service.name', spec.service.name, run.apex),
    ...(underWay ? difference('spec.provider', spec.provider, run.provider) : []),
  ];
  if (changed.length === 0) return read;
  return {
    spec: {
      ...spec,
      target: run.target,
      service: { ...spec.service, name: run.apex },
      provider: underWay ? run.provider : spec.provider,
    },
    refusals: [...changed, ...read.refusals],
  };
}

function difference(field: string, wanted: string, kept: string): readonly Refusal[] {
  if (wanted === kept) return [];
  return [
    {
      reason: 'InvalidSpec',
      message: `${field} changed from ${kept} to ${wanted}: change it back, or delete the Canary and make a new one`,
    },
  ];
}

/** Parsed once per version of the object: a thousand quiet passes must not parse a thousand times. */
function recorded(value: unknown): Recorded {
  const known = isObject(value) ? recordedIn.get(value) : undefined;
  if (known !== undefined) return known;
  const { status } = parseStatus(value);
  const result = { status, run: parseRun(status.run) };
  if (isObject(value)) recordedIn.set(value, result);
  return result;
}

function readSpec(canary: KubernetesObject, group: ApiGroup, { settings, routers }: Ports): Read {
  const { spec: written } = canary;
  const known = isObject(written) ? readBefore.get(written) : undefined;
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
  if (isObject(written)) readBefore.set(written, result);
  return result;
}

function refIn(
  namespace: string,
  { apiVersion, kind, name }: { apiVersion: string; kind: string; name: string },
): ObjectRef {
  return { apiVersion, kind, namespace, name };
}

/** Without a target or a readable spec nothing can be said of them. */
const noServices: ServicesView = {
  known: false,
  backends: 'missing',
  apex: 'missing',
  apexSide: 'missing',
  adopted: false,
  marked: false,
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
