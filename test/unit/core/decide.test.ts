/**
 * Single situations of a rollout that once went wrong, each as short as it can be told.
 */
import { describe, expect, it } from 'vitest';

import type { Decision } from '../../../src/core/effects.ts';
import { later } from '../../machine/ages.ts';
import { answersIn, type Mood } from '../../machine/answers.ts';
import { runOf, type Setting, type WorldState } from '../../machine/model.ts';
import { carryOut, decideOn, look } from '../../machine/pass.ts';
import { settingOf, unit, untouched } from '../../machine/settings.ts';
import { good, initialised } from '../../machine/ways.ts';

const hook = (type: string, more: object = {}): object => ({
  name: type,
  type,
  url: `http://hooks/${type}`,
  ...more,
});

/** One Canary, one pass after the other. */
class Story {
  world: WorldState;
  mood: Mood = good;
  readonly #setting: Setting;

  /** From `Initialized` on, or from the very start. */
  constructor(choice: Parameters<typeof settingOf>[0], fromStart = false) {
    this.#setting = settingOf(choice);
    this.world = fromStart ? untouched : initialised(untouched, { setting: this.#setting });
  }

  /** The target is given another revision, and its pods come up at once. */
  push(revision: string): void {
    const { target } = this.world;
    if (target !== undefined)
      this.change({ target: { ...target, revision, replicas: 2, health: 'all' } });
  }

  change(changes: Partial<WorldState>): void {
    this.world = { ...this.world, ...changes };
  }

  status(changes: object): void {
    this.change({ status: { ...this.world.status, ...changes } });
  }

  decide(): Decision {
    const view = look(this.world, this.#setting);
    return decideOn(view, answersIn(this.mood, view.questions));
  }

  pass(): Decision {
    const decision = this.decide();
    this.world = carryOut(this.world, decision, this.#setting);
    return decision;
  }

  /** Passes, each a unit of time after the one before, until it is so. */
  until(isSo: (world: WorldState) => boolean): void {
    for (let step = 0; step < 20; step += 1) {
      if (isSo(this.world)) return;
      const { target } = this.world;
      if (target !== undefined && target.replicas > 0)
        this.change({ target: { ...target, health: 'all' } });
      this.pass();
      this.world = later(this.world, unit);
    }
    expect.fail(`it never came; the phase is ${this.world.status.phase}`);
  }
}

const weightIs = (weight: number) => (world: WorldState) => world.routes[0]?.weight === weight;
const phaseIs = (phase: string) => (world: WorldState) => world.status.phase === phase;

describe('a raise that is found written', () => {
  it('ends the wait for the gate that had been asked before it', () => {
    const story = new Story({
      analysis: { stepWeights: [50] },
      webhooks: [hook('confirm-traffic-increase')],
    });
    story.push('v2');
    story.until((world) => runOf(world)?.gate === 'confirm-traffic-increase');
    const { status } = story.world;
    story.until(weightIs(50));
    // The process died between the route and the status.
    story.change({ status });
    story.pass();
    expect(runOf(story.world)).toMatchObject({ weight: 50 });
    expect(runOf(story.world)?.gate).toBeUndefined();
  });
});

/** A run that waits at its last gate, which says no. */
function waiting(): Story {
  const story = new Story({
    analysis: { stepWeights: [50] },
    webhooks: [hook('confirm-promotion', { deadline: '2m' })],
  });
  story.mood = { ...good, hooks: () => 'no' };
  story.push('v2');
  story.until(phaseIs('WaitingPromotion'));
  return story;
}

describe('a gate with a deadline', () => {
  it.each(['noData', 'unavailable'] as const)('ends the run although metrics say %s', (metrics) => {
    const story = waiting();
    story.mood = { ...story.mood, metrics };
    story.until(phaseIs('Failed'));
    expect(runOf(story.world)?.reason).toBe('GateDeadline');
    expect(story.world.routes[0]?.weight).toBe(0);
  });

  it('says that it is waited for while rounds are held', () => {
    const story = waiting();
    story.mood = { ...story.mood, metrics: 'noData' };
    const { status } = story.pass();
    expect(status.waiting?.reason).toBe('WaitingForGate');
  });
});

describe('a promotion in steps', () => {
  it('goes on when somebody has lowered the weight', () => {
    const story = new Story({ analysis: { stepWeights: [100], stepWeightPromotion: 45 } });
    story.push('v2');
    story.until(({ primary }) => primary?.holds === 'v2');
    const { primary, routes } = story.world;
    story.change({
      primary: primary && { ...primary, health: 'all' },
      routes: routes.map((route) => ({ ...route, weight: 5 })),
    });
    story.until(phaseIs('Succeeded'));
    expect(story.world.routes[0]?.weight).toBe(0);
  });
});

describe('a deletion', () => {
  it('recalls a promotion that may be on its way, before it lowers the weight', () => {
    const story = new Story({ analysis: { stepWeights: [50] } });
    story.push('v2');
    story.until(phaseIs('Promoting'));
    story.change({ deleting: true });
    const types = story.decide().effects.map(({ type }) => type);
    expect(types).toEqual(['touchPrimary', 'shiftTraffic', 'touchShared']);
  });

  it('gives the target another version unless it scales it', () => {
    const story = new Story({ analysis: { stepWeights: [50] } });
    story.change({ deleting: true });
    expect(story.decide().effects).toEqual([
      { type: 'scaleTarget', replicas: 2 },
      { type: 'touchShared', target: false },
    ]);
  });
});

describe('a record that was lost', () => {
  it('gives no run the id of one before it', () => {
    const story = new Story({ analysis: { stepWeights: [50] } });
    story.push('v2');
    story.until(weightIs(50));
    const id = runOf(story.world)?.id;
    story.status({ run: undefined });
    story.until((world) => runOf(world) !== undefined && world.routes[0]?.weight === 0);
    expect(runOf(story.world)?.id).not.toBe(id);
  });
});

describe('a record that was lost beside a spec that is refused', () => {
  it('leaves no traffic on the canary', () => {
    const story = new Story({ analysis: { stepWeights: [50] } });
    story.push('v2');
    story.until(weightIs(50));
    story.status({ run: undefined });
    story.change({ spec: 'refused' });
    expect(story.pass().effects[0]).toMatchObject({ type: 'shiftTraffic', weight: 0 });
    story.until(phaseIs('Failed'));
    expect(runOf(story.world)?.reason).toBe('InvalidSpec');
  });
});

describe('a phase that somebody sets during initialisation', () => {
  it('is not believed: users stay with the target until the primary is ready', () => {
    const story = new Story({ analysis: { iterations: 1 }, weights: 'switch' }, true);
    story.change({ apex: 'canary', routes: [] });
    story.pass();
    story.status({ phase: 'Progressing', run: undefined });
    const { effects, status } = story.decide();
    expect(effects).toEqual([]);
    expect(status.phase).toBe('Initializing');
  });
});

describe('a status that was wiped after a release', () => {
  it('is no initialisation, although somebody has taken the apex Service back', () => {
    const story = new Story({ analysis: { iterations: 1 }, weights: 'switch' });
    story.push('v2');
    story.until(({ primary }) => primary?.holds === 'v2');
    story.change({ primary: story.world.primary && { ...story.world.primary, health: 'all' } });
    story.until(phaseIs('Succeeded'));
    story.change({ status: {}, apex: 'canary' });
    story.pass();
    expect(story.world.status.phase).not.toBe('Initializing');
    story.pass();
    expect(story.world.apex).toBe('primary');
  });
});

describe('a new revision on a canary that stands in', () => {
  it('is released like any other once somebody has moved its traffic to a primary that answers', () => {
    const story = new Story({ analysis: { stepWeights: [50] } });
    story.push('v2');
    story.until(({ primary }) => primary?.holds === 'v2');
    // The primary does not come up, and another revision is pushed meanwhile.
    story.mood = { ...good, metrics: 'noData' };
    story.change({ primary: story.world.primary && { ...story.world.primary, health: 'none' } });
    story.until((world) => runOf(world)?.stay === true);
    story.push('v3');
    story.pass();
    story.change({
      primary: story.world.primary && { ...story.world.primary, health: 'all' },
      routes: story.world.routes.map((route) => ({ ...route, weight: 3 })),
    });
    expect(story.pass().effects).toMatchObject([{ type: 'shiftTraffic', weight: 0 }, {}]);
    story.until(phaseIs('Progressing'));
    expect(runOf(story.world)).toMatchObject({ revision: 'v3', stay: false });
  });
});

describe('pods that nobody needs', () => {
  it('cost no patch while somebody sends traffic to them', () => {
    const story = new Story({ analysis: { iterations: 1 }, weights: 'switch' });
    story.status({ run: { ...runOf(story.world), scaleDownSince: '2026-01-01T11:59:50.000Z' } });
    story.change({
      apex: 'canary',
      primary: story.world.primary && { ...story.world.primary, health: 'none' },
      target: { revision: 'v1', replicas: 2, health: 'all' },
    });
    story.pass();
    story.world = later(story.world, 5);
    expect(story.decide().status).toBe(story.world.status);
  });
});
