/**
 * Where requests end up, said as shares: what the simulation judges traffic by. Pure.
 */
import { plainRequest, type RequestFacts } from './matching.ts';
import { type Backend, type Found, RoutingTable, type RoutingObjects } from './routing-table.ts';

export interface TrafficShare {
  /** `namespace/name` of the Service. */
  readonly service: string;
  /** Name of the pod; absent when the EndpointSlice does not say. */
  readonly pod?: string;
  /** Part of all requests, 0 to 1. */
  readonly share: number;
}

export interface TrafficShares {
  readonly shares: readonly TrafficShare[];
  /** Part of all requests that nobody answers: no route, no backend, no ready endpoint. */
  readonly unanswered: number;
  /** Why, one line for each cause. */
  readonly causes: readonly string[];
}

/** Shares of requests for a host (or of one given request) among the pods that would answer them. */
export function whereTrafficGoes(
  objects: RoutingObjects | RoutingTable,
  request: string | RequestFacts,
): TrafficShares {
  const table = objects instanceof RoutingTable ? objects : new RoutingTable(objects);
  const found = table.find(typeof request === 'string' ? plainRequest(request) : request);
  const backends = backendsOf(found);
  const sum = backends.reduce((total, { weight }) => total + weight, 0);
  if (sum === 0) return { shares: [], unanswered: 1, causes: [whyNone(found)] };

  const used = backends.filter(({ weight }) => weight > 0);
  const dead = used.filter(({ targets }) => targets.length === 0);
  return {
    shares: used.flatMap((backend) => sharesOf(backend, backend.weight / sum)),
    unanswered: dead.reduce((total, { weight }) => total + weight, 0) / sum,
    causes: dead.map(({ name, problem }) => problem ?? `no ready endpoint behind Service ${name}`),
  };
}

/** The share that one Service gets, whichever pods stand behind it. */
export function shareOfService({ shares }: TrafficShares, service: string): number {
  return shares
    .filter((share) => share.service === service)
    .reduce((total, { share }) => total + share, 0);
}

function backendsOf(found: Found): readonly Backend[] {
  if (found.kind === 'none') return [];
  return found.kind === 'service' ? [found.backend] : found.rule.backends;
}

function whyNone(found: Found): string {
  if (found.kind === 'none') return found.why;
  return found.kind === 'rule' ? `${found.rule.id} has no backend with a weight` : 'no backend';
}

function sharesOf({ service = '', targets }: Backend, share: number): readonly TrafficShare[] {
  return targets.map(({ pod }) => ({
    service,
    ...(pod === undefined ? {} : { pod }),
    share: share / targets.length,
  }));
}
