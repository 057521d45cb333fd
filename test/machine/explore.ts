/**
 * Walks through every world that `decide` and everybody else can bring about, breadth first, and judges each step.
 */
import type { Phase } from '../../src/api/canary-status.ts';
import { judge } from '../promises/judge.ts';
import { afterRestart, emptyLedger, type Ledger } from '../promises/ledger.ts';
import { breachText, type Breach } from '../promises/promises.ts';
import type { Caps } from './ages.ts';
import { everyAnswer } from './answers.ts';
import { canonical, keyOf } from './key.ts';
import type { Setting, WorldState } from './model.ts';
import { observe } from './model.ts';
import { cappedLedger, restart, tick, type Moment, type Move } from './moves.ts';
import { unit } from './settings.ts';
import { carryOut, crashes, look, outcomes, time } from './pass.ts';

export interface Exploration {
  readonly name: string;
  readonly setting: Setting;
  readonly initial: WorldState;
  /** What others may do, besides dying processes. */
  readonly moves: readonly Move[];
  readonly caps: Caps;
  /** Judged in every world; a text is a defect. */
  readonly everywhere?: (moment: Moment, walk: Walk) => string | undefined;
  /** Worlds that are looked at but not continued from. */
  readonly until?: (world: WorldState) => boolean;
  /** For checks that need not be complete. */
  readonly limit?: number;
}

export interface Findings {
  readonly states: number;
  readonly edges: number;
  readonly phases: ReadonlySet<Phase | ''>;
  /** Nothing was left out for the limit. */
  readonly complete: boolean;
  /** So many pairs of worlds with one key went the same ways. */
  readonly pairs: number;
  /** With the way that led there. */
  readonly defects: readonly string[];
}

/** For what is proved by following one way through the worlds. */
export interface Walk {
  readonly setting: Setting;
  readonly caps: Caps;
  /** Equal numbers: equal futures. */
  readonly idOf: (moment: Moment) => number;
}

interface Origin {
  readonly from: number;
  readonly depth: number;
  readonly by: string;
}

/** One world of so many is held against the next one with its key. */
const sampled = 64;

/** Whether the key is enough: worlds that share it, and differ in what it leaves out, have to lead to the same keys. */
class Sample {
  readonly #exploration: Exploration;
  readonly #walk: Walk;
  readonly #first = new Map<number, Moment>();
  readonly #second = new Map<number, Moment>();

  constructor(exploration: Exploration, walk: Walk) {
    this.#exploration = exploration;
    this.#walk = walk;
  }

