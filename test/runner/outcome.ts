/** What a stage of the test run came to. Stages that are no vitest suites count as one test each. */
export interface Outcome {
  readonly passed: number;
  readonly failed: readonly string[];
  readonly skipped: readonly Skip[];
}

/** A test, or a whole suite of them, that did not run. */
export interface Skip {
  /** File and titles; by our convention the last title ends in the reason. */
  readonly name: string;
  readonly tests: number;
  /** Said by the test itself while it ran. */
  readonly note?: string;
}

export function sum(outcomes: readonly Outcome[]): Outcome {
  return {
    passed: outcomes.reduce((total, { passed }) => total + passed, 0),
    failed: outcomes.flatMap(({ failed }) => failed),
    skipped: outcomes.flatMap(({ skipped }) => skipped),
  };
}

/**
 * Turns skips into failures, except those whose name matches `allowed`: what really cannot run on
 * this machine.
 */
export function expectAll(outcome: Outcome, allowed: readonly RegExp[]): Outcome {
  const mayBeSkipped = ({ name, note = '' }: Skip) =>
    allowed.some((reason) => reason.test(name) || reason.test(note));
  const missing = outcome.skipped.filter((skip) => !mayBeSkipped(skip));
  return {
    ...outcome,
    failed: [
      ...outcome.failed,
      ...missing.map((skip) => `skipped, but can run here: ${say(skip)}`),
    ],
    skipped: outcome.skipped.filter(mayBeSkipped),
  };
}

/** The report's last lines; the very last one is what `.ci/run` and people look at. */
export function report({ passed, failed, skipped }: Outcome): string {
  const lines = [
    ...skipped.map((skip) => `skipped: ${say(skip)}`),
    ...failed.map((name) => `FAILED: ${name}`),
    `${passed} passed, ${failed.length} failed, ${count(skipped)} skipped`,
  ];
  return `${lines.join('\n')}\n`;
}

function say({ name, tests, note }: Skip): string {
  return `${name}${note === undefined ? '' : ` – ${note}`}${tests > 1 ? ` (${tests} tests)` : ''}`;
}

function count(skipped: readonly Skip[]): number {
  return skipped.reduce((total, { tests }) => total + tests, 0);
}
