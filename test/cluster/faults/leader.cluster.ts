import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { Arena } from './arena.ts';
import { eventually } from './eventually.ts';
import type { Matches } from './faults.ts';
import type { Watched } from './operator-process.ts';
import type { Mood } from './outside.ts';
import type { RequestRecord } from './request-record.ts';
import { initialise, judged, Rollout } from './rollout.ts';

const limitMs = 240_000;
const standbyActsWithinMs = 15_000;
let arena: Arena;
const rollouts = new Map<string, Rollout>();

afterAll(async () => {
  await arena[Symbol.asyncDispose]();
}, limitMs);

interface Moment {
  readonly name: string;
  readonly mood: Mood;
  /** The write of the leader that is under way when it loses the Lease. */
  readonly isIt: Matches;
  readonly ends: 'Succeeded' | 'Failed';
}

const isRoute = ({ resource, method }: RequestRecord): boolean =>
  resource === 'httproutes' && method === 'PATCH';
const isPrimary = ({ resource, name, method }: RequestRecord): boolean =>
  resource === 'deployments' && name === 'cart-primary' && method === 'PATCH';

const moments: readonly Moment[] = [
  {
    name: 'raise',
    mood: 'good',
    ends: 'Succeeded',
    isIt: (record) => isRoute(record) && record.body.includes('"weight":60'),
  },
  {
    name: 'abort',
    mood: 'bad',
    ends: 'Failed',
    isIt: (record) => isRoute(record) && record.body.includes('abort:'),
  },
  { name: 'promotion', mood: 'good', ends: 'Succeeded', isIt: isPrimary },
];

const plans: readonly (readonly [name: string, mood: Mood])[] = [
  ['leader-killed', 'good'],
  ['leader-stopped', 'good'],
  ...moments.map(({ name, mood }) => [`lost-${name}-first`, mood] as const),
  ...moments.map(({ name, mood }) => [`lost-${name}-second`, mood] as const),
];

beforeAll(async () => {
  arena = await Arena.open();
  for (const [name, mood] of plans) rollouts.set(name, await Rollout.create(arena, { name, mood }));
  await initialise(arena, [...rollouts.values()]);
}, limitMs);

/** A rollout with a leader and a standby that has seen everything there is. */
async function withStandby(
  name: string,
): Promise<{ rollout: Rollout; leader: Watched; standby: Watched }> {
  const rollout = rollouts.get(name);
  if (rollout === undefined) throw new Error(`no rollout is called ${name}`);
  const leader = await rollout.start();
  await rollout.untilIdle(leader);
  const standby = await rollout.start();
  await rollout.until(
    'the standby follows',
    () =>
      standby.proxy.requests.filter(({ isWatch, status }) => isWatch && status === 200).length > 5,
  );
  return { rollout, leader, standby };
}

const writesSince = ({ proxy }: Watched, at: number): readonly RequestRecord[] =>
  proxy.writes.filter((write) => write.at >= at);

