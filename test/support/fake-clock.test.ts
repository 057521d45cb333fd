import { describe, expect, it } from 'vitest';

import { FakeClock } from './fake-clock.ts';

describe('fake clock', () => {
  it('runs timers in order of their time, then of their making', async () => {
    const clock = new FakeClock();
    const ran: string[] = [];
    for (const [name, ms] of [
      ['late', 30],
      ['first', 10],
      ['second', 10],
    ] as const) {
      clock.after(ms, () => ran.push(`${name} ${clock.monotonic()}`));
    }
    await clock.advance(100);
    expect(ran).toEqual(['first 10', 'second 10', 'late 30']);
    expect(clock.monotonic()).toBe(100);
  });

  it('lets everything run that a timer set off before it runs the next', async () => {
    const clock = new FakeClock();
    const ran: string[] = [];
    const slowly = async (): Promise<void> => {
      for (let turn = 0; turn < 100; turn += 1) await Promise.resolve();
      ran.push(`slow ${clock.monotonic()}`);
      clock.after(1, () => ran.push(`its timer ${clock.monotonic()}`));
    };
    clock.after(10, () => void slowly());
    clock.after(12, () => ran.push('next'));
    await clock.advance(20);
    expect(ran).toEqual(['slow 10', 'its timer 11', 'next']);
  });

  it('runs no timer that was called off, even by the one before it', async () => {
    const clock = new FakeClock();
    let ran = false;
    clock.after(5, () => cancel());
    const cancel = clock.after(5, () => (ran = true));
    await clock.advance(10);
    expect(ran).toBe(false);
    expect(clock.pending).toBe(0);
  });

  it('keeps count of timers that wait, however many were called off', async () => {
    const clock = new FakeClock();
    const cancels = Array.from({ length: 1_000 }, (_, index) => clock.after(index, () => {}));
    for (const cancel of cancels.slice(0, 900)) cancel();
    cancels[0]?.();
    expect(clock.pending).toBe(100);
    await clock.advance(949);
    expect(clock.pending).toBe(50);
  });

  it('jumps on the wall without moving time', async () => {
    const clock = new FakeClock(1_000);
    let ran = false;
    clock.after(50, () => (ran = true));
    clock.jumpWall(3_600_000);
    await clock.settle();
    expect([clock.now(), clock.monotonic(), ran]).toEqual([3_601_000, 0, false]);
    clock.jumpWall(-7_200_000);
    await clock.advance(50);
    expect([clock.now(), clock.monotonic(), ran]).toEqual([-3_598_950, 50, true]);
  });

  it('stops as soon as what was waited for has happened', async () => {
    const clock = new FakeClock();
    let done = false;
    clock.after(70, () => (done = true));
    expect(await clock.advanceUntil(() => done, 1_000)).toBe(true);
    expect(clock.monotonic()).toBe(70);
    expect(await clock.advanceUntil(() => false, 1_000)).toBe(false);
    expect(clock.monotonic()).toBe(1_070);
  });
});
