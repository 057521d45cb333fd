import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parseAllDocuments } from 'yaml';

import { check } from '../../../src/sandbox/prometheus/promql/check.ts';
import { evaluate } from '../../../src/sandbox/prometheus/promql/evaluate.ts';
import { parse } from '../../../src/sandbox/prometheus/promql/parse.ts';
import { SampleStore } from '../../../src/sandbox/prometheus/sample-store.ts';

function refusal(query: string): unknown {
  try {
    return evaluate(new SampleStore(), query, 0);
  } catch (error) {
    return error;
  }
}

describe('what the embedded Prometheus does not have', () => {
  it.each([
    ['a[5m:1m]', '1:1: parse error: subquery is not supported: a[5m:1m]'],
    ['max_over_time(rate(a[1m])[5m:])', 'subquery is not supported'],
    ['deriv(a[5m])', 'function is not supported: deriv'],
    ['sum(\n  quantile_over_time(0.9, a[5m])\n)', '2:3: parse error: function is not supported'],
    ['stddev(a)', 'aggregation operator is not supported: stddev'],
    ['count_values("v", a)', 'aggregation operator is not supported: count_values'],
    ['quantile(0.9, a)', 'aggregation operator is not supported: quantile'],
    ['a atan2 b', 'operator is not supported: atan2'],
    ['a + fill(0) b', 'fill modifier is not supported: fill(0)'],
    ['{"a.b"}', 'quoted name is not supported: "a.b"'],
    ['sum by ("a.b") (a)', 'quoted name is not supported: "a.b"'],
    ['rate(a[5m] anchored)', 'anchored modifier is not supported'],
    ['rate(a[1m + 1m])', 'bad or unsupported duration: 1m + 1m'],
    ['rate(a[300])', 'bad or unsupported duration: 300'],
    ['1h', 'bad number or duration syntax: 1h'],
    ['a{b=~"[[:alpha:]]"}', 'unsupported class'],
    ['a{b=~"\\\\pL"}', 'invalid escape sequence: `\\p`'],
    ['a{b=~"a(?i)b"}', 'invalid or unsupported group'],
  ])('is refused by name: %s', (query, words) => {
    expect(refusal(query)).toMatchObject({
      name: 'QueryError',
      errorType: 'bad_data',
      message: expect.stringContaining(words),
    });
  });
});

describe('vectors that do not fit together', () => {
  const store = new SampleStore();
  for (const b of ['1', '2']) store.append({ __name__: 'many', a: 'x', b }, 0, 1);
  store.append({ __name__: 'one', a: 'x', b: '3' }, 0, 1);

  it.each([
    ['many + on(a) one', 'many-to-one matching must be explicit (group_left/group_right)'],
    ['one + on(a) many', '[many{a="x", b="2"}, many{a="x", b="1"}]'],
    ['many + on(a) group_left(b) one', 'grouping labels must ensure unique matches'],
    ['label_replace(many, "b", "", "b", ".*")', 'metrics with the same labelset'],
  ])('are refused, and it says why: %s', (query, words) => {
    expect(() => evaluate(store, query, 0)).toThrow(
      expect.objectContaining({
        errorType: 'execution',
        message: expect.stringContaining(words),
      }),
    );
  });
});

const examples = new URL('../../../../shared/testdata/flagger-examples/', import.meta.url);
const here = existsSync(examples);
const reason = here ? '' : ' (skipped: ../shared is not here)';

describe.skipIf(!here)(`queries of Flagger's examples${reason}`, () => {
  const queries = here ? prometheusQueries() : [];

  it('there are some', () => expect(queries.length).toBeGreaterThan(10));

  it.each(queries)('are understood: %s', (query) => {
    // One example lacks a comma; Prometheus does not understand it either.
    const broken = /"\s+status!=/.test(query);
    const understand = () => check(query, parse(query));
    if (broken) expect(understand).toThrow('parse error');
    else expect(['vector', 'scalar']).toContain(understand());
  });
});

function prometheusQueries(): readonly string[] {
  const files = readdirSync(examples).filter((name) => name.endsWith('.yaml'));
  const objects = files.flatMap((name) =>
    parseAllDocuments(readFileSync(new URL(name, examples), 'utf8')).map((document) =>
      Object(document.toJS()),
    ),
  );
  const templates = objects
    .filter(({ kind, spec }) => kind === 'MetricTemplate' && spec?.provider?.type === 'prometheus')
    .map(({ spec }) => spec.query);
  const inline = objects
    .filter(({ kind }) => kind === 'Canary')
    .flatMap(({ spec }) => (spec?.analysis ?? spec?.canaryAnalysis)?.metrics ?? [])
    .map(({ query }) => query);
  const written = [...templates, ...inline].filter((query) => typeof query === 'string');
  return [...new Set(written.map(rendered))];
}

function rendered(template: string): string {
  return template.replaceAll(/\{\{\s*interval\s*\}\}/g, '1m').replaceAll(/\{\{[^}]*\}\}/g, 'x');
}
