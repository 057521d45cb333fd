/**
 * Which rules of an HTTPRoute carry our traffic, and how much of it goes to the canary.
 */

import * as z from 'zod';

import { marks } from '../../../api/marks.ts';
import type { HttpRoute, HttpRouteRule, KubernetesObject } from '../../../api/object.ts';
import { InvalidError } from '../../../errors.ts';
import type { TrafficSplit } from '../../../core/traffic.ts';
import type { RouteTarget } from '../../../ports/traffic-router.ts';

export type BackendRef = NonNullable<HttpRouteRule['backendRefs']>[number];

// Only looked at, never written back: a default here would edit other people's rules.
const Reference = z.looseObject({
  name: z.string(),
  group: z.string().optional(),
  kind: z.string().optional(),
  namespace: z.string().optional(),
});
const Rule = z.looseObject({
  matches: z.array(z.looseObject({})).optional(),
  backendRefs: z.array(Reference.extend({ weight: z.int().min(0).optional() })).optional(),
});
const Shape = z.looseObject({
  spec: z.looseObject({
    hostnames: z.array(z.string()).optional(),
    parentRefs: z.array(Reference).optional(),
    rules: z.array(Rule).optional(),
  }),
});

const judged = new WeakMap<KubernetesObject, string>();

/** What is odd about the shape of this route; empty for one that we can read. */
function oddness(object: KubernetesObject): string {
  const known = judged.get(object);
  if (known !== undefined) return known;
  const { error } = Shape.safeParse(object);
  const odd = error === undefined ? '' : z.prettifyError(error);
  judged.set(object, odd);
  return odd;
}

/** The object as HTTPRoute; throws `InvalidError` when its rules are none that we can read. */
export function routeOf(object: KubernetesObject): HttpRoute {
  if (isReadable(object)) return object;
  const name = `${object.metadata.namespace ?? ''}/${object.metadata.name}`;
  throw new InvalidError(`HTTPRoute ${name} cannot be read: ${oddness(object)}`, {
    reason: 'UnknownRouteShape',
  });
}

/** Whether the object is an HTTPRoute whose rules we can read. */
export function isReadable(object: KubernetesObject): object is HttpRoute {
  return oddness(object) === '';
}

/** Whether an odd object speaks of our Services at all; if not, it is none of our business. */
export function mentions(
  { apex, primaryService, canaryService }: RouteTarget,
  object: unknown,
): boolean {
  const text = JSON.stringify(object);
  return [apex, primaryService, canaryService].some((name) => text.includes(`"name":"${name}"`));
}

/** Whether a Canary made this route, under the name it always takes; what users made is never run by a Canary. */
export function isMade({ apex }: RouteTarget, { metadata }: KubernetesObject): boolean {
  const { ownerReferences = [] } = metadata;
  return (
    metadata.name === apex &&
    ownerReferences.some((owner) => owner.controller && owner.kind === 'Canary')
  );
}

/**
 * The rules that carry our traffic: those whose only backend is the apex, and those with our pair.
 *
 * A rule with one of the pair alone is usually the user's (a preview of the canary, say). Only where nothing else
 * is left on a route that we have written before is it ours with half of it taken away.
 */
export function ownRules(
  target: RouteTarget,
  { spec, metadata }: HttpRoute,
): readonly HttpRouteRule[] {
  const rules = spec.rules ?? [];
  const own = rules.filter((rule) => isApexOnly(target, rule) || isPair(target, rule));
  if (own.length > 0 || metadata.annotations?.[marks.applied] === undefined) return own;
  return rules.filter((rule) => isHalf(target, rule));
}

/** The canary's share over all of these rules: of different ones the highest, so that it is never understated. */
export function splitOf(target: RouteTarget, rules: readonly HttpRouteRule[]): TrafficSplit {
  const canary = Math.max(...rules.map((rule) => canaryShare(target, rule)));
  return { primary: 100 - canary, canary };
}

/**
 * The rule with this split. One that says so already comes back as it is; a rule of the apex alone keeps it as a third
 * backend without a share, so that it can go back to it.
 */
export function withSplit(
  target: RouteTarget,
  rule: HttpRouteRule,
  split: TrafficSplit,
): HttpRouteRule {
  return withWeights(target, rule, { ...split, apex: 0 });
}

/**
 * The rule of the apex alone with both sides beside it that get nothing yet; any other as it is. Some proxies (Envoy
 * behind Contour) refuse requests to a backend that they have just heard of: so they hear of it in time.
 */
export function prepared(target: RouteTarget, rule: HttpRouteRule): HttpRouteRule {
  if (!isApexOnly(target, rule)) return rule;
  return withWeights(target, rule, { primary: 0, canary: 0, apex: 100 });
}

