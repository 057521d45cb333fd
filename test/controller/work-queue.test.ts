import * as fc from 'fast-check';
import { beforeEach, describe, expect, it } from 'vitest';

import { Backoff } from '../../src/controller/backoff.ts';
import { WorkQueue } from '../../src/controller/work-queue.ts';
import { FakeClock } from '../support/fake-clock.ts';

let clock: FakeClock;
let queue: WorkQueue;

beforeEach(() => {
  clock = new FakeClock();
  queue = aQueue(clock);
});

function aQueue(of: FakeClock, random = () => 0): WorkQueue {
  return new WorkQueue({ clock: of, gapMs: 50, backoff: { minMs: 100, maxMs: 10_000, random } });
}

/** Everything that is given out from now on, in order. */
function takeAll(from: WorkQueue): (string | undefined)[] {
  const taken: (string | undefined)[] = [];
  const takeNext = async (): Promise<void> => {
    const key = await from.take();
    taken.push(key);
    if (key === undefined) return;
    from.done(key);
    await takeNext();
  };
  void takeNext();
  return taken;
}

describe('work queue', () => {
  it('gives out keys in the order in which they came', async () => {
    for (const key of ['a', 'b', 'c']) queue.add(key);
    expect(queue.depth).toBe(3);
    expect([await queue.take(), await queue.take(), await queue.take()]).toEqual(['a', 'b', 'c']);
    expect([queue.depth, queue.busy]).toEqual([0, 3]);
  });

  it('gives out a key once, however often it was added', async () => {
    const taken = takeAll(queue);
    for (let times = 0; times < 5; times += 1) queue.add('a');
    await clock.settle();
    queue.add('b');
    await clock.settle();
    expect(taken.filter((key) => key === 'b')).toHaveLength(1);
    // The first add was given to the waiting worker at once; the other four are one more.
    expect(taken.filter((key) => key === 'a')).toHaveLength(2);
  });

  it('never gives out a key that is being worked on, and gives it out again afterwards', async () => {
    queue.add('a');
    expect(await queue.take()).toBe('a');
    queue.add('a');
    queue.add('a');
    expect(queue.depth).toBe(0);
    queue.done('a');
    expect(await queue.take()).toBe('a');
    queue.done('a');
    expect(queue.depth).toBe(0);
  });

  it('wakes a worker that waits', async () => {
    const waiting = queue.take();
    queue.add('a');
    expect(await waiting).toBe('a');
  });

  it('gives out a key later, at the earliest of its times', async () => {
    const taken = takeAll(queue);
    queue.addAfter('a', 5_000);
    queue.addAfter('a', 2_000);
    queue.addAfter('a', 9_000);
    expect(queue.delayed).toBe(1);
    await clock.advance(1_999);
    expect(taken).toEqual([]);
    await clock.advance(1);
    expect(taken).toEqual(['a']);
    await clock.advance(10_000);
    expect(taken).toEqual(['a']);
  });

  it('forgets the later time when a key is given out before it', async () => {
    const taken = takeAll(queue);
    queue.addAfter('a', 5_000);
    queue.add('a');
    await clock.advance(10_000);
    expect(taken).toEqual(['a']);
    expect(clock.pending).toBe(0);
  });

  it('keeps a time that is set while the key is worked on', async () => {
    queue.add('a');
    await queue.take();
    queue.addAfter('a', 1_000);
    await clock.advance(2_000);
    expect(queue.depth).toBe(0);
    queue.done('a');
    expect(queue.depth).toBe(1);
  });

  it('works on the first news at once, and on what follows soon after together', async () => {
    const taken = takeAll(queue);
    queue.addNews('a');
    await clock.advance(0);
    expect(taken).toEqual(['a']);
    for (const _ of [1, 2, 3]) {
      queue.addNews('a');
      await clock.advance(10);
    }
    queue.addNews('b');
    await clock.advance(0);
    expect(taken).toEqual(['a', 'b']);
    await clock.advance(20);
    expect(taken).toEqual(['a', 'b', 'a']);
    await clock.advance(50);
    queue.addNews('a');
    await clock.advance(0);
    expect(taken).toEqual(['a', 'b', 'a', 'a']);
  });

  it('lets what is due not wait for news, and forgets no news that come during the work', async () => {
    queue.add('a');
    await queue.take();
    queue.addNews('a');
    queue.done('a');
    const taken = takeAll(queue);
    await clock.advance(49);
    expect(taken).toEqual([]);
    await clock.advance(1);
    expect(taken).toEqual(['a']);
    queue.addNews('a');
    queue.add('a');
    await clock.advance(0);
    expect(taken).toEqual(['a', 'a']);
    await clock.advance(1_000);
    expect(taken).toEqual(['a', 'a']);
  });

  it('spreads first passes over the time it is given', async () => {
    const randoms = [0, 0.25, 0.5, 0.75];
    const spread = aQueue(clock, () => randoms.shift() ?? 0);
    const taken = takeAll(spread);
    for (const key of ['a', 'b', 'c', 'd']) spread.addSpread(key, 10_000);
    await clock.advance(0);
    expect(taken).toEqual(['a']);
    await clock.advance(5_000);
    expect(taken).toEqual(['a', 'b', 'c']);
    await clock.advance(2_500);
    expect(taken).toEqual(['a', 'b', 'c', 'd']);
  });

  it('waits longer after each failure of a key, and only of that key', () => {
    expect([queue.retry('a'), queue.retry('a'), queue.retry('a')]).toEqual([100, 200, 400]);
    expect(queue.retry('b')).toBe(100);
    expect(queue.failures('a')).toBe(3);
    queue.succeeded('a');
    expect(queue.retry('a')).toBe(100);
  });

  it('waits at least as long as the other side asked', async () => {
    const taken = takeAll(queue);
    expect(queue.retry('a', 7_000)).toBe(7_000);
    await clock.advance(6_999);
    expect(taken).toEqual([]);
    await clock.advance(1);
    expect(taken).toEqual(['a']);
  });

  it('sends everybody home when it is closed, and leaves no timer', async () => {
    const waiting = queue.take();
    queue.addAfter('b', 1_000);
    queue.close();
    queue.add('a');
    queue.addAfter('c', 10);
    expect(await waiting).toBeUndefined();
    expect(await queue.take()).toBeUndefined();
    expect(clock.pending).toBe(0);
  });

  it('neither loses a key nor gives it to two workers, whatever happens in which order', async () => {
    const key = fc.constantFrom('a', 'b', 'c');
    const step = fc.oneof(
      fc.record({ do: fc.constant('add' as const), key }),
      fc.record({ do: fc.constant('later' as const), key, ms: fc.nat(500) }),
      fc.record({ do: fc.constant('retry' as const), key }),
      fc.record({ do: fc.constant('wait' as const), ms: fc.nat(300) }),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
        const time = new FakeClock();
        const subject = aQueue(time);
        const busy = new Set<string>();
        const owed = new Set<string>();
        const work = async (): Promise<void> => {
          for (let next = await subject.take(); next !== undefined; next = await subject.take()) {
            expect(busy.has(next)).toBe(false);
            busy.add(next);
            owed.delete(next);
            const taken = next;
            await new Promise<void>((resolve) => time.after(50, resolve));
            busy.delete(taken);
            subject.done(taken);
          }
        };
        const workers = Promise.all([work(), work()]);
        for (const each of steps) {
          if (each.do === 'wait') await time.advance(each.ms);
          else {
            owed.add(each.key);
            if (each.do === 'add') subject.add(each.key);
            else if (each.do === 'later') subject.addAfter(each.key, each.ms);
            else subject.retry(each.key);
          }
        }
        await time.advance(60_000);
        expect([...owed]).toEqual([]);
        subject.close();
        await workers;
      }),
    );
  });
});

describe('back-off', () => {
  it('doubles up to its maximum, of which chance takes at most a quarter', () => {
    const limits = { minMs: 1_000, maxMs: 60_000 };
    const longest = new Backoff({ ...limits, random: () => 0 });
    const shortest = new Backoff({ ...limits, random: () => 0.999_999 });
    const waits = Array.from({ length: 40 }, () => [longest.failed('a'), shortest.failed('a')]);
    expect(waits.slice(0, 7).map(([long]) => long)).toEqual([
      1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 60_000,
    ]);
    for (const [long = 0, short = 0] of waits) {
      expect(long).toBeLessThanOrEqual(60_000);
      expect(short / long).toBeCloseTo(0.75, 3);
    }
  });
});
