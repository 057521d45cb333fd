/**
 * Whether the promises were kept, judged from what was requested and from where traffic goes, never from what the
 * operator thinks of itself. Ids are those of `test/promises/promises.ts`.
 *
 * A write is judged by what its process had been told some time before it was sent: nobody can act on what has not
 * reached him yet.
 */
import type { KubernetesObject } from '../../src/api/object.ts';
import type { Message } from '../../src/ports/notifier.ts';
import type { RequestRecord } from '../../src/sandbox/api-server/server.ts';
import type { PromiseId } from '../promises/promises.ts';
import {
  availableOf,
  deploymentOf,
  imageOf,
  isRolledOut,
  replicasOf,
  sideOfService,
  weightIn,
  type Side,
} from './mirror.ts';
import { touchedByUs } from './shared-fields.ts';
import type { Process, Trial } from './trial.ts';
import { failedWithoutFailure, waitedBeforeAbort, wentOnRefused } from './verdicts.ts';

export interface Found {
  readonly id: PromiseId;
  readonly what: string;
  readonly at: number;
}

interface Status {
  readonly phase?: string;
  readonly message?: string;
  readonly canaryWeight?: number;
  readonly failedChecks?: number;
  readonly waiting?: { readonly reason?: string };
  readonly conditions?: readonly {
    readonly type: string;
    readonly status: string;
    readonly reason: string;
  }[];
  readonly run?: {
    readonly id?: string;
    readonly stay?: boolean;
    readonly weight?: number;
    readonly intent?: object;
  };
}

/** What is on its way, and what one pass does one after the other. */
const graceMs = 1_000;
const heldMs = 1_000;
/** Another one can lead after so long. */
const leaseMs = 6_000;
const resting = ['Initialized', 'Succeeded', 'Failed'];

/** What the rounds of one revision have earned. */
interface Epoch {
  readonly image: string | undefined;
  readonly since: number;
  /** When our own writes last gave it more. */
  raisedAt: number | undefined;
  top: number;
  /** How much it had when its promotion was decided; what others do to the routes after that takes nothing from it. */
  decidedAt: number;
  promotedAt: number | undefined;
}

