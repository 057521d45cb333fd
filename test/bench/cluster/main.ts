/**
 * What `npm run bench:cluster` runs: the figures on a real API server, then the table and the same as JSON.
 *
 *   npm run bench:cluster                   everything; three quarters of an hour; writes docs/benchmarks.md
 *   npm run bench:cluster -- --n 20         these numbers of canaries at work only (20,200 or more than one)
 *   npm run bench:cluster -- --rest 10000   this number at rest only; together with --n, both
 *   npm run bench:cluster -- --quick        shorter waits; fails on counts, not on times
 *   npm run bench:cluster -- --json FILE    the JSON into a file instead of below the table
 *   npm run bench:cluster -- --operator 'flagger -kubeconfig=$KUBECONFIG -metrics-server=$PROMETHEUS -port=$PORT'
 *       somebody else's operator, which looks after Canaries of the group flagger.app
 */
import { writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';

import { startCluster } from '../../cluster/launcher.ts';
import { STATE } from '../../cluster/layout.ts';
import { filesOf, provide } from '../../cluster/programs/programs.ts';
import { describeMachine, loadNow } from '../machine.ts';
import { describe, tableOf } from '../report.ts';
import { pageOf, type Report } from './document.ts';
import { type ClusterFigure, failsAnywhere, restFigures, workFigures } from './figures.ts';
import { Findings, type Task } from './task.ts';

const usual = { work: [20, 200, 1000], rest: 10_000 } as const;
/** Of larger numbers nothing is asked, and it takes long. */
const mostForAborts = 200;

const { values } = parseArgs({
  options: {
    n: { type: 'string' },
    rest: { type: 'string' },
    quick: { type: 'boolean', default: false },
    operator: { type: 'string' },
    json: { type: 'string' },
  },
});

const say = (line: string) => process.stderr.write(`${line}\n`);
const programs = [
  'etcd',
  'kube-apiserver',
  'kube-controller-manager',
  'kube-scheduler',
  'kwok',
] as const;
const provided = await provide([...programs, 'gateway-api-crds'], say);
const definitions = filesOf(provided, 'gateway-api-crds');
const tasks = chosenTasks();
const machine = describeMachine();
const findings: Findings[] = [];
for (const task of tasks) findings.push(await perform(task));
const figures = tasks.flatMap((task, index) => figuresOf(task, findings[index]));
const loadAfter = loadNow();
const date = new Date().toISOString().slice(0, 10);
const { versions } = provided;
const report: Report = { machine, loadAfter, versions, date, findings, figures };

process.stdout.write(`${describe(machine, loadAfter)}\n\n${tableOf(figures)}\n`);
const json = `${JSON.stringify(report, null, 2)}\n`;
if (values.json === undefined) process.stdout.write(`\n${json}`);
else writeFileSync(values.json, json);
const isComplete = values.n === undefined && values.rest === undefined;
if (isComplete && !values.quick && values.operator === undefined) {
  writeFileSync('docs/benchmarks.md', pageOf(report));
}
const failed = figures.filter(values.quick ? failsAnywhere : ({ reached }) => !reached);
for (const { measure, measured } of failed) say(`✗ ${measure}: ${measured}`);
process.exit(failed.length > 0 ? 1 : 0);

function chosenTasks(): readonly Task[] {
  const { n, rest, quick, operator } = values;
  const common = { quick, definitions, ...(operator === undefined ? {} : { operator }) };
  const all = n === undefined && rest === undefined;
  const work = all ? usual.work : numbers(n);
  // What others would leave at rest we do not know.
  const resting = operator !== undefined ? [] : all ? [usual.rest] : numbers(rest);
  return [
    ...work.map((count): Task => {
      const thresholds = count > mostForAborts ? [] : quick ? [1] : [5, 1];
      return { ...common, kind: 'work', count, thresholds };
    }),
    ...resting.map((count): Task => ({ ...common, kind: 'rest', count, thresholds: [] })),
  ];
}

function numbers(list: string | undefined): readonly number[] {
  const found = (list ?? '').split(',').filter((word) => word !== '');
  const wrong = found.filter((word) => !/^[1-9][0-9]{0,5}$/.test(word));
  if (wrong.length === 0) return found.map(Number);
  say(`${wrong.join(', ')} is not a number of canaries`);
  process.exit(2);
}

/** In a cluster of its own, so that one leaves nothing to the next. */
async function perform(task: Task): Promise<Findings> {
  say(`· ${task.count} canaries ${task.kind === 'work' ? 'at work' : 'at rest'}`);
  const isWork = task.kind === 'work';
  try {
    const cluster = await startCluster({
      say,
      components: isWork ? programs : ['etcd', 'kube-apiserver'],
      // A node takes as many pods as ten thousand; several share the rounds of KWOK.
      fakeNodes: isWork ? 4 : 0,
    });
    try {
      const inside = new URL('inside.ts', import.meta.url).pathname;
      // What the operator and its bench write in between goes when the cluster goes.
      const command = ['env', `TMPDIR=${STATE}`, process.execPath, inside, JSON.stringify(task)];
      const died = cluster.ended.then((why) => Promise.reject(new Error(why)));
      const told = await Promise.race([cluster.tell(command), died]);
      if (told === '') throw new Error('the part inside the cluster ended without a result');
      return Findings.parse(JSON.parse(told));
    } finally {
      await cluster.stop();
    }
  } catch (error) {
    const failure = error instanceof Error ? error.message : String(error);
    say(failure);
    return { count: task.count, failure, durations: [], aborts: [] };
  }
}

function figuresOf({ kind, thresholds }: Task, found: Findings | undefined): ClusterFigure[] {
  if (found === undefined) return [];
  return kind === 'work' ? workFigures(found, thresholds) : restFigures(found);
}
