/**
 * One seed from beginning to end: a cluster, one or two operators that may die at any moment, and everybody else.
 */
import { apiVersionOf } from '../../src/api/group.ts';
import { LeaseLock } from '../../src/adapters/kubernetes/lease-lock.ts';
import type { ApiRequest } from '../../src/adapters/kubernetes/transport.ts';
import { UnavailableError } from '../../src/errors.ts';
import type { WebhookAnswer, WebhookCall } from '../../src/ports/webhook-client.ts';
import type { ApiAnswer } from '../../src/sandbox/api-server/call.ts';
import type { RequestRecord } from '../../src/sandbox/api-server/server.ts';
import type { PodBehaviour } from '../../src/sandbox/controllers/simulated-pods.ts';
import type { Pod } from '../../src/sandbox/controllers/objects.ts';
import { disturb } from './disturb.ts';
import { Known, type HookCall, type Query, type Verdict } from './facts.ts';
import { Gateway } from './gateway.ts';
import { Judge, type Found } from './judge.ts';
import { Life } from './life.ts';
import { imageOf, Mirror } from './mirror.ts';
import { network, writeKind, type Fate } from './network.ts';
import { healthyImage, noFaults, type Image, type Plan, type Rates } from './plan.ts';
import { Dice } from './random.ts';
import { Story } from './story.ts';
import { canaryOf, adoptedRoute, adoptedService } from './specs.ts';
import { deployment, namespace, World } from './world.ts';

/** A process of the operator and what it has been told. */
export interface Process {
  readonly life: Life;
  readonly known: Known;
  readonly watches: Set<() => void>;
  /** Ends it in an orderly way; trials never do, see `#dispose`. */
  readonly stop: AbortController;
  readonly replica: number;
  /** Until then its Lease cannot be renewed. */
  leaseLostUntil: number;
  /** Until when a `Retry-After` may still hold its writes back. */
  heldBackUntil: number;
}

export interface Result {
  readonly plan: Plan;
  readonly breaches: readonly Found[];
  readonly counts: ReadonlyMap<string, number>;
  readonly story: string;
  readonly simulatedMs: number;
  /** Of everything that was requested, for comparing two runs of the same seed. */
  readonly fingerprint: string;
}

const settings = { drainMs: 2_000, settleMs: 3_000, workers: 1 };
const lease = { leaseMs: 6_000, renewDeadlineMs: 4_000, retryMs: 1_000 };
/** How long it may take until everything has come to rest once nobody disturbs it any more: a Canary that was left to another operator is taken up again after ten minutes. */
const restWithinMs = 1_500_000;
/** Nothing is requested for so long when there is nothing to do. */
const quietMs = 120_000;

export class Trial {
  readonly plan: Plan;
  readonly world: World;
  readonly mirror: Mirror;
  readonly gateway: Gateway;
  readonly story: Story;
  readonly judge: Judge;
  readonly queries: Query[] = [];
  readonly hookCalls: HookCall[] = [];
  readonly processes: Process[] = [];
  readonly counts = new Map<string, number>();
  /** How images behave now; broken ones may be repaired. */
  readonly images = new Map<string, Image>();
  /** Until when, by what is down. */
  readonly down = new Map<string, number>();
  readonly closedGates = new Map<string, number>();
  released = 1;
  /** How far the operator's wall clock is off. */
  skewMs = 0;
  rates: Rates;
  stale: Map<string, ApiAnswer> | undefined;
  /** The process whose request the server is answering right now, and when it was sent. */
  current: { readonly process: Process; readonly sentAt: number } | undefined;
  readonly dice: Dice;
  readonly #faultDice: Dice;
  readonly #kills: { left: number; kill: Plan['kills'][number] }[];
  #lives = 0;
  #restartAfterMs = 0;
  #fingerprint = 0;

