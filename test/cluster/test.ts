/**
 * What `npm run test:cluster` runs: the suites that need a real Kubernetes, one after the other, a line for each.
 * The last line is `N passed, N failed, N skipped`.
 *
 *   npm run test:cluster                      everything
 *   npm run test:cluster -- contract node     some suites, by the names that it prints
 *
 * A suite that cannot run is skipped and says why; with `CI=true` or `SERIN_EXPECT_ALL=1` that is a failure.
 */
import * as z from 'zod';

import { expectAll, type Outcome, report, sum } from '../runner/outcome.ts';
import { runSuites } from '../runner/suites.ts';
import { type RunningCluster, startCluster } from './launcher.ts';
import { provide } from './programs/programs.ts';
import { type Suite, suites } from './suites.ts';

const Told = z.object({
  passed: z.int(),
  failed: z.array(z.string()),
  skipped: z.array(
    z.object({ name: z.string(), tests: z.int(), note: z.string().exactOptional() }),
  ),
});

const chosen = chosenSuites(process.argv.slice(2));
const { CI, SERIN_EXPECT_ALL } = process.env;
const mustRun = SERIN_EXPECT_ALL === undefined ? CI === 'true' : SERIN_EXPECT_ALL === '1';

const lines: string[] = [];
const found = sum(await runAll());
const total = mustRun ? expectAll(found, []) : found;
process.stdout.write(`\n${lines.join('\n')}\n\n${report(total)}`);
process.exit(total.failed.length > 0 ? 1 : 0);

function chosenSuites(names: readonly string[]): readonly Suite[] {
  const unknown = names.filter((name) => suites.every((suite) => suite.name !== name));
  if (unknown.length === 0) {
    return suites.filter(({ name }) => names.length === 0 || names.includes(name));
  }
  const known = suites.map(({ name }) => name).join(', ');
  process.stderr.write(`unknown suite ${unknown.join(', ')}; known: ${known}\n`);
  process.exit(2);
}

async function runAll(): Promise<readonly Outcome[]> {
  const places = Map.groupBy(chosen, (suite) => (suite.place === 'own' ? suite.name : suite.place));
  const outcomes: Outcome[] = [];
  for (const [place, group] of places) {
    if (place === 'machine') {
      for (const suite of group) outcomes.push(await timed(suite, onMachine));
    } else outcomes.push(...(await inCluster(group)));
  }
  return outcomes;
}

async function inCluster(group: readonly Suite[]): Promise<readonly Outcome[]> {
  let cluster: RunningCluster;
  try {
    await fetchForSuites();
    cluster = await startCluster({ say });
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    return group.map((suite) => unable(suite, why));
  }
  try {
    const outcomes: Outcome[] = [];
    for (const suite of group) outcomes.push(await timed(suite, (one) => inside(cluster, one)));
    return outcomes;
  } finally {
    await cluster.stop();
  }
}

/** Inside, where the suites ask for it, there is no network to fetch it by. */
async function fetchForSuites(): Promise<void> {
  const { missing } = await provide(['gateway-api-crds', 'contour-crds', 'libfaketime'], say);
  if (missing.length === 0) return;
  throw new Error(missing.map(({ name, why }) => `${name}: ${why}`).join('; '));
}

function onMachine({ files }: Suite): Promise<Outcome> {
  return runSuites(['machine'], [files]);
}

async function inside(cluster: RunningCluster, { name, files }: Suite): Promise<Outcome> {
  const told = await cluster.tell([process.execPath, 'test/cluster/run-inside.ts', files]);
  if (told === '') return { passed: 0, failed: [`${name} ended without a result`], skipped: [] };
  return Told.parse(JSON.parse(told));
}

async function timed(suite: Suite, run: (suite: Suite) => Promise<Outcome>): Promise<Outcome> {
  const startedAt = performance.now();
  const outcome = await run(suite);
  const seconds = ((performance.now() - startedAt) / 1_000).toFixed(0);
  const { passed, failed, skipped } = outcome;
  // A folder without tests must not look like one whose tests pass.
  const empty = passed + failed.length + skipped.length === 0;
  const counted = empty ? { ...outcome, failed: [`${suite.name}: no test was found`] } : outcome;
  lines.push(
    `${counted.failed.length === 0 ? '✓' : '✗'} ${suite.name}: ${passed} passed, ${counted.failed.length} failed, ${seconds} s`,
  );
  return counted;
}

function unable({ name }: Suite, why: string): Outcome {
  lines.push(`- ${name}: not run: ${why}`);
  return { passed: 0, failed: [], skipped: [{ name, tests: 1, note: why }] };
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}
