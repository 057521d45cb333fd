/** From what was found to the rows of the table. A value that is missing fails its row, and says why. */
import type { Figure } from '../row.ts';
import { intervalMs, stepWeights } from './fleet.ts';
import { peer } from './peer.ts';
import type { Counted, Findings } from './task.ts';

/** Counts are the same on every machine; the rest depends on it. */
export interface ClusterFigure extends Figure {
  readonly kind: 'count' | 'machine';
}

/** Upper bounds; `undefined` where a number of canaries is only reported. */
interface Limits {
  readonly idleCpuPercent?: number;
  readonly residentMiB?: number;
  readonly initialisedSeconds?: number;
  readonly promotionCpuSeconds?: number;
  readonly latenessMs?: number;
  readonly backAtZeroMs?: Readonly<Record<number, number>>;
}

const requestsPerPromotion = 30;

const limits: Readonly<Record<number, Limits>> = {
  200: {
    idleCpuPercent: 0.5,
    residentMiB: 130,
    promotionCpuSeconds: 12,
    latenessMs: 500,
    backAtZeroMs: { 5: 50_500, 1: 10_500 },
  },
  1000: { residentMiB: 160, initialisedSeconds: 60, latenessMs: 1_000 },
  10_000: { residentMiB: 512 },
};

/** A number that must not be above its limit. */
interface Measured {
  readonly measure: string;
  readonly kind: ClusterFigure['kind'];
  readonly value: number | undefined;
  readonly limit: number | undefined;
  readonly show: (value: number) => string;
  /** Canaries that got there, of how many. */
  readonly finished: readonly [number, number];
  readonly values: Readonly<Record<string, number>>;
  readonly peer?: string | undefined;
  readonly remarks?: readonly string[];
  /** Why there is no value. */
  readonly failure: string | undefined;
}

function figure(found: Measured): ClusterFigure {
  const { measure, kind, value, limit, show, finished, values, remarks = [] } = found;
  const [done, all] = finished;
  const why = value === undefined ? [`missing: ${found.failure ?? 'there is no value'}`] : [];
  const text = value === undefined ? 'missing' : show(value);
  return {
    measure,
    kind,
    mustReach: limit === undefined ? '–' : limit === 0 ? show(0) : `≤ ${show(limit)}`,
    measured: done < all ? `${text} (${done} of ${all} canaries)` : text,
    reached: value !== undefined && done >= all && (limit === undefined || value <= limit),
    values: { ...values, ...(value === undefined ? {} : { value }), canaries: done },
    ...(found.peer === undefined ? {} : { peer: found.peer }),
    remarks: [...why, ...remarks],
  };
}

const seconds = (value: number) => `${value.toFixed(value < 10 ? 2 : 1)} s`;
const fromMs = (value: number) => seconds(value / 1000);
const percent = (value: number) => `${value.toFixed(2)} %`;
const mebibytes = (value: number) => `${value.toFixed(0)} MiB`;
const number = (value: number) => String(Math.round(value * 100) / 100);

/** Of canaries at work. */
export function workFigures(findings: Findings, thresholds: readonly number[]): ClusterFigure[] {
  const { count, failure, initialised } = findings;
  const at = `${count.toLocaleString('en')} canaries`;
  const initialisation = figure({
    measure: `${at} initialised`,
    kind: 'machine',
    value: initialised?.seconds,
    limit: limits[count]?.initialisedSeconds,
    show: seconds,
    finished: [initialised?.finished ?? 0, count],
    values: {},
    peer: peer[count]?.initialised,
    failure,
  });
  return [
    ...restFigures(findings),
    ...promotionFigures(findings),
    initialisation,
    ...thresholds.map((threshold) => abortFigure(findings, threshold)),
  ];
}

/** Of canaries at rest, whether they worked before or not. */
export function restFigures(findings: Findings): ClusterFigure[] {
  const { count, rest, failure, settled, initialised } = findings;
  const at = `${count.toLocaleString('en')} idle canaries`;
  const { idleCpuPercent, residentMiB } = limits[count] ?? {};
  const known = peer[count];
  const finished = [(settled ?? initialised)?.finished ?? 0, count] as const;
  const intervals = (rest?.seconds ?? 0) / (intervalMs / 1000);
  const resident = Math.max(rest?.residentMiB ?? 0, findings.residentAfterMiB ?? 0);
  return [
    figure({
      measure: `API requests per canary and interval, ${at}`,
      kind: 'count',
      value: rest && rest.requests.total / count / intervals,
      limit: 0,
      show: number,
      finished,
      values: { requests: rest?.requests.total ?? 0, seconds: rest?.seconds ?? 0 },
      peer: known?.requestsPerInterval,
      remarks: rest === undefined ? [] : tallied(rest.requests),
      failure,
    }),
    figure({
      measure: `CPU, ${at}`,
      kind: 'machine',
      value: rest && (rest.cpuSeconds / rest.seconds) * 100,
      limit: idleCpuPercent,
      show: percent,
      finished,
      values: { cpuSeconds: rest?.cpuSeconds ?? 0, seconds: rest?.seconds ?? 0 },
      peer: known?.idleCpu,
      failure,
    }),
    figure({
      measure: `resident memory, ${count.toLocaleString('en')} canaries`,
      kind: 'machine',
      value: resident === 0 ? undefined : resident,
      limit: residentMiB,
      show: mebibytes,
      finished,
      values: {
        idleMiB: rest?.residentMiB ?? 0,
        afterMiB: findings.residentAfterMiB ?? 0,
        peakMiB: findings.peakMiB ?? 0,
      },
      peer: known?.resident,
      remarks: memoryRemarks(findings),
      failure,
    }),
    ...(settled === undefined ? [] : [settledFigure(findings, settled)]),
  ];
}

