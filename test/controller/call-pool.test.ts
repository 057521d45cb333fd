import { describe, expect, it } from 'vitest';

import { CallPool, type CallKind } from '../../src/controller/call-pool.ts';

const never = new AbortController().signal;

/** A pool, the calls that were made, and what became of each that was asked for. */
function aPool() {
  const pool = new CallPool();
  const made: { readonly name: string; readonly end: () => void }[] = [];
  const outcomes = new Map<string, unknown>();
  const run = (kind: CallKind, host: string, name: string, signal = never): void => {
    const call = (): Promise<string> =>
      new Promise((resolve) => made.push({ name, end: () => resolve(`${name} answered`) }));
    pool
      .run({ kind, url: `http://${host}/hook` }, call, signal)
      .then((outcome) => outcomes.set(name, outcome))
      .catch((thrown: unknown) => outcomes.set(name, thrown));
  };
  const runMany = (count: number, kind: CallKind, hostOf: (index: number) => string): void => {
    for (let index = 0; index < count; index += 1) run(kind, hostOf(index), `${kind} ${index}`);
  };
  const names = (): readonly string[] => made.map(({ name }) => name);
  const end = async (name: string): Promise<void> => {
    made.find((call) => call.name === name)?.end();
    await settled();
  };
  return { pool, made, outcomes, run, runMany, names, end };
}

/** When everything has run that waits for nothing. */
const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
const ofKind = (names: readonly string[], kind: CallKind): number =>
  names.filter((name) => name.startsWith(kind)).length;
const everywhere = (index: number): string => `host-${index}`;
const same = (): string => 'tools';

describe('the call pool', () => {
  it('makes a call at once where there is room, and hands its outcome on', async () => {
    const { pool, outcomes, run, names, end } = aPool();
    run('question', 'tools', 'gate');
    expect(names()).toEqual(['gate']);
    await end('gate');
    expect(outcomes.get('gate')).toBe('gate answered');
    const refused = pool.run(
      { kind: 'message', url: 'http://slack/' },
      () => Promise.reject(new Error('no')),
      never,
    );
    await expect(refused).rejects.toThrow('no');
  });

  it('has at most 64 under way in all, of whatever kind', async () => {
    const { runMany, names, end } = aPool();
    runMany(100, 'event', (index) => `e-${index}`);
    runMany(100, 'message', (index) => `m-${index}`);
    runMany(100, 'question', (index) => `q-${index}`);
    expect(names()).toHaveLength(64);
    expect(ofKind(names(), 'event')).toBe(16);
    expect(ofKind(names(), 'message')).toBe(32);
    await end('question 0');
    await end('event 0');
    expect(names()).toHaveLength(66);
  });

  it('has at most 8 under way to one host, of whatever kind, and calls others meanwhile', async () => {
    const { run, runMany, names, end } = aPool();
    runMany(20, 'event', same);
    runMany(20, 'message', same);
    runMany(20, 'question', same);
    expect(names()).toHaveLength(8);
    expect(ofKind(names(), 'event')).toBe(1);
    expect(ofKind(names(), 'message')).toBe(4);
    run('question', 'other', 'elsewhere');
    expect(names().at(-1)).toBe('elsewhere');
    await end('question 0');
    expect(names()).toHaveLength(10);
  });

  it('leaves questions the whole of it when nothing else is said', () => {
    const { runMany, names } = aPool();
    runMany(100, 'question', everywhere);
    expect(names()).toHaveLength(64);
    const one = aPool();
    one.runMany(100, 'question', same);
    expect(one.names()).toHaveLength(8);
  });

  it('gives room that comes free to a question first, then to a message, then to an event', async () => {
    const { run, runMany, made, names, end } = aPool();
    runMany(8, 'question', same);
    for (const kind of ['event', 'message', 'question'] as const)
      run(kind, 'tools', `late ${kind}`);
    for (const index of [0, 1, 2]) await end(`question ${index}`);
    expect(names().slice(8)).toEqual(['late question', 'late message', 'late event']);
    expect(made).toHaveLength(11);
  });

  it('tells one host its events one after the other, in their order', async () => {
    const { runMany, names, end } = aPool();
    runMany(3, 'event', same);
    expect(names()).toEqual(['event 0']);
    await end('event 0');
    await end('event 1');
    expect(names()).toEqual(['event 0', 'event 1', 'event 2']);
  });

  it('lets 1000 events wait, and drops the oldest for one more', async () => {
    const { runMany, run, outcomes, names, end } = aPool();
    runMany(1_001, 'event', same);
    await settled();
    expect(outcomes.size).toBe(0);
    run('event', 'tools', 'one more');
    await settled();
    expect([...outcomes]).toEqual([['event 1', undefined]]);
    await end('event 0');
    expect(names()).toEqual(['event 0', 'event 2']);
  });

  it('drops no question and no message', async () => {
    const { runMany, outcomes } = aPool();
    runMany(2_000, 'question', same);
    runMany(2_000, 'message', same);
    await settled();
    expect(outcomes.size).toBe(0);
  });

  it('never makes a call that is called off before its turn', async () => {
    const { run, runMany, outcomes, names, end } = aPool();
    const stop = new AbortController();
    runMany(8, 'question', same);
    run('question', 'tools', 'called off', stop.signal);
    stop.abort();
    run('question', 'tools', 'too late', stop.signal);
    await end('question 0');
    expect(outcomes.get('called off')).toBeUndefined();
    expect(outcomes.has('called off') && outcomes.has('too late')).toBe(true);
    expect(names()).toHaveLength(8);
  });

  it('gives the room of a call that failed to the next one', async () => {
    const { pool, run, runMany, names } = aPool();
    runMany(7, 'question', same);
    const failing = pool.run(
      { kind: 'question', url: 'http://tools/hook' },
      () => Promise.reject(new Error('broken')),
      never,
    );
    run('question', 'tools', 'next');
    await expect(failing).rejects.toThrow('broken');
    await settled();
    expect(names().at(-1)).toBe('next');
  });
});
