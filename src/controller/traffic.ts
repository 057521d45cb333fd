/**
 * Where the traffic of one canary goes, read from its routing objects.
 */
import type { KubernetesObject } from '../api/object.ts';
import { appliedTo } from '../core/applied.ts';
import type { RouteView, TrafficView } from '../core/observation.ts';
import { adoptedBy, equal, ownedBy, type Owner } from '../core/owners.ts';
import { splitAt } from '../core/traffic.ts';
import { asOperatorError } from '../errors.ts';
import type { RouteTarget, TrafficRouter } from '../ports/traffic-router.ts';
import type { Ports } from './ports.ts';

export function seeRoutes(
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

export function seeTraffic(
  router: TrafficRouter | undefined,
  routeTarget: RouteTarget | undefined,
  routes: readonly KubernetesObject[],
  owner: Owner,
  apexSide: string,
): TrafficView {
  const views =
    router && routeTarget ? routes.map((route) => seeRoute(router, routeTarget, route, owner)) : [];
  return {
    known: router !== undefined && routeTarget !== undefined,
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
    byApex: router.isByApex(routeTarget, route),
    drifted:
      split !== undefined &&
      (made || adopted) &&
      isDrifted(router, routeTarget, route, split.canary),
  };
}

/**
 * A route of ours that is not what it would be if it were rendered now. A resting one is as its owner wrote it, one by
 * the apex as it was prepared.
 */
function isDrifted(
  router: TrafficRouter,
  routeTarget: RouteTarget,
  route: KubernetesObject,
  weight: number,
): boolean {
  if (router.kind === undefined || isResting(router, routeTarget, route)) return false;
  if (router.isByApex(routeTarget, route) && isPrepared(router, routeTarget, route)) return false;
  try {
    return !equal(router.render(routeTarget, splitAt(weight), route)['spec'], route['spec']);
  } catch (thrown) {
    if (asOperatorError(thrown).kind === 'invalid') return false;
    throw thrown;
  }
}

function isPrepared(
  router: TrafficRouter,
  routeTarget: RouteTarget,
  route: KubernetesObject,
): boolean {
  return equal(router.prepare(routeTarget, route)['spec'], route['spec']);
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
