import { setTimeout as sleep } from 'node:timers/promises';

import { latenessOf, type Raise } from '../lateness.ts';
import { usageOf } from '../process-usage.ts';
import { counts, isRouteWrite, type Request, tally } from '../requests.ts';
import type { Bench, Figure, Row } from '../row.ts';
import { median, quantile } from '../statistics.ts';
import { World } from '../world.ts';

const intervalMs = 10_000;
const limitMs = 1000;

/** When each canary's weight was raised. */
function raisesIn(requests: readonly Request[]): readonly Raise[] {
  return requests
    .filter((request) => isRouteWrite(request) && (request.weight ?? 0) > 0)
    .map(({ namespace, atMs }) => ({ canary: namespace, atMs }));
}

export const latenessRow: Row = {
  name: 'lateness',
  run: async (bench: Bench): Promise<readonly Figure[]> => {
    const count = bench.quick ? 200 : 1000;
    return World.with(bench, async (world) => {
      const namespaces = Array.from({ length: count }, (_, index) => `shop-${index}`);
      await world.setInMotion();
      const operator = await world.startOperator();
      bench.say(`  initialising ${count} canaries`);
      for (const namespace of namespaces) {
        const alerts = false;
        await world.createCanary({
          namespace,
          interval: '10s',
          threshold: 5,
          stepWeight: 1,
          alerts,
        });
      }
      await world.waitForPhase(['Initialized'], count, 900_000);
      bench.say('  releasing all of them');
      for (const namespace of namespaces) await world.release(namespace, 2);
      await world.waitForPhase(['Progressing'], count, 300_000);
      // Every canary has left weight 0 after two intervals.
      await sleep(3 * intervalMs);
      const before = await world.requestCount();
      const cpuBefore = usageOf(operator.pid).cpuMs;
      const windowMs = bench.quick ? 40_000 : 180_000;
      await sleep(windowMs);
      const requests = (await world.requestsSince(before)).filter(counts);
      const cpuPercent = ((usageOf(operator.pid).cpuMs - cpuBefore) / windowMs) * 100;
      const late = latenessOf(raisesIn(requests), intervalMs);
      const p99Ms = Math.round(quantile(late, 0.99));
      const medianMs = Math.round(median(late));
      return [
        {
          measure: `${count.toLocaleString('en')} progressing canaries: lateness of a due step, p99`,
          mustReach: '≤ 1 s',
          measured: `${(p99Ms / 1000).toFixed(2)} s (median ${(medianMs / 1000).toFixed(2)} s)`,
          reached: p99Ms <= limitMs && late.length >= count,
          values: { p99Ms, medianMs, steps: late.length, cpuPercent },
          remarks: [
            `${late.length} steps; the operator used ${cpuPercent.toFixed(0)} % of a core`,
            ...tally(requests),
          ],
        },
      ];
    });
  },
};
