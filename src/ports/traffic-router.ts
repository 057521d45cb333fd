import type { KubernetesObject } from '../api/object.ts';
import type { ResolvedService } from '../api/resolved.ts';
import type { TrafficSplit } from '../core/traffic.ts';
import type { ObjectKind } from './cluster.ts';

/** What a router can express. A spec that asks for more is refused before a rollout starts. */
export interface RouterCapabilities {
  /** `switch`: 0 or 100 only. `exact`: every whole percent. */
  readonly weights: 'exact' | 'switch';
  readonly mirroring: boolean;
  readonly headerMatching: boolean;
}

/** Whose traffic: the three Services of one canary, and what users said about them. */
export interface RouteTarget {
  readonly namespace: string;
  /** The apex Service, which users call; `<apex>-primary` and `<apex>-canary` stand behind it. */
  readonly apex: string;
  readonly primaryService: string;
  readonly canaryService: string;
  readonly port: number;
  readonly service: ResolvedService;
  /** Selectors of the two sides, for routers that switch the apex Service itself. */
  readonly primarySelector: Readonly<Record<string, string>>;
  readonly canarySelector: Readonly<Record<string, string>>;
}

/** The objects that may carry the traffic of one canary, as last read. */
export interface SeenTraffic {
  readonly apex: KubernetesObject | undefined;
  /** Every object of the router's kind in the namespace. */
  readonly routes: readonly KubernetesObject[];
}

/** Whether the data plane has taken over what was written. */
export type Acceptance =
  | { readonly kind: 'accepted' }
  | { readonly kind: 'pending'; readonly why: string }
  | { readonly kind: 'refused'; readonly why: string };

/**
 * Translates between a traffic split and the routing objects of one mesh or ingress.
 *
 * A router does no I/O: it picks its objects out of what was seen, tells what split they express, and says
 * what they must look like for another split. `test/contract/traffic-router.contract.ts` holds every router to:
 * observing a rendered split gives that split back; rendering a split that is there changes nothing; what the
 * router does not own comes out as it went in; inputs are never written to.
 */
export interface TrafficRouter {
  /** What users write in `spec.provider`, first its main spelling. */
  readonly names: readonly string[];
  readonly capabilities: RouterCapabilities;
  /** The watched kind of its objects; `undefined`: the apex Service alone. */
  readonly kind: ObjectKind | undefined;
  /** The seen objects that carry (or will carry, once adopted) this canary's traffic; empty: one has to be made. */
  select(target: RouteTarget, seen: SeenTraffic): readonly KubernetesObject[];
  /**
   * The split of one selected object. `undefined`: it does not carry our pair yet. An adopted rule whose only
   * backend with a share is the apex counts as primary 100.
   */
  observe(target: RouteTarget, object: KubernetesObject): TrafficSplit | undefined;
  /** The selected object for this split; without an object, the one to create (metadata: name and namespace only). */
  render(
    target: RouteTarget,
    split: TrafficSplit,
    object: KubernetesObject | undefined,
  ): KubernetesObject;
  /**
   * The selected object with the same traffic, and with the sides among its backends: what a proxy is to hear of before
   * the first of them is sent to.
   */
  prepare(target: RouteTarget, object: KubernetesObject): KubernetesObject;
  /** The selected object as it serves the apex alone: between runs (adopted ones) and when we let go. */
  release(target: RouteTarget, object: KubernetesObject): KubernetesObject;
  /** Whether some of its traffic goes to the apex Service, and so wherever that selects. */
  isByApex(target: RouteTarget, object: KubernetesObject): boolean;
  /** Whether every parent that reports a status has accepted this very generation. */
  acceptance(target: RouteTarget, object: KubernetesObject): Acceptance;
  /** An older route that would win over the one we would create: its name, for `RouteShadowed`. */
  shadowedBy(target: RouteTarget, seen: SeenTraffic): string | undefined;
  /**
   * Why `target.service` cannot be made into an object of this router: the field, and what to do. Matters where one
   * has to be made, or was made; what is written at the moment stays until the spec can be expressed again.
   */
  unsupported(target: RouteTarget): string | undefined;
}
