/**
 * The leader lock on a Lease.
 *
 * Whether somebody else's lease has run out is judged by how long its record has not changed on our own
 * monotonic clock, never by comparing wall clocks. The leader counts its own time from before it sent the
 * renewal, and stops (`renewDeadlineMs`) before anybody else may begin (`leaseMs`), so two never hold it at
 * once. Who wins a race is decided by the API server: every write names the version it was made from.
 */

import { InvalidError } from '../../errors.ts';
import { sleep, type Clock } from '../../ports/clock.ts';
import type { LeaderLock } from '../../ports/leader-lock.ts';
import { withDeadline, type RequestObserver } from './client.ts';
import { errorFor, type About, type Verb } from './error-mapping.ts';
import { collectionPath, isRecord, objectPath } from './kinds.ts';
import type { Log } from './log.ts';
import type { ApiRequest, ApiResponse, Transport } from './transport.ts';

export interface LeaseSettings {
  /** How long a standby waits, after the last renewal it saw, before it takes over. */
  readonly leaseMs: number;
  /** How long the leader believes in a renewal. Shorter than `leaseMs`. */
  readonly renewDeadlineMs: number;
  readonly retryMs: number;
}

/** A standby acts within 15 seconds of a crash. */
export const defaultLeaseSettings: LeaseSettings = {
  leaseMs: 10_000,
  renewDeadlineMs: 7_000,
  retryMs: 2_000,
};

export interface LeaseLockOptions {
  /** One of its own: a renewal must not wait behind anything. */
  readonly transport: Transport;
  readonly clock: Clock;
  readonly random: () => number;
  readonly log: Log;
  readonly namespace: string;
  readonly name: string;
  /** Different for each process, also for the same pod started twice. */
  readonly identity: string;
  readonly settings?: Partial<LeaseSettings>;
  readonly observe?: RequestObserver;
}

interface LeaseSpec {
  readonly holderIdentity?: string;
  readonly leaseDurationSeconds?: number;
  readonly acquireTime?: string;
  readonly renewTime?: string;
  readonly leaseTransitions?: number;
}

interface Lease {
  readonly resourceVersion: string;
  readonly spec: LeaseSpec;
  /** All of it, to be written back. */
  readonly object: Readonly<Record<string, unknown>>;
}

const leases = { apiVersion: 'coordination.k8s.io/v1', kind: 'Lease' };

export class LeaseLock implements LeaderLock {
  readonly #options: LeaseLockOptions;
  readonly #settings: LeaseSettings;
  /** What we saw last, and when it last changed, on the monotonic clock. */
  #seen: Lease | undefined;
  #seenChangeAt = 0;
  /** When the last renewal that succeeded was sent. `undefined`: we do not hold the lock. */
  #renewedAt: number | undefined;
  #leading: AbortController | undefined;
  #cancelDeadline: (() => void) | undefined;
  /** When the last request left; after a success that is the renewal. */
  #sentAt = 0;
  #wasDenied = false;

  constructor(options: LeaseLockOptions) {
    this.#options = options;
    this.#settings = { ...defaultLeaseSettings, ...options.settings };
    const { leaseMs, renewDeadlineMs, retryMs } = this.#settings;
    if (renewDeadlineMs >= leaseMs || retryMs >= renewDeadlineMs || retryMs <= 0) {
      throw new InvalidError(
        'the lease must be longer than its renew deadline, and that longer than the retry period',
        { reason: 'InvalidSettings', details: { leaseMs, renewDeadlineMs, retryMs } },
      );
    }
  }

