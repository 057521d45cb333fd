/**
 * Workers that take keys and reconcile them, while this process leads.
 *
 * A watch event carries no meaning but "look again": what happened is read from the cache. So a missed, merged or
 * repeated event costs nothing.
 */
import { apiVersionOf } from '../api/group.ts';
import { refOf, type KubernetesObject } from '../api/object.ts';
import type { Memory } from '../core/observation.ts';
import { asOperatorError, type OperatorError } from '../errors.ts';
import type { ChangeListener, Cluster } from '../ports/cluster.ts';
import { CallPool } from './call-pool.ts';
import { Courier, type Deliveries } from './courier.ts';
import { reactTo } from './error-policy.ts';
import { EventTeller } from './event-teller.ts';
import { HookDesk } from './hook-desk.ts';
import { MetricsDesk } from './metrics-desk.ts';
import { Patience } from './patience.ts';
import { keyString, type CanaryKey, type Ports } from './ports.ts';
import { reconcile, type Desks } from './reconcile.ts';
import { Secrets } from './secrets.ts';
import { keyOfCanary, Topics } from './topics.ts';
import { showTrouble } from './trouble.ts';
import { WorkQueue } from './work-queue.ts';

/** First passes after a start are spread over this time per canary, so that thousands do not come at once. */
const spreadPerCanaryMs = 1;
/** Less than anybody notices; most bursts of news are over by then. */
const newsGapMs = 100;
/** How long passes under way may take to finish when we are told to stop. */
const finishMs = 5_000;
/** Conflicts in a row after which a canary waits like after any other failure. */
const conflictsAtOnce = 5;

export interface ControllerOptions {
  readonly ports: Ports;
  /** Calls back for every change of a watched object; returns the way to stop. */
  readonly onChange: (listener: ChangeListener) => () => void;
  /** In [0, 1). */
  readonly random: () => number;
}

export class Controller {
  readonly #ports: Ports;
  readonly #options: ControllerOptions;
  /** Every Canary the watches have shown, also while another replica leads. */
  readonly #known = new Set<string>();
  /** What receivers have heard does not depend on who leads. */
  readonly #deliveries: Deliveries = new Map();
  #queue: WorkQueue | undefined;

  constructor(options: ControllerOptions) {
    this.#options = options;
    this.#ports = { ...options.ports, cluster: readingAfterConflict(options.ports.cluster) };
    options.onChange((object) => {
      const key = keyOfCanary(object);
      if (key !== undefined && options.ports.settings.groups.includes(key.group))
        this.#known.add(keyString(key));
    });
  }

  /** Keys that wait for a worker. */
  get queueDepth(): number {
    return this.#queue?.depth ?? 0;
  }

