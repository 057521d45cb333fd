import { decide } from '../../../src/core/decide.ts';
import { good, memory, now, progressing } from '../observation.ts';
import type { Figure, Row } from '../row.ts';
import { median, quantile } from '../statistics.ts';

const limitUs = 50;
const batch = 500;

/** A round that passes and raises the weight: the decision that does the most. */
function once() {
  return decide(progressing, good, memory, { now, monotonic: 1e9 });
}

/** Mean microseconds of one call, over a batch: a single call is shorter than the clock is exact. */
function timeBatch(): number {
  const from = performance.now();
  for (let call = 0; call < batch; call++) once();
  return ((performance.now() - from) * 1000) / batch;
}

export const decideRow: Row = {
  name: 'decide',
  run: async ({ quick }): Promise<readonly Figure[]> => {
    const raised = once().effects.some(({ type, ...effect }) => {
      return type === 'shiftTraffic' && 'weight' in effect && effect.weight === 40;
    });
    if (!raised) throw new Error('the decision that is timed does not raise the weight');
    const batches = quick ? 40 : 200;
    for (let warm = 0; warm < 40; warm++) timeBatch();
    const times = Array.from({ length: batches }, timeBatch);
    const medianUs = median(times);
    const worstUs = quantile(times, 0.99);
    return [
      {
        measure: 'decide',
        mustReach: `≤ ${limitUs} µs`,
        measured: `${medianUs.toFixed(1)} µs (p99 ${worstUs.toFixed(1)} µs)`,
        reached: medianUs <= limitUs,
        values: { medianUs, p99Us: worstUs, calls: batch * batches },
        remarks: [
          `a passed round that raises the weight; means of ${batch} calls, ${batches} times`,
        ],
      },
    ];
  },
};