  holds(): boolean {
    if (this.#renewedAt === undefined) return false;
    return this.#now() - this.#renewedAt < this.#settings.renewDeadlineMs;
  }

  async run(onGain: (leading: AbortSignal) => void, signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const renewed = await this.#tryOnce(signal);
      if (signal.aborted) break;
      if (renewed) this.#keep(this.#sentAt, onGain);
      await sleep(this.#options.clock, this.#pauseMs(), signal);
    }
    await this.#letGo();
  }

  // ---------------------------------------------------------------- leading

  #keep(sentAt: number, onGain: (leading: AbortSignal) => void): void {
    // An answer that took too long to come: others may already have begun.
    const remainingMs = sentAt + this.#settings.renewDeadlineMs - this.#now();
    if (remainingMs <= 0) return this.#lose();
    this.#renewedAt = sentAt;
    this.#wasDenied = false;
    this.#cancelDeadline?.();
    this.#cancelDeadline = this.#options.clock.after(remainingMs, () => this.#lose());
    if (this.#leading !== undefined) return;
    this.#leading = new AbortController();
    this.#options.log.info(this.#fields(), 'leading');
    onGain(this.#leading.signal);
  }

  #lose(): void {
    this.#cancelDeadline?.();
    this.#cancelDeadline = undefined;
    this.#renewedAt = undefined;
    if (this.#leading === undefined) return;
    const leading = this.#leading;
    this.#leading = undefined;
    this.#options.log.warn(this.#fields(), 'leadership lost');
    leading.abort();
  }

  /** An orderly end: the next one need not wait for the lease to run out. */
  async #letGo(): Promise<void> {
    const held = this.#leading !== undefined;
    const leading = this.#leading;
    this.#leading = undefined;
    this.#renewedAt = undefined;
    this.#cancelDeadline?.();
    this.#cancelDeadline = undefined;
    leading?.abort();
    if (!held || this.#seen === undefined) return;
    // Not under the signal that ended us; the deadline of each request bounds it.
    const { signal } = new AbortController();
    try {
      const released =
        (await this.#release(this.#seen, signal)) || (await this.#releaseAfterRead(signal));
      if (released) this.#options.log.info(this.#fields(), 'leadership released');
    } catch (err) {
      this.#options.log.debug({ ...this.#fields(), err }, 'lease not released, it will run out');
    }
  }

  #release(current: Lease, signal: AbortSignal): Promise<boolean> {
    return this.#write(current, { ...current.spec, ...this.#released() }, signal);
  }

  /** A renewal that was under way when we were stopped may have changed the lease. */
  async #releaseAfterRead(signal: AbortSignal): Promise<boolean> {
    const current = await this.#read(signal);
    if (current?.spec.holderIdentity !== this.#options.identity) return false;
    return this.#release(current, signal);
  }

  #released(): LeaseSpec {
    return { holderIdentity: '', leaseDurationSeconds: 1, renewTime: this.#microTime() };
  }

  // ---------------------------------------------------------------- contending

  /** One attempt to take or renew the lease; whether it succeeded. */
  async #tryOnce(signal: AbortSignal): Promise<boolean> {
    try {
      // The leader knows the lease and saves a read; when that fails, the read tells why.
      if (this.#leading !== undefined && this.#seen !== undefined) {
        if (await this.#renew(this.#seen, signal)) return true;
      }
      const current = await this.#read(signal);
      if (current === undefined) return await this.#create(signal);
      return await this.#contend(current, signal);
    } catch (thrown) {
      this.#note(thrown);
      return false;
    }
  }

  async #contend(current: Lease, signal: AbortSignal): Promise<boolean> {
    const { identity } = this.#options;
    if (current.spec.holderIdentity === identity) return this.#renew(current, signal);
    this.#lose();
    if (!this.#isFree()) return false;
    const time = this.#microTime();
    const taken = await this.#write(
      current,
      {
        ...current.spec,
        holderIdentity: identity,
        leaseDurationSeconds: this.#leaseSeconds(),
        acquireTime: time,
        renewTime: time,
        leaseTransitions: (current.spec.leaseTransitions ?? 0) + 1,
      },
      signal,
    );
    return taken;
  }

  #renew(current: Lease, signal: AbortSignal): Promise<boolean> {
    const spec = {
      ...current.spec,
      holderIdentity: this.#options.identity,
      leaseDurationSeconds: this.#leaseSeconds(),
      renewTime: this.#microTime(),
    };
    return this.#write(current, spec, signal);
  }

  /** Whether nobody holds the lease that we saw last. */
  #isFree(): boolean {
    if (!this.#seen?.spec.holderIdentity) return true;
    return this.#now() >= this.#expiresAt(this.#seen.spec);
  }

