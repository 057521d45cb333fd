import { describe, expect, it } from 'vitest';

import { evaluate } from '../../../src/sandbox/prometheus/promql/evaluate.ts';
import { SampleStore } from '../../../src/sandbox/prometheus/sample-store.ts';

const minuteMs = 60_000;

function valuesOf(store: SampleStore, query: string, atMs: number): readonly number[] {
  const result = evaluate(store, query, atMs);
  if (result.type !== 'vector') throw new Error(`not a vector: ${result.type}`);
  return result.samples.map(({ value }) => value);
}

describe('sample store', () => {
  it('takes a label without a value for no label', () => {
    const store = new SampleStore();
    store.append({ __name__: 'a', b: '' }, 1000, 1);
    store.append({ __name__: 'a' }, 2000, 2);
    expect(valuesOf(store, 'a', 2000)).toEqual([2]);
    expect(valuesOf(store, 'count_over_time(a[1m])', 2000)).toEqual([2]);
  });

  it('knows a series by its labels in any order', () => {
    const store = new SampleStore();
    store.append({ __name__: 'a', b: '1', c: '2' }, 1000, 1);
    store.append({ c: '2', __name__: 'a', b: '1' }, 2000, 2);
    expect(valuesOf(store, 'a', 2000)).toEqual([2]);
  });

  it('tells apart label sets whose texts run together', () => {
    const store = new SampleStore();
    store.append({ __name__: 'a', b: '1","c","2' }, 1000, 1);
    store.append({ __name__: 'a', b: '1', c: '2' }, 1000, 2);
    expect(valuesOf(store, 'a', 1000)).toHaveLength(2);
  });

  it('keeps labels with names that JavaScript objects have, too', () => {
    const store = new SampleStore();
    store.append({ __name__: 'a', ['__proto__']: 'x', constructor: 'y' }, 1000, 1);
    expect(valuesOf(store, 'a{__proto__="x", constructor="y"}', 1000)).toEqual([1]);
    expect(valuesOf(store, 'a{toString!=""}', 1000)).toEqual([]);
  });

  it('does not let history change', () => {
    const store = new SampleStore();
    expect(store.append({ __name__: 'a' }, 2000, 1)).toBe(true);
    expect(store.append({ __name__: 'a' }, 2000, 7)).toBe(false);
    expect(store.append({ __name__: 'a' }, 1000, 7)).toBe(false);
    expect(valuesOf(store, 'a', 2000)).toEqual([1]);
  });

  it('ends a series until its next sample', () => {
    const store = new SampleStore();
    store.append({ __name__: 'a' }, 1000, 1);
    store.markStale({ __name__: 'a' }, 2000);
    expect(valuesOf(store, 'a', 1999)).toEqual([1]);
    expect(valuesOf(store, 'a', 2000)).toEqual([]);
    expect(valuesOf(store, 'count_over_time(a[1m])', 3000)).toEqual([1]);
    store.append({ __name__: 'a' }, 4000, 3);
    expect(valuesOf(store, 'a', 4000)).toEqual([3]);
  });

  it('forgets what is older than asked, and empty series with it', () => {
    const store = new SampleStore();
    store.append({ __name__: 'old' }, 1000, 1);
    store.append({ __name__: 'new' }, 1000, 1);
    store.append({ __name__: 'new' }, minuteMs, 2);
    store.dropBefore(minuteMs);
    expect(store.select([])).toEqual([
      { labels: new Map([['__name__', 'new']]), samples: [expect.objectContaining({ value: 2 })] },
    ]);
  });
});

describe('the built-in success rate', () => {
  const name = 'http_request_duration_seconds_count';
  const rate = (more: string) => `sum(rate(${name}{app="a"${more}}[1m]))`;
  const plain = `${rate(',status!~"5.*"')} / ${rate('')} * 100`;
  const withFallback = `(${rate(',status!~"5.*"')} or 0 * ${rate('')}) / ${rate('')} * 100`;

  function storeWith(counts: Readonly<Record<string, (index: number) => number>>): SampleStore {
    const store = new SampleStore();
    for (const [status, countAt] of Object.entries(counts)) {
      for (let index = 0; index <= 12; index += 1) {
        store.append({ __name__: name, app: 'a', status }, index * 5000, countAt(index));
      }
    }
    return store;
  }

  it('is the share of requests that did not fail', () => {
    const store = storeWith({ 200: (index) => index * 9, 500: (index) => index });
    expect(valuesOf(store, plain, minuteMs)).toEqual([expect.closeTo(90, 9)]);
  });

  it('is empty when all fail, and zero with the fallback', () => {
    const store = storeWith({ 500: (index) => index });
    expect(valuesOf(store, plain, minuteMs)).toEqual([]);
    expect(valuesOf(store, withFallback, minuteMs)).toEqual([0]);
  });

  it('is NaN without traffic, with or without the fallback', () => {
    const store = storeWith({ 200: () => 100 });
    expect(valuesOf(store, plain, minuteMs)).toEqual([Number.NaN]);
    expect(valuesOf(store, withFallback, minuteMs)).toEqual([Number.NaN]);
  });

  it('is empty without any series, with or without the fallback', () => {
    expect(valuesOf(new SampleStore(), plain, minuteMs)).toEqual([]);
    expect(valuesOf(new SampleStore(), withFallback, minuteMs)).toEqual([]);
  });
});