  /**
   * Works until `leading` aborts. What an earlier leadership remembered is gone: its clocks may have stood still. Only
   * what it has told people is not forgotten, or they would be told again.
   * Passes under way are finished, or abandoned after a few seconds; nothing is lost either way.
   */
  async run(leading: AbortSignal): Promise<void> {
    const { clock, settings } = this.#ports;
    const queue = new WorkQueue({
      clock,
      backoff: { minMs: 200, maxMs: 60_000, random: this.#options.random },
      gapMs: newsGapMs,
    });
    this.#queue = queue;
    const passes = new AbortController();
    const topics = new Topics();
    const wake = (id: string): void => queue.add(id);
    const secrets = new Secrets(this.#ports.cluster, clock);
    const pool = new CallPool();
    const desks: Desks = {
      hooks: new HookDesk(this.#ports.webhooks, pool, clock, wake),
      metrics: new MetricsDesk(this.#ports, secrets),
      courier: new Courier({ ports: this.#ports, secrets, pool }, wake, this.#deliveries),
      teller: new EventTeller(this.#ports, pool),
      patience: new Patience(this.#options.random),
      memories: new Map<string, Memory>(),
    };
    const stopListening = this.#options.onChange((object, old) => {
      for (const id of topics.concerned(object, old)) queue.addNews(id);
    });
    this.#addAll(queue);
    let cancelAbandon: (() => void) | undefined;
    const stop = (): void => {
      queue.close();
      cancelAbandon = clock.after(finishMs, () => passes.abort());
    };
    if (leading.aborted) stop();
    else leading.addEventListener('abort', stop, { once: true });
    const workers = Array.from({ length: settings.workers }, () =>
      this.#work(queue, topics, desks, passes.signal),
    );
    await Promise.all(workers);
    cancelAbandon?.();
    passes.abort();
    stopListening();
    desks.hooks.stop();
    desks.courier.stop();
    desks.teller.stop();
    const late = new AbortController();
    const cancel = clock.after(finishMs, () => late.abort());
    await this.#ports.events.flush(late.signal);
    cancel();
  }

  #addAll(queue: WorkQueue): void {
    const withinMs = this.#known.size * spreadPerCanaryMs;
    for (const id of this.#known) queue.addSpread(id, withinMs);
  }

  async #work(queue: WorkQueue, topics: Topics, desks: Desks, signal: AbortSignal): Promise<void> {
    for (;;) {
      const id = await queue.take();
      if (id === undefined) return;
      await this.#pass(id, queue, topics, desks, signal);
      queue.done(id);
      if (!this.#known.has(id)) queue.forget(id);
    }
  }

  async #pass(
    id: string,
    queue: WorkQueue,
    topics: Topics,
    desks: Desks,
    signal: AbortSignal,
  ): Promise<void> {
    const { clock, telemetry } = this.#ports;
    const key = keyFrom(id);
    const began = clock.monotonic();
    try {
      const {
        topics: depends,
        lookAgainAfterMs,
        gone,
        underWay,
      } = await reconcile(key, desks, this.#ports, signal);
      queue.succeeded(id);
      if (gone === true) {
        topics.forget(id);
        this.#known.delete(id);
      } else topics.set(id, depends);
      if (lookAgainAfterMs !== undefined) queue.addAfter(id, Math.max(1, lookAgainAfterMs));
      telemetry.passed('ok', clock.monotonic() - began, underWay === true ? key : undefined);
    } catch (thrown) {
      if (signal.aborted) return;
      const error = asOperatorError(thrown);
      telemetry.passed(error.kind, clock.monotonic() - began);
      await this.#failed(id, key, error, queue, signal);
    }
  }

  async #failed(
    id: string,
    key: CanaryKey,
    error: OperatorError,
    queue: WorkQueue,
    signal: AbortSignal,
  ): Promise<void> {
    const reaction = reactTo(error);
    const { log, cluster, events } = this.#ports;
    const name = `${key.namespace}/${key.name}`;
    const waitMs = this.#retry(id, reaction.retry, queue);
    if (reaction.log !== 'none')
      log[reaction.log]({ canary: name, err: error, retryAfterMs: waitMs }, 'pass not finished');
    if (!reaction.tellUser) return;
    const canary = cluster.get({ apiVersion: apiVersionOf(key.group), kind: 'Canary', ...key });
    if (canary === undefined) return;
    const about = { ...refOf(canary), uid: canary.metadata.uid ?? '' };
    events.record({ about, type: 'Warning', reason: error.reason, message: error.message });
    await showTrouble(canary, error, this.#ports, signal);
  }

  #retry(id: string, retry: ReturnType<typeof reactTo>['retry'], queue: WorkQueue): number {
    if (retry === 'now') {
      const isNew = queue.failures(id) < conflictsAtOnce;
      const waitMs = queue.retry(id);
      if (isNew) queue.addAfter(id, 1);
      return isNew ? 1 : waitMs;
    }
    if (retry === 'onChange') return Number.POSITIVE_INFINITY;
    if (retry === 'backoff') return queue.retry(id);
    if ('atLeastMs' in retry) return queue.retry(id, retry.atLeastMs);
    queue.addAfter(id, retry.afterMs);
    return retry.afterMs;
  }
}

function keyFrom(id: string): CanaryKey {
  const [group = '', namespace = '', name = ''] = id.split('/');
  return { group: group === 'flagger.app' ? 'flagger.app' : 'serin.dev', namespace, name };
}

/**
 * After a conflict the object is read live once, so that the pass that follows decides from what is there, not from
 * what the watch has not delivered yet.
 */
export function readingAfterConflict(cluster: Cluster): Cluster {
  const guarded = async <T>(
    object: KubernetesObject,
    signal: AbortSignal,
    write: () => Promise<T>,
  ): Promise<T> => {
    try {
      return await write();
    } catch (thrown) {
      if (asOperatorError(thrown).kind === 'conflict') await cluster.read(refOf(object), signal);
      throw thrown;
    }
  };
  return {
    get: (ref) => cluster.get(ref),
    list: (kind, namespace) => cluster.list(kind, namespace),
    serves: (kind) => cluster.serves(kind),
    managerOf: (object) => cluster.managerOf(object),
    statusWriters: (object) => cluster.statusWriters(object),
    read: (ref, signal) => cluster.read(ref, signal),
    readList: (kind, namespace, selector, signal) =>
      cluster.readList(kind, namespace, selector, signal),
    create: (object, signal) => guarded(object, signal, () => cluster.create(object, signal)),
    update: (before, after, signal) =>
      guarded(before, signal, () => cluster.update(before, after, signal)),
    updateStatus: (before, status, signal) =>
      guarded(before, signal, () => cluster.updateStatus(before, status, signal)),
    scale: (before, replicas, signal) =>
      guarded(before, signal, () => cluster.scale(before, replicas, signal)),
    remove: (object, signal) => guarded(object, signal, () => cluster.remove(object, signal)),
  };
}