  constructor(plan: Plan) {
    this.plan = plan;
    this.dice = new Dice(plan.seed, 'world');
    this.#faultDice = new Dice(plan.seed, 'faults');
    this.rates = plan.rates;
    this.#kills = plan.kills.map((kill) => ({ left: kill.nth, kill }));
    this.world = new World({
      seed: plan.seed,
      behave: (pod) => this.behave(pod),
      settings: { ...settings, groups: [plan.group] },
    });
    this.world.group = apiVersionOf(plan.group);
    this.mirror = new Mirror(
      this.world.server,
      `/apis/${apiVersionOf(plan.group)}/namespaces/${namespace}/canaries`,
    );
    this.gateway = new Gateway(this.world, () => this.judge.look());
    this.story = new Story(this.world);
    this.judge = new Judge(this);
    this.mirror.onChange(() => this.judge.look());
    this.world.server.onRequest((record) => this.#onRequest(record));
  }

  get now(): number {
    return this.world.clock.monotonic();
  }

  count(what: string): void {
    this.counts.set(what, (this.counts.get(what) ?? 0) + 1);
  }

  note(text: string): void {
    this.story.note(text);
  }

  async run(): Promise<Result> {
    const { plan, world } = this;
    plan.images.forEach((image, index) => this.images.set(imageName(index + 1), image));
    if (plan.gatewayIsSilent) {
      this.gateway.mode = 'silent';
      this.count('event: gateway silent');
    }
    if (plan.adoptsService) world.create(adoptedService());
    if (plan.adoptsRoute) world.create(adoptedRoute());
    world.create(deployment(imageName(1), plan.replicas));
    await world.clock.advance(2_500);
    world.create(canaryOf(plan));
    for (let replica = 0; replica < plan.operators; replica += 1) this.start(replica);
    for (const event of plan.events)
      world.clock.after(event.at, () => {
        disturb(this, event);
      });
    while (this.now < plan.calmAt && !this.#isStorm()) await world.clock.advance(1_000);
    this.#calm();
    await this.#comeToRest();
    const result = this.#result();
    this.#dispose();
    return result;
  }

  #result(): Result {
    const { plan, world } = this;
    const { breaches } = this.judge;
    return {
      plan,
      breaches,
      counts: this.counts,
      story: breaches.length === 0 ? '' : this.story.text(),
      simulatedMs: this.now,
      fingerprint: `${this.#fingerprint.toString(16)}/${world.records.length}`,
    };
  }

  /** Node.js keeps what waits for a signal until it is aborted: thousands of trials would fill the memory. */
  #dispose(): void {
    for (const { life, stop } of this.processes) {
      life.kill();
      stop.abort();
    }
  }

  // ── the operator ──────────────────────────────────────────────────────────

