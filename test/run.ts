/**
 * What `npm test` runs after the set-up: types, lint and format, then the suites of
 * `vitest.config.ts`. Its last line is `N passed, N failed, N skipped`; what was skipped is named
 * before it.
 *
 *   npm test                          everything
 *   npm test -- --only unit,contract  some stages; `check` is types, lint, format and architecture
 *   npm test -- work-queue            the test files whose path contains this
 *
 * With `CI=true` or `SERIN_EXPECT_ALL=1` a skipped test is a failure.
 */
import { existsSync } from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';

import { type CheckName, checks, runCheck } from './runner/checks.ts';
import { expectAll, type Outcome, report, sum } from './runner/outcome.ts';
import { runSuites, type SuiteName, suites } from './runner/suites.ts';

type Stage = CheckName | SuiteName;

const checkNames = Object.keys(checks).filter((name): name is CheckName => name in checks);
const groups: Readonly<Record<string, readonly Stage[]>> = {
  check: [...checkNames, 'architecture'],
  ...Object.fromEntries([...checkNames, ...suites].map((stage) => [stage, [stage]])),
};

function stagesOf(only: string): readonly Stage[] {
  return only.split(',').flatMap((name) => {
    const stages = groups[name];
    if (stages !== undefined) return stages;
    throw new Error(`unknown stage "${name}"; known: ${Object.keys(groups).join(', ')}`);
  });
}

/** The skips that no set-up of ours can prevent, by their reason. */
function unavoidableSkips(): readonly RegExp[] {
  const onPath = (process.env['PATH'] ?? '')
    .split(path.delimiter)
    .some((folder) => existsSync(path.join(folder, 'prometheus')));
  return onPath ? [] : [/prometheus is not on the PATH/];
}

function expectsAll(): boolean {
  const { CI, SERIN_EXPECT_ALL } = process.env;
  return SERIN_EXPECT_ALL === undefined ? CI === 'true' : SERIN_EXPECT_ALL === '1';
}

async function run(stages: readonly Stage[], filters: readonly string[]): Promise<Outcome> {
  const chosenChecks = filters.length > 0 ? [] : checkNames.filter((name) => stages.includes(name));
  const outcomes = chosenChecks.map(runCheck);
  const chosenSuites = suites.filter((name) => stages.includes(name));
  if (chosenSuites.length > 0) outcomes.push(await runSuites(chosenSuites, filters));
  return sum(outcomes);
}

const { values, positionals } = parseArgs({
  options: { only: { type: 'string' } },
  allowPositionals: true,
});
const stages = values.only === undefined ? Object.values(groups).flat() : stagesOf(values.only);
const found = await run(stages, positionals);
const outcome = expectsAll() ? expectAll(found, unavoidableSkips()) : found;
process.stdout.write(`\n${report(outcome)}`);
// A handle that a suite forgot must not keep a finished run from ending.
process.exit(outcome.failed.length > 0 ? 1 : 0);
