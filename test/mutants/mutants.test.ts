/** Every planted defect is noticed by the checks: a promise that nothing holds to its word is not one. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { promises } from '../promises/promises.ts';
import { mutants } from './mutants.ts';
import { Plot, type Verdict } from './runner.ts';

const verdicts: Verdict[] = [];
const atOnce = 2;

describe('planted defects', () => {
  const plots: Plot[] = [];

  beforeAll(() => {
    for (let index = 0; index < atOnce; index++) plots.push(new Plot());
  });

  afterAll(() => {
    for (const plot of plots) plot.remove();
    const killed = verdicts.filter((verdict) => verdict.killed).length;
    process.stdout.write(`${killed} of ${verdicts.length} mutants killed\n`);
  });

  it('has one for each promise', () => {
    const broken = new Set(mutants.map(({ breaks }) => breaks));
    expect(promises.map(({ id }) => id).filter((id) => !broken.has(id))).toEqual([]);
  });

  it('finds nothing where nothing was planted', async () => {
    expect(await plots[0]?.isSound()).toBe('');
  });

  it('lets none of them live', async () => {
    const waiting = [...mutants];
    const work = async (plot: Plot): Promise<void> => {
      for (let next = waiting.shift(); next !== undefined; next = waiting.shift())
        verdicts.push(await plot.try(next));
    };
    await Promise.all(plots.map(work));
    const alive = verdicts.filter(({ killed }) => !killed);
    expect(alive.map(({ mutant }) => `${mutant.breaks}: ${mutant.name}`)).toEqual([]);
  });
});
