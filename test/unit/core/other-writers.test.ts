import { describe, expect, it } from 'vitest';

import { decide } from '../../../src/core/decide.ts';
import type { Decision } from '../../../src/core/effects.ts';
import type { Memory, Observation } from '../../../src/core/observation.ts';
import { withWritersNote, writersNoteOn } from '../../../src/core/other-writers.ts';
import { good, memory, now, progressing } from '../../bench/observation.ts';

const minute = 60_000;
/** Whole seconds, as managed fields have them. */
const at = (ms: number): string => new Date(now + ms).toISOString().replace('.000Z', 'Z');

const flagger = (ms: number) => ({ manager: 'flagger', at: at(ms) });

function look(more: Partial<Observation>, remembered: Memory = memory): Decision {
  return decide({ ...progressing, ...more }, good, remembered, { now, monotonic: 1e9 });
}

const shift = ({ effects }: Decision) => effects.find(({ type }) => type === 'shiftTraffic');
const noted = ({ effects }: Decision) =>
  effects.flatMap((effect) => (effect.type === 'noteWriters' ? [effect.note] : []))[0];
const ready = ({ status }: Decision) => status.conditions?.find(({ type }) => type === 'Ready');
const told = ({ events }: Decision) => events.map(({ reason }) => reason);

const unanswered = { writers: { ours: at(-minute), others: [flagger(-1_000)] } };
const answered = (ms: number) => ({ note: { answered: { flagger: at(ms) } } });
const left = (ms: number) => ({ note: { answered: { flagger: at(ms) }, leftTo: 'flagger' } });

describe('a write of the status by another manager', () => {
  it('that is older than our last one is no news', () => {
    const decision = look({ writers: { ours: at(-1_000), others: [flagger(-minute)] } });
    expect(shift(decision)).toMatchObject({ weight: 40 });
    expect(noted(decision)).toBeUndefined();
  });

  it('in the second of ours is news when the status is not as we left it', () => {
    const writers = { ours: at(-1_000), others: [flagger(-1_000)] };
    const wrote = { ...progressing.status };
    expect(noted(look({ writers }, { ...memory, wrote }))).toBeUndefined();
    expect(noted(look({ writers }))).toBeUndefined();
    expect(noted(look({ writers }, { ...memory, wrote: { ...wrote, failedChecks: 0 } }))).toEqual({
      answered: { flagger: at(-1_000) },
    });
    expect(noted(look({ writers, run: undefined }))).toEqual({
      answered: { flagger: at(-1_000) },
    });
  });

  it('before ours was ever written is what is being taken over', () => {
    const writers = { ours: undefined, others: [flagger(-1_000)] };
    expect(told(look({ writers }))).not.toContain('StatusRebuilt');
  });

  it('before the primary was taken over is no edit of ours, although we have said something', () => {
    const primary = progressing.primary && { ...progressing.primary, holds: undefined };
    const decision = look({ ...unanswered, takeOver: 'different', run: undefined, primary });
    expect(told(decision)).toContain('TakenOver');
    expect(noted(decision)).toBeUndefined();
  });

  it('is noted, and the run starts over at weight 0', () => {
    const decision = look(unanswered);
    expect(decision.effects[0]).toMatchObject({ type: 'shiftTraffic', weight: 0 });
    expect(noted(decision)).toEqual({ answered: { flagger: at(-1_000) } });
    expect(decision.status.run).toMatchObject({ weight: 0, preRolloutPassed: false });
    expect(told(decision)).toContain('StatusRebuilt');
  });

  it('is not noted twice when the pass that noted it did not come to its end', () => {
    const decision = look({ ...unanswered, ...answered(-1_000) });
    expect(noted(decision)).toBeUndefined();
    expect(told(decision)).toContain('StatusRebuilt');
  });

  it('takes over what it says of a spec that broke: nothing is raised beside it', () => {
    const refusals = [{ reason: 'InvalidSpec', message: 'spec.analysis.interval is no duration' }];
    const decision = look({ ...unanswered, refusals });
    expect(shift(decision)).toMatchObject({ weight: 0 });
  });

  it('leaves a primary that is gone to the record', () => {
    const decision = look({ ...unanswered, primary: undefined });
    expect(decision.status.phase).toBe('Progressing');
    expect(decision.effects.map(({ type }) => type)).not.toContain('createPrimary');
  });
});

