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
  /** Endpoints come and go without changing what is to be said about a route. */
  readonly changesStatus: boolean;
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
  #lagMs: number;
  #changes: Change[] = [];
  #table: RoutingTable;
  #statusDueAt: number | undefined;

  constructor({ api, lagMs = 300, headers, address = '127.0.0.1', wake }: FollowerOptions) {
    this.#client = new Client(api, 'sandbox-gateway', headers);
    this.#lagMs = lagMs;
    this.#address = address;
    this.#wake = wake ?? (() => {});
    const change = (apply: () => void, changesStatus = true) => {
      this.#changes.push({ seenAt: undefined, changesStatus, apply });
      this.#wake();
    };
    this.#gateways = new Followed(this.#client, GATEWAYS, change);
    this.#routes = new Followed(this.#client, HTTP_ROUTES, change);
    this.#services = new Followed(this.#client, SERVICES, change);
    this.#slices = new Followed(this.#client, ENDPOINT_SLICES, (apply) => change(apply, false));
    this.#table = this.#rebuild();
  }

  /** What is served now. */
  get table(): RoutingTable {
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
    for (const change of this.#changes) change.seenAt ??= now;
    const due = this.#changes.filter(({ seenAt }) => this.#dueAt(seenAt) <= now);
    if (due.length > 0) {
      this.#changes = this.#changes.filter((change) => !due.includes(change));
      for (const { apply } of due) apply();
      this.#table = this.#rebuild();
      if (due.some(({ changesStatus }) => changesStatus)) this.#statusDueAt = now;
    }
    const changed = this.#statusDueAt !== undefined && this.#statusDueAt <= now;
    const wrote = changed && this.#writeStatuses(now);
    const nextAt = this.#nextAt();
    return nextAt === undefined ? { changed: wrote } : { changed: wrote, nextAt };
  }

  #nextAt(): number | undefined {
    const waiting = this.#changes.map(({ seenAt }) => this.#dueAt(seenAt));
    if (this.#statusDueAt !== undefined) waiting.push(this.#statusDueAt);
    const nextAt = Math.min(...waiting);
    return Number.isFinite(nextAt) ? nextAt : undefined;
  }

  #dueAt(seenAt: number | undefined): number {
    return (seenAt ?? 0) + this.#lagMs;
  }

  #rebuild(): RoutingTable {
    return new RoutingTable({
      gateways: this.#gateways.served.values(),
      routes: this.#routes.served.values(),
      services: this.#services.served.values(),
      slices: this.#slices.served.values(),
    });
  }

  #writeStatuses(now: number): boolean {
    this.#statusDueAt = undefined;
    let wrote = false;
    const attached = new Map<string, Map<string, number>>();
    for (const route of this.#routes.served.values()) {
      const attachments = attachmentsOf(route, (key) => this.#gateways.served.get(key));
      count(attachments, attached);
      if (this.#writeRouteStatus(route, attachments, now)) wrote = true;
    }
    for (const gateway of this.#gateways.served.values()) {
      const counts = attached.get(keyOf(gateway)) ?? new Map<string, number>();
      if (isOurs(gateway) && this.#writeGatewayStatus(gateway, counts, now)) wrote = true;
    }
    return wrote;
  }

  #writeRouteStatus(route: HttpRoute, attachments: readonly Attachment[], now: number): boolean {
    const latest = this.#routes.mirror.get(keyOf(route));
    if (latest === undefined) return false;
    // The verdict is about the generation that is served; the rest of the status is the newest there is.
    const served = latest.status === undefined ? route : { ...route, status: latest.status };
    const serviceOf = (key: string) => this.#services.served.get(key);
    const parents = parentStatuses(served, attachments, serviceOf, now);
    const before = latest.status?.parents ?? [];
    if (canonical(parents) === canonical(before)) return false;
    return this.#write(HTTP_ROUTES, this.#routes.mirror, { ...latest, status: { parents } }, now);
  }

  #writeGatewayStatus(
    gateway: Gateway,
    attached: ReadonlyMap<string, number>,
    now: number,
  ): boolean {
    const latest = this.#gateways.mirror.get(keyOf(gateway));
    if (latest === undefined) return false;
    const status = gatewayStatus(
      { ...gateway, status: latest.status ?? {} },
      this.#address,
      attached,
      now,
    );
    if (canonical(status) === canonical(latest.status ?? {})) return false;
    return this.#write(GATEWAYS, this.#gateways.mirror, { ...latest, status }, now);
  }

  #write<T extends KubeObject>(
    resource: Resource,
    mirror: Mirror<T>,
    object: T,
    now: number,
  ): boolean {
    const written = this.#client.replaceStatus(resource, object);
    if (written.outcome === 'done') mirror.take(written.object);
    else if (written.outcome !== 'gone') this.#statusDueAt = now + RETRY_MS;
    return written.outcome === 'done';
  }

  #all(): { readonly mirror: { start(): void; stop(): void } }[] {
    return [this.#gateways, this.#services, this.#slices, this.#routes];
  }
}

/** Objects of one kind: as they are, and as they are served. */
class Followed<T extends KubeObject> {
  readonly served = new Map<string, T>();
  readonly mirror: Mirror<T>;

  constructor(client: Client, resource: Resource, change: (apply: () => void) => void) {
    this.mirror = new Mirror<T>(client, resource, (key, _, after) =>
      change(() => {
        if (after === undefined) this.served.delete(key);
        else this.served.set(key, after);
      }),
    );
  }
}

function count(
  attachments: readonly Attachment[],
  attached: Map<string, Map<string, number>>,
): void {
  for (const { gateway, listeners } of attachments) {
    const counts = attached.get(keyOf(gateway)) ?? new Map<string, number>();
    for (const { name } of listeners) counts.set(name, (counts.get(name) ?? 0) + 1);
    attached.set(keyOf(gateway), counts);
  }
}