function memoryRemarks({ rest, residentAfterMiB, peakMiB, sizes = {} }: Findings): string[] {
  const after = residentAfterMiB === undefined ? '' : `, ${residentAfterMiB} MiB after everything`;
  const found = Object.entries(sizes).map(([kind, bytes]) => `${kind} ${bytes} bytes`);
  return [
    `${rest?.residentMiB ?? '?'} MiB at rest${after}; peak ${peakMiB ?? '?'} MiB`,
    ...(found.length === 0 ? [] : [`largest objects: ${found.join(', ')}`]),
  ];
}

function settledFigure(
  { count, failure }: Findings,
  settled: { finished: number; seconds: number },
) {
  return figure({
    measure: `${count.toLocaleString('en')} canaries at rest adopted after start`,
    kind: 'machine',
    value: settled.seconds,
    limit: 900,
    show: seconds,
    finished: [settled.finished, count],
    values: {},
    failure,
  });
}

function promotionFigures({ count, promotion, failure }: Findings): ClusterFigure[] {
  const at = `${count.toLocaleString('en')} at once`;
  const { promotionCpuSeconds, latenessMs } = limits[count] ?? {};
  const known = peer[count];
  const finished = [promotion?.finished ?? 0, count] as const;
  const late = promotion?.lateness;
  // One step has nothing to be late after.
  const steps = (stepWeights.length - 1) * count;
  const spread = promotion?.spread ?? [];
  return [
    figure({
      measure: `API requests per promotion of five steps, ${at}`,
      kind: 'count',
      value: promotion && promotion.requests.total / count,
      limit: requestsPerPromotion,
      show: number,
      finished,
      values: { requests: promotion?.requests.total ?? 0, queries: promotion?.queries ?? 0 },
      peer: known?.requestsPerPromotion,
      remarks: promotion === undefined ? [] : tallied(promotion.requests),
      failure,
    }),
    figure({
      measure: `CPU for all promotions, ${at}`,
      kind: 'machine',
      value: promotion?.cpuSeconds,
      limit: promotionCpuSeconds,
      show: seconds,
      finished,
      values: { seconds: promotion?.seconds ?? 0 },
      peer: known?.promotionCpu,
      remarks: promotion === undefined ? [] : [`in ${seconds(promotion.seconds)}`],
      failure,
    }),
    figure({
      measure: `lateness of a due step p99, ${at}`,
      kind: 'machine',
      value: late?.p99Ms,
      limit: latenessMs,
      show: fromMs,
      finished:
        late !== undefined && late.steps < steps ? [Math.floor(late.steps / 4), count] : finished,
      values: { p50Ms: late?.p50Ms ?? 0, steps: late?.steps ?? 0 },
      peer: known?.lateness,
      remarks: [
        `${late?.steps ?? 0} of ${steps} steps, median ${fromMs(late?.p50Ms ?? 0)}`,
        `first steps in each tenth of the interval: ${spread.join(', ')}`,
      ],
      failure,
    }),
  ];
}

function abortFigure({ count, aborts, failure }: Findings, threshold: number): ClusterFigure {
  const abort = aborts.find((each) => each.threshold === threshold);
  return figure({
    measure: `breaking answer → route at 0 p99, threshold ${threshold}, ${count.toLocaleString('en')} at once`,
    kind: 'machine',
    value: abort?.p99Ms,
    limit: limits[count]?.backAtZeroMs?.[threshold],
    show: fromMs,
    finished: [abort?.finished ?? 0, count],
    values: { p50Ms: abort?.p50Ms ?? 0 },
    ...(threshold === 5 ? { peer: peer[count]?.backAtZero } : {}),
    remarks: [
      `median ${fromMs(abort?.p50Ms ?? 0)}`,
      ...(abort === undefined
        ? []
        : [`${number(abort.requests.total / count)} requests per release`]),
    ],
    failure,
  });
}

function tallied({ total, lists, tally, unfinished }: Counted): string[] {
  const note = unfinished ? ['the operator still had something to do when they were counted'] : [];
  return total === 0 ? note : [`${total} requests, ${lists} of them lists`, ...tally, ...note];
}

/** What must hold on any machine: counts, and that every canary got there. */
export function failsAnywhere({ kind, reached, measured }: ClusterFigure): boolean {
  if (reached) return false;
  return kind === 'count' || /^missing|canaries\)$/.test(measured);
}
