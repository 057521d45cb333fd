/**
 * The rollout, as a function: same snapshot and event, same next snapshot and effects.
 *
 * It is never started. `pass.ts` steps it with `transition` and reads the actions it returns as effects, so the
 * bodies below stay empty. No `invoke`, no `after`: time and outside answers come in as events, because a timer
 * would not survive a restart. What is worth an event (a round that passed, a gate that opened, a side that
 * broke) is worked out by the rules beside this file; which phase follows, and what traffic, is said only here.
 */
import { assign, setup, transition } from 'xstate';

import type { Phase } from '../api/canary-status.ts';
import { nextStep, type TrafficReason } from './traffic.ts';

/** How a run proceeds, from the spec. */
export interface Plan {
  readonly strategy: 'weighted' | 'blueGreen';
  /** Absolute weights, rising. */
  readonly steps: readonly number[];
  readonly iterations: number;
  readonly threshold: number;
  /** How much traffic goes back to the primary at a time after promotion; 0: all at once. */
  readonly promotionStep: number;
  /** The router can only switch: blue/green never shows the canary to users. */
  readonly switchOnly: boolean;
}

export interface RolloutContext extends Plan {
  readonly weight: number;
  readonly iteration: number;
  readonly failedChecks: number;
}

/** What can happen to a rollout. */
export type RolloutEvent =
  | { readonly type: 'initialised' }
  | { readonly type: 'revisionDetected'; readonly gated: boolean }
  | { readonly type: 'revisionReverted' }
  | { readonly type: 'startedOver'; readonly gated: boolean }
  | { readonly type: 'gateOpened' }
  | { readonly type: 'checksPassed'; readonly liveWeight: number }
  | { readonly type: 'checksFailed' }
  | { readonly type: 'rollbackRequested'; readonly reason: string }
  | { readonly type: 'promotionHalted' }
  /** `showAll`: blue/green gives the canary all traffic before the primary is written. */
  | { readonly type: 'promotionApproved'; readonly showAll: boolean }
  | { readonly type: 'primaryReady' }
  /** The primary has it, and the target can no longer stand in: it rolls to something else, or has no pods. */
  | { readonly type: 'canaryLeaves' }
  | { readonly type: 'trafficReturned' }
  | { readonly type: 'primaryBroke' }
  | { readonly type: 'primaryLost' }
  | { readonly type: 'primaryRecovered' }
  | { readonly type: 'deleted' };

export interface ShiftTraffic {
  readonly weight: number;
  readonly for: TrafficReason;
}

const stepAfter = ({ context, event }: { context: RolloutContext; event: RolloutEvent }) =>
  event.type === 'checksPassed' ? nextStep(context.steps, event.liveWeight) : undefined;

const rollout = setup({
  types: {
    context: {} as RolloutContext,
    events: {} as RolloutEvent,
    input: {} as RolloutContext,
  },
  guards: {
    gated: ({ event }) => 'gated' in event && event.gated,
    reachesThreshold: ({ context }) => context.failedChecks + 1 >= context.threshold,
    hasNextStep: (args) => args.context.strategy === 'weighted' && stepAfter(args) !== undefined,
    hasNextIteration: ({ context }) =>
      context.strategy === 'blueGreen' && context.iteration < context.iterations,
    returnsInSteps: ({ context }) =>
      context.promotionStep > 0 && context.weight - context.promotionStep > 0,
    mayShowAll: ({ context, event }) =>
      event.type === 'promotionApproved' &&
      event.showAll &&
      !context.switchOnly &&
      context.weight < 100,
  },
  actions: {
    shiftTraffic: (_args, _params: ShiftTraffic) => {},
    reset: assign({ weight: 0, iteration: 0, failedChecks: 0 }),
    clear: assign({ weight: 0, iteration: 0 }),
    countFailure: assign({ failedChecks: ({ context }) => context.failedChecks + 1 }),
  },
});

/** What the same event does in every phase in which a revision is being tested or promoted. */
const underTest = rollout.createStateConfig({
  on: {
    startedOver: [
      {
        guard: 'gated',
        target: 'Waiting',
        actions: ['reset', { type: 'shiftTraffic', params: { weight: 0, for: 'restart' } }],
      },
      {
        target: 'Progressing',
        actions: ['reset', { type: 'shiftTraffic', params: { weight: 0, for: 'restart' } }],
      },
    ],
    revisionReverted: {
      target: 'Succeeded',
      actions: ['reset', { type: 'shiftTraffic', params: { weight: 0, for: 'revert' } }],
    },
    rollbackRequested: {
      target: 'Failed',
      actions: [
        'clear',
        {
          type: 'shiftTraffic',
          params: ({ event }) => ({ weight: 0, for: `abort:${event.reason}` as const }),
        },
      ],
    },
    primaryLost: { target: 'Failed' },
  },
});

