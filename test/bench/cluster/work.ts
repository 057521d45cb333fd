/** Canaries at work: initialised together, at rest, released together, and broken together. */
import { setTimeout as sleep } from 'node:timers/promises';

import { latenessOf } from '../lateness.ts';
import { monotonicMs } from '../shared-clock.ts';
import { median, quantile } from '../statistics.ts';
import { until } from './api.ts';
import { Fleet, intervalMs, stepWeights } from './fleet.ts';
import { backAtZero, reached, spreadOf, type WeightSeen } from './seen.ts';
import { badAnswers, countedIn, goodAnswers, type Growing, type Stage } from './stage.ts';
import type { Abort, Lateness, Promotion, Task } from './task.ts';

/** Generous: what is slow is measured, what stands still is a failure. */
const limits = { setUpMs: 300_000, initialisedMs: 900_000, releaseMs: 600_000, quietMs: 60_000 };

/** After its last request a process still collects the garbage of its work for a while. */
const afterworkMs = 30_000;

export async function work(stage: Stage, task: Task, findings: Growing): Promise<void> {
  const { count, quick, thresholds } = task;
  const group = task.operator === undefined ? 'serin.dev' : 'flagger.app';
  const fleet = new Fleet(stage.client, count, group);
  await stage.part('targets', () => fleet.createTargets(limits.setUpMs));
  await stage.watch(fleet.canaries);
  await stage.startOperator();
  await stage.part('initialisation', () => initialise(stage, fleet, findings));
  await stage.part('settling', async () => {
    await stage.untilQuiet(limits.quietMs);
    if (!quick) await sleep(afterworkMs);
  });
  const restMs = quick ? 2 * intervalMs : 6 * intervalMs;
  findings.rest = await stage.part('rest', () => stage.rest(restMs));
  findings.promotion = await stage.part('promotion', () => promote(stage, fleet));
  for (const threshold of thresholds) {
    const abort = await stage.part(`threshold ${threshold}`, () =>
      breakAll(stage, fleet, threshold),
    );
    findings.aborts = [...findings.aborts, abort];
  }
  await sleep(intervalMs);
  const { residentMiB, peakMiB } = stage.usage();
  findings.residentAfterMiB = residentMiB;
  findings.peakMiB = peakMiB;
}

async function initialise(stage: Stage, fleet: Fleet, findings: Growing): Promise<void> {
  const total = fleet.names.length;
  const from = monotonicMs();
  await fleet.createCanaries(5);
  const finished = async () => reached(await stage.phasesSince(from), 'Initialized');
  try {
    const all = `${total} canaries are initialised`;
    await until(all, limits.initialisedMs, async () => (await finished()) >= total);
  } finally {
    const seen = (await stage.phasesSince(from)).filter(({ phase }) => phase === 'Initialized');
    const last = Math.max(from, ...seen.map(({ atMs }) => atMs));
    findings.initialised = { finished: await finished(), seconds: (last - from) / 1000 };
  }
}

async function promote(stage: Stage, fleet: Fleet): Promise<Promotion> {
  const total = fleet.names.length;
  const [from, wallFrom] = [monotonicMs(), Date.now()];
  const queriesBefore = await stage.queries();
  const { cpuMs } = stage.usage();
  await fleet.release();
  const finished = async () => reached(await stage.phasesSince(from), 'Succeeded');
  // Whoever is missing then is missing in the table.
  const all = `${total} canaries are promoted`;
  await until(all, limits.releaseMs, async () => (await finished()) >= total).catch(() => {});
  const isQuiet = await stage.untilQuiet(limits.quietMs);
  const weights = await stage.weightsSince(from);
  const lateness = latenessIn(weights);
  return {
    finished: await finished(),
    requests: countedIn(stage.requestsSince(wallFrom), isQuiet),
    cpuSeconds: (stage.usage().cpuMs - cpuMs) / 1000,
    seconds: (monotonicMs() - from) / 1000,
    queries: (await stage.queries()) - queriesBefore,
    ...(lateness === undefined ? {} : { lateness }),
    spread: spreadOf(weights, intervalMs),
  };
}

/** Of the steps only: how long a promotion takes after the last one is up to the pods. */
function latenessIn(weights: readonly WeightSeen[]): Lateness | undefined {
  const raises = weights.filter(({ weight }) => stepWeights.includes(weight));
  const late = latenessOf(raises, intervalMs);
  if (late.length === 0) return undefined;
  return { steps: late.length, p50Ms: median(late), p99Ms: quantile(late, 0.99) };
}

/** A release whose answers break once every canary has traffic. */
async function breakAll(stage: Stage, fleet: Fleet, threshold: number): Promise<Abort> {
  const total = fleet.names.length;
  await fleet.setThreshold(threshold);
  await stage.untilQuiet(limits.quietMs);
  const [from, wallFrom] = [monotonicMs(), Date.now()];
  await fleet.release();
  const underWay = async () => Object.values(await stage.weights()).filter((weight) => weight > 0);
  const all = `${total} canaries have traffic`;
  await until(all, 6 * intervalMs, async () => (await underWay()).length >= total).catch(() => {});
  const flippedAt = await stage.answer(badAnswers);
  const failed = async () => reached(await stage.phasesSince(from), 'Failed');
  const down = `${total} canaries are rolled back`;
  await until(down, limits.releaseMs / 2, async () => (await failed()) >= total).catch(() => {});
  const took = backAtZero(await stage.weightsSince(flippedAt)).map((atMs) => atMs - flippedAt);
  const isQuiet = await stage.untilQuiet(limits.quietMs);
  await stage.answer(goodAnswers);
  return {
    threshold,
    finished: took.length,
    ...(took.length === 0 ? {} : { p50Ms: median(took), p99Ms: quantile(took, 0.99) }),
    requests: countedIn(stage.requestsSince(wallFrom), isQuiet),
  };
}
