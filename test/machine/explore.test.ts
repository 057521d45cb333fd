/**
 * Every world that `decide` and everybody else can bring about, for small plans: what is promised holds in each step.
 *
 * Abstractions: times are whole intervals, capped at their deadline (before, at); a side has no pods, some, or all; all
 * metrics answer alike, all hooks of one type answer alike; what only words depend on is left out of a world's key.
 * An exploration that is cut off at its limit has seen every world within as many moves as the line says.
 */
import { afterAll, describe, expect, it } from 'vitest';

import { phases as allPhases, type Phase } from '../../src/api/canary-status.ts';
import { explore } from './explore.ts';
import { explorationOf, plans } from './explorations.ts';
import { followAll } from './ways.ts';

/** Worlds of one plan at most: breadth first, so that what is left out is what takes the most moves. */
const limit = Number(process.env['SERIN_EXPLORE'] ?? 9_000);

const reached = new Set<Phase | ''>();
const lines: string[] = [];
let states = 0;
let edges = 0;

describe('exhaustive exploration of decide', () => {
  it.each(plans)('keeps every promise: $name', (plan) => {
    const findings = explore({ ...explorationOf(plan), limit, everywhere: followAll() });
    for (const phase of findings.phases) reached.add(phase);
    states += findings.states;
    edges += findings.edges;
    lines.push(
      `${String(findings.states).padStart(7)} worlds ${String(findings.edges).padStart(8)} steps, ${findings.complete ? 'all of them' : `all within ${findings.depth} moves`}: ${plan.name}`,
    );
    expect(findings.defects.join('\n\n')).toBe('');
  });

  it('reaches every phase', () => {
    // `Terminated` is Flagger's word for a Canary that is gone; nothing is written to it any more.
    expect(allPhases.filter((phase) => !reached.has(phase))).toEqual(['Terminated']);
  });
});

afterAll(() => {
  process.stdout.write(
    `${lines.join('\n')}\nexplored ${states} worlds and ${edges} steps of decide\n`,
  );
});
