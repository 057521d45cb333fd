import { type Reporter, startVitest, type TestCase, type TestModule } from 'vitest/node';

import type { Outcome, Skip } from './outcome.ts';

export const suites = [
  'architecture',
  'unit',
  'contract',
  'property',
  'simulation',
  'e2e',
] as const;

/** Those of `npm run test:cluster`: with a real Kubernetes. */
export const clusterSuites = ['cluster', 'machine'] as const;

export type SuiteName = (typeof suites)[number] | (typeof clusterSuites)[number];

/**
 * Runs suites of `vitest.config.ts` in one vitest, so that they share its workers.
 *
 * `filters` are parts of file names; none means every file.
 */
export async function runSuites(
  names: readonly SuiteName[],
  filters: readonly string[] = [],
): Promise<Outcome> {
  let outcome: Outcome | undefined;
  const counter: Reporter = {
    onTestRunEnd(modules, unhandledErrors) {
      const stray = unhandledErrors.map(({ message }) => `outside of any test: ${message}`);
      outcome = addFailures(outcomeOf(modules), stray);
    },
  };
  const vitest = await startVitest([...filters], {
    project: [...names],
    watch: false,
    passWithNoTests: true,
    reporters: ['default', counter],
  });
  await vitest.close();
  return outcome ?? { passed: 0, failed: ['vitest ended without a result'], skipped: [] };
}

function addFailures(outcome: Outcome, names: readonly string[]): Outcome {
  return { ...outcome, failed: [...outcome.failed, ...names] };
}

function outcomeOf(modules: readonly TestModule[]): Outcome {
  const tests = modules.flatMap((module) => [...module.children.allTests()]);
  const inState = (state: string) => tests.filter((test) => test.result().state === state);
  return {
    passed: inState('passed').length,
    // A test that was collected and never ran is not one that passed.
    failed: [
      ...[...inState('failed'), ...inState('pending')].map(nameOf),
      ...modules.filter(brokeOutsideTests).map(({ relativeModuleId }) => relativeModuleId),
    ],
    skipped: skipsOf(inState('skipped')),
  };
}

/** An import, a hook or a suite's body failed: no test of the file says so. */
function brokeOutsideTests(module: TestModule): boolean {
  return !module.ok() && [...module.children.allTests('failed')].length === 0;
}

/** Skipped tests, those of a suite that was skipped as a whole as one. */
function skipsOf(tests: readonly TestCase[]): readonly Skip[] {
  const byName = Map.groupBy(tests, (test) => {
    const { note } = noteOf(test);
    return note === undefined ? skippedWhole(test) : nameOf(test);
  });
  return [...byName].map(([name, [first, ...others]]) => ({
    name,
    tests: others.length + 1,
    ...(first === undefined ? {} : noteOf(first)),
  }));
}

function noteOf(test: TestCase): { readonly note?: string } {
  const result = test.result();
  return result.state === 'skipped' && result.note !== undefined ? { note: result.note } : {};
}

/** The name of the outermost suite none of whose tests ran, or the test's own. */
function skippedWhole(test: TestCase): string {
  let name = nameOf(test);
  for (let { parent } = test; parent.type === 'suite'; { parent } = parent) {
    if (parent.state() !== 'skipped') break;
    name = `${parent.module.relativeModuleId} > ${parent.fullName}`;
  }
  return name;
}

function nameOf(test: TestCase): string {
  return `${test.module.relativeModuleId} > ${test.fullName}`;
}
