/** What share of the requests a proxy really gave to the canary, read from who answered. */

/** Where a proxy began to serve a weight, and what it gave from then on. */
export interface Share {
  /** Percent that was written. */
  readonly weight: number;
  /** From the write to the first request that was served by it, milliseconds. */
  readonly servedAfterMs: number;
  readonly requests: number;
  readonly canary: number;
}

/** A weight as the API server took it. */
export interface Written {
  readonly at: number;
  readonly weight: number;
}

/** One request: when it was sent, and whether the canary answered it. */
export interface Answer {
  readonly at: number;
  readonly canary: boolean;
}

/** A watch may tell of a write later than the proxy, on a machine with much to do. */
const TOLD_LATE_MS = 1_500;

/** A stale answer or two must not outweigh all others. */
const SURE = 1e-4;

/**
 * Index of the first answer that was drawn by `after` instead of `before`, both percent: the split at which what
 * was seen is likeliest. Nothing but the answers is asked, so that every proxy is judged alike.
 */
export function changePoint(answers: readonly Answer[], before: number, after: number): number {
  const [from, to] = [before, after].map((weight) => clamp(weight / 100)) as [number, number];
  let best = 0;
  let gain = 0;
  let bestGain = 0;
  answers.forEach(({ canary }, index) => {
    gain += canary ? Math.log(from / to) : Math.log((1 - from) / (1 - to));
    if (gain > bestGain) {
      bestGain = gain;
      best = index + 1;
    }
  });
  return best;
}

function clamp(share: number): number {
  return Math.min(1 - SURE, Math.max(SURE, share));
}

/**
 * The shares of each written weight above zero, from when it is served until the next one is.
 * `answers` and `written` are in the order of time; before the first of them the canary had nothing.
 */
export function sharesOf(
  answers: readonly Answer[],
  written: readonly Written[],
): readonly Share[] {
  const served = written.map(({ at, weight }, index) => {
    const indexAt = (time: number) => {
      const found = answers.findIndex((answer) => answer.at >= time - TOLD_LATE_MS);
      return found < 0 ? answers.length : found;
    };
    const from = indexAt(at);
    const during = answers.slice(from, indexAt(written[index + 1]?.at ?? Infinity));
    return from + changePoint(during, written[index - 1]?.weight ?? 0, weight);
  });
  return written.flatMap(({ at, weight }, index) => {
    if (weight === 0) return [];
    const [from = 0, to = answers.length] = [served[index], served[index + 1]];
    const own = answers.slice(from, to);
    const servedAfterMs = Math.max(0, (answers[from]?.at ?? Infinity) - at);
    return [
      { weight, servedAfterMs, requests: own.length, canary: own.filter((a) => a.canary).length },
    ];
  });
}

/** Whether `hits` of `count` may come from independent draws with `share`, unless once in 1 / `risk` times. */
export function isLikely(hits: number, count: number, share: number, risk: number): boolean {
  const atMost = sum(0, hits, count, share);
  const atLeast = sum(hits, count, count, share);
  return atMost >= risk / 2 && atLeast >= risk / 2;
}

/** Probability of `from` to `to` hits, both included. */
function sum(from: number, to: number, count: number, share: number): number {
  if (share <= 0) return from === 0 ? 1 : 0;
  if (share >= 1) return to === count ? 1 : 0;
  let total = 0;
  let logChoose = 0;
  for (let hits = 0; hits <= to; hits++) {
    if (hits > 0) logChoose += Math.log((count - hits + 1) / hits);
    if (hits < from) continue;
    total += Math.exp(logChoose + hits * Math.log(share) + (count - hits) * Math.log(1 - share));
  }
  return total;
}
