/** Asks all targets for their metrics, again and again. */
import { setTimeout as sleep } from 'node:timers/promises';
import { request } from 'undici';

import { keyOf, labelsOf } from './labels.ts';
import type { SampleStore } from './sample-store.ts';
import { TargetHistory } from './target-history.ts';
import { parseTextFormat, TextFormatError, type ExposedSample } from './text-format.ts';

export interface ScrapeTarget {
  readonly url: string;
  readonly labels: Readonly<Record<string, string>>;
}

interface Options {
  readonly store: SampleStore;
  /** Asked before every round, so that targets may come and go. */
  readonly targets: () => readonly ScrapeTarget[];
  readonly scrapeIntervalMs: number;
  readonly retentionMs: number;
}

/** On a busy machine a target that is well may need longer than a demo's short interval. */
const shortestTimeoutMs = 1000;
const largestAnswerBytes = 16 << 20;

/** Runs until aborted. A round that takes longer than the interval is followed by the next at once. */
export async function scrapeForever(options: Options, signal: AbortSignal): Promise<void> {
  const histories = new Map<string, TargetHistory>();
  while (!signal.aborted) {
    const startedMs = Date.now();
    await scrapeRound(options, histories, signal);
    options.store.dropBefore(startedMs - options.retentionMs);
    const restMs = startedMs + options.scrapeIntervalMs - Date.now();
    await sleep(Math.max(0, restMs), undefined, { signal }).catch(() => undefined);
  }
}

async function scrapeRound(
  { store, targets, scrapeIntervalMs }: Options,
  histories: Map<string, TargetHistory>,
  signal: AbortSignal,
): Promise<void> {
  const current = new Map(
    targets().map((target) => {
      const named = { ...target, labels: withInstance(target) };
      return [`${target.url} ${keyOf(labelsOf(Object.entries(named.labels)))}`, named];
    }),
  );
  for (const [key, history] of histories) {
    if (current.has(key)) continue;
    history.end(Date.now());
    histories.delete(key);
  }
  const timeoutMs = Math.max(scrapeIntervalMs, shortestTimeoutMs);
  const deadline = AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]);
  await Promise.all(
    [...current].map(async ([key, { url, labels }]) => {
      const history = histories.get(key) ?? new TargetHistory(store, labels);
      histories.set(key, history);
      const startedMs = Date.now();
      const samples = await scrape(url, deadline);
      if (signal.aborted) return;
      if (samples === undefined) history.fail(startedMs);
      else history.succeed(samples, startedMs);
    }),
  );
}

/** Prometheus gives every target its address as `instance`, unless it was given one. */
function withInstance({ url, labels }: ScrapeTarget): Readonly<Record<string, string>> {
  return { instance: new URL(url).host, ...labels };
}

/** `undefined`: no answer, not a 200, too long, or not the text format. All of them mean `up` is 0. */
async function scrape(
  url: string,
  signal: AbortSignal,
): Promise<readonly ExposedSample[] | undefined> {
  try {
    const headers = { accept: 'text/plain;version=0.0.4' };
    const { statusCode, body } = await request(url, { signal, headers });
    const text = await readLimited(body);
    return statusCode === 200 && text !== undefined ? parseTextFormat(text) : undefined;
  } catch (error) {
    if (error instanceof TextFormatError || isTransportError(error)) return undefined;
    throw error;
  }
}

async function readLimited(body: AsyncIterable<Uint8Array>): Promise<string | undefined> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of body) {
    bytes += chunk.length;
    if (bytes > largestAnswerBytes) return undefined;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

/** Refused and reset connections, time-outs, and our own aborts carry a code or an abort's name. */
function isTransportError(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  return 'code' in error || error.name === 'AbortError' || error.name === 'TimeoutError';
}
