import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';

import { respond, type PrometheusRequest } from '../../../src/sandbox/prometheus/http-api.ts';
import { SampleStore } from '../../../src/sandbox/prometheus/sample-store.ts';
import { askOurs, differences, storeOf } from './support/compare.ts';
import type { InputSeries } from './support/series.ts';

interface Recorded {
  readonly version: string;
  readonly answers: readonly {
    readonly query: string;
    readonly atMs: number;
    readonly status: number;
    readonly body: unknown;
  }[];
}

interface Exchange {
  readonly request: PrometheusRequest;
  readonly status: number;
  readonly contentType: string;
  readonly body: string;
}

const { series }: { series: readonly InputSeries[] } = read('series.json');
const { version, answers }: Recorded = read('answers.json');
const { exchanges }: { exchanges: readonly Exchange[] } = read('http.json');
const store = storeOf(series);

describe(`HTTP answers recorded from ${version}`, () => {
  it.each(exchanges)('gives the same for $request', ({ request, status, contentType, body }) => {
    const ours = respond(new SampleStore(), request, 0);
    expect(ours.status).toBe(status);
    if (request.method === 'HEAD') return;
    expect(ours.headers['content-type']).toBe(contentType);
    // What is not served is said in our own words.
    if (status === 404) return;
    if (contentType.startsWith('text/')) expect(ours.body).toBe(body);
    else expect(JSON.parse(ours.body)).toEqual(inAnyWords(JSON.parse(body)));
  });
});

describe(`answers recorded from ${version}`, () => {
  const byQuery = Map.groupBy(answers, ({ query }) => query);

  it.each([...byQuery])('gives the same for %j', (_query, recorded) => {
    const wrong = recorded.flatMap((real) =>
      differences(real, askOurs(store, real)).map((difference) => `at ${real.atMs}: ${difference}`),
    );
    expect(wrong).toEqual([]);
  });

  it('holds answers of every kind', () => {
    const kinds = Map.groupBy(answers, ({ body }) => kindOf(body));
    const counts = Object.fromEntries([...kinds].map(([kind, { length }]) => [kind, length]));
    expect(counts).toEqual({
      scalar: expect.toSatisfy((count: number) => count >= 20),
      string: expect.toSatisfy((count: number) => count >= 3),
      vector: expect.toSatisfy((count: number) => count >= 500),
      'empty vector': expect.toSatisfy((count: number) => count >= 100),
      matrix: expect.toSatisfy((count: number) => count >= 5),
      'empty matrix': expect.toSatisfy((count: number) => count >= 5),
      bad_data: expect.toSatisfy((count: number) => count >= 50),
      execution: expect.toSatisfy((count: number) => count >= 20),
    });
  });
});

/** An error's kind counts, not its text. */
function inAnyWords(answer: object): object {
  return 'error' in answer ? { ...answer, error: expect.any(String) } : answer;
}

function read(name: string) {
  const file = new URL(`../../fixtures/prometheus/${name}`, import.meta.url);
  return JSON.parse(readFileSync(file, 'utf8'));
}

function kindOf(body: unknown): string {
  const { data, errorType } = Object(body);
  if (data === undefined) return errorType;
  const isEmpty = data.resultType !== 'scalar' && data.result.length === 0;
  return isEmpty ? `empty ${data.resultType}` : data.resultType;
}
