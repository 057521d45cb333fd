import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { Arena } from './arena.ts';
import { shiftsOf } from './judge.ts';
import type { Watched } from './operator-process.ts';
import type { Mood } from './outside.ts';
import { initialise, judged, Rollout } from './rollout.ts';

const limitMs = 300_000;
const rolloutMs = 200_000;
const minuteMs = 60_000;
let arena: Arena;
const rollouts = new Map<string, Rollout>();

const plans: readonly (readonly [name: string, mood: Mood])[] = [
  ['cut-promotion', 'good'],
  ['cut-abort', 'good'],
  ['slow', 'good'],
  ['throttled', 'good'],
  ['lost-promotion', 'good'],
  ['lost-abort', 'bad'],
  ['prometheus', 'good'],
];

beforeAll(async () => {
  arena = await Arena.open();
  for (const [name, mood] of plans) rollouts.set(name, await Rollout.create(arena, { name, mood }));
  await initialise(arena, [...rollouts.values()]);
}, limitMs);

afterAll(async () => {
  await arena[Symbol.asyncDispose]();
}, limitMs);

/** A rollout and its one operator, which leads and waits. */
async function begin(name: string): Promise<{ rollout: Rollout; operator: Watched }> {
  const rollout = rollouts.get(name);
  if (rollout === undefined) throw new Error(`no rollout is called ${name}`);
  const operator = await rollout.start();
  await rollout.untilIdle(operator);
  return { rollout, operator };
}

/** Begun, released, and with its first step taken. */
async function midRun(name: string): Promise<{ rollout: Rollout; operator: Watched }> {
  const begun = await begin(name);
  await begun.rollout.release();
  await begun.rollout.until('the first step', () => begun.rollout.weight === 30);
  return begun;
}

function committed({ proxy }: Watched, name: string): number {
  return proxy.faults.committed.get(name) ?? 0;
}

describe.concurrent('an operator in trouble with the API server', () => {
  it(
    'goes on when its watches fall silent without being closed',
    async () => {
      const { rollout, operator } = await midRun('cut-promotion');
      const cut = operator.proxy.cutWatches();
      const cutAt = Date.now();
      expect(cut).toBeGreaterThan(5);
      await rollout.untilOver(rolloutMs);
      await rollout.until(
        'it watches again',
        () => watchesSince(operator, cutAt) >= cut,
        rolloutMs,
      );
      expect(rollout.status.phase).toBe('Succeeded');
      expect(await judged(rollout, `${cut} watches cut without a FIN in a promotion`)).toEqual([]);
    },
    limitMs,
  );

  it(
    'aborts although it hears nothing of what changes',
    async () => {
      const { rollout, operator } = await midRun('cut-abort');
      const cut = operator.proxy.cutWatches();
      const cutAt = Date.now();
      rollout.outside.mood = 'bad';
      await rollout.until('traffic is back', () => rollout.weight === 0);
      expect(watchesSince(operator, cutAt)).toBe(0);
      await rollout.untilOver(rolloutMs);
      expect(rollout.status.phase).toBe('Failed');
      expect(await judged(rollout, `${cut} watches cut without a FIN before an abort`)).toEqual([]);
    },
    limitMs,
  );

  it(
    'promotes although every request takes two seconds',
    async () => {
      const { rollout, operator } = await begin('slow');
      operator.proxy.faults.delayMs = 2_000;
      await rollout.release();
      await rollout.untilOver(rolloutMs);
      expect(rollout.status.phase).toBe('Succeeded');
      const slowed = committed(operator, 'delayed');
      expect(slowed).toBeGreaterThan(20);
      expect(await judged(rollout, `${slowed} requests slowed to 2 s`)).toEqual([]);
    },
    limitMs,
  );

  it(
    'stays where it is while it is refused for a minute, and then goes on',
    async () => {
      const { rollout, operator } = await midRun('throttled');
      operator.proxy.faults.throttle = { until: Date.now() + minuteMs, retryAfterSeconds: 1 };
      const from = Date.now();
      await rollout.until('the minute is over', () => Date.now() - from > minuteMs, 2 * minuteMs);
      expect(rollout.weight).toBe(30);
      await rollout.untilOver(rolloutMs);
      expect(rollout.status.phase).toBe('Succeeded');
      const refused = committed(operator, 'throttled');
      expect(refused).toBeGreaterThan(0);
      // It was asked to come back after a second; that is what it does, at most.
      expect(refused).toBeLessThanOrEqual(2 * 60);
      expect(await judged(rollout, `${refused} requests refused with 429 in a minute`)).toEqual([]);
    },
    limitMs,
  );

  it.each([
    ['lost-promotion', 'Succeeded'],
    ['lost-abort', 'Failed'],
  ])(
    'comes to its end although every other answer to a write is lost: %s',
    async (name, phase) => {
      const { rollout, operator } = await begin(name);
      operator.proxy.faults.loses = ({ write }) => write > 0 && write % 2 === 0;
      await rollout.release();
      await rollout.untilOver(rolloutMs);
      expect(rollout.status.phase).toBe(phase);
      const lost = committed(operator, 'answer lost');
      // Of the eight writes that an abort has at least.
      expect(lost).toBeGreaterThanOrEqual(4);
      expect(
        await judged(rollout, `${lost} answers lost after the write was applied, ends ${phase}`),
      ).toEqual([]);
    },
    limitMs,
  );
});

describe.concurrent('an operator in trouble with Prometheus', () => {
  it(
    'holds the weight while it answers errors, pages or nothing, and counts nothing',
    async () => {
      const { rollout } = await midRun('prometheus');
      const moods = ['error', 'html', 'silence', 'no data'] as const;
      for (const mood of moods) {
        rollout.outside.mood = mood;
        const from = rollout.outside.asked.length;
        // Of two queries at a time; an answer that never comes takes its deadline of five seconds.
        await rollout.until(
          `it has asked again and found ${mood}`,
          () => rollout.outside.asked.length >= from + 4,
        );
        expect(rollout.weight).toBe(30);
        expect(rollout.status.failedChecks ?? 0).toBe(0);
      }
      const unanswered = rollout.outside.asked.filter(({ answer }) => answer === 'unknown').length;
      rollout.outside.mood = 'good';
      await rollout.untilOver(rolloutMs);
      expect(rollout.status.phase).toBe('Succeeded');
      expect(shiftsOf(rollout.record()).map(({ to }) => to)).toEqual([30, 60, 0]);
      const faults = `${unanswered} queries answered with errors, HTML, nothing or no data`;
      expect(await judged(rollout, faults)).toEqual([]);
    },
    limitMs,
  );
});

function watchesSince({ proxy }: Watched, since: number): number {
  return proxy.requests.filter(({ isWatch, at }) => isWatch && at >= since).length;
}
