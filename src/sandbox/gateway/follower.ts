/**
 * Keeps the routing table: sees objects change, serves them a lag later, and says so in their status.
 *
 * Clock-free like the controllers: `step` is given the time. The sandbox drives it with a real clock in
 * front of a proxy; the simulation drives it on simulated time and reads the table.
 */
import {
  type Api,
  Client,
  ENDPOINT_SLICES,
  GATEWAYS,
  HTTP_ROUTES,
  type Resource,
  SERVICES,
} from '../controllers/api.ts';
import type { StepResult } from '../controllers/controllers.ts';
import { canonical } from '../controllers/hash.ts';
import { Mirror } from '../controllers/mirror.ts';
import {
  type EndpointSlice,
  keyOf,
  type KubeObject,
  type Service,
} from '../controllers/objects.ts';
import { type Attachment, attachmentsOf, isOurs } from './attachment.ts';
import type { Gateway, HttpRoute } from './route-objects.ts';
import { gatewayStatus, parentStatuses } from './route-status.ts';
import { RoutingTable } from './routing-table.ts';

export interface FollowerOptions {
  readonly api: Api;
  /** From seeing a change to serving it, milliseconds; `Infinity` follows nothing. */
  readonly lagMs?: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** What the gateway says its address is. */
  readonly address?: string;
  readonly wake?: () => void;
}

interface Change {
  /** Filled in by the first step that sees it. */
  seenAt: number | undefined;
  /** Makes it served. */
  readonly apply: () => void;
}

const RETRY_MS = 50;

export class GatewayFollower {
  readonly #client: Client;
  readonly #address: string;
  readonly #wake: () => void;
  readonly #gateways: Followed<Gateway>;
  readonly #routes: Followed<HttpRoute>;
  readonly #services: Followed<Service>;
  readonly #slices: Followed<EndpointSlice>;
  // What is to be said anew; thousands of other routes are not looked at.
  readonly #staleRoutes = new Set<string>();
  readonly #staleGateways = new Set<string>();
  readonly #attached = new Attached();
  #lagMs: number;
  #changes: Change[] = [];
  #table: RoutingTable | undefined;
  #retryAt: number | undefined;
  #isBroken = false;

