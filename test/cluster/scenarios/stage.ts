/** One application on one plane, in a namespace of its own, with requests going to it and everything written down. */
import { parseRun } from '../../../src/api/run.ts';
import type { RequestRecord } from '../../../src/sandbox/demo/request-record.ts';
import { RECEIVER } from '../apps/receiver-manifest.ts';
import { type Manifest, namespaceOf } from '../planes/manifest.ts';
import { Api } from './api.ts';
import { Chronicle } from './chronicle.ts';
import type { Group, Kinds } from './kinds.ts';
import { blame, Load } from './load.ts';
import {
  alertProvider,
  APP,
  application,
  canary,
  type CanaryOptions,
  hostOf,
  route,
  service,
} from './manifests.ts';
import { addressOf, type PlaneInUse } from './plane.ts';
import { createAll, prepared, untilServed } from './prepared.ts';
import { type Answer, type Share, sharesOf, type Written } from './shares.ts';
import { gate, type GateState, type Message, messagesIn, tellGate } from './told.ts';

const MINUTE = 60_000;

export interface StageOptions {
  /** Of the Canary and what it refers to. */
  readonly group?: Group;
  /** Another address for alerts than the receiver's. */
  readonly slack?: string;
}

/** Each once, sorted. */
export interface Who {
  readonly sides: readonly string[];
  readonly versions: readonly string[];
}

export class Stage {
  readonly plane: PlaneInUse;
  readonly namespace: string;
  readonly api: Api;
  readonly chronicle: Chronicle;
  readonly #receiver: string;
  readonly #loads: Load[] = [];
  #load: Load | undefined;

  private constructor(plane: PlaneInUse, name: string, api: Api, receiver: string) {
    this.plane = plane;
    this.namespace = name;
    this.api = api;
    this.#receiver = receiver;
    this.chronicle = Chronicle.follow(api, name);
  }

  static async open(plane: PlaneInUse, name: string, options: StageOptions = {}): Promise<Stage> {
    await prepared();
    const { group = 'serin.dev', slack } = options;
    const api = new Api(group);
    const space = `${name}-${plane.name}`;
    await createAll(api, [namespaceOf(space), ...alertProvider(space, group, slack)]);
    const receiver = await addressOf(api, RECEIVER.namespace, RECEIVER.name);
    return new Stage(plane, space, api, receiver);
  }

