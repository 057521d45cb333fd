/** What many trials came to, counted, and what the simulation has to have seen at least. */
import { eventKindsOf, killKindsOf, type Router } from './plan.ts';
import type { Result } from './trial.ts';

export class Tally {
  readonly counts = new Map<string, number>();
  trials = 0;
  simulatedMs = 0;

  add({ counts, simulatedMs }: Result): void {
    this.trials += 1;
    this.simulatedMs += simulatedMs;
    for (const [what, times] of counts) this.counts.set(what, this.of(what) + times);
  }

  of(what: string): number {
    return this.counts.get(what) ?? 0;
  }

  /** Releases that came to an end, one way or the other; initialisation and idle deletions are not counted. */
  get rollouts(): number {
    const ends = [...this.counts].filter(
      ([what]) =>
        what.startsWith('outcome: ') &&
        what !== 'outcome: initialised' &&
        what !== 'outcome: deleted idle',
    );
    return ends.reduce((sum, [, times]) => sum + times, 0);
  }

  /** What was seen less often than `least`. */
  tooSeldom(expected: readonly string[], least: number): readonly string[] {
    return expected
      .filter((what) => this.of(what) < least)
      .map((what) => `${what}: ${this.of(what)}`);
  }

  text(): string {
    const lines = [...this.counts].sort(([a], [b]) => (a < b ? -1 : 1));
    const seconds = Math.round(this.simulatedMs / 1_000);
    return [
      `${this.trials} trials, ${this.rollouts} rollouts, ${seconds} simulated seconds`,
      ...lines.map(([what, times]) => `${String(times).padStart(7)}  ${what}`),
    ].join('\n');
  }
}

const outcomes = [
  'initialised',
  'succeeded',
  'succeeded without analysis',
  'failed, FailedChecks',
  'failed, CanaryNotReady',
  'failed, NoData',
  'failed, GateDeadline',
  'failed, MetricsUnavailable',
  'failed, NotSupported',
  'failed, RollbackRequested',
  'failed, RouteContested',
  'reverted',
  'restarted',
  'stayed on the canary',
  'primary lost, held',
  'deleted idle',
  'deleted in a run',
];

const faults = [
  'refused 409',
  'refused 429',
  'refused 500',
  'refused 503',
  'vanishes',
  'reset',
  'answerLost',
  'answerVanishes',
  'arrivesLate',
  'slow',
];

/** Everything that has to be seen often enough with this router. */
export function expectedOf(router: Router): readonly string[] {
  const kills = killKindsOf(router).flatMap((kind) => [
    `kill before ${kind}`,
    `kill after ${kind}`,
    ...(kind === 'read' ? [] : [`kill, arrives late: ${kind}`]),
  ]);
  return [
    ...outcomes.map((outcome) => `outcome: ${outcome}`),
    ...(router === 'gatewayapi' ? ['outcome: failed, RouteNotAccepted'] : []),
    ...eventKindsOf(router).map((event) => `event: ${event}`),
    ...faults.map((fault) => `fault: ${fault}`),
    ...kills,
  ];
}
