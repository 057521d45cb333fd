/**
 * What effects work with: the pass that was seen, and the objects as its own writes have left them.
 */
import { refOf, type KubernetesObject } from '../api/object.ts';
import { InvalidError } from '../errors.ts';
import type { RouteTarget, TrafficRouter } from '../ports/traffic-router.ts';
import type { Asked } from './ask.ts';
import type { Seen } from './observe.ts';
import type { Ports } from './ports.ts';

export const services = { apiVersion: 'v1', kind: 'Service' };

/** What an effect works on; the Canary object is replaced when it is written. */
export interface Hands {
  readonly seen: Seen;
  readonly asked: Asked;
  readonly ports: Ports;
  readonly signal: AbortSignal;
}

/** The object as our own writes of this pass have left it. */
export function current(
  { cluster }: Ports,
  object: KubernetesObject,
): KubernetesObject | undefined {
  const live = cluster.get(refOf(object));
  return live?.metadata.uid === object.metadata.uid ? live : undefined;
}

/** Writes the Services of these roles, as they must be when the apex is to select this side. */
export async function writeServices(
  { seen, ports, signal }: Hands,
  side: 'primary' | 'canary',
  roles: readonly string[],
): Promise<undefined> {
  const running = (seen.observation.run?.weight ?? 0) > 0;
  for (const { role, before, after } of seen.services?.due(side, running) ?? []) {
    if (!roles.includes(role)) continue;
    await (before === undefined
      ? ports.cluster.create(after, signal)
      : ports.cluster.update(before, after, signal));
  }
}

export interface Routing {
  readonly router: TrafficRouter;
  readonly target: RouteTarget;
  readonly routes: readonly KubernetesObject[];
}

/** The routing objects of this canary, and who renders them. */
export function routingOf({ seen, ports }: Hands): Routing {
  const { router, routeTarget } = seen;
  if (router === undefined || routeTarget === undefined) {
    throw new InvalidError(`the traffic of ${seen.name} cannot be expressed`, {
      reason: 'NotSupported',
    });
  }
  const apex = ports.cluster.get({
    ...services,
    namespace: routeTarget.namespace,
    name: routeTarget.apex,
  });
  const all =
    router.kind === undefined ? [] : ports.cluster.list(router.kind, routeTarget.namespace);
  return { router, target: routeTarget, routes: router.select(routeTarget, { apex, routes: all }) };
}
