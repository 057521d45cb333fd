/**
 * The table of conditions, row by row, and the sentences under it.
 */
import { describe, expect, it } from 'vitest';

import {
  deleteCanary,
  deleteTarget,
  editRoute,
  editSpec,
  gatewayAccepts,
  primaryBecomes,
  push,
  scalePrimary,
  targetBecomes,
} from '../../machine/moves.ts';
import { time } from '../../machine/pass.ts';
import { settingOf, unit } from '../../machine/settings.ts';
import { ModelCanary, oneStep } from './model-canary.ts';

const hook = (type: string): object => ({ name: type, type, url: 'http://tester.shop/' });
const closed = { mood: { hooks: () => 'no' as const } };

function conditionsOf(canary: ModelCanary): Readonly<Record<string, string>> {
  return Object.fromEntries(
    (canary.status.conditions ?? []).map(({ type, status }) => [type, status]),
  );
}

function reasonsOf(canary: ModelCanary): Readonly<Record<string, string>> {
  return Object.fromEntries(
    (canary.status.conditions ?? []).map(({ type, reason }) => [type, reason]),
  );
}

const underWay = { Ready: 'False', Reconciling: 'True', Promoted: 'Unknown' };
const atRest = { Ready: 'True', Promoted: 'True' };
const standsStill = { Ready: 'False', Stalled: 'True', Promoted: 'Unknown' };
const failed = { Ready: 'False', Stalled: 'True', Promoted: 'False' };

const gated = (type: string) => ({ webhooks: [hook(type)] });
const pushed = (choice = {}) => ModelCanary.initialised(choice).make(push('v2'));
const broken = { mood: { metrics: 'bad' as const } };

/** What it is in which phase, how it comes there, what it shows then, and why. */
const table: readonly (readonly [
  what: string,
  phase: string,
  make: () => ModelCanary,
  conditions: Readonly<Record<string, string>>,
  reason: string,
])[] = [
  [
    'is being initialised',
    'Initializing',
    () => passed(new ModelCanary()),
    underWay,
    'CreatingPrimary',
  ],
  ['analyses a revision', 'Progressing', () => ModelCanary.at(50), underWay, 'Progressing'],
  ['is being promoted', 'Promoting', () => pushed().until('Promoting'), underWay, 'Promoting'],
  [
    'takes its traffic back',
    'Finalising',
    () => pushed().until('Finalising'),
    underWay,
    'Finalising',
  ],
  [
    'is being deleted',
    'Terminating',
    () => passed(ModelCanary.initialised().make(deleteCanary)),
    underWay,
    'Terminating',
  ],
  [
    'is not initialised by its deadline',
    'Initializing',
    () => {
      const canary = passed(new ModelCanary());
      for (const ms of [0, unit, unit]) passed(canary.later(ms));
      return canary;
    },
    standsStill,
    'PrimaryNotReady',
  ],
  [
    'waits for a gate before its pods',
    'Waiting',
    () => pushed(gated('confirm-rollout')).until('Waiting', closed),
    underWay,
    'WaitingForGate',
  ],
  [
    'waits for a gate before its promotion',
    'WaitingPromotion',
    () => pushed(gated('confirm-promotion')).until('WaitingPromotion', closed),
    underWay,
    'WaitingForGate',
  ],
  [
    'is suspended in a run',
    'Progressing',
    () => passed(ModelCanary.at(50).make(editSpec('suspended'))),
    underWay,
    'Suspended',
  ],
  ['is initialised', 'Initialized', () => ModelCanary.initialised(), atRest, 'Initialized'],
  ['has promoted a revision', 'Succeeded', () => pushed().until('Succeeded'), atRest, 'Succeeded'],
  ['has rolled back', 'Failed', () => pushed().until('Failed', broken), failed, 'FailedChecks'],
];

function passed(canary: ModelCanary): ModelCanary {
  canary.pass();
  return canary;
}

describe('the conditions of a Canary that', () => {
  it.each(table)('%s (%s)', (_what, phase, make, conditions, reason) => {
    const canary = make();
    expect(canary.status.phase).toBe(phase);
    expect(conditionsOf(canary)).toEqual(conditions);
    const { Promoted: _, ...reasons } = reasonsOf(canary);
    expect(new Set(Object.values(reasons))).toEqual(new Set([reason]));
  });

  it.each([
    ['Initialized', () => ModelCanary.initialised()],
    ['Succeeded', () => pushed().until('Succeeded')],
    ['Failed', () => pushed().until('Failed', broken)],
  ])('is refused (%s): Promoted stays as it was', (phase, make) => {
    const canary = make();
    const promoted = conditionsOf(canary)['Promoted'];
    passed(canary.make(editSpec('refused')));
    expect(canary.status.phase).toBe(phase);
    expect(conditionsOf(canary)).toEqual({ Ready: 'False', Stalled: 'True', Promoted: promoted });
  });

  it('is refused from the start: nothing is said of a promotion', () => {
    const canary = new ModelCanary({}, { spec: 'refused' });
    passed(canary);
    expect(conditionsOf(canary)).toEqual({ Ready: 'False', Stalled: 'True' });
  });

  it('is at rest beside a primary without pods: Ready is all that changes', () => {
    const canary = passed(ModelCanary.initialised().make(primaryBecomes('none')));
    expect(canary.status.phase).toBe('Initialized');
    expect(conditionsOf(canary)).toEqual({ Ready: 'False', Promoted: 'True' });
    expect(reasonsOf(canary)['Ready']).toBe('PrimaryNotReady');
  });
});