  start(replica: number): void {
    const { plan, world } = this;
    this.#lives += 1;
    const life = new Life(`${replica}.${this.#lives}`, {
      now: () => world.clock.now() + this.skewMs,
      monotonic: () => world.clock.monotonic(),
      after: (ms, callback) => world.clock.after(ms, callback),
    });
    const process: Process = {
      life,
      known: new Known(),
      watches: new Set(),
      stop: new AbortController(),
      replica,
      leaseLostUntil: 0,
      heldBackUntil: 0,
    };
    this.processes.push(process);
    if (this.#lives > plan.operators) this.note(`process ${life.id} starts`);
    const transport = network(world.server, world.clock, `serin/${life.id}`, {
      life,
      fateOf: (request) => this.#fateOf(request, process),
      staleList: (request) => this.#staleList(request),
      isSilent: () => this.isDown('watches'),
      carryOut: (_request, sentAt, call) => {
        this.current = { process, sentAt };
        const answer = call();
        this.current = undefined;
        return answer;
      },
      watches: process.watches,
      delivered: (object, kind) => process.known.see(object, kind, this.now),
      listed: (kind, names) => process.known.seeList(kind, names, this.now),
      killed: (kind, request) => {
        this.count(
          `${kind === 'killBefore' ? 'kill before' : kind === 'killAfter' ? 'kill after' : 'kill, arrives late:'} ${writeKind(request)}`,
        );
        this.kill(process, this.#restartAfterMs, `${kind} ${writeKind(request)}`);
      },
    });
    const lock =
      plan.operators === 1
        ? undefined
        : new LeaseLock({
            transport,
            clock: life.clock,
            random: world.random,
            log: { debug() {}, info() {}, warn() {} },
            namespace: 'default',
            name: 'serin',
            identity: life.id,
            settings: lease,
          });
    world.operator(process.stop.signal, lock, `serin-${life.id}`, {
      transport,
      clock: life.clock,
      webhooks: { call: (call) => this.#call(call, process) },
      metrics: {
        get: () => ({
          name: 'prometheus',
          create: () => ({ query: (query, at) => this.#query(query, at, process) }),
        }),
      },
      notifiers: {
        get: () => ({
          name: 'slack',
          send: (_access, message) =>
            life.guard(
              new Promise((resolve, reject) => {
                if (!life.isAlive) return;
                if (this.isDown('slack')) {
                  world.clock.after(20, () => reject(unavailable('slack is down')));
                  return;
                }
                world.messages.push({ at: world.clock.now(), message });
                const isHeard = !this.isDown('slack deaf');
                this.judge.onMessage(message, process, isHeard);
                world.clock.after(20, () =>
                  isHeard ? resolve() : reject(unavailable('the answer of slack was lost')),
                );
              }),
            ),
        }),
      },
    });
  }

  kill(process: Process, restartAfterMs: number, why: string): void {
    if (!process.life.isAlive) return;
    process.life.kill();
    this.note(`process ${process.life.id} is killed (${why})`);
    this.world.clock.after(restartAfterMs, () => this.start(process.replica));
  }

  cutWatches(): void {
    for (const { watches } of this.processes) for (const breakOff of watches) breakOff();
  }

  isDown(what: string): boolean {
    return (this.down.get(what) ?? 0) > this.now;
  }

  // ── what the world answers ────────────────────────────────────────────────

  behave(pod: Pod): PodBehaviour {
    const name = pod.spec.containers[0]?.image ?? '';
    const image = this.images.get(name) ?? healthyImage;
    const isPrimary = pod.metadata.name.startsWith('cart-primary-');
    if (isPrimary && image.primaryFails) return { stopAfterMs: 300 };
    switch (image.pods) {
      case 'ready':
        return { readyAfterMs: 700, stopAfterMs: 300 };
      case 'slow':
        return { readyAfterMs: 9_000, stopAfterMs: 1_500 };
      case 'never':
        return { stopAfterMs: 300 };
      case 'crashes':
        return { readyAfterMs: 700, crashAfterMs: 9_000, stopAfterMs: 300 };
    }
  }

  #query(
    query: string,
    at: number,
    process: Process,
  ): Promise<{ kind: 'value'; value: number } | { kind: 'noData'; why: string }> {
    const { life } = process;
    const { clock } = this.world;
    const askedAt = this.now;
    const metric = query.includes('histogram') ? 'request-duration' : 'request-success-rate';
    return life.guard(
      new Promise((resolve, reject) => {
        if (!life.isAlive || this.isDown('metrics silent')) return;
        clock.after(this.isDown('metrics slow') ? 3_000 : 3, () => {
          const verdict = this.#measure(metric);
          this.queries.push({
            life: life.id,
            round: at,
            metric,
            askedAt,
            answeredAt: this.now,
            verdict,
          });
          if (verdict === 'unavailable') reject(unavailable('prometheus is down'));
          else if (verdict === 'none')
            resolve({ kind: 'noData', why: 'the query matched no series' });
          else if (metric === 'request-duration')
            resolve({ kind: 'value', value: verdict === 'good' ? 0.1 : 2 });
          else resolve({ kind: 'value', value: verdict === 'good' ? 100 : 80 });
        });
      }),
    );
  }

  /** What Prometheus knows about the canary's image. */
  #measure(metric: string): Verdict {
    if (this.isDown('metrics')) return 'unavailable';
    const image =
      this.images.get(imageOf(this.mirror.get('Deployment', 'cart')) ?? '') ?? healthyImage;
    if (image.metrics === 'moody') return this.dice.chance(0.7) ? 'good' : 'bad';
    if (image.metrics === 'bad' && metric === 'request-duration') return 'good';
    return image.metrics;
  }

  #call(call: WebhookCall, { life }: Process): Promise<WebhookAnswer> {
    const type = new URL(call.url).pathname.slice(1);
    const askedAt = this.now;
    return life.guard(
      new Promise<WebhookAnswer>((resolve) => {
        if (!life.isAlive) return;
        this.world.clock.after(5, () => {
          const answer = this.#answerHook(type);
          this.hookCalls.push({
            life: life.id,
            type,
            askedAt,
            answeredAt: this.now,
            answer: answer.kind,
          });
          resolve(answer);
        });
      }),
    );
  }

  #answerHook(type: string): WebhookAnswer {
    const isClosed = (this.closedGates.get(type) ?? 0) > this.now;
    if (type === 'rollback')
      return isClosed ? { kind: 'yes' } : { kind: 'no', status: 403, text: '' };
    if (!isClosed) return { kind: 'yes' };
    return this.now < this.plan.calmAt && this.dice.chance(0.2)
      ? { kind: 'unreachable', why: 'no answer' }
      : { kind: 'no', status: 403, text: 'closed' };
  }

  // ── what happens to requests ──────────────────────────────────────────────

  #fateOf(request: ApiRequest, process: Process): Fate {
    const arrives: Fate = { kind: 'arrives' };
    if (request.query['watch'] === 'true') return arrives;
    if (request.path.includes('/leases')) {
      return process.leaseLostUntil > this.now ? { kind: 'reset' } : arrives;
    }
    const fate = this.#killFate(request) ?? this.#faultFate(request);
    if (fate.kind === 'arrives') return fate;
    if (!fate.kind.startsWith('kill')) {
      const name = fate.kind === 'refused' ? `refused ${fate.status}` : fate.kind;
      this.count(`fault: ${name}`);
      this.note(`${name}: ${request.method} ${request.path} of ${process.life.id}`);
      if (name === 'refused 429') process.heldBackUntil = this.now + 4_000;
    }
    return fate;
  }

