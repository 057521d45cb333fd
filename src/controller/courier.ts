/**
 * Delivers what waits in the outbox, beside the queue: a receiver that never answers delays nothing.
 *
 * An entry is delivered once; what came of it is handed to the next decision, which takes it out of the status. Only
 * a process that dies in between can say it twice, with the same id; one that loses the Lease and gets it back knows.
 */
import { apiVersionOf } from '../api/group.ts';
import type { OutboxEntry } from '../api/run.ts';
import { parseAlertProvider } from '../api/validation.ts';
import type { Delivery } from '../core/outbox.ts';
import { asOperatorError, InvalidError, UnavailableError, type OperatorError } from '../errors.ts';
import type { NotifierAccess } from '../ports/notifier.ts';
import type { CallPool } from './call-pool.ts';
import { hookBody } from './hook-body.ts';
import type { Seen } from './observe.ts';
import type { Ports } from './ports.ts';
import type { Secrets } from './secrets.ts';

const attemptMs = 5_000;
/** A hook has its own limit in its call; this one is for what ignores it. */
const hookMs = 120_000;
const firstRetryMs = 5_000;
const lastRetryMs = 10 * 60_000;

/** An entry as a call: to whom, how long it may take, and how it is made. */
interface Outgoing {
  readonly url: string;
  readonly limitMs: number;
  readonly send: (signal: AbortSignal) => Promise<void>;
}

/** What came of entries that a status still carries, by Canary and entry. */
export type Deliveries = Map<string, Map<string, Delivery>>;

export class Courier {
  readonly #ports: Ports;
  readonly #secrets: Secrets;
  readonly #pool: CallPool;
  readonly #wake: (key: string) => void;
  readonly #underWay = new Map<string, AbortController>();
  readonly #done: Deliveries;
  #isStopped = false;

  /** `done` is what a courier of an earlier leadership knew; it is kept up to date. */
  constructor(
    { ports, secrets, pool }: { ports: Ports; secrets: Secrets; pool: CallPool },
    wake: (key: string) => void,
    done: Deliveries,
  ) {
    this.#ports = ports;
    this.#secrets = secrets;
    this.#pool = pool;
    this.#wake = wake;
    this.#done = done;
  }

  /** What became of entries since; kept until the status no longer carries them. */
  deliveries(key: string): readonly Delivery[] {
    return [...(this.#done.get(key)?.values() ?? [])];
  }

  /** Sends what is due in the status that was just written. Returns at once. */
  send(seen: Seen, outbox: readonly OutboxEntry[]): number | undefined {
    const done = this.#done.get(seen.id);
    for (const id of done?.keys() ?? [])
      if (!outbox.some((entry) => entry.id === id)) done?.delete(id);
    if (done?.size === 0) this.#done.delete(seen.id);
    let next: number | undefined;
    for (const entry of outbox) {
      const known = done?.get(entry.id);
      if (known?.outcome === 'delivered' || this.#underWay.has(entry.id)) continue;
      const at = known?.nextTryAt ?? entry.nextTryAt;
      const inMs =
        at === undefined ? 0 : Math.min(lastRetryMs, Date.parse(at) - this.#ports.clock.now());
      if (inMs > 0) next = Math.min(next ?? inMs, inMs);
      else void this.#deliver(seen, entry, known?.attempts ?? entry.attempts);
    }
    return next;
  }

  forget(key: string): void {
    this.#done.delete(key);
  }

  stop(): void {
    this.#isStopped = true;
    for (const abort of this.#underWay.values()) abort.abort();
  }

  async #deliver(seen: Seen, entry: OutboxEntry, attempts: number): Promise<void> {
    const abort = new AbortController();
    this.#underWay.set(entry.id, abort);
    try {
      // Called off, not refused: the next one to lead says it.
      if (!(await this.#attempt(seen, entry, abort))) return;
      this.#ports.telemetry.notified(entry.kind, 'delivered');
      this.#note(seen.id, { id: entry.id, outcome: 'delivered', attempts: attempts + 1 });
    } catch (thrown) {
      if (!this.#isStopped) this.#failed(seen, entry, attempts, asOperatorError(thrown));
    } finally {
      this.#underWay.delete(entry.id);
    }
  }

  /** Whether it was said, or nobody is there to be told. */
  async #attempt(seen: Seen, entry: OutboxEntry, abort: AbortController): Promise<boolean> {
    const outgoing =
      entry.kind === 'alert'
        ? await this.#alert(seen, entry, abort.signal)
        : this.#hook(seen, entry);
    if (outgoing === undefined) return true;
    const { url, limitMs, send } = outgoing;
    const call = async (): Promise<boolean> => {
      const cancel = this.#ports.clock.after(limitMs, () => abort.abort());
      try {
        await send(abort.signal);
        return true;
      } finally {
        cancel();
      }
    };
    return (await this.#pool.run({ kind: 'message', url }, call, abort.signal)) ?? false;
  }

  #failed(seen: Seen, entry: OutboxEntry, attempts: number, error: OperatorError): void {
    const { clock, telemetry, log } = this.#ports;
    const pauseMs = Math.min(lastRetryMs, firstRetryMs * 2 ** Math.min(attempts, 10));
    const asked = error.kind === 'unavailable' ? (error.retryAfterMs ?? 0) : 0;
    telemetry.notified(entry.kind, error.kind);
    log.warn(
      { canary: seen.name, receiver: entry.receiver, err: error, attempt: attempts + 1 },
      'notification not delivered',
    );
    if (attempts === 0) this.#tell(seen, entry, error.message);
    this.#note(seen.id, {
      id: entry.id,
      outcome: error.kind === 'invalid' ? 'refused' : 'failed',
      attempts: attempts + 1,
      nextTryAt: new Date(clock.now() + Math.max(pauseMs, asked)).toISOString(),
    });
  }

  #note(key: string, delivery: Delivery): void {
    const done = this.#done.get(key) ?? new Map<string, Delivery>();
    done.set(delivery.id, delivery);
    this.#done.set(key, done);
    this.#wake(key);
  }

  #tell({ reference }: Seen, { receiver, kind }: OutboxEntry, why: string): void {
    const what = kind === 'alert' ? `alert to ${receiver}` : `webhook ${receiver}`;
    this.#ports.events.record({
      about: reference,
      type: 'Warning',
      reason: 'NotificationFailed',
      message: `${what} was not delivered and is tried again: ${why}`,
    });
  }