export class Judge {
  readonly breaches: Found[] = [];
  lastRequestAt = 0;
  lastRequest = '';
  wasDeleted = false;
  readonly #trial: Trial;
  #epoch: Epoch = {
    image: undefined,
    since: 0,
    raisedAt: undefined,
    top: 0,
    decidedAt: 0,
    promotedAt: undefined,
  };
  #wasInitialised = false;
  #wasThere = false;
  /** When a process said a fact and was heard, by both. */
  readonly #messages = new Map<string, number>();

  constructor(trial: Trial) {
    this.#trial = trial;
  }

  get status(): Status {
    const status: Status | undefined = this.#trial.mirror.get('Canary', 'cart')?.['status'] as
      | Status
      | undefined;
    return status ?? {};
  }

  // ── while it happens ──────────────────────────────────────────────────────

  /** Something in the cluster changed. */
  look(): void {
    const { mirror, now } = this.#trial;
    const target = mirror.get('Deployment', 'cart');
    const image = imageOf(target);
    // A target that comes back as it was has earned what it had, unless its weight was taken away.
    if (image !== undefined && image !== this.#epoch.image) {
      this.#epoch = {
        image,
        since: now,
        raisedAt: undefined,
        top: 0,
        decidedAt: 0,
        promotedAt: undefined,
      };
    }
    const canary = mirror.get('Canary', 'cart');
    this.#wasThere ||= canary !== undefined;
    if (canary === undefined || canary.metadata.deletionTimestamp !== undefined) {
      this.wasDeleted ||= this.#wasThere;
    }
  }

  onRequest(record: RequestRecord, process: Process, sentAt: number): void {
    const { verb, resource, status } = record;
    const isWrite = verb === 'create' || verb === 'update' || verb === 'patch' || verb === 'delete';
    if (resource === 'leases' || verb === 'watch' || verb === 'list') return;
    this.lastRequestAt = this.#trial.now;
    this.lastRequest = `${record.method} ${record.path}`;
    if (!isWrite || status >= 300 || resource === 'events') return;
    const before = record.previous as KubernetesObject | undefined;
    const after = verb === 'delete' ? undefined : (record.object as KubernetesObject | undefined);
    const write: Write = {
      record,
      process,
      sentAt,
      before: verb === 'create' ? undefined : before,
      after,
    };
    if (resource === 'canaries') return this.#onCanary(write);
    if (resource === 'httproutes') this.#onRoute(write);
    if (resource === 'services') this.#onService(write);
    if (resource === 'deployments') this.#onDeployment(write);
    this.#beside(write);
    const spoiled = touchedByUs(write, this.#trial.plan);
    if (spoiled !== undefined) this.#breach('p9', spoiled);
  }

  /** A spec that is refused starts nothing: where no run is under way, nothing is done but putting things right. */
  #beside(write: Write): void {
    const { known } = write.process;
    const { phase = '', run } = this.status;
    if (!resting.includes(phase) || run?.stay === true || this.wasDeleted) return;
    if (known.steady('refused', write.sentAt, graceMs) !== true) return;
    const what = wentOnRefused(write);
    if (what !== undefined) this.#breach('p10', what);
  }

  /** Somebody took the record away, and with it what had been said. */
  onRecordLost(): void {
    this.#messages.clear();
  }

  /**
   * A fact is said once by a process, and once more for each time that the receiver's answer was lost, or that another
   * one has led meanwhile.
   */
  onMessage({ id, text }: Message, { life }: Process, isHeard: boolean): void {
    const { now, plan } = this.#trial;
    const key = `${life.id} ${id}`;
    const saidAt = this.#messages.get(key);
    if (isHeard) this.#messages.set(key, now);
    if (saidAt === undefined || (plan.operators > 1 && now - saidAt > leaseMs)) return;
    this.#breach('p6', `${life.id} said the same again: ${text}`);
  }

  // ── the Canary ────────────────────────────────────────────────────────────

  #onCanary(write: Write): void {
    const { record, before, after } = write;
    if (record.subresource !== 'status') {
      const isLetGo =
        (after?.metadata.finalizers ?? []).length < (before?.metadata.finalizers ?? []).length;
      if (isLetGo) this.#afterDeletion();
      return;
    }
    const was = (before?.['status'] ?? {}) as Status;
    const is = (after?.['status'] ?? {}) as Status;
    this.#tally(was, is);
    if (is.run?.intent === undefined) this.#epoch.decidedAt = 0;
    else if (was.run?.intent === undefined) this.#epoch.decidedAt = this.#epoch.top;
    if ((is.failedChecks ?? 0) > (was.failedChecks ?? 0)) {
      const what = failedWithoutFailure(write, this.#trial.queries, this.#trial.plan);
      if (what !== undefined) this.#breach('p5', what);
    }
    if (is.phase === 'Failed' && was.phase !== 'Failed') this.#onFailed(is, write);
    this.#wasInitialised ||= resting.includes(is.phase ?? '') || is.run?.intent !== undefined;
  }

  /** The record of an abort comes after traffic has gone back. */
  #onFailed(is: Status, { process, sentAt }: Write): void {
    const reason = is.conditions?.find(({ type }) => type === 'Ready')?.reason;
    if (reason === 'PrimaryNotReady') return;
    const weight = this.#liveWeight();
    if (weight > 0 && sentAt - toldOfTraffic(process) >= graceOf(process, sentAt))
      this.#breach('p2', `Failed (${reason}) was recorded with ${weight}% on the canary`);
  }

  #tally(was: Status, is: Status): void {
    const trial = this.#trial;
    const reason = is.conditions?.find(({ type }) => type === 'Ready')?.reason ?? '';
    const isNewRun = was.run?.id !== is.run?.id && was.run?.id !== undefined;
    const underWay = ['Waiting', 'Progressing', 'WaitingPromotion', 'Promoting', 'Finalising'];
    if (is.phase !== was.phase) {
      if (is.phase === 'Initialized') trial.count('outcome: initialised');
      if (is.phase === 'Succeeded' && was.phase !== undefined)
        trial.count(
          `outcome: ${reason === 'Reverted' ? 'reverted' : trial.plan.skipAnalysis ? 'succeeded without analysis' : 'succeeded'}`,
        );
      if (is.phase === 'Failed')
        trial.count(
          reason === 'PrimaryNotReady'
            ? `outcome: ${is.run?.stay === true ? 'stayed on the canary' : 'primary lost, held'}`
            : `outcome: failed, ${reason}`,
        );
      if (is.phase === 'Terminating')
        trial.count(`outcome: deleted ${underWay.includes(was.phase ?? '') ? 'in a run' : 'idle'}`);
    }
    // Where no traffic had to be taken back for it, only the record tells that a run begins.
    if (was.run?.id !== is.run?.id && this.#liveWeight() === 0) this.#takenBack(0);
    if (is.phase === was.phase && isNewRun && underWay.includes(is.phase ?? ''))
      trial.count('outcome: restarted');
  }

  // ── traffic ───────────────────────────────────────────────────────────────

  #onRoute(write: Write): void {
    const { before, after, process, sentAt } = write;
    if (after === undefined) return;
    // What was raised before somebody deleted the route nobody can know any more.
    if (before === undefined) return this.#takenBack(weightIn(after) ?? 0);
    const { mirror } = this.#trial;
    const [was, is] = [mirror.wishOf(before).canary, mirror.wishOf(after).canary];
    const [from, to] = [weightIn(before) ?? 0, weightIn(after) ?? 0];
    if (is > was) this.#gains('canary', write);
    if (is < was) this.#gains('primary', write);
    // Outside a run the apex alone is primary 100; at the end it is the target.
    if (to > from) this.#raised(from, to, process, sentAt);
    if (
      to < from &&
      noteOn(after)?.for === 'abort:FailedChecks' &&
      noteOn(before)?.for === 'raise'
    ) {
      const { queries, plan } = this.#trial;
      const what = waitedBeforeAbort(write, queries, plan);
      if (what !== undefined) this.#breach('p2', what);
    }
    this.#takenBack(to);
  }

  /** All of it: the next raise is a first step again. */
  #takenBack(to: number): void {
    if (to > 0) return;
    this.#epoch.top = 0;
    this.#epoch.raisedAt = undefined;
  }

  #onService(write: Write): void {
    const { before, after, record } = write;
    if (record.name !== 'cart' || before === undefined || after === undefined) return;
    const [was, is] = [sideOfService(before), sideOfService(after)];
    if (was === is || is === undefined) return;
    this.#gains(is, write);
    if (is === 'canary') this.#apexToCanary(write);
  }

  /** No write moves traffic to a side without an available replica while the other side has one. */
  #gains(side: Side, { process, sentAt, record }: Write): void {
    const { known } = process;
    const { mirror, plan } = this.#trial;
    if (plan.revertOnDeletion === false && this.wasDeleted) return;
    if (plan.group === 'flagger.app' && this.wasDeleted) return;
    // Section 9: what was adopted is given back, whoever is left to serve.
    if (this.wasDeleted && mirror.get('Deployment', 'cart') === undefined) return;
    const grace = graceOf(process, sentAt);
    const other = side === 'primary' ? 'canary' : 'primary';
    const has = (which: Side): unknown =>
      known.steady(`Deployment ${deploymentOf(which)} available`, sentAt, grace);
    const isDead = mirror.available(side) === 0 && has(side) === false;
    if (isDead && mirror.available(other) > 0 && has(other) === true)
      this.#breach(
        'r1',
        `${record.resource} ${record.name} moved traffic to the ${side}, which has no available replica, away from the ${other}`,
      );
  }

  /** A raise has to be earned: by readiness at first, by a passed round after that. */
  #raised(from: number, to: number, process: Process, sentAt: number): void {
    const { mirror, now } = this.#trial;
    if (this.#mayServeAlone(process, sentAt)) return;
    const epoch = this.#epoch;
    const toldAt = process.known.since('Deployment cart image');
    const isOldNews = toldAt !== undefined && sentAt - toldAt >= graceOf(process, sentAt);
    const knownImage = process.known.steady('Deployment cart image', sentAt, 0);
    if (knownImage !== epoch.image && !isOldNews) return;
    if (knownImage !== epoch.image) {
      // It has not been told of the new revision: the next look lowers it again.
      return;
    }
    if (this.wasDeleted && process.known.steady('deleting', sentAt, graceMs) === true)
      return this.#breach('r2', `the weight rose from ${from} to ${to} in a deletion`);
    const allowed = this.#stepLists().map((steps) => steps.find((step) => step > from) ?? from);
    if (to > Math.max(...allowed))
      this.#breach(
        'r2',
        `the weight rose from ${from} to ${to}, the next step is ${allowed.join(' or ')}`,
      );
    if (epoch.raisedAt === undefined && this.#trial.plan.strategy.kind === 'weights') {
      const target = mirror.get('Deployment', 'cart');
      if (
        !isRolledOut(target) &&
        process.known.steady('Deployment cart available', sentAt, graceMs) === false
      )
        this.#breach('p1', `the first step to ${to} was taken although the canary was not ready`);
    } else {
      const missing = this.#missingRounds(epoch.raisedAt ?? epoch.since, { process, sentAt }, 1);
      if (missing !== undefined)
        this.#breach('p1', `the weight rose from ${from} to ${to}: ${missing}`);
      if (this.#trial.plan.strategy.kind === 'iterations') {
        const iterations = Math.min(1, this.#trial.plan.strategy.iterations);
        const few = this.#missingRounds(epoch.since, { process, sentAt }, iterations);
        if (few !== undefined) this.#breach('p1', `all traffic went to the canary: ${few}`);
      }
    }
    epoch.raisedAt = now;
    epoch.top = Math.max(epoch.top, to);
  }

  #apexToCanary({ process, sentAt }: Write): void {
    if (this.wasDeleted || this.#trial.plan.router === 'gatewayapi') return;
    if (!this.#wasInitialised)
      return this.#breach('r2', 'the apex went to the canary before initialisation ended');
    if (!this.#mayServeAlone(process, sentAt))
      this.#breach('r2', 'the apex went to the canary although the primary can serve');
  }

  /** Section 7: the primary was written and does not come up, or is not there at all. */
  #mayServeAlone({ known }: Process, sentAt: number): boolean {
    const { mirror } = this.#trial;
    const primary = mirror.get('Deployment', 'cart-primary');
    if (primary === undefined) return true;
    if (known.steady('Deployment cart-primary available', sentAt, 0) === false) return true;
    const isWritten =
      imageOf(primary) === this.#epoch.image || this.#epoch.promotedAt !== undefined;
    return isWritten && !isRolledOut(primary);
  }

  // ── workloads ─────────────────────────────────────────────────────────────

  #onDeployment(write: Write): void {
    const { before, after, record } = write;
    if (record.name === 'cart-primary') this.#onPrimary(write);
    const lost = record.verb === 'delete' || replicasOf(after) < replicasOf(before);
    if (lost) this.#scaledDown(record.name === 'cart-primary' ? 'primary' : 'canary', write);
  }

  /** Pods go only when nobody sends to them. */
  #scaledDown(side: Side, { record, after, process, sentAt }: Write): void {
    const { mirror, gateway, plan } = this.#trial;
    if (record.verb !== 'delete' && replicasOf(after) > 0) return;
    const isFresh = sentAt - toldOfTraffic(process) < graceOf(process, sentAt);
    const apexSide = sideOfService(mirror.get('Service', 'cart'));
    const knowsApex = process.known.steady('Service cart', sentAt, 0) === apexSide;
    for (const route of gateway.serves.values()) {
      // Made again under the same name: whether a gateway follows the new one nobody can see.
      if (mirror.get('HTTPRoute', route.metadata.name)?.metadata.uid !== route.metadata.uid)
        continue;
      const part = mirror.wishOf(route)[side];
      if (part > 0 && knowsApex && !isFresh && plan.router === 'gatewayapi')
        this.#breach(
          'p3',
          `the ${side} was scaled down although the gateway sends ${Math.round(part * 100)}% to it`,
        );
    }
    if (process.known.steady('Service cart', sentAt, graceMs) !== side) return;
    const onApex =
      apexSide === side && mirror.available(side === 'primary' ? 'canary' : 'primary') > 0;
    if (
      onApex &&
      plan.router === 'kubernetes' &&
      !(this.wasDeleted && plan.revertOnDeletion === false)
    )
      this.#breach('p3', `the ${side} was scaled down although the apex Service selects it`);
  }

  #onPrimary(write: Write): void {
    const { before, after, record, process, sentAt } = write;
    if (record.verb === 'delete' || after === undefined || before === undefined) return;
    const [was, is] = [imageOf(before), imageOf(after)];
    if (was === is) return;
    if (!this.#wasInitialised) return;
    this.#promoted(is, process, sentAt);
  }

  /** What is promoted was analysed, whole, and is what the target holds. */
  #promoted(image: string | undefined, process: Process, sentAt: number): void {
    const { plan, mirror, now } = this.#trial;
    const epoch = this.#epoch;
    const grace = graceOf(process, sentAt);
    if (image !== epoch.image) {
      const told = process.known.since('Deployment cart image') ?? now;
      const knows = process.known.steady('Deployment cart image', sentAt, 0);
      if (knows === epoch.image && sentAt - told >= grace)
        this.#breach('p4', `${image} was promoted although the target holds ${epoch.image}`);
      return;
    }
    epoch.promotedAt = now;
    if (plan.skipAnalysis) return;
    if (!this.#primaryWasThere(mirror.get('Deployment', 'cart-primary'))) return;
    // Section 7: it has all traffic already, because the primary did not come up.
    if (sideOfService(mirror.get('Service', 'cart')) === 'canary') return;
    const since = epoch.raisedAt ?? epoch.since;
    const missing = this.#missingRounds(since, { process, sentAt }, 1);
    if (missing !== undefined) this.#breach('p4', `${image} was promoted: ${missing}`);
    const last = Math.min(...this.#stepLists().map((steps) => Math.max(...steps)));
    const top = Math.max(epoch.top, epoch.decidedAt);
    if (plan.strategy.kind === 'weights' && top < last)
      this.#breach('p4', `${image} was promoted at ${top}%, its last step is ${last}%`);
  }

  #primaryWasThere(primary: KubernetesObject | undefined): boolean {
    return availableOf(primary) > 0;
  }

  // ── rounds ────────────────────────────────────────────────────────────────

  /** What is missing for `count` passed rounds since then, the last of them the latest. */
  #missingRounds(
    since: number,
    { process, sentAt }: Pick<Write, 'process' | 'sentAt'>,
    count: number,
  ): string | undefined {
    const { plan, queries } = this.#trial;
    if (plan.metrics.length === 0) return undefined;
    const rounds = new Map<string, string[]>();
    for (const { life, round, askedAt, answeredAt, verdict } of queries) {
      if (askedAt <= since || answeredAt > sentAt) continue;
      const key = `${life}@${round}`;
      rounds.set(key, [...(rounds.get(key) ?? []), verdict]);
    }
    const isLenient = plan.onNoData === 'pass';
    const isPassed = (verdicts: readonly string[]): boolean => {
      const counted = isLenient ? verdicts.filter((verdict) => verdict !== 'none') : verdicts;
      const isWhole = verdicts.length >= plan.metrics.length;
      return isWhole && counted.length > 0 && counted.every((verdict) => verdict === 'good');
    };
    const passed = [...rounds.values()].filter(isPassed).length;
    if (passed < count)
      return `${passed} of ${count} rounds passed since ${since} (${rounds.size} rounds asked)`;
    // Of two that believe they lead each acts on what it has been told.
    const own = [...rounds].filter(([key]) => key.startsWith(`${process.life.id}@`));
    const latest = own.at(-1)?.[1];
    if (latest !== undefined && !isPassed(latest)) return 'the latest round did not pass';
    return undefined;
  }

  /** Those of the spec before and after it was changed. */
  #stepLists(): readonly (readonly number[])[] {
    const { plan } = this.#trial;
    if (plan.strategy.kind === 'iterations') return [[100]];
    return [this.#specSteps(), plan.strategy.steps];
  }

  #specSteps(): readonly number[] {
    const { analysis } = (this.#trial.mirror.get('Canary', 'cart')?.['spec'] ?? {}) as {
      readonly analysis?: { readonly stepWeights?: readonly number[] };
    };
    return analysis?.stepWeights ?? [100];
  }

  #liveWeight(): number {
    const { mirror, plan } = this.#trial;
    if (plan.router === 'kubernetes')
      return sideOfService(mirror.get('Service', 'cart')) === 'canary' ? 100 : 0;
    return Math.max(0, ...mirror.all('HTTPRoute').map((route) => weightIn(route) ?? 0));
  }

  // ── at the end ────────────────────────────────────────────────────────────

  /** Resting, gone, or in one of the waits that a user chose. */
  isAtRest(): boolean {
    const { mirror, plan } = this.#trial;
    const canary = mirror.get('Canary', 'cart');
    if (canary === undefined) return this.wasDeleted;
    if (this.wasDeleted) return false;
    const { phase = '', conditions = [], waiting } = this.status;
    if (waiting?.reason === 'AnotherOperator') return false;
    if (resting.includes(phase)) return true;
    if (waiting?.reason === 'WaitingForGate') return plan.gatesStayClosed;
    // The first template never comes up: that is said, and waits for another one.
    return (
      phase === 'Initializing' &&
      conditions.some(({ type, status }) => type === 'Stalled' && status === 'True')
    );
  }

  storm(): void {
    this.#breach('p8', 'requests never end');
  }

  neverRested(): void {
    const { phase, message, waiting } = this.status;
    this.#breach(
      'p8',
      `it never came to rest: phase ${phase}, ${message}, waiting ${JSON.stringify(waiting)}`,
    );
  }

  neverQuiet(): void {
    const { phase, message } = this.status;
    this.#breach(
      'p8',
      `requests went on although there was nothing to do: ${this.lastRequest} (phase ${phase}, ${message})`,
    );
  }

  atTheEnd(): void {
    const { mirror, plan, gateway } = this.#trial;
    const { phase } = this.status;
    if (mirror.get('Canary', 'cart') === undefined) return;
    if (phase === undefined || !resting.includes(phase)) return;
    const stays = this.status.run?.stay === true;
    const reason = this.status.conditions?.find(({ type }) => type === 'Ready')?.reason;
    if (mirror.get('Deployment', 'cart-primary') === undefined || reason === 'PrimaryNotReady')
      return;
    const routes = [...gateway.serves.values()];
    if (plan.router === 'gatewayapi' && routes.length === 0) this.#breach('p6', 'no route is left');
    const shares = [mirror.sharesOf('cart'), ...routes.map((route) => mirror.sharesOfRoute(route))];
    for (const { canary, nobody } of shares) {
      if (nobody > 0 && mirror.available('primary') > 0)
        this.#breach('r1', `at the end ${Math.round(nobody * 100)}% of the requests reach nobody`);
      if (canary > 0 && !stays)
        this.#breach(
          'r2',
          `at the end ${Math.round(canary * 100)}% of the requests reach the canary in phase ${phase}`,
        );
    }
  }

  /** Whoever serves after the Canary is gone does serve. */
  #afterDeletion(): void {
    const { mirror, plan } = this.#trial;
    if (plan.revertOnDeletion === false || plan.group === 'flagger.app') return;
    if (mirror.get('Deployment', 'cart') === undefined) return;
    const apex = mirror.get('Service', 'cart');
    const side = sideOfService(apex);
    const any = mirror.available('primary') + mirror.available('canary') > 0;
    if (apex !== undefined && any && side !== undefined && mirror.available(side) === 0)
      this.#breach('r1', `after the deletion the apex selects the ${side}, which has no pod`);
  }

  #breach(id: PromiseId, what: string): void {
    if (this.breaches.some((found) => found.id === id && found.what === what)) return;
    this.breaches.push({ id, what, at: this.#trial.now });
    this.#trial.note(`!! ${id}: ${what}`);
  }
}

/** When the process last heard that traffic goes elsewhere. */
function toldOfTraffic({ known }: Process): number {
  const paths = ['HTTPRoute front', 'HTTPRoute cart', 'Service cart'];
  return Math.max(...paths.map((what) => known.since(what) ?? 0));
}

/** How old what it acts on may be: a write may be held back for a second, if the API server asked for it. */
function graceOf({ heldBackUntil }: Process, sentAt: number): number {
  return sentAt < heldBackUntil ? graceMs + heldMs : graceMs;
}

/** What the operator says a write of traffic was for. */
function noteOn({ metadata }: KubernetesObject): { readonly for?: string } | undefined {
  const note = metadata.annotations?.['serin.dev/applied'];
  return note === undefined ? undefined : (JSON.parse(note) as { readonly for?: string });
}

/** A write of the operator that was carried out. */
export interface Write {
  readonly record: RequestRecord;
  readonly process: Process;
  readonly sentAt: number;
  readonly before: KubernetesObject | undefined;
  readonly after: KubernetesObject | undefined;
}
