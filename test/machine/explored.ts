/**
 * Every world that `decide` and everybody else can bring about, for small plans: what is promised holds in each step,
 * and every plan is finished.
 *
 * Abstractions: times are whole intervals, and deadlines one or two of them; a clock is seen before, at and after its
 * deadline, where all that is later says the same. A side has no pods, some, or all. All metrics answer alike, all hooks
 * of one type answer alike. Whether a pass that decides nothing is recorded depends on words: both are explored. What
 * no rule reads any more is left out of a world's key (`key.ts`); a sample of worlds that share one is compared.
 */
import { afterAll, describe, expect, it } from 'vitest';

import type { Phase } from '../../src/api/canary-status.ts';
import { explore, type Findings } from './explore.ts';
import { explorationOf, type Plan } from './explorations.ts';
import { followAll } from './ways.ts';

/** Checks each plan, and returns the phases that were reached as they are found. */
export function checkAll(plans: readonly Plan[]): ReadonlySet<Phase | ''> {
  const reached = new Set<Phase | ''>();
  const lines: string[] = [];
  let worlds = 0;
  let steps = 0;
  let pairs = 0;

  const note = (name: string, findings: Findings): void => {
    for (const phase of findings.phases) reached.add(phase);
    worlds += findings.states;
    steps += findings.edges;
    pairs += findings.pairs;
    lines.push(
      `${String(findings.states).padStart(7)} worlds ${String(findings.edges).padStart(8)} steps, ${findings.complete ? 'all of them' : 'not all of them'}: ${name}`,
    );
  };

  describe('exhaustive exploration of decide', () => {
    it.each(plans)('keeps every promise: $name', (plan) => {
      const findings = explore({ ...explorationOf(plan), everywhere: followAll() });
      note(plan.name, findings);
      expect(findings.defects.join('\n\n')).toBe('');
      expect(findings.complete).toBe(true);
    });
  });

  afterAll(() => {
    process.stdout.write(
      `${lines.join('\n')}\nexplored ${worlds} worlds and ${steps} steps of decide; ${pairs} pairs of worlds with one key go the same ways\n`,
    );
  });
  return reached;
}
