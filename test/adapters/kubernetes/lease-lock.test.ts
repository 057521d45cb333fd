import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { LeaseLock, type LeaseSettings } from '../../../src/adapters/kubernetes/lease-lock.ts';
import { silentLog } from '../../../src/adapters/kubernetes/log.ts';
import type { ApiRequest, ApiResponse } from '../../../src/adapters/kubernetes/transport.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { cut, ScriptedTransport, statusOf } from './scripted-transport.ts';

interface Stored {
  metadata: { name: string; namespace: string; resourceVersion: string };
  spec: Record<string, unknown>;
}

/** One Lease, with the API server's optimistic locking. */
class LeaseServer {
  lease: Stored | undefined;
  #version = 100;

  handle({ method, body }: ApiRequest): ApiResponse {
    if (method === 'GET') return this.lease ? ok(this.lease) : statusOf(404, 'NotFound');
    const sent = structuredClone(body);
    if (!isStored(sent)) return statusOf(422, 'Invalid');
    if (method === 'POST' && this.lease !== undefined) return statusOf(409, 'AlreadyExists');
    if (method === 'PUT') {
      if (this.lease === undefined) return statusOf(404, 'NotFound');
      if (sent.metadata.resourceVersion !== this.lease.metadata.resourceVersion) {
        return statusOf(409, 'Conflict');
      }
    }
    this.#version += 1;
    this.lease = {
      ...sent,
      metadata: { ...sent.metadata, resourceVersion: String(this.#version) },
    };
    return ok(this.lease);
  }
}

function isStored(body: unknown): body is Stored {
  return typeof body === 'object' && body !== null && 'metadata' in body && 'spec' in body;
}

interface Candidate {
  readonly lock: LeaseLock;
  readonly transport: ScriptedTransport;
  /** Aborts: an orderly exit. */
  readonly stop: AbortController;
  readonly running: Promise<void>;
  readonly gained: number[];
  readonly lost: number[];
}

let clock: FakeClock;
let server: LeaseServer;
let candidates: Candidate[];

beforeEach(() => {
  clock = new FakeClock();
  server = new LeaseServer();
  candidates = [];
});

afterEach(async () => {
  for (const { stop } of candidates) stop.abort();
  await clock.advance(20_000);
  await Promise.all(candidates.map(({ running }) => running));
});

const delay = (ms: number): Promise<void> => new Promise((resolve) => clock.after(ms, resolve));

function start(identity: string, settings: Partial<LeaseSettings> = {}, random = 0.5): Candidate {
  const transport = new ScriptedTransport(async (request) => {
    await delay(5);
    const answer = server.handle(request);
    await delay(5);
    return answer;
  });
  const lock = new LeaseLock({
    transport,
    clock,
    random: () => random,
    log: silentLog,
    namespace: 'serin',
    name: 'serin-leader',
    identity,
    settings,
  });
  const stop = new AbortController();
  const gained: number[] = [];
  const lost: number[] = [];
  const running = lock.run((leading) => {
    gained.push(clock.monotonic());
    leading.addEventListener('abort', () => lost.push(clock.monotonic()), { once: true });
  }, stop.signal);
  const candidate = { lock, transport, stop, running, gained, lost };
  candidates.push(candidate);
  return candidate;
}

/** Moves time on in small steps; at no moment do two hold the lock. */
async function live(ms: number): Promise<void> {
  for (let passed = 0; passed < ms; passed += 50) {
    await clock.advance(50);
    expect(candidates.filter(({ lock }) => lock.holds()).length).toBeLessThanOrEqual(1);
  }
}

const holders = (): number[] =>
  candidates.flatMap(({ lock }, index) => (lock.holds() ? [index] : []));

describe('lease lock', () => {
  it('is taken by the first and by nobody else while it lives', async () => {
    start('a');
    start('b', {}, 0.1);
    start('c', {}, 0.9);
    await live(120_000);
    expect(holders()).toHaveLength(1);
    expect(candidates.flatMap(({ gained }) => gained)).toHaveLength(1);
    expect(server.lease?.spec).toMatchObject({ leaseDurationSeconds: 10, leaseTransitions: 0 });
  });

  it('writes times as Go reads them', async () => {
    start('a');
    await live(100);
    const microTime = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/;
    expect(server.lease?.spec['acquireTime']).toMatch(microTime);
    expect(server.lease?.spec['renewTime']).toMatch(microTime);
  });

  it('renews with one request', async () => {
    const leader = start('a');
    await live(100);
    leader.transport.takeRequests();
    await live(20_000);
    const requests = leader.transport.takeRequests();
    expect(new Set(requests)).toEqual(
      new Set(['PUT /apis/coordination.k8s.io/v1/namespaces/serin/leases/serin-leader']),
    );
    expect(requests.length).toBeLessThan(14);
  });

  it('passes to another within 15 seconds of a crash', async () => {
    const leader = start('a');
    await live(1_000);
    start('b', {}, 0.99);
    start('c', {}, 0.01);
    await live(20_000);
    leader.transport.answer = () => new Promise(() => {});
    const crashedAt = clock.monotonic();
    await live(15_000);
    const successors = candidates.slice(1).flatMap(({ gained }) => gained);
    expect(successors).toHaveLength(1);
    expect((successors[0] ?? Infinity) - crashedAt).toBeLessThan(15_000);
    expect(server.lease?.spec['leaseTransitions']).toBe(1);
  });

  it('is given up by a leader that is cut off, before another begins', async () => {
    const leader = start('a');
    await live(1_000);
    start('b');
    const working = leader.transport.answer;
    leader.transport.answer = () => {
      throw cut();
    };
    await live(60_000);
    const [lostAt = Infinity] = leader.lost;
    const [gainedAt = 0] = candidates[1]?.gained ?? [];
    expect(gainedAt - lostAt).toBeGreaterThan(1_000);
    leader.transport.answer = working;
    await live(60_000);
    expect(holders()).toEqual([1]);
  });

  it('is told at once that it is lost, also while a renewal hangs', async () => {
    const leader = start('a');
    await live(1_000);
    const sentBefore = clock.monotonic();
    leader.transport.answer = () => new Promise(() => {});
    await live(10_000);
    const [lostAt = Infinity] = leader.lost;
    expect(lostAt - sentBefore).toBeLessThanOrEqual(7_000);
    expect(leader.lock.holds()).toBe(false);
  });

  it('counts its time from when the renewal was sent, not from its answer', async () => {
    const leader = start('a', { leaseMs: 30_000, renewDeadlineMs: 20_000, retryMs: 2_000 });
    const sentAt: number[] = [];
    leader.transport.answer = async (request) => {
      sentAt.push(clock.monotonic());
      const answer = server.handle(request);
      await delay(8_900);
      return answer;
    };
    await clock.advanceUntil(() => leader.gained.length > 0, 60_000);
    leader.transport.answer = () => new Promise(() => {});
    const deadline = (sentAt.at(-1) ?? 0) + 20_000;
    await clock.advance(deadline - clock.monotonic() - 1);
    expect(leader.lock.holds()).toBe(true);
    await clock.advance(1);
    expect(leader.lock.holds()).toBe(false);
    expect(leader.lost).toEqual([deadline]);
  });

  it('keeps its leader when an answer is lost although the write was applied', async () => {
    const leader = start('a');
    await live(1_000);
    start('b');
    const working = leader.transport.answer;
    leader.transport.answer = async (request) => {
      server.handle(request);
      leader.transport.answer = working;
      await delay(10);
      throw cut();
    };
    await live(30_000);
    expect(leader.lost).toEqual([]);
    expect(holders()).toEqual([0]);
  });

  it('is refused to a renewal that arrives after the successor has taken over', async () => {
    const leader = start('a');
    await live(1_000);
    start('b');
    let late: ApiRequest | undefined;
    leader.transport.answer = (request) => {
      if (request.method === 'PUT') late ??= request;
      throw cut();
    };
    await live(30_000);
    expect(holders()).toEqual([1]);
    if (late === undefined) throw new Error('no renewal was held back');
    expect(server.handle(late).status).toBe(409);
    await live(30_000);
    expect(holders()).toEqual([1]);
  });

  it('passes at once after an orderly exit', async () => {
    const leader = start('a');
    await live(1_000);
    start('b');
    await live(10_000);
    leader.stop.abort();
    await live(3_000);
    expect(holders()).toEqual([1]);
    expect(leader.lost).toHaveLength(1);
    expect(candidates[1]?.gained).toHaveLength(1);
  });

  it('is released although a renewal was under way', async () => {
    const leader = start('a');
    await live(1_000);
    const working = leader.transport.answer;
    leader.transport.answer = async (request, signal) => {
      server.handle(request);
      leader.transport.answer = working;
      leader.stop.abort();
      return working(request, signal);
    };
    await live(5_000);
    await leader.running;
    expect(server.lease?.spec['holderIdentity']).toBe('');
  });

  it('does not care about wall clocks', async () => {
    start('a');
    await live(1_000);
    start('b');
    for (const jump of [3_600_000, -7_200_000, 86_400_000]) {
      clock.jumpWall(jump);
      await live(30_000);
      expect(holders()).toEqual([0]);
    }
  });

  it('waits as long as the holder promised, whatever its own settings', async () => {
    const leader = start('a', { leaseMs: 40_000, renewDeadlineMs: 30_000 });
    await live(1_000);
    start('b');
    await live(1_000);
    leader.transport.answer = () => new Promise(() => {});
    await live(36_000);
    expect(candidates[1]?.gained).toEqual([]);
    await live(10_000);
    expect(holders()).toEqual([1]);
  });

  it('is contended for again after its roles were missing, said once', async () => {
    const warnings: string[] = [];
    const transport = new ScriptedTransport(() => statusOf(403, 'Forbidden'));
    const lock = new LeaseLock({
      transport,
      clock,
      random: () => 0.5,
      log: { ...silentLog, warn: (fields) => warnings.push(JSON.stringify(fields)) },
      namespace: 'serin',
      name: 'serin-leader',
      identity: 'a',
    });
    const stop = new AbortController();
    const running = lock.run(() => {}, stop.signal);
    await clock.advance(30_000);
    expect(warnings).toHaveLength(1);
    transport.answer = (request) => server.handle(request);
    await clock.advance(3_000);
    expect(lock.holds()).toBe(true);
    stop.abort();
    await clock.advance(1_000);
    await running;
  });

  it('is never held by two, whoever is cut off, hangs or leaves when', async () => {
    for (let seed = 1; seed <= 40; seed += 1) {
      clock = new FakeClock();
      server = new LeaseServer();
      candidates = [];
      const random = seeded(seed);
      for (const identity of ['a', 'b', 'c']) {
        const { transport } = start(`${identity}${seed}`, {}, random());
        const working = transport.answer;
        transport.answer = async (request, signal) => {
          const fate = random();
          if (fate < 0.1) return new Promise(() => {});
          if (fate < 0.2) await delay(random() * 9_000);
          const answer = await working(request, signal);
          if (fate > 0.9) throw cut();
          return answer;
        };
      }
      for (let step = 0; step < 12; step += 1) {
        if (random() < 0.2) clock.jumpWall((random() - 0.5) * 1e7);
        await live(5_000);
      }
      expect(candidates.flatMap(({ gained }) => gained).length, `seed ${seed}`).toBeGreaterThan(0);
      for (const { stop } of candidates) stop.abort();
      await clock.advance(30_000);
    }
  });
});

function ok(body: unknown): ApiResponse {
  return { status: 200, body: structuredClone(body) };
}

/** A small linear congruential generator: the same seed tells the same story. */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}
