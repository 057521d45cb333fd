import { setTimeout as sleep } from 'node:timers/promises';

import { sourceNamespace } from '../objects.ts';
import { counts, isRouteWrite, type Request, tally } from '../requests.ts';
import type { Bench, Figure, Row } from '../row.ts';
import { World } from '../world.ts';

const stepWeights = [10, 20, 40, 60, 80];
const limitMs = 180_000;

/** One canary at rest, with an alert for every message, its release just begun. */
async function released<T>(
  bench: Bench,
  threshold: number,
  watch: (world: World, before: number) => Promise<T>,
): Promise<T> {
  return World.with(bench, async (world) => {
    const namespace = sourceNamespace;
    await world.setInMotion();
    await world.startOperator();
    await world.createCanary({ namespace, interval: '2s', threshold, stepWeights, alerts: true });
    await world.waitForPhase(['Initialized'], 1, limitMs);
    await sleep(3_000);
    const before = await world.requestCount();
    await world.release(namespace, 2);
    return watch(world, before);
  });
}

export const promotionRow: Row = {
  name: 'promotion',
  run: async (bench): Promise<readonly Figure[]> => {
    const [requests, messages] = await released(bench, 5, async (world, before) => {
      await world.waitForPhase(['Succeeded'], 1, limitMs);
      const seen = (await world.requestsSince(before)).filter(counts);
      return [seen, (await world.seen()).messages] as const;
    });
    const steps = stepWindows(requests);
    const most = Math.max(...steps.map(({ length }) => length));
    return [
      {
        measure: 'API requests of an advancing step',
        mustReach: '≤ 3',
        measured: String(most),
        reached: most <= 3,
        values: { most, steps: steps.length },
        remarks: steps.map((step) => tally(step).join(', ')),
      },
      {
        measure: 'API requests of a promotion of 5 steps with two alerts',
        mustReach: '≤ 30',
        measured: String(requests.length),
        reached: requests.length <= 30,
        values: { requests: requests.length, messages },
        remarks: [...tally(requests), `${messages} messages were sent since the process started`],
      },
    ];
  },
};

/** The requests from one raise of the weight to the next; what comes after the last one is the promotion. */
function stepWindows(requests: readonly Request[]): readonly (readonly Request[])[] {
  const raises = requests.flatMap((request, index) =>
    isRouteWrite(request) && stepWeights.includes(request.weight ?? 0) ? [index] : [],
  );
  if (raises.length !== stepWeights.length) {
    throw new Error(`${raises.length} raises instead of ${stepWeights.length}`);
  }
  return raises.slice(0, -1).map((from, index) => requests.slice(from, raises[index + 1]));
}

export const abortRow: Row = {
  name: 'abort',
  run: async (bench): Promise<readonly Figure[]> => {
    const found = await released(bench, 2, async (world, before) => {
      await waitForWeight(world, before, 20);
      await world.answer({ successRate: 50, latencySeconds: 0.1 });
      await world.waitForPhase(['Failed'], 1, limitMs);
      const { lastAnswerAtMs } = await world.seen();
      const seen = (await world.requestsSince(before)).filter(counts);
      return { lastAnswerAtMs, after: seen.filter(({ atMs }) => atMs > lastAnswerAtMs) };
    });
    const at = found.after.findIndex((request) => isRouteWrite(request) && request.weight === 0);
    const tookMs = (found.after[at]?.atMs ?? Infinity) - found.lastAnswerAtMs;
    return [
      {
        measure: 'from the answer that reaches the threshold to the route write of weight 0',
        mustReach: 'same pass, no other call before it',
        measured: at < 0 ? 'no route write' : `${at} calls before it, ${tookMs.toFixed(1)} ms`,
        reached: at === 0,
        values: { callsBefore: at, ms: tookMs },
        remarks: tally(found.after),
      },
    ];
  },
};

async function waitForWeight(world: World, since: number, weight: number): Promise<void> {
  const until = Date.now() + limitMs;
  const isThere = (request: Request) => isRouteWrite(request) && request.weight === weight;
  while (!(await world.requestsSince(since)).some(isThere)) {
    if (Date.now() > until) throw new Error(`the weight never became ${weight}`);
    await sleep(50);
  }
}
