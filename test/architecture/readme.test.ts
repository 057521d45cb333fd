import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';

import { describe, expect, it } from 'vitest';
import { parseAllDocuments } from 'yaml';

import manifest from '../../package.json' with { type: 'json' };
import {
  anchorsOf,
  blocksOf,
  linksOf,
  pages as allPages,
  rowsUnder,
  tableOf,
  tablesIn,
  withTables,
} from './markdown.ts';
import { tables } from './tables.ts';

const pages = allPages();
const read = (page: string) => readFileSync(page, 'utf8');

describe('the written pages', () => {
  it.each(pages)('%s has its tables from the code (npm run generate)', (page) => {
    expect(read(page)).toBe(withTables(read(page), tables));
  });

  it('show every table that the code makes', () => {
    const shown = new Set(pages.flatMap((page) => tablesIn(read(page))));
    expect(Object.keys(tables).filter((name) => !shown.has(name))).toEqual([]);
  });
});

describe.each(pages)('%s', (page) => {
  const text = read(page);

  it('links to what exists', () => {
    const broken = linksOf(text).filter((link) => {
      if (/^(https?|mailto):/.test(link)) return false;
      const [file = '', anchor] = link.split('#');
      const target = file === '' ? page : path.join(path.dirname(page), file);
      if (!existsSync(target)) return true;
      return anchor !== undefined && !anchorsOf(read(target)).includes(anchor);
    });
    expect(broken).toEqual([]);
  });

  it('shows YAML that can be read', () => {
    const problems = blocksOf(text)
      .filter(({ language }) => /^ya?ml$/.test(language))
      .flatMap((block) => [...parseAllDocuments(block.text)])
      .flatMap(({ errors }) => errors.map(({ message }) => message));
    expect(problems).toEqual([]);
  });

  it('names npm scripts that exist', () => {
    const named = [...text.matchAll(/\bnpm run (?:--silent )?([\w:-]+)/g)].map(([, name]) => name);
    expect(named.filter((name) => name === undefined || !(name in manifest.scripts))).toEqual([]);
  });
});

describe('the reader of pages', () => {
  it('finds links, but not those in code', () => {
    const text = 'see [a](a.md), [`b`](b.md#c) and `[c](c.md)`\n\n```\n[d](d.md)\n```\n';
    expect(linksOf(text)).toEqual(['a.md', 'b.md#c']);
  });

  it('finds the names of headings', () => {
    expect(anchorsOf('# One `serin`, two\n```\n# not one\n```\n## Why?\n')).toEqual([
      'one-serin-two',
      'why',
    ]);
  });

  it('makes marked tables anew and leaves the rest alone', () => {
    const page = 'before\n<!-- table:a -->\nold\n<!-- /table -->\nafter\n';
    const table = tableOf(['Name', 'Means'], [['x', 'a|b']]);
    expect(withTables(page, { a: () => table })).toBe(
      'before\n<!-- table:a -->\n| Name | Means |\n|---|---|\n| x | a\\|b |\n<!-- /table -->\nafter\n',
    );
    expect(() => withTables(page, {})).toThrow('no generator for table "a"');
  });

  it('finds the rows of a table by its head', () => {
    const page = '| A | B |\n|---|---|\n| `x` | a\\|b |\n\n| B | A |\n|---|---|\n| no | no |\n';
    expect(rowsUnder(page, 'A')).toEqual([['`x`', 'a\\|b']]);
  });
});
