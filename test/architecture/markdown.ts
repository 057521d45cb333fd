/**
 * Reads the written pages: their links, code blocks and tables that come from the code.
 *
 * A table between `<!-- table:NAME -->` and `<!-- /table -->` is made by the generator of that name.
 */

import { globSync } from 'node:fs';

/** Every written page of the repository. */
export function pages(): readonly string[] {
  return [...globSync('*.md'), ...globSync('{docs,examples,deploy}/**/*.md')].sort();
}

/** One fenced block: the language after the fence, and the text inside. */
export interface Block {
  readonly language: string;
  readonly text: string;
}

export function blocksOf(markdown: string): readonly Block[] {
  return [...markdown.matchAll(/^```(\w*)[^\n]*\n(.*?)^```$/gms)].map(
    ([, language = '', text = '']) => ({ language, text }),
  );
}

/** Targets of links and images, those inside of code left out. */
export function linksOf(markdown: string): readonly string[] {
  const prose = markdown.replace(/^```.*?^```$/gms, '').replace(/`[^`\n]*`/g, 'code');
  return [...prose.matchAll(/\]\(([^()\s]+)\)/g)].map(([, target = '']) => target);
}

/** The names under which headings can be linked to. */
export function anchorsOf(markdown: string): readonly string[] {
  const prose = markdown.replace(/^```.*?^```$/gms, '');
  return [...prose.matchAll(/^#+ (.*)$/gm)].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N}\s_-]/gu, '')
      .trim()
      .replaceAll(/\s/g, '-'),
  );
}

/** A Markdown table; bars inside of cells are escaped. */
export function tableOf(head: readonly string[], rows: readonly (readonly string[])[]): string {
  return [lineOf(head), `|${'---|'.repeat(head.length)}`, ...rows.map(lineOf)].join('\n');
}

function lineOf(cells: readonly string[]): string {
  return `| ${cells.map((cell) => cell.replaceAll('|', '\\|').replaceAll('\n', ' ')).join(' | ')} |`;
}

/** The rows of every table whose first column has this head: the texts of their cells. */
export function rowsUnder(markdown: string, head: string): readonly (readonly string[])[] {
  const rows: (readonly string[])[] = [];
  let inside = false;
  for (const line of markdown.split('\n')) {
    if (!line.startsWith('|')) inside = false;
    else if (inside && !/^\|[-|: ]+$/.test(line)) rows.push(cellsOf(line));
    else if (cellsOf(line)[0] === head) inside = true;
  }
  return rows;
}

function cellsOf(line: string): readonly string[] {
  return line
    .replace(/^\||\|$/g, '')
    .split(/(?<!\\)\|/)
    .map((cell) => cell.trim());
}

/** Makes the tables of a page: a name and what it has to hold now. */
export type TableGenerators = Readonly<Record<string, () => string>>;

const marked = /<!-- table:([\w-]+) -->\n(.*?)<!-- \/table -->/gs;

/** The names of the tables that a page marks. */
export function tablesIn(markdown: string): readonly string[] {
  return [...markdown.matchAll(marked)].map(([, name = '']) => name);
}

/** The page with its marked tables made anew. Throws when one has no generator. */
export function withTables(markdown: string, generators: TableGenerators): string {
  return markdown.replaceAll(marked, (_whole, name: string) => {
    const generate = generators[name];
    if (generate === undefined) throw new Error(`no generator for table "${name}"`);
    return `<!-- table:${name} -->\n${generate()}\n<!-- /table -->`;
  });
}
