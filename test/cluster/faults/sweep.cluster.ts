import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { Arena } from './arena.ts';
import { runSweep, type Sweep } from './sweep.ts';

const limitMs = 300_000;
let arena: Arena;

beforeAll(async () => {
  arena = await Arena.open();
}, limitMs);

afterAll(async () => {
  await arena[Symbol.asyncDispose]();
}, limitMs);

const sweeps: readonly (readonly [title: string, Sweep])[] = [
  [
    'every write of a promotion is answered and the answer withheld',
    { name: 'promotion', mood: 'good', when: 'after' },
  ],
  ['any write of a promotion is forwarded', { name: 'promotion', mood: 'good', when: 'before' }],
  [
    'every write of an abort is answered and the answer withheld',
    { name: 'abort', mood: 'bad', when: 'after' },
  ],
  ['any write of an abort is forwarded', { name: 'abort', mood: 'bad', when: 'before' }],
];

describe('an operator that is killed', () => {
  it.each(sweeps)(
    'once %s: the next one brings it to the same end',
    async (_, sweep) => {
      const { findings, unreached, retried } = await runSweep(arena, sweep);
      const violated = findings.filter(({ violations }) => violations.length > 0);
      process.stdout.write(
        `faults: ${findings.length} kills ${sweep.when} a write of the ${sweep.name} (${retried} tried again), violations: ${violated.length}\n`,
      );
      expect(findings.length).toBeGreaterThan(5);
      expect(unreached).toEqual([]);
      expect(violated).toEqual([]);
    },
    limitMs,
  );
});
