/**
 * One Canary in the small world of `test/machine`, taken from pass to pass: what `decide` says where a real rollout
 * would have come to.
 */
import type { CanaryStatus } from '../../../src/api/canary-status.ts';
import { parseRun, type OutboxEntry, type Run } from '../../../src/api/run.ts';
import { decide } from '../../../src/core/decide.ts';
import type { Decision } from '../../../src/core/effects.ts';
import type { Observation } from '../../../src/core/observation.ts';
import type { Delivery } from '../../../src/core/outbox.ts';
import { later } from '../../machine/ages.ts';
import { answersIn, type Mood } from '../../machine/answers.ts';
import type { Setting, WorldState } from '../../machine/model.ts';
import {
  gatewayAccepts,
  primaryBecomes,
  push,
  targetBecomes,
  type Move,
} from '../../machine/moves.ts';
import { carryOut, look, time } from '../../machine/pass.ts';
import { settingOf, unit, untouched, type Choice } from '../../machine/settings.ts';
import { good } from '../../machine/ways.ts';
import { emptyLedger } from '../../promises/ledger.ts';

/** One step of 50 percent, and no more. */
export const oneStep = { stepWeights: [50] };

export interface Passing {
  readonly mood?: Partial<Mood>;
  readonly deliveries?: readonly Delivery[];
  /** What is seen otherwise than the world has it. */
  readonly seen?: Partial<Observation>;
}

export class ModelCanary {
  readonly #setting: Setting;
  #world: WorldState;

  constructor(choice: Partial<Choice> = {}, start: Partial<WorldState> = {}) {
    this.#setting = { ...settingOf({ analysis: oneStep, ...choice }), hasNotifier: true };
    this.#world = { ...untouched, ...start };
  }

  /** At rest, with its primary in place. */
  static initialised(choice: Partial<Choice> = {}): ModelCanary {
    return new ModelCanary(choice).until('Initialized');
  }

  /** Serving `weight` percent of users with the revision `v2`. */
  static at(weight: number, choice: Partial<Choice> = {}): ModelCanary {
    const canary = ModelCanary.initialised(choice).make(push('v2'));
    return canary.until('Progressing', {}, ({ canaryWeight }) => canaryWeight === weight);
  }

  get status(): CanaryStatus {
    return this.#world.status;
  }

  get run(): Run | undefined {
    return parseRun(this.status.run);
  }

  get outbox(): readonly OutboxEntry[] {
    return this.run?.outbox ?? [];
  }

  make(...moves: readonly Move[]): this {
    for (const { make } of moves)
      this.#world = make({ world: this.#world, ledger: emptyLedger })?.world ?? this.#world;
    return this;
  }

  later(ms: number): this {
    this.#world = later(this.#world, ms);
    return this;
  }

  /** With another status, as if it had been written before. */
  with(change: Partial<CanaryStatus>): this {
    this.#world = { ...this.#world, status: { ...this.status, ...change } };
    return this;
  }

  withRun(change: Partial<Run>): this {
    return this.with({ run: { ...this.status.run, ...change } });
  }

  /** One pass, and what it brings about. */
  pass({ mood = {}, deliveries = [], seen = {} }: Passing = {}): Decision {
    const view = look(this.#world, this.#setting);
    const answers = answersIn({ ...good, ...mood }, view.questions);
    const decision = decide({ ...view.before, ...seen }, answers, view.memory, time, deliveries);
    this.#world = carryOut(this.#world, decision, this.#setting);
    return decision;
  }

  /** Everybody behaves, an interval at a time. */
  until(
    phase: CanaryStatus['phase'],
    passing: Passing = {},
    isSo: (status: CanaryStatus) => boolean = () => true,
  ): this {
    for (let count = 0; count < 40; count += 1) {
      this.make(targetBecomes('all'), primaryBecomes('all'), gatewayAccepts);
      this.pass(passing);
      if (this.status.phase === phase && isSo(this.status)) return this;
      this.later(unit);
    }
    throw new Error(`did not come to ${phase}: ${JSON.stringify(this.status)}`);
  }
}
