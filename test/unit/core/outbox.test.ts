/**
 * What waits for delivery: queued with the decision it tells of, once, within bounds, and not for ever.
 */
import { describe, expect, it } from 'vitest';

import type { OutboxEntry } from '../../../src/api/run.ts';
import type { Decision } from '../../../src/core/effects.ts';
import { freshMemory, noAnswers } from '../../../src/core/observation.ts';
import { giveUpMs, maxEntries, queueAlert, type Delivery } from '../../../src/core/outbox.ts';
import { Pass } from '../../../src/core/pass.ts';
import { textOf } from '../../machine/ages.ts';
import { deleteCanary, push } from '../../machine/moves.ts';
import { look, time } from '../../machine/pass.ts';
import { hour, settingOf, unit, untouched } from '../../machine/settings.ts';
import { ModelCanary, oneStep } from './model-canary.ts';

const anEntry = (id: string, change: Partial<OutboxEntry> = {}): OutboxEntry => ({
  id,
  kind: 'alert',
  receiver: 'global',
  severity: 'info',
  text: `the text of ${id}`,
  fields: [],
  phase: 'Progressing',
  since: textOf(0),
  attempts: 0,
  ...change,
});

const delivered = (id: string): Delivery => ({ id, outcome: 'delivered', attempts: 1 });

const alertTo = (name: string, severity?: string): object => ({
  name,
  providerRef: { name },
  ...(severity === undefined ? {} : { severity }),
});

const factsOf = (canary: ModelCanary): readonly string[] =>
  canary.outbox.map(({ id }) => id.slice(id.indexOf('/') + 1));

/** Without what its initialisation had to tell. */
const quiet = (canary: ModelCanary): ModelCanary => canary.withRun({ outbox: [] });

/** Queues one more alert on top of these. */
function queued(outbox: readonly OutboxEntry[], severity: OutboxEntry['severity']) {
  const canary = ModelCanary.at(50).withRun({ outbox: [...outbox], dropped: 0 });
  const setting = { ...settingOf({ analysis: oneStep }), hasNotifier: true };
  const { before } = look({ ...untouched, status: canary.status }, setting);
  const pass = new Pass(before, noAnswers, freshMemory, time);
  queueAlert(pass, { fact: 'one-more', severity, text: 'one more' });
  const kept = pass.run?.outbox.map(({ id }) => id.replace(/^.*\/one-more\/.*$/, 'one more'));
  return { kept, dropped: pass.run?.dropped };
}

const entries = (severities: readonly OutboxEntry['severity'][]): readonly OutboxEntry[] =>
  severities.map((severity, index) => anEntry(`${severity} ${index}`, { severity }));

const many = (count: number, severity: OutboxEntry['severity']) =>
  Array.from({ length: count }, () => severity);

const idsOf = (all: readonly OutboxEntry[]): readonly string[] => all.map(({ id }) => id);

const told = ({ events }: Decision) => events.filter(({ reason }) => reason === 'NotificationLost');

const isLetGo = ({ effects }: Decision): boolean =>
  effects.some(({ type }) => type === 'removeFinalizer');

/** Nothing has to be given back; what is left are words. */
const noTarget = { target: undefined };
const leaving = (): ModelCanary =>
  ModelCanary.initialised()
    .make(deleteCanary)
    .withRun({ outbox: [anEntry('word')] });

/** One that has waited for so long, and one that was just queued. */
const age = (ms: number) => ({
  outbox: [anEntry('word', { since: textOf(ms) }), anEntry('young')],
});