  async close(): Promise<void> {
    await Promise.all(this.#loads.map((load) => load.close()));
    await this.chronicle.close();
    await this.api.deleteNamespace(this.namespace);
    await this.api.close();
  }

  /** The application alone, as it was before anybody thought of Serin: reachable, and used. */
  async serve(image: string, rate: number): Promise<void> {
    const { namespace: space, plane } = this;
    const own = plane.gateway === undefined ? [] : [route(space, plane)];
    await this.create(application(space, { image, replicas: 2 }), service(space), ...own);
    await this.chronicle.until('the application is available', MINUTE, () => this.#available(APP));
    await this.use(rate);
  }

  /** Application and Canary in one go; requests begin when it is initialised. */
  async initialise(image: string, rate: number, options: CanaryOptions = {}): Promise<void> {
    const { namespace: space, plane } = this;
    const app = application(space, { image, replicas: 2 });
    await this.create(app, canary(space, plane, { ...options, group: this.api.group }));
    await this.until('Initialized', MINUTE);
    if (rate > 0) await this.use(rate);
  }

  async create(...manifests: readonly Manifest[]): Promise<void> {
    await createAll(this.api, manifests);
  }

  /** Starts requests, once the first is answered. */
  async use(rate: number): Promise<void> {
    const { name, namespace: at } = this.plane.entrance ?? { name: APP, namespace: this.namespace };
    const url = await addressOf(this.api, at, name);
    const host = hostOf(this.namespace);
    await untilServed(url, host);
    this.#load = Load.start({ url, host, rate, app: APP });
    this.#loads.push(this.#load);
  }

  /** Requests to one Service beside the users', as a load tester would send them. */
  async alsoUse(name: string, rate: number): Promise<Load> {
    const load = Load.start({
      url: await addressOf(this.api, this.namespace, name),
      rate,
      app: APP,
    });
    this.#loads.push(load);
    return load;
  }

  /** The same to the canary as soon as it is ready: where there is no gateway, users do not reach it. */
  async alsoUseCanary(from: number): Promise<Load> {
    await this.until('Progressing', MINUTE, from);
    await this.chronicle.until('the canary is available', MINUTE, () => {
      const { replicas = 0, availableReplicas, updatedReplicas } = this.target?.status ?? {};
      return replicas > 0 && availableReplicas === replicas && updatedReplicas === replicas;
    });
    return await this.alsoUse(`${APP}-canary`, 20);
  }

  get load(): Load {
    if (this.#load === undefined) throw new Error('nobody sends requests yet');
    return this.#load;
  }

  get canary(): Kinds['Canary'] | undefined {
    return this.chronicle.latest('Canary', APP);
  }

  get primary(): Kinds['Deployment'] | undefined {
    return this.chronicle.latest('Deployment', `${APP}-primary`);
  }

  get target(): Kinds['Deployment'] | undefined {
    return this.chronicle.latest('Deployment', APP);
  }

  /** Pushes an image, as somebody who knows nothing of Serin; answers with when. */
  async release(image: string, env: Readonly<Record<string, string>> = {}): Promise<number> {
    const at = Date.now();
    const { spec } = application(this.namespace, { image, env });
    const template = (spec as Kinds['Deployment']['spec']).template;
    // The merge replaces lists, so a template of ours is replaced as a whole where it differs.
    await this.api.patch('Deployment', this.namespace, APP, { spec: { template } });
    return at;
  }

  /** Waits for a phase that is entered after `from`; answers with when. */
  until(phase: string, limitMs: number, from = 0): Promise<number> {
    return this.chronicle.until(`phase ${phase}`, limitMs, () => {
      const seen = this.chronicle.phases(APP).filter((entry) => entry.at >= from);
      return seen.find((entry) => entry.phase === phase)?.at;
    });
  }

  /** Weights that were written for the canary since `from`. */
  weights(from: number): readonly Written[] {
    return this.chronicle.weights(APP, `${APP}-canary`, from);
  }

  /** What the proxy gave the canary at each of the weights that were written between two times. */
  shares(from: number, to = Infinity): readonly Share[] {
    const answers = this.requests(from, to)
      .filter((record) => record.pod !== undefined)
      .map(
        (record): Answer => ({
          at: record.at,
          canary: this.load.ledger.sideOf(record) === 'canary',
        }),
      );
    return sharesOf(
      answers,
      this.weights(from).filter(({ at }) => at < to),
    );
  }

  /** Who answers from now on: sides and versions, read from the next requests. */
  async next(count = 30): Promise<Who> {
    const from = Date.now();
    const records = await this.chronicle.until(`${count} more answers`, MINUTE, () => {
      const later = this.requests(from);
      return later.length < count ? undefined : later;
    });
    const sides = records.map((record) => this.load.ledger.sideOf(record) ?? 'nobody');
    return { sides: [...new Set(sides)].sort(), versions: versionsOf(records) };
  }

  /** Which versions have answered between two times. */
  versions(from: number, to = Infinity): readonly string[] {
    return versionsOf(this.requests(from, to));
  }

  /** What the rounds since `from` came to, in order. */
  rounds(from: number): readonly string[] {
    const decided = new Map<string, string>();
    for (const { at, object } of this.chronicle.changes('Canary', APP)) {
      const { lastRound } = parseRun(object.status?.run) ?? {};
      if (at >= from && lastRound !== undefined && Date.parse(lastRound.at) >= from) {
        decided.set(lastRound.at, lastRound.verdict);
      }
    }
    return [...decided.values()];
  }

  condition(type: string): {
    readonly status?: string;
    readonly reason?: string;
    readonly message?: string | undefined;
  } {
    return this.canary?.status?.conditions?.find((condition) => condition.type === type) ?? {};
  }

  /** Requests that were sent between two times, in the order they were sent. */
  requests(from = 0, to = Infinity): readonly RequestRecord[] {
    return this.load.ledger.between(from, to).toSorted((one, other) => one.at - other.at);
  }

  /** Those of them that failed. */
  failed(from = 0, to = Infinity): readonly RequestRecord[] {
    return this.requests(from, to).filter((record) => record.failed);
  }

  /** The same for people: who failed, how, and how often. */
  failures(from = 0, to = Infinity): readonly string[] {
    return blame(this.failed(from, to));
  }

  /** What came in at Slack. */
  messages(): Promise<readonly Message[]> {
    return messagesIn(this.#receiver, this.namespace);
  }

  /** What the gate of this namespace was asked. */
  gate(): Promise<GateState> {
    return gate(this.#receiver, this.namespace);
  }

  /** What it says from now on: a status, or `silence`. */
  tellGate(answer: string): Promise<void> {
    return tellGate(this.#receiver, this.namespace, answer);
  }

  #available(name: string): boolean {
    const deployment = this.chronicle.latest('Deployment', name);
    const wanted = deployment?.spec.replicas ?? 1;
    return deployment !== undefined && deployment.status?.availableReplicas === wanted;
  }
}

function versionsOf(records: readonly RequestRecord[]): readonly string[] {
  return [...new Set(records.map(({ version = 'nobody' }) => version))].sort();
}