describe('another write by the same manager', () => {
  it.each([
    ['within 10 minutes', -10 * minute, 'AnotherOperator'],
    ['later', -11 * minute, 'Progressing'],
  ])('%s', (_when, first, reason) => {
    const decision = look({ ...unanswered, ...answered(first) });
    expect(ready(decision)?.reason).toBe(reason);
    expect(shift(decision)).toMatchObject({ weight: 0 });
  });

  it('ends our writes: weight 0, a note, one status', () => {
    const decision = look({ ...unanswered, ...answered(-minute) });
    expect(decision.effects).toMatchObject([
      { type: 'shiftTraffic', weight: 0, applied: { for: 'abort:AnotherOperator' } },
      { type: 'noteWriters', note: { answered: { flagger: at(-1_000) }, leftTo: 'flagger' } },
    ]);
    expect(ready(decision)).toMatchObject({ status: 'False', reason: 'AnotherOperator' });
    expect(decision.status.waiting?.until).toBe(new Date(now + 10 * minute).toISOString());
    expect(told(decision)).toEqual(['AnotherOperator']);
  });

  it('moves no traffic to a primary without a pod', () => {
    const primary = progressing.primary && {
      ...progressing.primary,
      status: { replicas: 2, updated: 2, available: 0 },
    };
    const decision = look({ ...unanswered, ...answered(-minute), primary });
    expect(decision.effects.map(({ type }) => type)).toEqual(['noteWriters']);
  });
});

describe('a Canary that is left to another', () => {
  const quiet = { writers: { ours: at(-minute), others: [flagger(-minute)] }, ...left(-minute) };
  /** The other gives the canary its own weight. */
  const traffic = {
    ...progressing.traffic,
    routes: progressing.traffic.routes.map((route) => ({ ...route, weight: 35 })),
  };

  it('is not written, asks for nothing, and is looked at again in time', () => {
    const decision = look({ ...quiet, traffic });
    expect([decision.effects, decision.events]).toEqual([[], []]);
    expect(decision.status).toBe(progressing.status);
    expect(decision.lookAgainAfterMs).toBe(9 * minute);
  });

  it('is left as long as the other goes on writing', () => {
    const writers = { ours: at(-30 * minute), others: [flagger(-2 * minute)] };
    const decision = look({ writers, ...left(-30 * minute), traffic });
    expect(decision.lookAgainAfterMs).toBe(8 * minute);
  });

  it('loses the traffic that we still owe it', () => {
    expect(look(quiet).effects).toMatchObject([{ type: 'shiftTraffic', weight: 0 }]);
  });

  it('is told so, if it was not', () => {
    const writers = { ours: at(-2 * minute), others: [flagger(-minute)] };
    expect(told(look({ ...quiet, writers, traffic }))).toEqual(['AnotherOperator']);
    const wrote = progressing.status;
    expect(told(look({ ...quiet, traffic }, { ...memory, wrote }))).toEqual(['AnotherOperator']);
  });

  it('is taken up again when the other has been quiet for 10 minutes', () => {
    const writers = { ours: at(-20 * minute), others: [flagger(-10 * minute)] };
    const decision = look({ writers, ...left(-20 * minute) });
    expect(shift(decision)).toMatchObject({ weight: 0 });
    expect(noted(decision)).toEqual({ answered: {} });
    expect(told(decision)).toEqual(['Resumed', 'StartedOver']);
  });
});

describe('the note on a Canary', () => {
  const plain = { apiVersion: 'serin.dev/v1beta1', kind: 'Canary', metadata: { name: 'cart' } };
  const note = { answered: { flagger: at(0) }, leftTo: 'flagger' };

  it('comes back as it was written, and goes without a trace', () => {
    const marked = withWritersNote(plain, note);
    expect(writersNoteOn(marked)).toEqual(note);
    expect(withWritersNote(marked, { answered: {} }).metadata.annotations).toBeUndefined();
  });

  it.each(['', 'no JSON', 'null', '7', '[]', '{"answered":{"flagger":"soon"}}', '{"leftTo":3}'])(
    'says nothing when somebody has made it %o',
    (text) => {
      const metadata = { name: 'cart', annotations: { 'serin.dev/status-writers': text } };
      expect(writersNoteOn({ ...plain, metadata })).toEqual({ answered: {} });
    },
  );
});
