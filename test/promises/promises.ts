/**
 * What Serin promises, in one place: two rules above all others and ten promises.
 *
 * Three proofs use the list: the exhaustive exploration of `decide`, whole rollouts with random input, and the
 * simulation of the real operator. A failure names the promise by its id, so that it reads the same wherever it is
 * found. The predicates beside this file (`judge.ts`) judge one step of `decide`; the simulation judges recorded
 * requests by predicates of its own.
 */
import type { Decision } from '../../src/core/effects.ts';
import type { Answers, Memory, Observation, Time } from '../../src/core/observation.ts';

export const promises = [
  {
    id: 'r1',
    statement:
      'no write moves traffic to a side without an available replica while the other side has one, abort included',
  },
  {
    id: 'r2',
    statement:
      'no write of ours gives a revision that has not passed its analysis more than the weight its rounds have earned, and the first pass that can see it at a weight it has not earned writes weight 0 before anything else',
  },
  {
    id: 'p1',
    statement:
      'traffic on the canary never goes up without a passed round since the last time it went up',
  },
  {
    id: 'p2',
    statement:
      'from every state before the primary is written, and not suspended, abort is reachable; an abort writes weight 0 first, checks that the route says so, then records, then tells people; no webhook, alert, query or gate stands in its way',
  },
  { id: 'p3', statement: 'no pod that a route still sends traffic to is scaled down' },
  { id: 'p4', statement: 'what is promoted is exactly the revision that was analysed' },
  {
    id: 'p5',
    statement: 'missing information never promotes, and is told apart from a failed check',
  },
  {
    id: 'p6',
    statement:
      'the process may die after any request: the next one continues, with no traffic jump and no second promotion',
  },
  { id: 'p7', statement: 'same observation, answers and time: same decision' },
  {
    id: 'p8',
    statement:
      'every wait has a reason in the status, a clock, and an outcome when the clock runs out, except a gate without deadline, suspend, and a primary scaled to zero',
  },
  {
    id: 'p9',
    statement: 'fields of other people in objects we share come out as they went in',
  },
  {
    id: 'p10',
    statement:
      'a bad spec is answered by a Stalled condition that says what to change, and nothing in the cluster is touched',
  },
] as const;

export type PromiseId = (typeof promises)[number]['id'];

/** A promise that was not kept, and what was seen instead. */
export interface Breach {
  readonly id: PromiseId;
  readonly what: string;
}

/** `p1 is broken (traffic on the canary never goes up …): weight went from 0 to 50` */
export function breachText({ id, what }: Breach): string {
  const statement = promises.find((promise) => promise.id === id)?.statement ?? '';
  return `${id} is broken (${statement}): ${what}`;
}

/** One look at the world, and what came of it. */
export interface Step {
  /** What the pass saw. */
  readonly before: Observation;
  readonly answers: Answers;
  readonly memory: Memory;
  readonly time: Time;
  readonly decision: Decision;
  /** What the next pass would see if nobody else did anything: effects applied, status written as far as that came. */
  readonly after: Observation;
}

/** A whole story: steps in order. What happens between two of them is seen as the next one's `before`. */
export type Trace = readonly Step[];