  /** `undefined`: the spec names it no more, and nobody is there to be told. */
  #hook(seen: Seen, entry: OutboxEntry): Outgoing | undefined {
    const hook = seen.observation.spec?.webhooks.find(
      ({ type, name }) => type === 'post-rollout' && name === entry.receiver,
    );
    if (hook === undefined) return undefined;
    const { url, timeoutMs, disableTLS } = hook;
    const call = {
      url,
      timeoutMs,
      retries: 0,
      disableTLS,
      body: hookBody(seen, hook, entry.phase),
    };
    return {
      url,
      limitMs: hookMs,
      send: async (signal) => {
        const answer = await this.#ports.webhooks.call(call, signal);
        if (answer.kind === 'yes') return;
        const why = answer.kind === 'no' ? `answered ${answer.status}` : answer.why;
        throw new UnavailableError(`webhook ${hook.name} ${why}`, { reason: 'HookFailed' });
      },
    };
  }

  async #alert(seen: Seen, entry: OutboxEntry, signal: AbortSignal): Promise<Outgoing> {
    const { type, access } = await this.#accessOf(seen, entry.receiver, signal);
    const notifier = this.#ports.notifiers.get(type);
    const { severity, text, fields, id } = entry;
    const author = `${seen.observation.name}.${seen.observation.namespace}`;
    const message = { id, severity, author, text, fields };
    return {
      url: access.address,
      limitMs: attemptMs,
      send: (limited) => notifier.send(access, message, limited),
    };
  }

  async #accessOf(
    seen: Seen,
    receiver: string,
    signal: AbortSignal,
  ): Promise<{ type: string; access: NotifierAccess }> {
    const { globalNotifier } = this.#ports.settings;
    if (receiver === 'global') {
      if (globalNotifier !== undefined) return { type: 'slack', access: globalNotifier };
      throw new InvalidError('no receiver is configured for all Canaries', {
        reason: 'AlertProviderNotFound',
      });
    }
    const [namespace = '', name = ''] = receiver.split('/');
    const ref = {
      apiVersion: apiVersionOf(seen.observation.group),
      kind: 'AlertProvider',
      namespace,
      name,
    };
    const object = this.#ports.cluster.get(ref);
    const provider = object === undefined ? undefined : parseAlertProvider(object).value;
    if (provider === undefined)
      throw new InvalidError(`AlertProvider ${receiver} does not exist or is not valid`, {
        reason: 'AlertProviderNotFound',
      });
    const { spec } = provider;
    const secret =
      spec.secretRef === undefined
        ? {}
        : await this.#secrets.read({ namespace, name: spec.secretRef.name }, signal);
    const address =
      secret['address'] ??
      spec.address ??
      (secret['token'] === undefined ? undefined : 'https://slack.com/api/chat.postMessage');
    if (address === undefined)
      throw new InvalidError(`Secret ${namespace}/${spec.secretRef?.name} has no key "address"`, {
        reason: 'SecretKeyMissing',
      });
    return {
      type: spec.type,
      access: {
        address,
        token: secret['token'],
        channel: spec.channel ?? 'general',
        username: spec.username ?? 'serin',
        proxy: spec.proxy,
      },
    };
  }
}
