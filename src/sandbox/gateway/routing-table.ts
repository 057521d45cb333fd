/**
 * From cluster objects to "this request goes there". Pure: a table is made from a set of objects and never
 * changes; when an object changes, another table takes its place.
 */
import { SERVICE_NAME } from '../controllers/cluster-view.ts';
import { type EndpointSlice, keyOf, type Service } from '../controllers/objects.ts';
import { attachmentsOf, resolveBackend } from './attachment.ts';
import { comparePrecedence, coversHost, matches, type RequestFacts } from './matching.ts';
import {
  type BackendRef,
  EVERY_PATH,
  type Gateway,
  type HttpRoute,
  type RouteFilter,
  type RouteMatch,
  type RouteRule,
} from './route-objects.ts';

export interface RoutingObjects {
  readonly gateways: Iterable<Gateway>;
  readonly routes: Iterable<HttpRoute>;
  readonly services: Iterable<Service>;
  readonly slices: Iterable<EndpointSlice>;
}

/** One address that answers for a Service. */
export interface Target {
  readonly address: string;
  readonly port: number;
  /** The pod's name, when the EndpointSlice names one. */
  readonly pod?: string;
}

export interface Backend {
  readonly weight: number;
  /** `namespace/name port`; for people and for telling backends apart. */
  readonly name: string;
  /** `namespace/name`; absent when the reference leads nowhere. */
  readonly service?: string;
  /** Why requests of this backend get 500. */
  readonly problem?: string;
  readonly filters: readonly RouteFilter[];
  /** Those that are ready, in the order of their slices. */
  readonly targets: readonly Target[];
}

export interface TableRule {
  /** Stays the same while route and position stay: turns are counted by it. */
  readonly id: string;
  readonly route: HttpRoute;
  readonly rule: RouteRule;
  readonly backends: readonly Backend[];
  readonly mirrors: readonly { readonly filter: RouteFilter; readonly backend: Backend }[];
}

export type Found =
  | { readonly kind: 'rule'; readonly rule: TableRule; readonly match: RouteMatch }
  | { readonly kind: 'service'; readonly backend: Backend }
  | { readonly kind: 'none'; readonly why: string };

interface Entry {
  readonly match: RouteMatch;
  readonly rule: TableRule;
  readonly index: number;
}

export class RoutingTable {
  readonly #services: ReadonlyMap<string, Service>;
  readonly #slices = new Map<string, EndpointSlice[]>();
  readonly #hosts = new Map<string, Entry[]>();

  constructor({ gateways, routes, services, slices }: RoutingObjects) {
    this.#services = byKey(services);
    for (const slice of slices) this.#file(slice);
    const known = byKey(gateways);
    for (const route of routes) this.#addRoute(route, (key) => known.get(key));
    for (const entries of this.#hosts.values()) entries.sort(byPrecedence);
  }

  /** A host that a route names comes first, then Services by name, then routes for any host. */
  find(request: RequestFacts): Found {
    const pattern = this.#patternFor(request.host);
    if (pattern !== undefined && pattern !== '*') return this.#among(pattern, request);
    const backend = this.#serviceNamed(request);
    if (backend !== undefined) return { kind: 'service', backend };
    if (pattern === undefined) return { kind: 'none', why: `no route for host "${request.host}"` };
    return this.#among(pattern, request);
  }

  #among(pattern: string, request: RequestFacts): Found {
    const entry = this.#hosts.get(pattern)?.find(({ match }) => matches(match, request));
    if (entry !== undefined) return { kind: 'rule', rule: entry.rule, match: entry.match };
    return { kind: 'none', why: `no rule for ${request.method} ${request.host}${request.path}` };
  }

  /** The most particular pattern: the name itself, then the longest wildcard. */
  #patternFor(host: string): string | undefined {
    if (this.#hosts.has(host)) return host;
    let best: string | undefined;
    for (const pattern of this.#hosts.keys()) {
      if (!coversHost(pattern, host)) continue;
      if (best === undefined || pattern.length > best.length) best = pattern;
    }
    return best;
  }

