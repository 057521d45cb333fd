/**
 * What `npm run cluster` runs: a real Kubernetes on this machine, in namespaces of its own.
 *
 *   npm run cluster                     starts one, says how to use it, keeps it until Ctrl-C
 *   npm run cluster -- --kwok 10        with ten nodes whose pods only exist in the API
 *   npm run cluster -- exec CMD …       runs a command inside; `exec --id N CMD …` if several run
 */
import { once } from 'node:events';

import { Command, InvalidArgumentError } from 'commander';

import { execIn, startCluster } from './launcher.ts';
import { API_URL, FILES, NODE } from './layout.ts';
import { runningCluster } from './running.ts';

const program = new Command('npm run cluster --')
  .enablePositionalOptions()
  .description('a real Kubernetes on this machine, without a container engine')
  .option('--kwok <nodes>', 'nodes whose pods only exist in the API', wholeNumber, 0)
  .action(async ({ kwok }: { kwok: number }) => {
    process.exitCode = await keep(kwok);
  });

program
  .command('exec')
  .description('runs a command inside a cluster that is running')
  .option('--id <number>', 'which cluster, if several run: it printed the number', wholeNumber)
  .argument('<command...>')
  .passThroughOptions()
  .action(async (command: string[], { id }: { id?: number }) => {
    const { pid, path } = runningCluster(id);
    process.exitCode = await execIn(pid, path, command);
  });

await program.parseAsync().catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
});

async function keep(fakeNodes: number): Promise<number> {
  const startedAt = performance.now();
  const cluster = await startCluster({ say, fakeNodes });
  say(`ready after ${((performance.now() - startedAt) / 1_000).toFixed(1)} s`);
  for (const line of directions(cluster.id)) say(line);
  const asked = Promise.race(['SIGINT', 'SIGTERM'].map((signal) => once(process, signal)));
  const why = await Promise.race([cluster.ended, asked.then(() => undefined)]);
  await cluster.stop();
  if (why === undefined) return 0;
  process.stderr.write(`the cluster is gone: ${why}\n`);
  return 1;
}

function directions(id: number): readonly string[] {
  return [
    '',
    `npm run cluster -- exec kubectl get pods -A      (cluster ${id})`,
    'npm run cluster -- exec bash                     a shell inside',
    '',
    `API server   ${API_URL}`,
    `node         ${NODE.name}, ${NODE.address}`,
    `kubeconfig   ${FILES.kubeconfig} (inside)`,
    `audit log    ${FILES.auditLog} (inside)`,
    `logs         ${FILES.logs} (inside)`,
    '',
    'Ctrl-C ends it; nothing of it stays.',
  ];
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

function wholeNumber(text: string): number {
  const number = Number(text);
  if (Number.isInteger(number) && number >= 0) return number;
  throw new InvalidArgumentError('not a whole number');
}