/** Rounds, and what follows the last one. */
const underAnalysis = rollout.createStateConfig({
  on: {
    ...underTest.on,
    checksPassed: [
      {
        guard: 'hasNextStep',
        target: 'Progressing',
        actions: [
          assign({ weight: (args) => stepAfter(args) ?? args.context.weight }),
          {
            type: 'shiftTraffic',
            params: ({ context }) => ({ weight: context.weight, for: 'raise' }),
          },
        ],
      },
      {
        guard: 'hasNextIteration',
        target: 'Progressing',
        actions: assign({ iteration: ({ context }) => context.iteration + 1 }),
      },
    ],
    checksFailed: [
      {
        guard: 'reachesThreshold',
        target: 'Failed',
        actions: [
          'countFailure',
          'clear',
          { type: 'shiftTraffic', params: { weight: 0, for: 'abort:FailedChecks' } },
        ],
      },
      { actions: 'countFailure' },
    ],
    promotionHalted: { target: 'WaitingPromotion' },
    promotionApproved: [
      {
        guard: 'mayShowAll',
        target: 'Progressing',
        actions: [
          assign({ weight: 100, iteration: ({ context }) => context.iteration + 1 }),
          { type: 'shiftTraffic', params: { weight: 100, for: 'raise' } },
        ],
      },
      { target: 'Promoting' },
    ],
  },
});

/** Between runs. */
const atRest = rollout.createStateConfig({
  on: {
    revisionDetected: [
      { guard: 'gated', target: 'Waiting', actions: 'reset' },
      { target: 'Progressing', actions: 'reset' },
    ],
  },
});

/** The primary was written: from here on the side that is ready keeps the traffic. */
const written = rollout.createStateConfig({
  on: {
    canaryLeaves: {
      actions: ['clear', { type: 'shiftTraffic', params: { weight: 0, for: 'promoted' } }],
    },
    primaryBroke: {
      target: 'Failed',
      actions: [
        assign({ weight: 100 }),
        { type: 'shiftTraffic', params: { weight: 100, for: 'stay' } },
      ],
    },
    primaryLost: { target: 'Failed' },
  },
});

export const rolloutMachine = rollout.createMachine({
  id: 'rollout',
  context: ({ input }) => input,
  initial: 'Initializing',
  on: { deleted: { target: '.Terminating' } },
  states: {
    Initializing: { on: { initialised: { target: 'Initialized', actions: 'reset' } } },
    Initialized: atRest,
    Waiting: { on: { ...underTest.on, gateOpened: { target: 'Progressing', actions: 'reset' } } },
    Progressing: underAnalysis,
    WaitingPromotion: underAnalysis,
    Promoting: {
      on: {
        ...underTest.on,
        ...written.on,
        primaryReady: [
          {
            guard: 'returnsInSteps',
            actions: [
              assign({ weight: ({ context }) => context.weight - context.promotionStep }),
              {
                type: 'shiftTraffic',
                params: ({ context }) => ({ weight: context.weight, for: 'promoted' }),
              },
            ],
          },
          {
            target: 'Finalising',
            actions: ['clear', { type: 'shiftTraffic', params: { weight: 0, for: 'promoted' } }],
          },
        ],
      },
    },
    Finalising: {
      on: { ...written.on, trafficReturned: { target: 'Succeeded', actions: 'clear' } },
    },
    Succeeded: atRest,
    Failed: {
      on: {
        ...atRest.on,
        revisionReverted: underTest.on.revisionReverted,
        primaryRecovered: {
          target: 'Finalising',
          actions: ['clear', { type: 'shiftTraffic', params: { weight: 0, for: 'promoted' } }],
        },
        promotionApproved: { target: 'Promoting' },
      },
    },
    Terminating: {},
  },
});

export interface Step {
  readonly phase: Phase;
  readonly context: RolloutContext;
  readonly shift: ShiftTraffic | undefined;
  /** The event meant something in this phase. */
  readonly taken: boolean;
}

/** One step: where the rollout stands after `event`, and the traffic that goes with it. Pure. */
export function step(phase: Phase, context: RolloutContext, event: RolloutEvent): Step {
  const value = phase === 'Terminated' ? 'Terminating' : phase;
  const from = rolloutMachine.resolveState({ value, context });
  const [next, actions] = transition(rolloutMachine, from, event);
  const shift = actions.find(({ type }) => type === 'shiftTraffic')?.params;
  return {
    phase: next.value,
    context: next.context,
    shift: shift as ShiftTraffic | undefined,
    taken: next !== from,
  };
}
