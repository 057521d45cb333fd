import { readFileSync } from 'node:fs';

import { describe, expect, it } from 'vitest';

import { phases } from '../../src/api/canary-status.ts';
import { rowsUnder } from './markdown.ts';
import { reasonsInSources, reasonsOf } from './reasons.ts';

const found = reasonsInSources();
const isPhase = (reason: string) => phases.some((phase) => phase === reason);

function withReach(reach: string): readonly string[] {
  return [...found]
    .filter(([reason, how]) => how === reach && !isPhase(reason))
    .map(([reason]) => reason)
    .sort();
}

function reasonRows(page: string): readonly (readonly string[])[] {
  return rowsUnder(readFileSync(page, 'utf8'), 'Reason');
}

const names = (rows: readonly (readonly string[])[]) =>
  rows.flatMap(([name = '']) => name.replaceAll('`', '').split(', ')).sort();

/** What is found in a text, as if it were this file's. */
function search(text: string, file = 'src/core/x.ts'): readonly string[] {
  return reasonsOf(file, text).map(({ reason, reach }) => `${reach} ${reason}`);
}

describe('reasons', () => {
  it('of conditions and Events have a row in the README, and every row is one of them', () => {
    expect(names(reasonRows('README.md'))).toEqual(withReach('shown'));
  });

  it('that only a log line carries have a row in docs/operations.md, and every row is one', () => {
    expect(names(reasonRows('docs/operations.md'))).toEqual(withReach('logged'));
  });

  it.each(['README.md', 'docs/operations.md'])('are explained in %s', (page) => {
    expect(reasonRows(page).filter(([, means = '']) => means === '')).toEqual([]);
  });

  it('that are phases have a row among the phases', () => {
    const rows = rowsUnder(readFileSync('README.md', 'utf8'), 'Phase').map(([name]) => name);
    expect(phases.filter((phase) => !rows.includes(`\`${phase}\``))).toEqual([]);
  });
});

describe('the search for reasons', () => {
  it('finds those of conditions and Events', () => {
    expect(search("pass.say('Draining', why); pass.tell('Normal', 'Advanced', why);")).toEqual([
      'shown Draining',
      'shown Advanced',
    ]);
    expect(search("const reason = gone ? 'Missing' : other ?? 'NotReady';")).toEqual([
      'shown Missing',
      'shown NotReady',
    ]);
    expect(search("const heldReasons = { noData: 'NoData' };")).toEqual(['shown NoData']);
    expect(search("run.reason = 'Broken'; rollBack(pass, 'Asked', why);")).toEqual([
      'shown Broken',
      'shown Asked',
    ]);
  });

  it('tells errors that users hear of from those that are logged', () => {
    const invalid = "throw new InvalidError(why, { reason: 'Bad' });";
    expect(search(invalid)).toEqual(['shown Bad']);
    expect(search(invalid, 'src/adapters/metrics/x.ts')).toEqual(['logged Bad']);
    expect(search("throw new ConflictError(why, { reason: 'Moved' });")).toEqual(['logged Moved']);
  });

  it('leaves alone what only looks like one', () => {
    expect(
      search("if (ready.reason === 'Missing') pass.wait(reason, 'Some words', 'Since');"),
    ).toEqual([]);
  });

  it('marks what is put together at run time', () => {
    expect(search('const refusal = { reason: `${kind}NotFound` };')).toEqual(['shown *NotFound']);
  });
});
