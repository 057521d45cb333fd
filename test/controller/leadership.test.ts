import { beforeEach, describe, expect, it } from 'vitest';

import { whileLeading } from '../../src/controller/leadership.ts';
import type { LeaderLock } from '../../src/ports/leader-lock.ts';
import { FakeClock } from '../support/fake-clock.ts';

/** A lock that the test gives and takes. */
class HandLock implements LeaderLock {
  #onGain: ((leading: AbortSignal) => void) | undefined;
  #leading: AbortController | undefined;
  isReleased = false;

  holds(): boolean {
    return this.#leading !== undefined;
  }

  async run(onGain: (leading: AbortSignal) => void, signal: AbortSignal): Promise<void> {
    this.#onGain = onGain;
    if (!signal.aborted) {
      await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
    }
    this.lose();
    this.isReleased = true;
  }

  gain(): void {
    this.#leading = new AbortController();
    this.#onGain?.(this.#leading.signal);
  }

  lose(): void {
    this.#leading?.abort();
    this.#leading = undefined;
  }
}

const clock = new FakeClock();
let lock: HandLock;
let stop: AbortController;
let story: string[];
let finishWork: () => void;

beforeEach(() => {
  lock = new HandLock();
  stop = new AbortController();
  story = [];
});

/** Works until it is told to stop, and then until the test lets it finish. */
async function work(leading: AbortSignal): Promise<void> {
  story.push('begins');
  await new Promise<void>((resolve) => {
    finishWork = resolve;
    leading.addEventListener('abort', () => story.push('is told to stop'), { once: true });
  });
  story.push('ends');
}

async function failingWork(): Promise<void> {
  throw new Error('a bug');
}

describe('leadership', () => {
  it('runs the work only while the lock is held', async () => {
    const running = whileLeading(lock, work, stop.signal);
    await clock.settle();
    expect(story).toEqual([]);
    lock.gain();
    await clock.settle();
    lock.lose();
    finishWork();
    await clock.settle();
    expect(story).toEqual(['begins', 'is told to stop', 'ends']);
    stop.abort();
    await running;
  });

  it('does not begin again before the former work has ended', async () => {
    const running = whileLeading(lock, work, stop.signal);
    lock.gain();
    await clock.settle();
    const finishFormer = finishWork;
    lock.lose();
    lock.gain();
    await clock.settle();
    expect(story).toEqual(['begins', 'is told to stop']);
    finishFormer();
    await clock.settle();
    expect(story).toEqual(['begins', 'is told to stop', 'ends', 'begins']);
    stop.abort();
    finishWork();
    await running;
  });

  it('releases the lock only after the work has ended', async () => {
    const running = whileLeading(lock, work, stop.signal);
    lock.gain();
    await clock.settle();
    stop.abort();
    await clock.settle();
    expect(story).toEqual(['begins', 'is told to stop']);
    expect([lock.holds(), lock.isReleased]).toEqual([true, false]);
    finishWork();
    await running;
    expect(lock.isReleased).toBe(true);
  });

  it('ends without having led', async () => {
    const running = whileLeading(lock, work, stop.signal);
    stop.abort();
    await running;
    expect(lock.isReleased).toBe(true);
    expect(story).toEqual([]);
  });

  it('ends with the failure of the work, the lock released', async () => {
    const running = whileLeading(lock, failingWork, stop.signal);
    lock.gain();
    await expect(running).rejects.toThrow('a bug');
    expect(lock.isReleased).toBe(true);
  });
});
