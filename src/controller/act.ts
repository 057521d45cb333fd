/**
 * Carries out effects, one after another. Each names a state: what is already so costs no request.
 *
 * Every write is made from an object as it was read and refused by the server if that is no longer the one. A
 * refusal ends the pass; the next one decides again from what is there.
 */
import { finalizers } from '../api/group.ts';
import { marks } from '../api/marks.ts';
import { asDeployment, member } from '../api/narrow.ts';
import type { KubernetesObject, ObjectMeta } from '../api/object.ts';
import { withApplied } from '../core/applied.ts';
import type { Effect } from '../core/effects.ts';
import type { WritersNote } from '../core/observation.ts';
import { withWritersNote } from '../core/other-writers.ts';
import {
  adopt,
  adoptedBy,
  annotated,
  ownedBy,
  ownerOf,
  silenced,
  unsilenced,
  withOwners,
  withRevision,
} from '../core/owners.ts';
import { revisionOf } from '../core/revision.ts';
import { madeRouteMetadata } from '../core/services.ts';
import { splitAt, type AppliedTraffic } from '../core/traffic.ts';
import { assertNever, ConflictError } from '../errors.ts';
import type { SelectorLabel, WorkloadKind } from '../ports/workload.ts';
import type { Asked } from './ask.ts';
import { current, routingOf, writeServices, type Hands } from './hands.ts';
import { dropReferences, giveAllBack, serveTarget, touchShared, untouchShared } from './let-go.ts';
import type { Seen } from './observe.ts';
import type { Ports } from './ports.ts';

/** Things to tell that only acting brings to light. */
export interface Acted {
  readonly warnings: readonly { readonly reason: string; readonly message: string }[];
}

export async function act(
  effects: readonly Effect[],
  seen: Seen,
  asked: Asked,
  ports: Ports,
  signal: AbortSignal,
): Promise<Acted> {
  const hands = { seen, asked, ports, signal };
  const warnings: { reason: string; message: string }[] = [];
  for (const effect of effects) {
    signal.throwIfAborted();
    const warning = await perform(effect, hands);
    if (warning !== undefined) warnings.push(warning);
  }
  return { warnings };
}

type Warning = { readonly reason: string; readonly message: string } | undefined;

async function perform(effect: Effect, hands: Hands): Promise<Warning> {
  switch (effect.type) {
    case 'addFinalizer':
      return setFinalizer(hands, true);
    case 'removeFinalizer':
      return setFinalizer(hands, false);
    case 'noteWriters':
      return noteWriters(hands, effect.note);
    case 'createPrimary':
      return createPrimary(hands, effect.revision, effect.from);
    case 'promote':
      return promote(hands, effect.revision);
    case 'touchPrimary':
      return touchPrimary(hands, effect.mark);
    case 'touchShared':
      return touchShared(hands, effect.target);
    case 'untouchShared':
      return untouchShared(hands);
    case 'adoptPrimary':
      return adoptPrimary(hands, effect.revision);
    case 'writeBackends':
      return writeServices(hands, 'primary', ['primary', 'canary']);
    case 'writeApex':
      return writeServices(hands, effect.side, ['apex', 'follower']);
    case 'shiftTraffic':
      return shiftTraffic(hands, effect.weight, effect.applied);
    case 'restRoutes':
      return restRoutes(hands, effect.applied);
    case 'scaleTarget':
      return scale(hands, 'target', effect.replicas);
    case 'scalePrimary':
      return scale(hands, 'primary', effect.replicas);
    case 'serveTarget':
      return serveTarget(hands);
    case 'deletePrimary':
      return deletePrimary(hands);
    case 'giveBack':
      return giveAllBack(hands);
    case 'dropReferences':
      return dropReferences(hands, effect.keep);
    default:
      return assertNever(effect, 'effect');
  }
}

// ── the Canary ──────────────────────────────────────────────────────────────