  constructor({ api, lagMs = 300, headers, address = '127.0.0.1', wake }: FollowerOptions) {
    this.#client = new Client(api, 'sandbox-gateway', headers);
    this.#lagMs = lagMs;
    this.#address = address;
    this.#wake = wake ?? (() => {});
    const change = (apply: () => void) => {
      this.#changes.push({ seenAt: undefined, apply });
      this.#wake();
    };
    const ended = () => {
      this.#isBroken = true;
      this.#wake();
    };
    const follow = <T extends KubeObject>(resource: Resource, served: (key: string) => void) =>
      new Followed<T>(this.#client, resource, change, served, ended);
    this.#gateways = follow(GATEWAYS, (key) => this.#onGateway(key));
    this.#routes = follow(HTTP_ROUTES, (key) => this.#staleRoutes.add(key));
    this.#services = follow(SERVICES, (key) => this.#onService(key));
    // Endpoints come and go without changing what is to be said about a route.
    this.#slices = follow(ENDPOINT_SLICES, () => {});
  }

  /** What is served now. Made when it is first asked for after a change. */
  get table(): RoutingTable {
    this.#table ??= new RoutingTable({
      gateways: this.#gateways.served.values(),
      routes: this.#routes.served.values(),
      services: this.#services.served.values(),
      slices: this.#slices.served.values(),
    });
    return this.#table;
  }

  setLag(lagMs: number): void {
    this.#lagMs = lagMs;
    this.#wake();
  }

  start(): void {
    for (const followed of this.#all()) followed.mirror.start();
  }

  stop(): void {
    for (const followed of this.#all()) followed.mirror.stop();
  }

  step(now: number): StepResult {
    if (this.#isBroken) {
      this.#isBroken = false;
      for (const followed of this.#all()) followed.mirror.refresh();
    }
    for (const change of this.#changes) change.seenAt ??= now;
    const due = this.#changes.filter(({ seenAt }) => this.#dueAt(seenAt) <= now);
    if (due.length > 0) {
      this.#changes = this.#changes.filter(({ seenAt }) => this.#dueAt(seenAt) > now);
      for (const { apply } of due) apply();
      this.#table = undefined;
    }
    const rests = this.#retryAt !== undefined && this.#retryAt > now;
    const changed = !rests && this.#writeStatuses(now);
    const nextAt = this.#nextAt();
    return nextAt === undefined ? { changed } : { changed, nextAt };
  }

  #nextAt(): number | undefined {
    const [oldest] = this.#changes;
    const waiting = [this.#retryAt ?? Infinity];
    // Changes wait in the order they came, all of them equally long.
    if (oldest !== undefined) waiting.push(this.#dueAt(oldest.seenAt));
    const nextAt = Math.min(...waiting);
    return Number.isFinite(nextAt) ? nextAt : undefined;
  }

  #dueAt(seenAt: number | undefined): number {
    return (seenAt ?? 0) + this.#lagMs;
  }

  #onGateway(key: string): void {
    this.#staleGateways.add(key);
    for (const route of this.#routes.served.keys()) this.#staleRoutes.add(route);
  }

  #onService(key: string): void {
    const [namespace, name] = key.split('/');
    for (const route of this.#routes.inNamespace(namespace ?? '')) {
      const refersToIt = (route.spec.rules ?? []).some(({ backendRefs = [], filters = [] }) =>
        [
          ...backendRefs,
          ...filters.flatMap((filter) => filter.requestMirror?.backendRef ?? []),
        ].some((ref) => ref.name === name),
      );
      if (refersToIt) this.#staleRoutes.add(keyOf(route));
    }
  }

  #writeStatuses(now: number): boolean {
    this.#retryAt = undefined;
    let wrote = false;
    for (const key of drain(this.#staleRoutes)) {
      if (this.#writeRouteStatus(key, now)) wrote = true;
    }
    for (const key of drain(this.#staleGateways)) {
      if (this.#writeGatewayStatus(key, now)) wrote = true;
    }
    return wrote;
  }

  #writeRouteStatus(key: string, now: number): boolean {
    const route = this.#routes.served.get(key);
    const latest = this.#routes.mirror.get(key);
    const attachments =
      route === undefined ? [] : attachmentsOf(route, (name) => this.#gateways.served.get(name));
    for (const gateway of this.#attached.set(key, attachments)) this.#staleGateways.add(gateway);
    if (route === undefined || latest === undefined) return false;
    // The verdict is about the generation that is served; the rest of the status is the newest there is.
    const served = latest.status === undefined ? route : { ...route, status: latest.status };
    const serviceOf = (name: string) => this.#services.served.get(name);
    const parents = parentStatuses(served, attachments, serviceOf, now);
    if (canonical(parents) === canonical(latest.status?.parents ?? [])) return false;
    const written = this.#client.replaceStatus(HTTP_ROUTES, { ...latest, status: { parents } });
    if (written.outcome === 'done') this.#routes.mirror.take(written.object);
    else if (written.outcome !== 'gone') this.#again(this.#staleRoutes, key, now);
    return written.outcome === 'done';
  }

  #writeGatewayStatus(key: string, now: number): boolean {
    const gateway = this.#gateways.served.get(key);
    const latest = this.#gateways.mirror.get(key);
    if (gateway === undefined || latest === undefined || !isOurs(gateway)) return false;
    const known = { ...gateway, status: latest.status ?? {} };
    const status = gatewayStatus(known, this.#address, this.#attached.countsOf(key), now);
    if (canonical(status) === canonical(latest.status ?? {})) return false;
    const written = this.#client.replaceStatus(GATEWAYS, { ...latest, status });
    if (written.outcome === 'done') this.#gateways.mirror.take(written.object);
    else if (written.outcome !== 'gone') this.#again(this.#staleGateways, key, now);
    return written.outcome === 'done';
  }

  #again(stale: Set<string>, key: string, now: number): void {
    stale.add(key);
    this.#retryAt = now + RETRY_MS;
  }

  #all(): { readonly mirror: { start(): void; stop(): void; refresh(): void } }[] {
    return [this.#gateways, this.#services, this.#slices, this.#routes];
  }
}

/** What is in it now; what is put in meanwhile is for the next time. */
function drain(keys: Set<string>): readonly string[] {
  const all = [...keys];
  keys.clear();
  return all;
}

/** Objects of one kind: as they are, and as they are served. */
class Followed<T extends KubeObject> {
  readonly served = new Map<string, T>();
  readonly mirror: Mirror<T>;
  readonly #namespaces = new Map<string, Map<string, T>>();

  constructor(
    client: Client,
    resource: Resource,
    change: (apply: () => void) => void,
    served: (key: string) => void,
    ended: () => void,
  ) {
    const changed = (key: string, _: T | undefined, after: T | undefined) =>
      change(() => {
        this.#serve(key, after);
        served(key);
      });
    this.mirror = new Mirror<T>(client, resource, changed, ended);
  }

  inNamespace(namespace: string): Iterable<T> {
    return this.#namespaces.get(namespace)?.values() ?? [];
  }

  #serve(key: string, object: T | undefined): void {
    const namespace = key.slice(0, key.indexOf('/'));
    const neighbours = this.#namespaces.get(namespace) ?? new Map<string, T>();
    this.#namespaces.set(namespace, neighbours);
    if (object === undefined) {
      this.served.delete(key);
      neighbours.delete(key);
    } else {
      this.served.set(key, object);
      neighbours.set(key, object);
    }
  }
}

/** How many routes each listener of each gateway has. */
class Attached {
  readonly #ofRoute = new Map<string, readonly string[]>();
  readonly #counts = new Map<string, Map<string, number>>();

  /** Answers with the gateways whose counts have changed. */
  set(route: string, attachments: readonly Attachment[]): readonly string[] {
    const before = this.#ofRoute.get(route) ?? [];
    const after = attachments.flatMap(({ gateway, listeners }) =>
      listeners.map(({ name }) => `${keyOf(gateway)} ${name}`),
    );
    if (before.join() === after.join()) return [];
    this.#ofRoute.set(route, after);
    for (const listener of before) this.#add(listener, -1);
    for (const listener of after) this.#add(listener, 1);
    return [...before, ...after].map((listener) => listener.slice(0, listener.indexOf(' ')));
  }

  countsOf(gateway: string): ReadonlyMap<string, number> {
    return this.#counts.get(gateway) ?? new Map<string, number>();
  }

  #add(listener: string, change: number): void {
    const [gateway = '', name = ''] = listener.split(' ');
    const counts = this.#counts.get(gateway) ?? new Map<string, number>();
    counts.set(name, (counts.get(name) ?? 0) + change);
    this.#counts.set(gateway, counts);
  }
}
