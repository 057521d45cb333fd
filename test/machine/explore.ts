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
import { cappedLedger, restart, type Moment, type Move } from './moves.ts';
import { carryOut, crashes, decideOn, look, time } from './pass.ts';

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
  readonly limit?: number;
}

export interface Findings {
  readonly states: number;
  readonly edges: number;
  readonly phases: ReadonlySet<Phase | ''>;
  /** Nothing was left out for the limit. */
  readonly complete: boolean;
  /** All worlds that so many moves lead to were seen. */
  readonly depth: number;
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

/** Only so many: the first ones say the most. */
const maxDefects = 50;

export function explore(exploration: Exploration): Findings {
  const { setting, caps, moves, everywhere, until, limit = Number.POSITIVE_INFINITY } = exploration;
  const seen = new Map<number, Origin>();
  const queue: ({ readonly id: number; readonly moment: Moment } | undefined)[] = [];
  const phases = new Set<Phase | ''>();
  const defects: string[] = [];
  const told = new Set<string>();
  let edges = 0;
  let expanded = 0;
  const walk: Walk = { setting, caps, idOf: ({ world, ledger }) => hash(keyOf(world, ledger)) };

  const visit = (moment: Moment, origin: Origin): void => {
    edges += 1;
    const normal = normalised(moment, caps);
    const id = walk.idOf(normal);
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
    expanded = depth - 1;
    if (stuck !== undefined) report(stuck, { from: id, depth, by: 'there' });
    for (const { name, make } of [...moves, restart]) {
      const next = make(moment);
      if (next !== undefined) visit(next, { from: id, depth, by: name });
    }
    pass(moment, setting, (name, next, breaches) => {
      const origin = { from: id, depth, by: name };
      for (const breach of breaches) report(breachText(breach), origin);
      visit(next, origin);
    });
    if (defects.length >= maxDefects) break;
  }
  const complete = queue.every((entry) => entry === undefined);
  return { states: seen.size, edges, phases, complete, depth: expanded, defects };
}

type Visit = (name: string, next: Moment, breaches: readonly Breach[]) => void;

/** Every pass that may happen now: each answer, and each moment at which the process may die. */
function pass({ world, ledger }: Moment, setting: Setting, visit: Visit): void {
  const view = look(world, setting);
  const templateOf = (): 'target' | 'replicaSet' =>
    world.target?.revision === world.status.lastPromotedSpec ? 'target' : 'replicaSet';
  for (const [name, answers] of everyAnswer(view.questions, templateOf)) {
    const decision = decideOn(view, answers);
    const next = carryOut(world, decision, setting);
    const { before, memory } = view;
    const step = { before, answers, memory, time, decision };
    const judged = judge({ ...step, after: observe(next, setting) }, ledger);
    visit(`pass ${name}`, { world: next, ledger: judged.ledger }, judged.breaches);
    for (const [death, left] of crashes(world, decision, setting)) {
      const after = judge({ ...step, after: observe(left, setting) }, ledger).ledger;
      visit(`pass ${name}, ${death}`, { world: left, ledger: afterRestart(after) }, []);
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
