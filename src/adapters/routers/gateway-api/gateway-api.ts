/**
 * HTTPRoutes of the Gateway API, made by us or adopted from their users.
 *
 * A route that a Canary made follows `spec.service` as a whole. In an adopted one only the backends of the rules
 * that lead to the apex are ours; everything else comes out as it went in.
 */

import type { HttpRoute, KubernetesObject } from '../../../api/object.ts';
import { InvalidError } from '../../../errors.ts';
import type { TrafficSplit } from '../../../core/traffic.ts';
import type { RouteTarget, SeenTraffic, TrafficRouter } from '../../../ports/traffic-router.ts';
import { acceptanceOf } from './acceptance.ts';
import { madeSpec, problemOf, type RouteVersion } from './made-route.ts';
import {
  isApexOnly,
  isMade,
  isPrepared,
  isReadable,
  mentions,
  onApex,
  ownRules,
  prepared,
  routeOf,
  splitOf,
  withSplit,
} from './rules.ts';
import { shadowOf } from './shadow.ts';

const group = 'gateway.networking.k8s.io';

export const gatewayApi: TrafficRouter = gatewayApiOf('v1', ['gatewayapi', 'gatewayapi:v1']);
export const gatewayApiV1Beta1: TrafficRouter = gatewayApiOf('v1beta1', ['gatewayapi:v1beta1']);

function gatewayApiOf(version: RouteVersion, names: readonly string[]): TrafficRouter {
  const kind = { apiVersion: `${group}/${version}`, kind: 'HTTPRoute' };
  return {
    names,
    capabilities: { weights: 'exact', mirroring: false, headerMatching: false },
    kind,
    select,
    observe(target, object) {
      const rules = ownRules(target, routeOf(object));
      return rules.length === 0 ? undefined : splitOf(target, rules);
    },
    render(target, split, object) {
      if (object === undefined) return create(target, split, version);
      const route = routeOf(object);
      // A spec that has become impossible to express must not keep weight 0 from being written.
      const follows = isMade(target, route) && problemOf(target.service, version) === undefined;
      return follows ? remake(target, split, route, version) : reweigh(target, split, route);
    },
    prepare(target, object) {
      const route = routeOf(object);
      const own = new Set(ownRules(target, route));
      return withRules(route, (rule) => (own.has(rule) ? prepared(target, rule) : rule));
    },
    release(target, object) {
      const route = routeOf(object);
      const own = new Set(ownRules(target, route));
      return withRules(route, (rule) => (own.has(rule) ? onApex(target, rule) : rule));
    },
    isByApex(target, object) {
      const own = ownRules(target, routeOf(object));
      return own.some((rule) => isApexOnly(target, rule) || isPrepared(target, rule));
    },
    acceptance: (_target, object) => acceptanceOf(routeOf(object)),
    shadowedBy: (target, seen) => shadowedBy(target, seen, version),
    unsupported: (target) => problemOf(target.service, version),
  };

  function create(target: RouteTarget, split: TrafficSplit, as: RouteVersion): KubernetesObject {
    const problem = problemOf(target.service, as);
    if (problem !== undefined) throw new InvalidError(problem, { reason: 'RouteNotExpressible' });
    const metadata = { name: target.apex, namespace: target.namespace };
    return { ...kind, metadata, spec: madeSpec(target, split, as) };
  }

  function shadowedBy(
    target: RouteTarget,
    seen: SeenTraffic,
    as: RouteVersion,
  ): string | undefined {
    const routes = seen.routes.filter(isReadable);
    const namesake = seen.routes.find(({ metadata }) => metadata.name === target.apex);
    const ours = namesake !== undefined && select(target, seen).includes(namesake);
    // A route of the name that we would take, in which nothing leads to us: there can be no second one.
    if (namesake !== undefined && !ours) return target.apex;
    const metadata = namesake?.metadata ?? { name: target.apex, namespace: target.namespace };
    const route = { ...kind, metadata, spec: madeSpec(target, { primary: 100, canary: 0 }, as) };
    const others = routes.filter((other) => other.metadata.name !== target.apex);
    return shadowOf(route, others)?.metadata.name;
  }
}

function select(target: RouteTarget, { routes }: SeenTraffic): readonly KubernetesObject[] {
  return routes.filter((object) => {
    if (object.metadata.namespace !== target.namespace) return false;
    if (!isReadable(object) && !mentions(target, object)) return false;
    if (isMade(target, object)) return true;
    return ownRules(target, routeOf(object)).length > 0;
  });
}

/** The whole spec anew; what nobody could have written into it from `spec.service` is put back. */
function remake(
  target: RouteTarget,
  split: TrafficSplit,
  route: HttpRoute,
  version: RouteVersion,
): KubernetesObject {
  const { hostnames: _, ...others } = route.spec;
  return { ...route, spec: { ...others, ...madeSpec(target, split, version) } };
}

function reweigh(target: RouteTarget, split: TrafficSplit, route: HttpRoute): KubernetesObject {
  const own = new Set(ownRules(target, route));
  if (own.size === 0) {
    const name = `${target.namespace}/${route.metadata.name}`;
    throw new InvalidError(`no rule of HTTPRoute ${name} sends to Service ${target.apex} alone`, {
      reason: 'UnknownRouteShape',
    });
  }
  return withRules(route, (rule) => (own.has(rule) ? withSplit(target, rule, split) : rule));
}

type Rules = NonNullable<HttpRoute['spec']['rules']>;

/** The route with changed rules; the very same object when none of them changes. */
function withRules(
  route: HttpRoute,
  change: (rule: Rules[number]) => Rules[number],
): KubernetesObject {
  const before = route.spec.rules ?? [];
  const rules = before.map(change);
  if (rules.every((rule, index) => rule === before[index])) return route;
  return { ...route, spec: { ...route.spec, rules } };
}
