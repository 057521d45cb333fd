import { globSync, readFileSync } from 'node:fs';

import { describe, expect, it } from 'vitest';

import { areStrangers, isAllowed, layerOf, mayImport, pureLayers } from './layers.ts';
import { cycleIn, fileOf, importsOf, impuritiesOf, packageOf } from './source.ts';

interface Source {
  readonly file: string;
  readonly text: string;
}

const sources: readonly Source[] = globSync('src/**/*.ts')
  .sort()
  .map((file) => ({ file, text: readFileSync(file, 'utf8') }));

/** Imports that the table does not allow, each with the layer that may not have it. */
function forbiddenIn({ file, text }: Source): readonly string[] {
  const layer = layerOf(file);
  if (layer === undefined || !(layer in mayImport)) return [`${file}: layer ${layer} has no rules`];
  return importsOf(file, text).flatMap(({ specifier, typeOnly }) => {
    const imported = fileOf(file, specifier);
    const target = imported === undefined ? packageOf(specifier) : (layerOf(imported) ?? imported);
    return isAllowed(layer, target, typeOnly)
      ? []
      : [`${file}: ${layer} may not import ${specifier}${typeOnly ? ' (types)' : ''}`];
  });
}

function acquaintancesIn({ file, text }: Source): readonly string[] {
  return importsOf(file, text).flatMap(({ specifier }) => {
    const imported = fileOf(file, specifier);
    return imported !== undefined && areStrangers(file, imported)
      ? [`${file} knows its neighbour ${specifier}`]
      : [];
  });
}

function impurityIn({ file, text }: Source): readonly string[] {
  const layer = layerOf(file);
  if (layer === undefined || !pureLayers.includes(layer)) return [];
  const fromCrypto = importsOf(file, text)
    .filter(({ specifier, typeOnly }) => specifier === 'node:crypto' && !typeOnly)
    .flatMap(({ names }) => (names.join() === 'createHash' ? [] : ['more than createHash']));
  return [...impuritiesOf(file, text), ...fromCrypto].map((what) => `${file}: uses ${what}`);
}

function graphOf(all: readonly Source[]): ReadonlyMap<string, readonly string[]> {
  const targets = ({ file, text }: Source) =>
    importsOf(file, text).flatMap(({ specifier, typeOnly }) => {
      const imported = fileOf(file, specifier);
      return imported === undefined || typeOnly ? [] : [imported];
    });
  return new Map(all.map((source) => [source.file, targets(source)]));
}

describe('the sources', () => {
  it('are found', () => {
    expect(sources.map(({ file }) => file)).toContain('src/main.ts');
  });

  it('import only what their layer may', () => {
    expect(sources.flatMap(forbiddenIn)).toEqual([]);
  });

  it('do not know their neighbours where adapters are strangers', () => {
    expect(sources.flatMap(acquaintancesIn)).toEqual([]);
  });

  it('read no clock, draw no number and reach nothing outside where they are pure', () => {
    expect(sources.flatMap(impurityIn)).toEqual([]);
  });

  it('import each other in no circle', () => {
    expect(cycleIn(graphOf(sources))).toBeUndefined();
  });
});

function planted(file: string, text: string): Source {
  return { file, text };
}

describe('the import rules', () => {
  it.each([
    ['a package', 'src/core/decide.ts', `import { z } from 'zod';`],
    ['a layer above', 'src/core/decide.ts', `import { act } from '../controller/act.ts';`],
    [
      'a value where only types may pass',
      'src/ports/clock.ts',
      `import { x } from '../core/x.ts';`,
    ],
    ['a re-export', 'src/api/canary.ts', `export { decide } from '../core/decide.ts';`],
    ['a re-export of everything', 'src/api/canary.ts', `export * from '../core/decide.ts';`],
    ['an import at run time', 'src/core/decide.ts', `const fs = await import('node:fs');`],
    ['an import that cannot be read', 'src/core/decide.ts', `await import(name);`],
    ['a type that is imported in place', 'src/api/a.ts', `let x: import('../core/x.ts').X;`],
    ['a file outside of the sources', 'src/core/a.ts', `import x from '../../package.json';`],
    ['the operator in the sandbox', 'src/sandbox/a.ts', `import { x } from '../core/x.ts';`],
    ['the sandbox in the operator', 'src/operator.ts', `import { x } from './sandbox/x.ts';`],
    ['a layer nobody has heard of', 'src/utils/a.ts', `export const a = 1;`],
  ])('find %s', (_what, file, text) => {
    expect(forbiddenIn(planted(file, text))).toEqual([expect.stringContaining(`${file}: `)]);
  });

  it('let pass what the table allows', () => {
    const text = `
      import type { Sample } from '../../core/analysis.ts';
      import { UnavailableError } from '../../errors.ts';
      import { PrometheusDriver } from 'prometheus-query';
      import https from 'node:https';`;
    expect(forbiddenIn(planted('src/adapters/metrics/prometheus.ts', text))).toEqual([]);
  });

  it('find an adapter that knows its neighbour', () => {
    const text = `import { prometheus } from './prometheus.ts';`;
    expect(acquaintancesIn(planted('src/adapters/metrics/datadog.ts', text))).toHaveLength(1);
    const fromBelow = `import { prometheus } from '../prometheus.ts';`;
    const below = planted('src/adapters/metrics/datadog/query.ts', fromBelow);
    expect(acquaintancesIn(below)).toHaveLength(1);
    expect(acquaintancesIn(planted('src/adapters/metrics/registry.ts', text))).toEqual([]);
  });

  it('let an adapter know its own parts', () => {
    const text = `
      import { options } from './prometheus-options.ts';
      import { query } from './prometheus/query.ts';`;
    expect(acquaintancesIn(planted('src/adapters/metrics/prometheus.ts', text))).toEqual([]);
  });

  it.each([
    'const now = Date.now();',
    'const now = new Date();',
    'const now = Date();',
    'const luck = Math.random();',
    "const luck = Math['random']();",
    'setTimeout(() => {}, 1);',
    'await fetch(url);',
    'const settings = { process };',
    "import { createHash, randomUUID } from 'node:crypto';",
    "import * as everything from 'node:crypto';",
  ])('find the impurity in: %s', (text) => {
    expect(impurityIn(planted('src/core/decide.ts', text))).toHaveLength(1);
  });

  it('call pure what only looks like an impurity', () => {
    const text = `
      import { createHash } from 'node:crypto';
      const at = new Date(now).toISOString();
      const parsed = Date.parse(text);
      const phase = { process: 1, fetch: 2 }.process;
      const low = Math.min(1, 2);`;
    expect(impurityIn(planted('src/core/decide.ts', text))).toEqual([]);
  });

  it('find a circle', () => {
    const circle = [
      planted('src/core/a.ts', `import { b } from './b.ts';`),
      planted('src/core/b.ts', `import { c } from './c.ts';`),
      planted('src/core/c.ts', `import { a } from './a.ts';`),
    ];
    expect(cycleIn(graphOf(circle))).toEqual([
      'src/core/a.ts',
      'src/core/b.ts',
      'src/core/c.ts',
      'src/core/a.ts',
    ]);
  });
});