  /** The holder's own promise counts: it may run with other settings than ours. */
  #expiresAt({ leaseDurationSeconds }: LeaseSpec): number {
    const promisedMs = (leaseDurationSeconds ?? 0) * 1000;
    return this.#seenChangeAt + (promisedMs > 0 ? promisedMs : this.#settings.leaseMs);
  }

  /** Until the next attempt: soon, and right when somebody else's lease runs out. */
  #pauseMs(): number {
    const { retryMs } = this.#settings;
    const pauseMs = retryMs * (0.8 + this.#options.random() * 0.4);
    if (this.#leading !== undefined || !this.#seen?.spec.holderIdentity) return pauseMs;
    const untilFreeMs = this.#expiresAt(this.#seen.spec) - this.#now();
    return untilFreeMs > 0 ? Math.min(pauseMs, untilFreeMs) : pauseMs;
  }

  // ---------------------------------------------------------------- requests

  async #read(signal: AbortSignal): Promise<Lease | undefined> {
    const response = await this.#send('get', { method: 'GET', path: this.#path() }, signal);
    if (response.status === 404) return undefined;
    return this.#see(this.#accept(response, 'get'));
  }

  async #create(signal: AbortSignal): Promise<boolean> {
    const { namespace, name, identity } = this.#options;
    const time = this.#microTime();
    const body = {
      ...leases,
      metadata: { name, namespace },
      spec: {
        holderIdentity: identity,
        leaseDurationSeconds: this.#leaseSeconds(),
        acquireTime: time,
        renewTime: time,
        leaseTransitions: 0,
      },
    };
    const path = collectionPath(leases, namespace);
    const response = await this.#send('create', { method: 'POST', path, body }, signal);
    if (response.status === 409) return false;
    this.#see(this.#accept(response, 'create'));
    return true;
  }

  /** False: somebody else wrote first. */
  async #write(current: Lease, spec: LeaseSpec, signal: AbortSignal): Promise<boolean> {
    const body = { ...current.object, spec };
    const response = await this.#send(
      'update',
      { method: 'PUT', path: this.#path(), body },
      signal,
    );
    if (response.status === 409 || response.status === 404) return false;
    this.#see(this.#accept(response, 'update'));
    return true;
  }

  /** Remembers when the record last changed: any write to it is a sign of life. */
  #see(lease: Lease): Lease {
    if (lease.resourceVersion !== this.#seen?.resourceVersion) this.#seenChangeAt = this.#now();
    this.#seen = lease;
    return lease;
  }

  #send(
    verb: Verb,
    request: Pick<ApiRequest, 'method' | 'path' | 'body'>,
    signal: AbortSignal,
  ): Promise<ApiResponse> {
    const { transport, clock, observe } = this.#options;
    // Two requests must fit between a missed renewal and the deadline.
    const timeoutMs = (this.#settings.renewDeadlineMs - this.#settings.retryMs) / 2;
    const started = this.#now();
    this.#sentAt = started;
    const seen = (code: number): void =>
      observe?.({ verb, resource: 'leases', code, durationMs: this.#now() - started });
    const call = async (limited: AbortSignal): Promise<ApiResponse> =>
      transport.request({ ...request, query: {}, timeoutMs }, limited);
    return withDeadline(call, { clock, timeoutMs, about: this.#about(verb) }, signal).then(
      (response) => {
        seen(response.status);
        return response;
      },
      (error: unknown) => {
        seen(0);
        throw error;
      },
    );
  }

  #accept(response: ApiResponse, verb: Verb): Lease {
    const lease = response.status < 300 ? parseLease(response.body) : undefined;
    if (lease === undefined) throw errorFor(response, this.#about(verb));
    return lease;
  }

  #note(thrown: unknown): void {
    const denied = thrown instanceof Error && 'kind' in thrown && thrown.kind === 'denied';
    const isNews = denied && !this.#wasDenied;
    this.#wasDenied = denied;
    const level = isNews ? 'warn' : 'debug';
    this.#options.log[level]({ ...this.#fields(), err: thrown }, 'lease not renewed');
  }

  #about(verb: Verb): About {
    const { namespace, name } = this.#options;
    return { verb, resource: 'leases', namespace, name };
  }

  #path(): string {
    const { namespace, name } = this.#options;
    return objectPath({ ...leases, namespace, name });
  }

  #fields(): object {
    const { namespace, name, identity } = this.#options;
    return { lease: `${namespace}/${name}`, identity };
  }

  #leaseSeconds(): number {
    return Math.ceil(this.#settings.leaseMs / 1000);
  }

  /** For people and other tools to read; we never compare it. Go insists on six decimals. */
  #microTime(): string {
    return new Date(this.#options.clock.now()).toISOString().replace('Z', '000Z');
  }

  #now(): number {
    return this.#options.clock.monotonic();
  }
}

function parseLease(body: unknown): Lease | undefined {
  if (!isRecord(body) || !isRecord(body['metadata'])) return undefined;
  const { resourceVersion } = body['metadata'];
  if (typeof resourceVersion !== 'string') return undefined;
  const spec = isRecord(body['spec']) ? body['spec'] : {};
  const { holderIdentity, leaseDurationSeconds, acquireTime, leaseTransitions } = spec;
  return {
    resourceVersion,
    object: body,
    spec: {
      ...spec,
      ...(typeof holderIdentity === 'string' ? { holderIdentity } : {}),
      ...(typeof leaseDurationSeconds === 'number' ? { leaseDurationSeconds } : {}),
      ...(typeof acquireTime === 'string' ? { acquireTime } : {}),
      ...(typeof leaseTransitions === 'number' ? { leaseTransitions } : {}),
    },
  };
}
