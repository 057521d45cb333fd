/**
 * How a Canary lets go of what it took: its users get back what they had, and nothing that serves goes with it.
 */
import { marks } from '../api/marks.ts';
import type { KubernetesObject } from '../api/object.ts';
import { withoutApplied } from '../core/applied.ts';
import { adoptedBy, annotated, giveBackRoute, ownedBy, withoutOwner } from '../core/owners.ts';
import { giveBack } from '../core/service-adoption.ts';
import { asOperatorError } from '../errors.ts';
import { current, routingOf, services, writeServices, type Hands } from './hands.ts';

/** What outlives the Canary gets another version, unless it is ours and written anyway. */
export async function touchShared(hands: Hands, withTarget: boolean): Promise<undefined> {
  const { seen, ports } = hands;
  const { owner, objects } = seen;
  const target = withTarget && objects.target ? current(ports, objects.target) : undefined;
  const due = seen.services?.due('primary', false).flatMap(({ before }) => before ?? []) ?? [];
  const routes = seen.routeTarget === undefined ? [] : routingOf(hands).routes;
  const unclaimed = [...due, ...routes].filter(
    (object) => !ownedBy(object, owner) && !adoptedBy(object, owner),
  );
  for (const object of new Set([...(target === undefined ? [] : [target]), ...unclaimed]))
    await mark(hands, object, owner.uid);
}

/** Our mark goes; the version stays another. */
export async function untouchShared(hands: Hands): Promise<undefined> {
  const { seen, ports } = hands;
  const { owner, key, objects } = seen;
  const target = objects.target && current(ports, objects.target);
  for (const object of [
    ...(target === undefined ? [] : [target]),
    ...ports.cluster.list(services, key.namespace),
    ...routesIn(hands),
  ]) {
    if (object.metadata.annotations?.[marks.touched] === owner.uid)
      await mark(hands, object, undefined);
  }
}

/** All routing objects of the namespace, ours or not; none where the apex Service is the route. */
function routesIn({
  seen: { key, router },
  ports: { cluster },
}: Hands): readonly KubernetesObject[] {
  return router?.kind === undefined || !cluster.serves(router.kind)
    ? []
    : cluster.list(router.kind, key.namespace);
}

/** Where nobody but its owner may write to an object, no write of ours is under way either. */
async function mark(
  { ports, signal }: Hands,
  object: KubernetesObject,
  value: string | undefined,
): Promise<void> {
  try {
    await ports.cluster.update(object, annotated(object, { [marks.touched]: value }), signal);
  } catch (thrown) {
    const { kind } = asOperatorError(thrown);
    if (kind !== 'denied' && kind !== 'invalid') throw thrown;
  }
}

/** Apex and routes on the target's pods. */
export async function serveTarget(hands: Hands): Promise<undefined> {
  const { seen, ports, signal } = hands;
  if (seen.router === undefined || seen.routeTarget === undefined) return;
  await writeServices(hands, 'canary', ['apex', 'follower']);
  const { router, target, routes } = routingOf(hands);
  if (router.kind === undefined) return;
  for (const route of routes) {
    if (!ownedBy(route, seen.owner) && !adoptedBy(route, seen.owner)) continue;
    await ports.cluster.update(route, router.release(target, route), signal);
  }
}

/** What its users had before us, as they had it; each object is tried, and the first failure told at the end. */
export async function giveAllBack(hands: Hands): Promise<undefined> {
  const { seen, ports, signal } = hands;
  const { router, routeTarget, owner, key } = seen;
  const label = seen.label ?? { key: '', value: '' };
  const back = ports.cluster
    .list(services, key.namespace)
    .filter((service) => adoptedBy(service, owner))
    .map((service) => [service, giveBack(withoutApplied(service), label)] as const);
  const routes =
    router === undefined || routeTarget === undefined
      ? []
      : routesIn(hands)
          .filter((route) => adoptedBy(route, owner))
          .map(
            (route) =>
              [
                route,
                giveBackRoute(route, (object) => router.release(routeTarget, object)),
              ] as const,
          );
  const failures: unknown[] = [];
  for (const [before, after] of [...routes, ...back]) {
    try {
      await ports.cluster.update(before, after, signal);
    } catch (thrown) {
      failures.push(thrown);
    }
  }
  if (failures.length > 0) throw asOperatorError(failures[0]);
}

/** What still serves loses its reference to the Canary first; what serves nobody any more goes. */
export async function dropReferences(hands: Hands, keep: 'primary' | 'target'): Promise<undefined> {
  const { seen, ports, signal } = hands;
  const { owner, key, routeTarget } = seen;
  const kept = keep === 'primary' ? [seen.objects.primary] : [];
  const all = ports.cluster
    .list(services, key.namespace)
    .filter((service) => ownedBy(service, owner));
  const isGoing = (name: string): boolean =>
    name === routeTarget?.canaryService ||
    (keep === 'target' && name === routeTarget?.primaryService);
  const routes = routesIn(hands).filter((route) => ownedBy(route, owner));
  for (const object of [
    ...kept,
    ...routes,
    ...all.filter(({ metadata }) => !isGoing(metadata.name)),
  ]) {
    const live = object && current(ports, object);
    if (live !== undefined) await ports.cluster.update(live, withoutOwner(live, owner), signal);
  }
  for (const service of all.filter(({ metadata }) => isGoing(metadata.name)))
    await ports.cluster.remove(service, signal);
}
