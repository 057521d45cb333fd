/**
 * The clocks of a raise, once the API server has taken it.
 *
 * A decision is made before it is carried out, and a slow server takes seconds. What a raise starts is counted from the
 * answer, or the round after it would be one of less traffic than its interval promises.
 */
import type { Decision } from './effects.ts';
import type { Memory, Time } from './observation.ts';

const clocksOfRaise = ['raisedAt', 'roundSince'] as const;

/** The decision as it is to be recorded when its writes were answered at `answered`. */
export function whenAnswered(decision: Decision, decided: Time, answered: Time): Decision {
  const { effects, status, memory } = decision;
  const isRaise = effects.some((effect) => effect.type === 'shiftTraffic' && effect.weight > 0);
  const run: Readonly<Record<string, unknown>> | undefined = status.run;
  const [before, after] = [decided, answered].map(({ now }) => new Date(now).toISOString());
  if (!isRaise || run === undefined || before === undefined || after === undefined) return decision;
  const restarted = clocksOfRaise.filter((name) => run[name] === before);
  if (restarted.length === 0) return decision;
  const later = {
    ...status,
    run: { ...run, ...Object.fromEntries(restarted.map((name) => [name, after])) },
  };
  const anchors = { ...memory.anchors };
  for (const name of restarted) {
    delete anchors[`${name}@${before}`];
    anchors[`${name}@${after}`] = { elapsedMs: 0, monotonic: answered.monotonic };
  }
  const wrote: Partial<Memory> = memory.wrote === status ? { wrote: later } : {};
  return { ...decision, status: later, memory: { ...memory, anchors, ...wrote } };
}
