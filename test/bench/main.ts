/**
 * What `npm run bench` runs: every row, one after the other, then the table and the same as JSON.
 *
 *   npm run bench                        everything; the idle rows alone take a quarter of an hour
 *   npm run bench -- --quick             shorter waits, smaller numbers; not the figures to publish
 *   npm run bench -- --only decide,ready some rows
 *   npm run bench -- --json FILE         the JSON into a file instead of below the table
 */
import { writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';

import { describeMachine, loadNow } from './machine.ts';
import { describe, tableOf } from './report.ts';
import type { Bench, Figure } from './row.ts';
import { rows } from './rows.ts';

const { values } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    only: { type: 'string' },
    json: { type: 'string' },
  },
});

const chosen = values.only?.split(',') ?? rows.map(({ name }) => name);
const unknown = chosen.filter((wanted) => rows.every(({ name }) => name !== wanted));
if (unknown.length > 0) {
  const known = rows.map(({ name }) => name).join(', ');
  process.stderr.write(`unknown row ${unknown.join(', ')}; known: ${known}\n`);
  process.exit(2);
}

if (chosen.length === 0) {
  process.stderr.write('there is nothing to measure yet\n');
  process.exit(1);
}

const bench: Bench = {
  quick: values.quick,
  say: (text) => process.stderr.write(`${text}\n`),
};
const machine = describeMachine();
const figures: Figure[] = [];
for (const row of rows.filter(({ name }) => chosen.includes(name))) {
  bench.say(`· ${row.name}`);
  figures.push(...(await row.run(bench)));
}
const loadAfter = loadNow();
process.stdout.write(`${describe(machine, loadAfter)}\n\n${tableOf(figures)}\n`);

const json = `${JSON.stringify({ machine: { ...machine, loadAfter }, figures }, null, 2)}\n`;
if (values.json === undefined) process.stdout.write(`\n${json}`);
else writeFileSync(values.json, json);