  #addRoute(route: HttpRoute, gatewayOf: (key: string) => Gateway | undefined): void {
    const hosts = new Set(attachmentsOf(route, gatewayOf).flatMap((parent) => parent.hosts));
    if (hosts.size === 0) return;
    (route.spec.rules ?? []).forEach((rule, index) => {
      const tableRule = this.#tableRule(route, rule, index);
      for (const host of hosts) {
        const entries = this.#hosts.get(host) ?? [];
        for (const match of rule.matches ?? [EVERY_PATH]) {
          entries.push({ match, rule: tableRule, index });
        }
        this.#hosts.set(host, entries);
      }
    });
  }

  #tableRule(route: HttpRoute, rule: RouteRule, index: number): TableRule {
    const namespace = route.metadata.namespace ?? '';
    const mirrors = (rule.filters ?? []).flatMap((filter) =>
      filter.requestMirror === undefined
        ? []
        : [{ filter, backend: this.#backend(filter.requestMirror.backendRef, namespace) }],
    );
    return {
      id: `${keyOf(route)} rule ${index}`,
      route,
      rule,
      mirrors,
      backends: (rule.backendRefs ?? []).map((ref) => this.#backend(ref, namespace)),
    };
  }

  #backend(ref: BackendRef, namespace: string): Backend {
    const resolved = resolveBackend(ref, namespace, (key) => this.#services.get(key));
    const { weight = 1, filters = [] } = ref;
    if ('problem' in resolved) {
      const { message } = resolved.problem;
      return { weight, filters, name: `${namespace}/${ref.name}`, problem: message, targets: [] };
    }
    const { service, port, portName } = resolved;
    const targets = this.#targets(service, portName);
    return { weight, filters, name: `${service} port ${port}`, service, targets };
  }

  /** `cart.shop`, `cart.shop.svc`, `cart.shop.svc.cluster.local`, each with or without a port. */
  #serviceNamed({ host, port }: RequestFacts): Backend | undefined {
    const [, name = '', namespace = ''] =
      /^([a-z0-9-]+)\.([a-z0-9-]+)(?:\.svc(?:\.cluster\.local)?)?$/.exec(host) ?? [];
    const key = `${namespace}/${name}`;
    const ports = this.#services.get(key)?.spec.ports;
    const found = ports?.find((known) => known.port === port) ?? ports?.[0];
    if (found === undefined) return undefined;
    return {
      weight: 1,
      filters: [],
      name: `${key} port ${found.port}`,
      service: key,
      targets: this.#targets(key, found.name ?? ''),
    };
  }

  #targets(service: string, portName: string): readonly Target[] {
    return (this.#slices.get(service) ?? []).flatMap(({ ports = [], endpoints }) => {
      const port = ports.find(({ name = '' }) => name === portName)?.port;
      if (port === undefined) return [];
      return (endpoints ?? [])
        .filter(({ conditions }) => conditions?.ready !== false)
        .flatMap(({ addresses, targetRef }) =>
          addresses.slice(0, 1).map((address) => ({
            address,
            port,
            ...(targetRef?.kind === 'Pod' ? { pod: targetRef.name } : {}),
          })),
        );
    });
  }

  #file(slice: EndpointSlice): void {
    const service = slice.metadata.labels?.[SERVICE_NAME];
    if (service === undefined) return;
    const key = `${slice.metadata.namespace ?? ''}/${service}`;
    const known = this.#slices.get(key);
    if (known === undefined) this.#slices.set(key, [slice]);
    else known.push(slice);
  }
}

function byKey<T extends Gateway | Service>(objects: Iterable<T>): Map<string, T> {
  return new Map([...objects].map((object) => [keyOf(object), object]));
}

/** Ties go to the older route, then by name, then to the earlier rule. */
function byPrecedence(a: Entry, b: Entry): number {
  if (a.rule.route === b.rule.route)
    return comparePrecedence(a.match, b.match) || a.index - b.index;
  const [born, otherBorn] = [a, b].map(({ rule }) => rule.route.metadata.creationTimestamp ?? '');
  return (
    comparePrecedence(a.match, b.match) ||
    compare(String(born), String(otherBorn)) ||
    compare(keyOf(a.rule.route), keyOf(b.rule.route))
  );
}

function compare(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}
