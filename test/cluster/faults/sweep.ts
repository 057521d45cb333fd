/**
 * One rollout after the other, each with an operator that is ended at another of its writes, and a new process that
 * has to bring it to the same end.
 */
import type { Arena } from './arena.ts';
import { endStateOf, type EndState } from './end-state.ts';
import { violationsIn } from './judge.ts';
import type { Mood } from './outside.ts';
import { described } from './request-record.ts';
import { initialise, Rollout } from './rollout.ts';

export interface Sweep {
  readonly name: 'promotion' | 'abort';
  /** What the checks find: all is well, or the release is bad from its first request. */
  readonly mood: Mood;
  readonly when: 'before' | 'after';
}

export interface Finding {
  readonly write: number;
  /** The request at which the operator ended. */
  readonly at: string;
  readonly violations: readonly string[];
}

/** Rollouts at a time. More would make two processors late for intervals of a second. */
const side = 6;
/** Runs without a fault that tell how many writes there are: a conflict with a controller makes one more. */
const references = 3;
/** A rollout that needed fewer writes than another is tried again, in a namespace of its own. */
const attempts = 4;
/** For a write that not every run without a fault has come to. */
const attemptsAtRare = 2;

export interface SweepResult {
  readonly findings: readonly Finding[];
  /** Writes that no attempt came to, although every run without a fault did. */
  readonly unreached: readonly number[];
  readonly retried: number;
}

/** Kills at each write from the first to the last. */
export async function runSweep(arena: Arena, sweep: Sweep): Promise<SweepResult> {
  const reference = await undisturbed(arena, sweep);
  const writes = Array.from({ length: reference.most }, (_, index) => index + 1);
  const rollouts = await initialised(arena, sweep, writes.map(String));
  const findings: Finding[] = [];
  const unreached: number[] = [];
  let retried = 0;
  const attempt = async (write: number): Promise<void> => {
    const isRare = write > reference.fewest;
    for (let number = 1; number <= (isRare ? attemptsAtRare : attempts); number += 1) {
      const name = `${write}-again-${number}`;
      const fresh = number === 1 ? undefined : await initialised(arena, sweep, [name]);
      const rollout = fresh === undefined ? rollouts[write - 1] : fresh[0];
      if (rollout === undefined) throw new Error(`no rollout for write ${write}`);
      const finding = await killedAt(rollout, sweep, write, reference.end);
      await rollout[Symbol.asyncDispose]();
      if (finding !== undefined) return void findings.push(finding);
      retried += 1;
    }
    if (!isRare) unreached.push(write);
  };
  await inPools(writes, attempt);
  return { findings, unreached, retried };
}

interface Reference {
  /** Writes of the runs that needed the fewest and the most. */
  readonly fewest: number;
  readonly most: number;
  readonly end: EndState;
}

/** What happens when nobody is killed: the end that every other run has to come to. */
async function undisturbed(arena: Arena, sweep: Sweep): Promise<Reference> {
  const names = Array.from({ length: references }, (_, index) => `whole-${index + 1}`);
  const rollouts = await initialised(arena, sweep, names);
  const runs = await Promise.all(
    rollouts.map(async (rollout) => {
      const operator = await rollout.start();
      await rollout.untilIdle(operator);
      const before = operator.proxy.lastWrite;
      await rollout.release();
      await rollout.untilOver();
      await rollout[Symbol.asyncDispose]();
      const record = rollout.record();
      const violations = violationsIn(record).map(({ id, what }) => `${id}: ${what}`);
      if (violations.length > 0)
        throw new Error(`without a fault: ${violations.join('; ')}\n${rollout.story()}`);
      return { writes: operator.proxy.lastWrite - before, end: endStateOf(record) };
    }),
  );
  const [first] = runs;
  if (first === undefined) throw new Error('there is no run without a fault');
  const counts = runs.map(({ writes }) => writes);
  return { fewest: Math.min(...counts), most: Math.max(...counts), end: first.end };
}

/** `undefined`: the rollout was over before that write. */
async function killedAt(
  rollout: Rollout,
  { when }: Sweep,
  write: number,
  end: EndState,
): Promise<Finding | undefined> {
  const first = await rollout.start();
  await rollout.untilIdle(first);
  const { proxy } = first;
  let at: string | undefined;
  proxy.faults.kill = {
    write: proxy.lastWrite + write,
    when,
    kill: (record) => {
      rollout.kill(first);
      at = described(record);
    },
  };
  await rollout.release();
  await rollout.until('the write comes', () => at !== undefined || rollout.isOver());
  if (at === undefined) await rollout.untilQuiet([first]);
  if (at === undefined) return undefined;
  await rollout.dropLease();
  await rollout.start();
  await rollout.untilOver();
  const record = rollout.record();
  const violations = violationsIn(record).map(({ id, what }) => `${id}: ${what}`);
  violations.push(...differences(end, endStateOf(record)));
  if (violations.length > 0) violations.push(rollout.story());
  return { write, at, violations };
}

/** What ended otherwise, field by field. */
function differences(expected: EndState, found: EndState): readonly string[] {
  const fields = Object.keys(expected) as (keyof EndState)[];
  return fields
    .filter((field) => JSON.stringify(expected[field]) !== JSON.stringify(found[field]))
    .map(
      (field) =>
        `it ended otherwise: ${field} is ${JSON.stringify(found[field])}, not ${JSON.stringify(expected[field])}`,
    );
}

async function initialised(
  arena: Arena,
  { name, mood, when }: Sweep,
  suffixes: readonly string[],
): Promise<readonly Rollout[]> {
  const create = (suffix: string): Promise<Rollout> =>
    Rollout.create(arena, { name: `${name}-${when}-${suffix}`, mood });
  const rollouts = await Promise.all(suffixes.map(create));
  await initialise(arena, rollouts);
  return rollouts;
}

async function inPools<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  const left = [...items];
  const worker = async (): Promise<void> => {
    for (let item = left.shift(); item !== undefined; item = left.shift()) await work(item);
  };
  await Promise.all(Array.from({ length: side }, worker));
}
