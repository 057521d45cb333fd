import { existsSync, globSync, readdirSync, readFileSync } from 'node:fs';

import { describe, expect, it } from 'vitest';

import manifest from '../../package.json' with { type: 'json' };
import { settingsTable } from '../../src/config.ts';
import { loggedFieldsIn } from './log-fields.ts';
import { blocksOf, pages, rowsUnder } from './markdown.ts';

const read = (page: string) => readFileSync(page, 'utf8');
const readme = read('README.md');
const written = pages().filter((page) => !page.startsWith('docs/reference/'));

/** Texts in backticks, those of code blocks left out. */
function codeIn(markdown: string): readonly string[] {
  const prose = markdown.replace(/^```.*?^```$/gms, '');
  return [...prose.matchAll(/`([^`\n]+)`/g)].map(([, text = '']) => text);
}

function first(pattern: RegExp, text: string): string {
  return pattern.exec(text)?.[1] ?? 'not found';
}

describe('the log', () => {
  it('has every field explained in docs/operations.md, and no other', () => {
    const rows = rowsUnder(read('docs/operations.md'), 'Field');
    const explained = rows.flatMap(([names = '']) => codeIn(names)).sort();
    expect(explained).toEqual([...loggedFieldsIn('src/{controller,adapters,operator.ts}')].sort());
  });
});

describe.each(written)('%s', (page) => {
  const texts = codeIn(read(page));

  it('names flags of the operator that exist', () => {
    const flags: readonly string[] = Object.values(settingsTable).map(({ flag }) => flag);
    const named = texts.flatMap((text) => /^--([a-z-]+)(=\S*)?$/.exec(text)?.[1] ?? []);
    expect(named.filter((flag) => !flags.includes(flag))).toEqual([]);
  });

  it('names files that exist', () => {
    const named = texts.filter((text) =>
      /^(src|test|deploy|crds|docs|examples|bin)\/\S+$/.test(text),
    );
    const missing = named.filter((file) => globSync(file).length === 0 && !existsSync(file));
    expect(missing).toEqual([]);
  });
});

describe('the README', () => {
  it('has the sections that people look for, in their order', () => {
    expect([...readme.matchAll(/^## (.*)$/gm)].map(([, heading]) => heading)).toEqual([
      'See it work',
      'A Canary',
      'What happens',
      'What it works with',
      'Install',
      'Settings',
      'The resource',
      'Running it',
      'Developing',
      'Versions',
      'Licence',
    ]);
  });

  it('shows the output of the demo', () => {
    const shown = first(/<!-- demo:begin -->(.*)<!-- demo:end -->/s, readme);
    expect(shown).toMatch(/^promoted +\S+ /m);
    expect(shown).toMatch(/^aborted +\S+ /m);
  });

  it('lays out every folder of the sources', () => {
    const layout = blocksOf(readme).find(({ text }) => text.includes('src/core'))?.text ?? '';
    const folders = readdirSync('src', { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map(({ name }) => `src/${name}`);
    expect(folders.filter((folder) => !layout.includes(`${folder} `))).toEqual([]);
  });

  it('names the versions that are used', () => {
    const node = first(/>=(\d+)/, manifest.engines.node);
    const kubectl = first(/VERSION = '([\d.]+)'/, read('test/support/kubectl.ts'));
    const answers = read('test/fixtures/prometheus/answers.json').slice(0, 200);
    expect(readme).toContain(`the scripts on ${node} or newer`);
    expect(readme).toContain(`else ${kubectl};`);
    expect(readme).toContain(`Prometheus ${first(/version ([\d.]+)/, answers)},`);
    const components = read('test/cluster/components/go.mod');
    const kubernetes = first(/k8s\.io\/kubernetes v([\d.]+)/, components);
    const etcd = first(/etcd\/server\/v3 v([\d.]+)/, components);
    expect(readme).toContain(`Kubernetes ${kubernetes} with etcd ${etcd};`);
  });
});