describe.concurrent('a leader that is lost', () => {
  it(
    'to SIGKILL is replaced within 15 seconds by a standby that has read everything before',
    async () => {
      const { rollout, leader, standby } = await withStandby('leader-killed');
      await rollout.release();
      await rollout.until('the first step', () => rollout.weight === 30);
      rollout.kill(leader);
      const diedAt = Date.now();
      await rollout.until('the next step', () => rollout.weight === 60);
      const acted = writesSince(standby, diedAt)[0]?.at ?? Infinity;
      expect(acted - diedAt).toBeLessThan(standbyActsWithinMs);
      const lists = standby.proxy.requests.filter(
        ({ method, path, at }) => method === 'GET' && path.includes('limit=500') && at > diedAt,
      );
      expect(lists.filter(({ resource }) => resource !== 'endpointslices')).toEqual([]);
      await rollout.untilOver();
      const { first, last, count } = leaseTraffic(leader);
      process.stdout.write(
        `the standby acted ${((acted - diedAt) / 1_000).toFixed(1)} s after the leader's death; ` +
          `a leader sends ${((count * 60_000) / (last - first)).toFixed(0)} Lease requests a minute\n`,
      );
      expect(await judged(rollout, '1 leader killed')).toEqual([]);
    },
    limitMs,
  );

  it(
    'to SIGSTOP sends nothing when it goes on, and what was under way is refused',
    async () => {
      const { rollout, leader, standby } = await withStandby('leader-stopped');
      const held = leader.proxy.faults.hold(
        (record) => isRoute(record) && record.body.includes('"weight":60'),
      );
      await rollout.release();
      const write = await held.first;
      rollout.stop(leader);
      await rollout.until('the standby leads', () => standby.process.isLeading);
      await rollout.until('it raises', () => rollout.weight === 60);
      held.release();
      await rollout.until('the held write is answered', () => write.status !== 0);
      expect(write.status).toBe(409);
      const continuedAt = Date.now();
      leader.process.signal('SIGCONT');
      await rollout.until(
        'the former leader has looked at the Lease',
        () => !leader.process.isLeading && leaseRequests(leader, continuedAt).length > 1,
      );
      await rollout.untilOver();
      expect(writesSince(leader, continuedAt)).toEqual([]);
      expect(await judged(rollout, '1 leader stopped and continued')).toEqual([]);
    },
    limitMs,
  );

  it.each(moments)(
    'before the write of a $name, is refused when its successor was first',
    async ({ name, isIt, ends }) => {
      const { rollout, leader, standby } = await withStandby(`lost-${name}-second`);
      const held = leader.proxy.faults.hold(isIt);
      await rollout.release();
      const write = await held.first;
      const lease = rollout.depose(leader);
      await rollout.until('the standby leads', () => standby.process.isLeading);
      const leads = Date.now();
      await rollout.until('the successor has written', () =>
        standby.proxy.writes.some(
          (other) =>
            other.status === 200 && other.resource === write.resource && isSame(other, write),
        ),
      );
      held.release();
      await eventually('the held write is answered', () => write.status !== 0);
      expect(write.status).toBe(409);
      lease.release();
      await rollout.untilOver();
      expect(writesSince(leader, leads)).toEqual([]);
      expect(rollout.status.phase).toBe(ends);
      expect(await judged(rollout, `1 Lease lost before the ${name}, successor first`)).toEqual([]);
    },
    limitMs,
  );

  it.each(moments)(
    'before the write of a $name, is obeyed when it was first, and its successor looks again',
    async ({ name, isIt, ends }) => {
      const { rollout, leader, standby } = await withStandby(`lost-${name}-first`);
      const held = leader.proxy.faults.hold(isIt);
      await rollout.release();
      const write = await held.first;
      const heldToo = standby.proxy.faults.hold((other) => isSame(other, write));
      const lease = rollout.depose(leader);
      const second = await heldToo.first;
      expect(standby.process.isLeading).toBe(true);
      const leads = Date.now();
      held.release();
      await eventually('the held write is answered', () => write.status !== 0);
      expect(write.status).toBe(200);
      heldToo.release();
      await eventually('the second write is answered', () => second.status !== 0);
      expect(second.status).toBe(409);
      lease.release();
      await rollout.untilOver();
      expect(writesSince(leader, leads)).toEqual([]);
      expect(rollout.status.phase).toBe(ends);
      expect(await judged(rollout, `1 Lease lost before the ${name}, former leader first`)).toEqual(
        [],
      );
    },
    limitMs,
  );
});

/** Whether two writes are of one object. */
function isSame(one: RequestRecord, other: RequestRecord): boolean {
  return (
    one.write > 0 &&
    one.resource === other.resource &&
    one.name === other.name &&
    one.subresource === other.subresource
  );
}

function leaseRequests({ proxy }: Watched, since: number): readonly RequestRecord[] {
  return proxy.requests.filter(({ resource, at }) => resource === 'leases' && at >= since);
}

function leaseTraffic(operator: Watched): { first: number; last: number; count: number } {
  const times = leaseRequests(operator, 0).map(({ at }) => at);
  return { first: times[0] ?? 0, last: times.at(-1) ?? 0, count: times.length - 1 };
}