function withWeights(
  target: RouteTarget,
  rule: HttpRouteRule,
  weights: Readonly<Record<Side, number>>,
): HttpRouteRule {
  const refs = rule.backendRefs ?? [];
  const found = sides(target, refs);
  const { primary, canary, apex } = found;
  const isWhole = primary !== undefined && canary !== undefined;
  if (isWhole && refs.length === (apex === undefined ? 2 : 3)) {
    const wanted = new Map(sideNames.map((side) => [found[side], weights[side]]));
    if (refs.every((ref) => weightOf(ref) === wanted.get(ref))) return rule;
    return { ...rule, backendRefs: refs.map((ref) => ({ ...ref, weight: wanted.get(ref) })) };
  }
  const former = primary ?? canary ?? apex ?? refs[0];
  return {
    ...rule,
    backendRefs: [
      { ...backend(primary ?? former, target.primaryService), weight: weights.primary },
      { ...backend(canary ?? former, target.canaryService), weight: weights.canary },
      ...(apex === undefined ? [] : [{ ...apex, weight: weights.apex }]),
    ],
  };
}

/** Both sides are there at weight 0, and the apex answers. */
export function isPrepared(target: RouteTarget, rule: HttpRouteRule): boolean {
  const refs = rule.backendRefs ?? [];
  const { primary, canary, apex } = sides(target, refs);
  if (refs.length !== 3 || !primary || !canary || !apex) return false;
  return weightOf(primary) === 0 && weightOf(canary) === 0 && weightOf(apex) > 0;
}

/** The rule with the apex alone; the weight is the one that an API server fills in. */
export function onApex(target: RouteTarget, rule: HttpRouteRule): HttpRouteRule {
  if (isApexOnly(target, rule)) return rule;
  const refs = rule.backendRefs ?? [];
  const { primary, canary, apex } = sides(target, refs);
  const former = apex ?? primary ?? canary;
  return { ...rule, backendRefs: [{ ...backend(former, target.apex), weight: 1 }] };
}

function canaryShare(target: RouteTarget, rule: HttpRouteRule): number {
  const refs = rule.backendRefs ?? [];
  const sum = (service: string): number =>
    refs
      .filter((ref) => isService(target, ref, service))
      .reduce((total, ref) => total + weightOf(ref), 0);
  const canary = sum(target.canaryService);
  const total = canary + sum(target.primaryService) + sum(target.apex);
  return canary === 0 ? 0 : Math.ceil((canary * 100) / total);
}

export function isApexOnly(target: RouteTarget, { backendRefs = [] }: HttpRouteRule): boolean {
  const [ref] = backendRefs;
  // Weight 0 on the only backend means "answer with an error": a wish to respect, not traffic to take.
  return (
    backendRefs.length === 1 &&
    ref !== undefined &&
    weightOf(ref) > 0 &&
    isService(target, ref, target.apex)
  );
}

function isPair(target: RouteTarget, { backendRefs = [] }: HttpRouteRule): boolean {
  const { primary, canary } = sides(target, backendRefs);
  return primary !== undefined && canary !== undefined && isOnlyOurs(target, backendRefs);
}

function isHalf(target: RouteTarget, { backendRefs = [] }: HttpRouteRule): boolean {
  const { primary, canary } = sides(target, backendRefs);
  return (primary !== undefined || canary !== undefined) && isOnlyOurs(target, backendRefs);
}

function isOnlyOurs(target: RouteTarget, refs: readonly BackendRef[]): boolean {
  const ours = [target.primaryService, target.canaryService, target.apex];
  return refs.every((ref) => ours.some((service) => isService(target, ref, service)));
}

const sideNames = ['primary', 'canary', 'apex'] as const;
type Side = (typeof sideNames)[number];

function sides(target: RouteTarget, refs: readonly BackendRef[]) {
  return {
    apex: refs.find((ref) => isService(target, ref, target.apex)),
    primary: refs.find((ref) => isService(target, ref, target.primaryService)),
    canary: refs.find((ref) => isService(target, ref, target.canaryService)),
  };
}

function isService(target: RouteTarget, ref: BackendRef, name: string): boolean {
  const { group = '', kind = 'Service', namespace = target.namespace } = ref;
  return group === '' && kind === 'Service' && namespace === target.namespace && ref.name === name;
}

/** What users put on the backend (port, filters) goes with it. */
function backend(former: BackendRef | undefined, name: string): BackendRef {
  return { group: '', kind: 'Service', ...former, name };
}

/** The Gateway API counts a missing weight as 1. */
function weightOf({ weight = 1 }: BackendRef): number {
  return weight;
}