describe('an entry', () => {
  it('is one fact for one receiver: its id is made of uid, revision and fact', () => {
    const alerts = [alertTo('chat'), alertTo('pager')];
    const canary = ModelCanary.at(50, { analysis: { ...oneStep, alerts } });
    const ids = canary.outbox.map(({ id }) => id);
    expect(ids).toEqual([
      'canary-u-v1-1/initialised/shop/chat',
      'canary-u-v1-1/initialised/shop/pager',
      'canary-u-v2-2/started/shop/chat',
      'canary-u-v2-2/started/shop/pager',
    ]);
  });

  it('has another id in each run, also when the same revision comes again', () => {
    const failing = { mood: { metrics: 'bad' as const } };
    const canary = ModelCanary.initialised().make(push('v2')).until('Failed', failing);
    canary.make(push('v1')).until('Succeeded');
    canary.make(push('v2')).until('Failed', failing);
    const failures = canary.outbox.filter(({ id }) => id.includes('/failed/'));
    expect(failures).toHaveLength(2);
    expect(new Set(failures.map(({ id }) => id)).size).toBe(2);
  });

  it('goes only to receivers that asked for its severity, once to each', () => {
    const alerts = [alertTo('chat'), alertTo('chat', 'warn'), alertTo('pager', 'error')];
    const canary = ModelCanary.at(50, { analysis: { ...oneStep, alerts } });
    expect(factsOf(quiet(canary).until('Failed', { mood: { metrics: 'bad' } }))).toEqual([
      'failed/shop/chat',
      'failed/shop/pager',
    ]);
    expect(factsOf(ModelCanary.at(50, { analysis: { ...oneStep, alerts } }))).not.toContain(
      'started/shop/pager',
    );
  });

  it('is queued in the patch of the decision that it tells of', () => {
    const canary = ModelCanary.at(50);
    const { status } = quiet(canary).until('Failed', { mood: { metrics: 'bad' } });
    expect(status.phase).toBe('Failed');
    expect(factsOf(canary)).toEqual(['failed/global']);
  });

  it('is queued once, however often its fact is seen', () => {
    const gate = { name: 'gate', type: 'confirm-rollout', url: 'http://gate.shop/' };
    const closed = { mood: { hooks: () => 'no' as const } };
    const canary = ModelCanary.initialised({ webhooks: [gate] }).make(push('v2'));
    for (let count = 0; count < 5; count += 1) canary.later(unit).pass(closed);
    expect(canary.status.phase).toBe('Waiting');
    const about = factsOf(canary).filter((fact) => fact.includes('confirm-rollout'));
    expect(about).toHaveLength(1);
    // Also after it was delivered.
    quiet(canary);
    for (let count = 0; count < 5; count += 1) canary.later(unit).pass(closed);
    expect(canary.outbox).toEqual([]);
  });

  it('is a hook for each post-rollout webhook, with the phase that was reached', () => {
    const webhooks = ['one', 'two'].map((name) => ({
      name,
      type: 'post-rollout',
      url: 'http://tester.shop/',
    }));
    const canary = quiet(ModelCanary.at(50, { webhooks })).until('Succeeded');
    const hooks = canary.outbox.filter(({ kind }) => kind === 'hook');
    expect(hooks).toMatchObject([
      { id: 'canary-u-v2-2/Succeeded/one', receiver: 'one', phase: 'Succeeded' },
      { id: 'canary-u-v2-2/Succeeded/two', receiver: 'two', phase: 'Succeeded' },
    ]);
  });
});

describe('a full outbox', () => {
  it('holds twenty', () => {
    expect(maxEntries).toBe(20);
    const nineteen = entries(many(19, 'info'));
    expect(queued(nineteen, 'info')).toEqual({
      kept: [...idsOf(nineteen), 'one more'],
      dropped: 0,
    });
  });

  it('drops and counts the oldest info', () => {
    const all = entries(['warn', 'error', 'info', 'info', ...many(16, 'warn')]);
    const kept = idsOf(all).filter((id) => id !== 'info 2');
    expect(queued(all, 'error')).toEqual({ kept: [...kept, 'one more'], dropped: 1 });
  });

  it('drops and counts the oldest warn when there is no info', () => {
    const all = entries(['error', 'warn', 'warn', ...many(17, 'error')]);
    const kept = idsOf(all).filter((id) => id !== 'warn 1');
    expect(queued(all, 'error')).toEqual({ kept: [...kept, 'one more'], dropped: 1 });
  });

  it('drops the new entry itself rather than an error', () => {
    const all = entries(many(20, 'error'));
    expect(queued(all, 'info')).toEqual({ kept: idsOf(all), dropped: 1 });
    expect(queued(all, 'warn')).toEqual({ kept: idsOf(all), dropped: 1 });
  });

  it('never drops an error: it grows beyond twenty', () => {
    const all = entries(many(20, 'error'));
    expect(queued(all, 'error')).toEqual({ kept: [...idsOf(all), 'one more'], dropped: 0 });
  });
});

