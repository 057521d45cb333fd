import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { pathOf, provide } from '../programs/programs.ts';
import { Arena } from './arena.ts';
import type { Watched } from './operator-process.ts';
import { initialise, judged, Rollout } from './rollout.ts';

const limitMs = 240_000;
const hourMs = 3_600_000;
/** Between a line that is written and read. */
const readingMs = 60_000;
let arena: Arena;
let library: string;
const dir = mkdtempSync(path.join(tmpdir(), 'serin-clock-'));

beforeAll(async () => {
  const provided = await provide(['libfaketime'], () => {});
  // The variant for processes with threads lies beside the other.
  library = path.join(path.dirname(pathOf(provided, 'libfaketime')), 'libfaketimeMT.so.1');
  arena = await Arena.open();
}, limitMs);

afterAll(async () => {
  await arena[Symbol.asyncDispose]();
  rmSync(dir, { recursive: true });
}, limitMs);

/** A clock that one process believes in. Its monotonic one goes on as it should. */
class FakeWallClock {
  readonly #file: string;

  constructor(name: string) {
    this.#file = path.join(dir, name);
    this.set('+0');
  }

  set(offset: '+0' | '+1h' | '-1h'): void {
    writeFileSync(this.#file, `${offset}\n`);
  }

  get env(): Readonly<Record<string, string>> {
    return {
      LD_PRELOAD: library,
      FAKETIME_TIMESTAMP_FILE: this.#file,
      FAKETIME_NO_CACHE: '1',
      FAKETIME_DONT_FAKE_MONOTONIC: '1',
    };
  }
}

/** How far the operator's clock is from ours, by its last line about the rollout. */
function skewOf({ process: operator }: Watched): number {
  const line = operator.lines.findLast((text) => text.includes('"canary":'));
  const { time } = JSON.parse(line ?? '{}') as { time?: string };
  return Date.parse(time ?? '') - Date.now();
}

describe.concurrent('an operator whose clock jumps an hour', () => {
  it.each([
    ['forward and back', '+1h', '-1h', hourMs, -hourMs],
    ['back and forward', '-1h', '+1h', -hourMs, hourMs],
  ] as const)(
    '%s goes on step by step',
    async (name, first, second, firstMs, secondMs) => {
      const rollout = await Rollout.create(arena, { name: `clock-${name.replaceAll(' ', '-')}` });
      await initialise(arena, [rollout]);
      const clock = new FakeWallClock(rollout.namespace);
      const operator = await rollout.startWith(clock.env);
      await rollout.untilIdle(operator);
      await rollout.release();
      await rollout.until('the first step', () => rollout.weight === 30);
      clock.set(first);
      await rollout.until('the second step', () => rollout.weight === 60);
      await rollout.until(
        'it has said so by the new clock',
        () => Math.abs(skewOf(operator) - firstMs) < readingMs,
      );
      clock.set(second);
      await rollout.untilOver();
      expect(rollout.status.phase).toBe('Succeeded');
      expect(Math.abs(skewOf(operator) - secondMs)).toBeLessThan(readingMs);
      expect(await judged(rollout, `clock set ${name} by an hour`)).toEqual([]);
    },
    limitMs,
  );
});
