/**
 * Time in the model: it passes by making every recorded time older.
 *
 * For the exploration ages are also capped: beyond its deadline a clock says the same however late it is, so that
 * worlds which differ only in that are one. A cap is at least the longest deadline that the clock is held against.
 */
import type { CanaryStatus } from '../../src/api/canary-status.ts';
import { base, type WorldState } from './model.ts';

export type Caps = (name: string, ageMs: number) => number;

const texts = new Map<number, string>();

export function textOf(ageMs: number): string {
  const known = texts.get(ageMs);
  if (known !== undefined) return known;
  const text = new Date(base - ageMs).toISOString();
  texts.set(ageMs, text);
  return text;
}

const ages = new Map<string, number>();

export function ageOf(text: string): number {
  const known = ages.get(text);
  if (known !== undefined) return known;
  const age = base - Date.parse(text);
  ages.set(text, age);
  return age;
}

export function isTime(value: unknown): value is string {
  return typeof value === 'string' && value.length === 24 && value.endsWith('Z');
}

/** The same world `ms` later, if nobody does anything meanwhile. */
export function later(world: WorldState, ms: number): WorldState {
  const older: Older = (_name, text) => textOf(ageOf(text) + ms);
  const { memory, status } = world;
  const grow = (age: number | undefined): number | undefined =>
    age === undefined ? undefined : age + ms;
  return {
    ...world,
    status: olderStatus(status, older),
    memory: {
      ...memory,
      drain: grow(memory.drain),
      settle: grow(memory.settle),
      wordsAgo: grow(memory.wordsAgo),
      unsaved: olderValues(memory.unsaved, older),
    },
  };
}

type Older = (name: string, text: string) => string;

/** A record with each of its times changed. */
export function olderValues(
  values: Readonly<Record<string, unknown>>,
  older: Older,
): Record<string, unknown> {
  const next: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(values)) next[name] = olderValue(name, value, older);
  return next;
}

function olderStatus(status: CanaryStatus, older: Older): CanaryStatus {
  const { waiting, run } = status;
  return {
    ...status,
    ...(waiting === undefined
      ? {}
      : {
          waiting: {
            ...waiting,
            since: older('waiting', waiting.since),
            ...(waiting.until === undefined ? {} : { until: older('until', waiting.until) }),
          },
        }),
    ...(run === undefined
      ? {}
      : {
          run: olderValues(run, older),
        }),
  };
}

function olderValue(name: string, value: unknown, older: Older): unknown {
  if (isTime(value)) return older(name, value);
  if (typeof value === 'object' && value !== null && 'at' in value && isTime(value.at))
    return { ...value, at: older(name, value.at) };
  return value;
}