describe('an entry that nobody takes', () => {
  it('is kept until the last moment of its day, and then given up, counted and shown', () => {
    const canary = ModelCanary.initialised().withRun(age(giveUpMs - 1));
    expect(giveUpMs).toBe(24 * hour);
    expect(told(canary.pass())).toEqual([]);
    const decision = canary.withRun(age(giveUpMs)).pass();
    expect(told(decision)).toMatchObject([
      { type: 'Warning', message: expect.stringContaining('the text of word') },
    ]);
    expect(canary.run).toMatchObject({ outbox: [{ id: 'young' }], dropped: 1 });
    expect(told(canary.pass())).toEqual([]);
  });

  it('is not given up when it was delivered at the last moment', () => {
    const canary = ModelCanary.initialised().withRun({
      outbox: [anEntry('old', { since: textOf(giveUpMs) })],
    });
    expect(told(canary.pass({ deliveries: [delivered('old')] }))).toEqual([]);
    expect(canary.run).toMatchObject({ outbox: [], dropped: 0 });
  });

  it('is kept by a new revision', () => {
    const canary = ModelCanary.at(50).withRun({
      outbox: [anEntry('from the run before')],
      dropped: 3,
    });
    canary.make(push('v3')).pass();
    expect(canary.run?.revision).toBe('v3');
    expect(factsOf(canary)).toEqual(['from the run before', 'restarted/global']);
    expect(canary.run?.dropped).toBe(3);
  });
});

describe('a deletion', () => {
  it('waits for words, ten seconds at most', () => {
    const canary = leaving();
    expect(isLetGo(canary.pass({ seen: noTarget }))).toBe(false);
    canary.withRun({ deletionSince: textOf(9_999) });
    const decision = canary.pass({ seen: noTarget });
    expect([isLetGo(decision), decision.effects]).toEqual([false, []]);
    expect(decision.lookAgainAfterMs).toBe(1);
    canary.withRun({ deletionSince: textOf(10_000) });
    expect(isLetGo(canary.pass({ seen: noTarget }))).toBe(true);
  });

  it('goes on at once when they are delivered', () => {
    const canary = leaving();
    canary.pass({ seen: noTarget });
    const passing = { seen: noTarget, deliveries: [delivered('word')] };
    expect(isLetGo(canary.pass(passing))).toBe(true);
  });

  it('waits for no words where the namespace goes too', () => {
    const canary = leaving();
    expect(isLetGo(canary.pass({ seen: { namespaceTerminating: true } }))).toBe(true);
  });
});

describe('an acknowledgement', () => {
  const passing = { deliveries: [delivered('word')] };

  it('goes alone at once where nothing else is due', () => {
    const canary = ModelCanary.initialised().withRun(age(1_000));
    canary.pass(passing);
    expect(factsOf(canary)).toEqual(['young']);
  });

  it('waits for the next patch of a run, for half a minute', () => {
    const canary = ModelCanary.at(50).withRun(age(1_000));
    canary.pass();
    const decision = canary.pass(passing);
    expect(factsOf(canary)).toEqual(['word', 'young']);
    expect(decision.lookAgainAfterMs).toBeLessThanOrEqual(29_000);
    canary.withRun(age(30_000)).pass(passing);
    expect(factsOf(canary)).toEqual(['young']);
  });

  it('goes with the next patch of a run', () => {
    const canary = ModelCanary.at(50).withRun(age(1_000)).make(push('v3'));
    canary.pass(passing);
    expect(factsOf(canary)).toEqual(['young', 'restarted/global']);
  });

  it('of a failed attempt is noted with the next patch, and costs none of its own', () => {
    const failed: Delivery = {
      id: 'word',
      outcome: 'failed',
      attempts: 3,
      nextTryAt: textOf(-unit),
    };
    const canary = ModelCanary.at(50).withRun(age(60_000));
    canary.pass({ deliveries: [failed] });
    expect(canary.outbox).toMatchObject([{ id: 'word', attempts: 0 }, {}]);
    canary.make(push('v3')).pass({ deliveries: [failed] });
    expect(canary.outbox[0]).toMatchObject({ attempts: 3, nextTryAt: textOf(-unit) });
  });
});
