import { describe, expect, it } from 'vitest';

import { evaluate } from '../../../src/sandbox/prometheus/promql/evaluate.ts';
import { SampleStore } from '../../../src/sandbox/prometheus/sample-store.ts';
import { TargetHistory } from '../../../src/sandbox/prometheus/target-history.ts';
import { parseTextFormat } from '../../../src/sandbox/prometheus/text-format.ts';

describe('text format', () => {
  it('reads names, labels, values and times', () => {
    const text = [
      '# HELP a What a is.',
      '# TYPE a counter',
      'a{b="c",d="e\\"f\\\\g\\nh"} 1.5 1700000000123',
      '',
      'a NaN',
      'latency_bucket{le="+Inf"} +Inf',
    ].join('\n');
    expect(parseTextFormat(text)).toEqual([
      { labels: { __name__: 'a', b: 'c', d: 'e"f\\g\nh' }, value: 1.5, tMs: 1_700_000_000_123 },
      { labels: { __name__: 'a' }, value: Number.NaN },
      { labels: { __name__: 'latency_bucket', le: '+Inf' }, value: Infinity },
    ]);
  });

  it.each([
    ['a 1\nb{c="d} 2\n', 'line 2: expected a quoted value'],
    ['a\n', 'line 1: expected a value'],
    ['a one\n', 'line 1: expected a number'],
    ['a 1 2 3\n', 'line 1: expected the end of the line'],
    ['a{b="c",b="d"} 1\n', 'line 1: expected label b only once'],
    ['# TYPE a strange\n', 'expected a known metric type'],
    ['<html></html>\n', 'line 1: expected a metric name'],
  ])('refuses %j and says where', (text, message) => {
    expect(() => parseTextFormat(text)).toThrow(message);
  });
});

function scraped() {
  const store = new SampleStore();
  const target = new TargetHistory(store, { job: 'demo', instance: 'pod-1' });
  return {
    target,
    show: (text: string, tMs: number) => target.succeed(parseTextFormat(text), tMs),
    seen: (query: string, atMs: number) => {
      const result = evaluate(store, query, atMs);
      if (result.type !== 'vector') throw new Error(`not a vector: ${result.type}`);
      return result.samples.map(({ labels, value }) => ({
        ...Object.fromEntries(labels),
        value,
      }));
    },
  };
}

describe('target history', () => {
  const whose = { job: 'demo', instance: 'pod-1' };

  it('says that the target is up, and gives its labels to all series', () => {
    const { show, seen } = scraped();
    show('a{b="c"} 5\n', 1000);
    expect(seen('a', 1000)).toEqual([{ __name__: 'a', b: 'c', ...whose, value: 5 }]);
    expect(seen('up', 1000)).toEqual([{ __name__: 'up', ...whose, value: 1 }]);
  });

  it('keeps a label of the same name beside the one of the target', () => {
    const { show, seen } = scraped();
    show('a{job="mine"} 5\n', 1000);
    expect(seen('a', 1000)).toEqual([{ __name__: 'a', ...whose, exported_job: 'mine', value: 5 }]);
  });

  it('ends a series that the target no longer shows', () => {
    const { show, seen } = scraped();
    show('a 1\nb 2\n', 1000);
    show('a 3\n', 2000);
    expect(seen('{job="demo", __name__!="up"}', 2000)).toMatchObject([{ __name__: 'a', value: 3 }]);
    expect(seen('b', 1999)).toMatchObject([{ value: 2 }]);
    show('a 4\nb 9\n', 3000);
    expect(seen('b', 3000)).toMatchObject([{ value: 9 }]);
  });

  it('ends all series when the target does not answer, and says that it is down', () => {
    const { target, show, seen } = scraped();
    show('a 1\n', 1000);
    target.fail(2000);
    expect(seen('a', 2000)).toEqual([]);
    expect(seen('up', 2000)).toMatchObject([{ value: 0 }]);
  });

  it('ends all series, up among them, when the target is gone', () => {
    const { target, show, seen } = scraped();
    show('a 1\n', 1000);
    target.end(2000);
    expect(seen('{job="demo"}', 2000)).toEqual([]);
  });

  it('does not end a series that brings its own time', () => {
    const { show, seen } = scraped();
    show('a 1 900\n', 1000);
    show('', 2000);
    expect(seen('a', 2000)).toMatchObject([{ value: 1 }]);
  });
});