  #killFate(request: ApiRequest): Fate | undefined {
    const kind = writeKind(request);
    const armed = this.#kills.filter(
      ({ kill }) => kill.kind === kind && this.now >= kill.notBefore && this.#mayKill(kind),
    );
    for (const kill of armed) kill.left -= 1;
    const due = armed.find(({ left }) => left <= 0);
    if (due === undefined) return undefined;
    this.#kills.splice(this.#kills.indexOf(due), 1);
    const { kill } = due;
    this.#restartAfterMs = kill.restartAfterMs;
    return kill.position === 'killLate'
      ? { kind: kill.kind === 'read' ? 'killBefore' : kill.position, laterMs: kill.laterMs }
      : { kind: kill.position };
  }

  /** A deletion comes when everything else is calm. */
  #mayKill(kind: string): boolean {
    return this.now < this.plan.calmAt + (kind.startsWith('delete') ? 60_000 : 0);
  }

  #faultFate({ method }: ApiRequest): Fate {
    const { rates } = this;
    if (rates === noFaults) return { kind: 'arrives' };
    const isWrite = method !== 'GET';
    let luck = this.#faultDice.random();
    const hits = (rate: number): boolean => {
      luck -= rate;
      return luck < 0;
    };
    const laterMs = this.#faultDice.pick([3, 20, 200, 2_000, 9_000]);
    if (isWrite && hits(rates.refused409)) return { kind: 'refused', status: 409 };
    if (hits(rates.refused429)) return { kind: 'refused', status: 429 };
    if (hits(rates.refused5xx)) return { kind: 'refused', status: laterMs > 100 ? 500 : 503 };
    if (hits(rates.vanishes)) return { kind: 'vanishes' };
    if (hits(rates.reset)) return { kind: 'reset' };
    if (isWrite && hits(rates.answerLost)) return { kind: 'answerLost' };
    if (isWrite && hits(rates.answerVanishes)) return { kind: 'answerVanishes' };
    if (isWrite && hits(rates.arrivesLate)) return { kind: 'arrivesLate', laterMs };
    if (hits(rates.slow)) return { kind: 'slow', laterMs: Math.min(laterMs, 2_000) };
    return { kind: 'arrives' };
  }

  #staleList(request: ApiRequest): ApiAnswer | undefined {
    const isWatch = request.query['watch'] === 'true';
    if (this.stale === undefined || isWatch || request.method !== 'GET' || !this.isDown('lists'))
      return undefined;
    return this.stale.get(request.path);
  }

  #onRequest(record: RequestRecord): void {
    const { userAgent, verb, resource, name, status, subresource } = record;
    if (!userAgent.startsWith('serin/')) return;
    if (verb !== 'watch') {
      const text = `${this.now} ${userAgent} ${verb} ${resource}/${subresource} ${name} ${status}`;
      for (let index = 0; index < text.length; index += 1)
        this.#fingerprint = Math.imul(this.#fingerprint ^ text.charCodeAt(index), 0x01000193) >>> 0;
    }
    if (this.current !== undefined)
      this.judge.onRequest(record, this.current.process, this.current.sentAt);
  }

  // ── the end ───────────────────────────────────────────────────────────────

  /** Everybody goes home: what was disturbed works again. */
  #calm(): void {
    this.note('nobody disturbs anything any more');
    this.rates = noFaults;
    this.down.clear();
    if (this.stale !== undefined) this.stale = undefined;
    if (!this.plan.gatesStayClosed) this.closedGates.clear();
    else
      for (const type of this.closedGates.keys())
        this.closedGates.set(type, Number.POSITIVE_INFINITY);
    this.closedGates.delete('rollback');
    this.gateway.heal();
    for (const { life } of this.processes) life.resume();
    disturb(this, { at: this.now, what: 'calm', luck: 0, forMs: 0 });
    for (let replica = 0; replica < this.plan.operators; replica += 1) {
      const isThere = this.processes.some(
        (process) => process.replica === replica && process.life.isAlive,
      );
      if (!isThere) this.world.clock.after(1, () => this.#startIfMissing(replica));
    }
  }

  #startIfMissing(replica: number): void {
    if (!this.processes.some((process) => process.replica === replica && process.life.isAlive))
      this.start(replica);
  }

  /** Somebody runs in circles. */
  #isStorm(): boolean {
    return this.world.records.length > 8_000;
  }

  async #comeToRest(): Promise<void> {
    const { clock } = this.world;
    const until = this.now + restWithinMs;
    let quietSince = this.judge.lastRequestAt;
    while (this.now < until) {
      for (let second = 0; second < 10; second += 1) await clock.advance(1_000);
      if (this.#isStorm()) return this.judge.storm();
      if (this.judge.lastRequestAt === quietSince && this.judge.isAtRest()) break;
      quietSince = this.judge.lastRequestAt;
    }
    if (!this.judge.isAtRest()) return this.judge.neverRested();
    // Pods that are started again with growing pauses may still change what there is to tell.
    for (let windows = 0; ; windows += 1) {
      const before = this.judge.lastRequestAt;
      await clock.advance(quietMs);
      if (this.judge.lastRequestAt === before) break;
      if (windows === 3) return this.judge.neverQuiet();
    }
    this.judge.atTheEnd();
  }
}

export function imageName(number: number): string {
  return `demo:${number}`;
}

function unavailable(why: string): UnavailableError {
  return new UnavailableError(why, { reason: 'MetricsUnavailable' });
}

/** Plays one plan. */
export function play(plan: Plan): Promise<Result> {
  return new Trial(plan).run();
}
