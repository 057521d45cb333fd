/** Fills the tables of the written pages that are made from the code; part of `npm run generate`. */
import { readFileSync, writeFileSync } from 'node:fs';

import { pages, withTables } from './markdown.ts';
import { tables } from './tables.ts';

for (const page of pages()) {
  const before = readFileSync(page, 'utf8');
  const after = withTables(before, tables);
  if (after === before) continue;
  writeFileSync(page, after);
  process.stdout.write(`wrote ${page}\n`);
}