  take(id: number, moment: Moment): void {
    if (id % sampled !== 0 || this.#second.has(id)) return;
    const first = this.#first.get(id);
    if (first === undefined) this.#first.set(id, moment);
    else if (textOf(first) !== textOf(moment)) this.#second.set(id, moment);
  }

  compare(): { readonly pairs: number; readonly different: string | undefined } {
    for (const [id, second] of this.#second) {
      const first = this.#first.get(id);
      if (first === undefined || this.#futures(first) === this.#futures(second)) continue;
      return { pairs: 0, different: `${textOf(first)}\n${textOf(second)}` };
    }
    return { pairs: this.#second.size, different: undefined };
  }

  #futures(moment: Moment): string {
    if (moment.world.gone || this.#exploration.until?.(moment.world) === true) return '';
    const ids = new Set<number>();
    onward(moment, this.#exploration, (_name, next, { length }) => {
      ids.add(this.#walk.idOf(normalised(next, this.#exploration.caps)) + length);
    });
    return [...ids].sort((a, b) => a - b).join(' ');
  }
}

function textOf({ world, ledger }: Moment): string {
  return JSON.stringify([world, ledger]);
}

/** Only so many: the first ones say the most. */
const maxDefects = 50;

export function explore(exploration: Exploration): Findings {
  const { setting, caps, everywhere, until, limit = Number.POSITIVE_INFINITY } = exploration;
  const seen = new Map<number, Origin>();
  const queue: ({ readonly id: number; readonly moment: Moment } | undefined)[] = [];
  const phases = new Set<Phase | ''>();
  const defects: string[] = [];
  const told = new Set<string>();
  let edges = 0;
  const walk: Walk = {
    setting,
    caps,
    idOf: ({ world, ledger }) => hash(keyOf(world, ledger, setting)),
  };

  const sample = new Sample(exploration, walk);

  const visit = (moment: Moment, origin: Origin): void => {
    edges += 1;
    const normal = normalised(moment, caps);
    const id = walk.idOf(normal);
    sample.take(id, normal);
    if (seen.has(id)) return;
    seen.set(id, origin);
    phases.add(normal.world.status.phase ?? '');
    queue.push({ id, moment: normal });
  };
  const report = (what: string, origin: Origin): void => {
    // The same sentence about other worlds tells nothing new.
    const gist = what.replaceAll(/\d+|v\d/g, '#');
    if (told.has(gist)) return;
    told.add(gist);
    if (defects.length < maxDefects) defects.push(`${what}\n${wayTo(origin, seen)}`);
  };

  visit({ world: exploration.initial, ledger: emptyLedger }, { from: 0, depth: 0, by: 'start' });
  for (let index = 0; index < queue.length && seen.size < limit; index++) {
    const entry = queue[index];
    if (entry === undefined) break;
    const { id, moment } = entry;
    // Worlds that are done with need not be kept; the way back is in `seen`.
    queue[index] = undefined;
    if (moment.world.gone || until?.(moment.world) === true) continue;
    const stuck = everywhere?.(moment, walk);
    const depth = (seen.get(id)?.depth ?? 0) + 1;
    if (stuck !== undefined) report(stuck, { from: id, depth, by: 'there' });
    const take: Visit = (name, next, breaches) => {
      const origin = { from: id, depth, by: name };
      for (const breach of breaches) report(breachText(breach), origin);
      visit(next, origin);
    };
    onward(moment, exploration, take);
    // Every clock that runs is at its deadline: past it, all is as it is now.
    const late = tick('', unit).make(moment);
    if (late !== undefined && walk.idOf(normalised(late, caps)) === id)
      passes(late, setting, (name, ...rest) => take(`a unit passes, ${name}`, ...rest));
    if (defects.length >= maxDefects) break;
  }
  const complete = queue.every((entry) => entry === undefined);
  const { pairs, different } = sample.compare();
  if (different !== undefined) defects.push(`one key, and different futures: ${different}`);
  return { states: seen.size, edges, phases, complete, pairs, defects };
}

type Visit = (name: string, next: Moment, breaches: readonly Breach[]) => void;

/** Everything that may happen next: what others do, each answer to a pass, each moment at which the process may die. */
export function onward(
  moment: Moment,
  { setting, moves }: Pick<Exploration, 'setting' | 'moves'>,
  visit: Visit,
): void {
  for (const { name, make } of [...moves, restart]) {
    const next = make(moment);
    if (next !== undefined) visit(name, next, []);
  }
  passes(moment, setting, visit);
}

/** Each answer to a pass that is made now. */
export function passes({ world, ledger }: Moment, setting: Setting, visit: Visit): void {
  const view = look(world, setting);
  const { memory } = view;
  const templateOf = (): 'target' | 'replicaSet' =>
    world.target?.revision === world.status.lastPromotedSpec ? 'target' : 'replicaSet';
  for (const [name, answers] of everyAnswer(view.questions, templateOf)) {
    for (const { before, decision, quiet } of outcomes(view, answers)) {
      const recorded = quiet ? { ...decision, status: world.status } : decision;
      const next = carryOut(world, recorded, setting);
      const step = { before, answers, memory, time, decision };
      const judged = judge({ ...step, after: observe(next, setting) }, ledger);
      const by = `pass ${name}${quiet ? ', not recorded' : ''}`;
      visit(by, { world: next, ledger: judged.ledger }, judged.breaches);
      if (quiet) continue;
      for (const [death, left] of crashes(world, decision, setting)) {
        const after = judge({ ...step, after: observe(left, setting) }, ledger).ledger;
        visit(`${by}, ${death}`, { world: left, ledger: afterRestart(after) }, []);
      }
    }
  }
}

/** The one world that stands for all that are like it. */
export function normalised({ world, ledger }: Moment, caps: Caps): Moment {
  const moved = world.version !== 0;
  return {
    world: canonical(world, caps),
    ledger: cappedLedger(
      moved ? { ...ledger, settledFor: undefined, trafficVersion: 'v0' } : ledger,
      caps,
    ),
  };
}

function wayTo(origin: Origin, seen: ReadonlyMap<number, Origin>): string {
  const way: string[] = [];
  let at: Origin | undefined = origin;
  while (at !== undefined && at.by !== 'start') {
    way.unshift(at.by);
    at = seen.get(at.from);
  }
  return way.map((by, index) => `  ${index + 1}. ${by}`).join('\n');
}

/** 53 bits of a text (cyrb53, public domain, by bryc). */
function hash(text: string): number {
  let low = 0xdeadbeef;
  let high = 0x41c6ce57;
  for (let index = 0; index < text.length; index++) {
    const code = text.charCodeAt(index);
    low = Math.imul(low ^ code, 2_654_435_761);
    high = Math.imul(high ^ code, 1_597_334_677);
  }
  low =
    Math.imul(low ^ (low >>> 16), 2_246_822_507) ^ Math.imul(high ^ (high >>> 13), 3_266_489_909);
  high =
    Math.imul(high ^ (high >>> 16), 2_246_822_507) ^ Math.imul(low ^ (low >>> 13), 3_266_489_909);
  return 4_294_967_296 * (2_097_151 & high) + (low >>> 0);
}

export type { Ledger };