async function setFinalizer({ seen, ports, signal }: Hands, wanted: boolean): Promise<undefined> {
  const live = current(ports, seen.objects.canary);
  if (live === undefined) return;
  const finalizer = finalizers[seen.key.group];
  const others = (live.metadata.finalizers ?? []).filter((name) => name !== finalizer);
  const next = wanted ? [...others, finalizer] : others;
  if (next.length === (live.metadata.finalizers ?? []).length) return;
  await ports.cluster.update(live, withMetadata(live, { finalizers: next }), signal);
}

async function noteWriters({ seen, ports, signal }: Hands, note: WritersNote): Promise<undefined> {
  const live = current(ports, seen.objects.canary);
  if (live !== undefined) await ports.cluster.update(live, withWritersNote(live, note), signal);
}

// ── the primary ─────────────────────────────────────────────────────────────

interface Tools {
  readonly workload: WorkloadKind;
  readonly label: SelectorLabel;
  readonly target: KubernetesObject;
}

function toolsOf({ seen, ports }: Hands): Tools {
  const { workload, label, objects } = seen;
  const target = objects.target && current(ports, objects.target);
  if (workload === undefined || label === undefined || target === undefined) {
    throw new ConflictError(`the target of ${seen.name} is gone`, { reason: 'TargetNotFound' });
  }
  return { workload, label, target };
}

/** Owners of what we make: run by the Canary, kept by the target unless nothing is to be reverted. */
function owned(
  object: KubernetesObject,
  { seen }: Hands,
  target: KubernetesObject | undefined,
): KubernetesObject {
  const keptByTarget = seen.observation.spec?.revertOnDeletion !== false;
  return withOwners(object, seen.owner, target && ownerOf(target), keptByTarget);
}

async function createPrimary(
  hands: Hands,
  revision: string,
  from: 'target' | 'replicaSet',
): Promise<undefined> {
  const { workload, label, target } = toolsOf(hands);
  const { copy } = hands.ports.settings;
  const template = from === 'target' ? undefined : hands.asked.promotedTemplate;
  const source = template === undefined ? target : withTemplate(target, template);
  const primary = workload.createPrimary(source, label, copy);
  mustHold(revisionOf(workload.templateOf(primary, label, 'primary', copy)), revision, primary);
  await hands.ports.cluster.create(
    owned(withRevision(primary, revision), hands, target),
    hands.signal,
  );
}

async function promote(hands: Hands, revision: string): Promise<Warning> {
  const { workload, label, target } = toolsOf(hands);
  const { copy } = hands.ports.settings;
  const live = primaryOf(hands);
  const { object, safer } = workload.promote(live, target, label, copy);
  mustHold(revisionOf(workload.templateOf(object, label, 'primary', copy)), revision, object);
  await hands.ports.cluster.update(
    live,
    owned(withRevision(object, revision), hands, target),
    hands.signal,
  );
  return safer === undefined ? undefined : { reason: 'SaferStrategy', message: safer };
}

/** What is written is the revision that was analysed, whole; if the target has moved on, the pass decides again. */
function mustHold(found: string, wanted: string, { metadata }: KubernetesObject): void {
  if (found === wanted) return;
  throw new ConflictError(`the template for ${metadata.name} is revision ${found}, not ${wanted}`, {
    reason: 'RevisionMoved',
  });
}

async function touchPrimary(hands: Hands, mark: string): Promise<undefined> {
  const { ports, seen, signal } = hands;
  if (seen.objects.primary === undefined) return;
  const live = primaryOf(hands);
  await ports.cluster.update(live, annotated(live, { [marks.touched]: mark }), signal);
}

async function adoptPrimary(hands: Hands, revision: string): Promise<undefined> {
  const live = primaryOf(hands);
  await hands.ports.cluster.update(
    live,
    owned(withRevision(live, revision), hands, hands.seen.objects.target),
    hands.signal,
  );
}

async function deletePrimary({ seen, ports, signal }: Hands): Promise<undefined> {
  const live = seen.objects.primary && current(ports, seen.objects.primary);
  if (live !== undefined && ownedBy(live, seen.owner)) await ports.cluster.remove(live, signal);
}