describe('a held round', () => {
  it.each([
    ['noData', 'NoData'],
    ['unavailable', 'MetricsUnavailable'],
  ] as const)('(%s) changes reason and message, not the table', (metrics, reason) => {
    const canary = ModelCanary.at(50, { analysis: { ...oneStep, holdDeadline: '1h' } });
    const { message } = canary.status;
    for (let count = 0; count < 2; count += 1) canary.later(unit).pass({ mood: { metrics } });
    expect(conditionsOf(canary)).toEqual(underWay);
    expect(reasonsOf(canary)).toMatchObject({ Ready: reason, Reconciling: reason });
    expect(canary.status.message).not.toBe(message);
  });
});

describe('canaryWeight', () => {
  it('is the live weight in every phase', () => {
    const weights: Record<string, number | undefined> = {};
    const canary = ModelCanary.initialised();
    const look = (): void => {
      const { phase = '', canaryWeight } = canary.status;
      weights[phase] = canaryWeight;
    };
    look();
    canary.make(push('v2')).until('Progressing', {}, ({ canaryWeight }) => canaryWeight === 50);
    look();
    canary.until('Promoting');
    look();
    canary.until('Succeeded');
    look();
    expect(weights).toEqual({ Initialized: 0, Progressing: 50, Promoting: 50, Succeeded: 0 });
  });

  it('is what the pass has just written', () => {
    const canary = ModelCanary.at(50);
    const { effects } = canary.make(push('v3')).pass();
    expect(effects).toContainEqual(expect.objectContaining({ type: 'shiftTraffic', weight: 0 }));
    expect(canary.status.canaryWeight).toBe(0);
  });

  it('is what somebody else has set, where that stays', () => {
    const canary = ModelCanary.at(50);
    canary.make(editRoute(20, settingOf({ analysis: oneStep }))).pass();
    expect(canary.status.canaryWeight).toBe(20);
  });

  it('is what users get while the canary stands in for its primary, in Failed', () => {
    const canary = pushed().until('Promoting');
    canary.pass();
    canary.make(primaryBecomes('none'), targetBecomes('all'), gatewayAccepts).pass();
    expect(canary.status).toMatchObject({ phase: 'Failed', canaryWeight: 100 });
  });
});

describe('lastTransitionTime', () => {
  it('moves with the phase, and with nothing else', () => {
    const longAgo = '2020-01-01T00:00:00.000Z';
    const canary = ModelCanary.at(50).with({ lastTransitionTime: longAgo });
    canary.make(push('v3')).pass();
    expect(canary.status).toMatchObject({
      phase: 'Progressing',
      canaryWeight: 0,
      lastTransitionTime: longAgo,
    });
    canary.until('Failed', broken);
    expect(canary.status.lastTransitionTime).toBe(new Date(time.now).toISOString());
  });
});

describe('observedGeneration', () => {
  const edited = { seen: { generation: 2 } };

  it('is the generation that was judged', () => {
    const canary = ModelCanary.initialised();
    canary.pass(edited);
    expect(canary.status.observedGeneration).toBe(2);
  });

  it('is not set by a spec that nobody could judge', () => {
    const canary = ModelCanary.initialised().make(editSpec('unreadable'));
    canary.pass(edited);
    expect(canary.status.observedGeneration).toBe(1);
  });

  it.each([
    ['at rest', () => ModelCanary.initialised()],
    ['in Failed', () => pushed().until('Failed', broken)],
    ['in a run', () => ModelCanary.at(50)],
    ['while it is promoted', () => pushed().until('Promoting')],
    ['while its traffic goes back', () => pushed().until('Finalising')],
  ])('is not set while there is no target to look at, %s', (_where, make) => {
    const canary = make().make(deleteTarget);
    canary.pass(edited);
    expect(canary.status.observedGeneration).toBe(1);
  });

  it('is not set before the target exists', () => {
    const canary = new ModelCanary({}, { target: undefined });
    canary.pass();
    expect(canary.status.phase).toBe('Initializing');
    expect(canary.status.observedGeneration).toBeUndefined();
  });

  it.each([
    ['a revision waits that nobody has looked at', 'v2', 1],
    ['the target holds what was promoted', 'v1', 2],
  ])('beside a primary that is scaled to 0, when %s', (_what, revision, observed) => {
    const canary = ModelCanary.initialised().make(scalePrimary(0), push(revision));
    canary.pass(edited);
    expect(canary.status.message).toContain('scaled to 0');
    expect(canary.status.observedGeneration).toBe(observed);
  });
});
