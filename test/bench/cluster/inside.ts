/** Runs one task in the namespaces of a cluster and writes what it found, as JSON, to descriptor 3. */
import { writeSync } from 'node:fs';

import { rest } from './rest.ts';
import { type Growing, say, Stage } from './stage.ts';
import { Task } from './task.ts';
import { work } from './work.ts';

const task = Task.parse(JSON.parse(process.argv[2] ?? ''));
const findings: Growing = { count: task.count, durations: [], aborts: [] };
try {
  await Stage.with(task, async (stage) => {
    findings.durations = stage.durations;
    await (task.kind === 'work' ? work : rest)(stage, task, findings);
  });
} catch (error) {
  findings.failure = error instanceof Error ? error.message : String(error);
  say(error instanceof Error ? (error.stack ?? error.message) : String(error));
}
writeSync(3, JSON.stringify(findings));
process.exit(0);
