/** Compares two answers of Prometheus' HTTP interface as a reader of them would. */
import { respond } from '../../../../src/sandbox/prometheus/http-api.ts';
import { SampleStore } from '../../../../src/sandbox/prometheus/sample-store.ts';
import type { Question } from './queries.ts';
import type { Answer } from './real-prometheus.ts';
import { epochMs, sampleValue, type InputSeries } from './series.ts';

export function storeOf(series: readonly InputSeries[]): SampleStore {
  const store = new SampleStore();
  for (const { labels, samples } of series) {
    for (const [afterMs, text] of samples) {
      if (text === 'stale') store.markStale(labels, epochMs + afterMs);
      else store.append(labels, epochMs + afterMs, sampleValue(text));
    }
  }
  return store;
}

export function askOurs(store: SampleStore, { query, atMs }: Question): Answer {
  const path = `/api/v1/query?${new URLSearchParams({ query, time: String(atMs / 1000) }).toString()}`;
  const { status, body } = respond(store, { method: 'GET', path }, 0);
  return { status, body: JSON.parse(body) };
}

/** A short text for each thing that differs; numbers may differ in the tenth digit, words in nothing but the error's message. */
export function differences(real: Answer, ours: Answer): readonly string[] {
  const found: string[] = [];
  compare(readable(real.body), readable(ours.body), '', found);
  return real.status === ours.status ? found : [`status ${real.status} ≠ ${ours.status}`, ...found];
}

type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };

/** The order of series has no meaning, and every error has its own words. */
function readable(body: unknown): Json {
  const copy: { status?: string; error?: Json; data?: { result?: Json; series?: number } } & {
    [key: string]: Json;
  } = JSON.parse(JSON.stringify(body));
  if (copy.error !== undefined) copy.error = '…';
  const result = copy.data?.result;
  if (copy.data !== undefined && Array.isArray(result) && typeof result[0] === 'object') {
    copy.data.series = result.length;
    copy.data.result = Object.fromEntries(result.map((one) => [identity(one), one]));
  }
  return copy;
}

function identity(element: Json): string {
  const { metric = null } = Object(element);
  return JSON.stringify(Object.entries(Object(metric)).sort(([a], [b]) => (a < b ? -1 : 1)));
}

function compare(real: Json, ours: Json, where: string, found: string[]): void {
  if (typeof real === 'string' && typeof ours === 'string' && isClose(real, ours)) return;
  if (typeof real === 'object' && real !== null && typeof ours === 'object' && ours !== null) {
    const keys = new Set([...Object.keys(real), ...Object.keys(ours)]);
    for (const key of keys) compare(part(real, key), part(ours, key), `${where}/${key}`, found);
  } else if (real !== ours) {
    found.push(`${where}: ${JSON.stringify(real)} ≠ ${JSON.stringify(ours)}`);
  }
}

function part(whole: Json, key: string): Json {
  return Object(whole)[key] ?? null;
}

const finite = /^-?\d+(\.\d+)?(e[+-]\d+)?$/;

/** Equal numbers must be written alike; others may differ by one part in a thousand million. */
function isClose(real: string, ours: string): boolean {
  if (!finite.test(real) || !finite.test(ours) || Number(real) === Number(ours))
    return real === ours;
  const scale = Math.max(Math.abs(Number(real)), Math.abs(Number(ours)));
  return Math.abs(Number(real) - Number(ours)) <= scale * 1e-9;
}