function primaryOf({ seen, ports }: Hands): KubernetesObject {
  const live = seen.objects.primary && current(ports, seen.objects.primary);
  if (live !== undefined) return live;
  throw new ConflictError(`the primary of ${seen.name} is gone`, { reason: 'PrimaryMissing' });
}

async function scale(
  { seen, ports, signal }: Hands,
  side: 'target' | 'primary',
  replicas: number,
): Promise<undefined> {
  const object = seen.objects[side];
  const live = object && current(ports, object);
  if (live === undefined) return;
  if (member(live['spec'], 'replicas') !== replicas)
    await ports.cluster.scale(live, replicas, signal);
}

// ── routes ──────────────────────────────────────────────────────────────────

async function shiftTraffic(
  hands: Hands,
  weight: number,
  applied: AppliedTraffic,
): Promise<undefined> {
  const { router, target, routes } = routingOf(hands);
  const { cluster } = hands.ports;
  const { owner } = hands.seen;
  if (applied.for === 'raise') mustBeUnchanged(hands);
  if (routes.length === 0) {
    // A Service that is gone sends nobody to the canary; it is made again on the primary.
    if (router.kind === undefined && weight === 0) return;
    // Made again on the side that is to serve; the next pass finds it and adds what this write was for.
    if (router.kind === undefined) return writeServices(hands, 'canary', ['apex']);
    const made = router.render(target, splitAt(weight), undefined);
    await cluster.create(
      owned(withApplied(withMadeMetadata(made, hands), applied), hands, hands.seen.objects.target),
      hands.signal,
    );
    return;
  }
  for (const route of routes) {
    const mine = ownedBy(route, owner);
    const taken =
      mine || router.kind === undefined
        ? route
        : silencedWhileRunning(adopt(route, owner), applied);
    const rendered =
      applied.for === 'prepare'
        ? router.prepare(target, taken)
        : router.render(target, splitAt(weight), taken);
    const marked = withApplied(rendered, applied);
    await cluster.update(
      route,
      mine ? owned(marked, hands, hands.seen.objects.target) : marked,
      hands.signal,
    );
  }
}

/** A write before this one may have taken long: what was not seen as it is now has earned nothing. */
function mustBeUnchanged({ seen, ports }: Hands): void {
  const { target } = seen.objects;
  const live = target && current(ports, target);
  if (live !== undefined && live.metadata.generation === target?.metadata.generation) return;
  throw new ConflictError(`the target of ${seen.name} has changed`, { reason: 'RevisionMoved' });
}

/** Flux leaves adopted routes alone only while a run is under way. */
function silencedWhileRunning(route: KubernetesObject, applied: AppliedTraffic): KubernetesObject {
  return applied.weight > 0 || applied.for === 'prepare' ? silenced(route) : route;
}

function withMadeMetadata(route: KubernetesObject, { seen }: Hands): KubernetesObject {
  const { spec } = seen.observation;
  if (spec === undefined || seen.label === undefined) return route;
  const { labels, annotations } = madeRouteMetadata({ service: spec.service, label: seen.label });
  return withMetadata(route, {
    labels: { ...route.metadata.labels, ...labels },
    annotations: { ...route.metadata.annotations, ...annotations },
  });
}

async function restRoutes(hands: Hands, applied: AppliedTraffic): Promise<undefined> {
  const { router, target, routes } = routingOf(hands);
  for (const route of routes) {
    if (!adoptedBy(route, hands.seen.owner) || router.kind === undefined) continue;
    const resting = withApplied(unsilenced(router.release(target, route)), applied);
    await hands.ports.cluster.update(route, resting, hands.signal);
  }
}

// ── objects ─────────────────────────────────────────────────────────────────

function withMetadata(object: KubernetesObject, changes: Partial<ObjectMeta>): KubernetesObject {
  return { ...object, metadata: { ...object.metadata, ...changes } };
}

function withTemplate(target: KubernetesObject, template: object): KubernetesObject {
  return { ...target, spec: { ...asDeployment(target).spec, template } };
}
