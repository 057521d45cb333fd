/** Starts the operator as it is shipped: the bundle, with the flags and Node.js options of `deploy/`. */
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createWriteStream, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

import { parse } from 'yaml';
import * as z from 'zod';

import { monotonicMs } from '../shared-clock.ts';

const Shipped = z.object({
  spec: z.object({
    template: z.object({
      spec: z.object({
        containers: z.tuple([
          z.object({
            args: z.array(z.string()),
            env: z.array(z.object({ name: z.string(), value: z.string().optional() })),
          }),
        ]),
      }),
    }),
  }),
});

/** Where the operator finds its world. */
export interface Surroundings {
  /** The text of the file: the API server, and whom the operator's requests are counted as. */
  readonly kubeconfig: string;
  /** Of the process that stands in for Prometheus and Slack. */
  readonly standInPort: number;
}

export interface RunningOperator {
  readonly pid: number;
  /** From the start of the process to the first 200 of `/readyz`. */
  readonly readyAfterMs: number;
  /** What it has logged so far. */
  log(): string;
  stop(): Promise<void>;
}

/** Builds the bundle into a folder of its own and answers the file. */
export function buildBundle(): { readonly file: string; readonly remove: () => void } {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'serin-bench-'));
  const file = path.join(folder, 'serin.mjs');
  execFileSync(process.execPath, ['bin/build.mjs', file]);
  return { file, remove: () => rmSync(folder, { recursive: true }) };
}

export async function startOperator(
  bundle: string,
  surroundings: Surroundings,
): Promise<RunningOperator> {
  const { args, nodeFlags, env } = shipped();
  const port = await freePort();
  return launch(surroundings, (kubeconfig) => ({
    program: process.execPath,
    args: [
      ...nodeFlags,
      bundle,
      ...args.filter((flag) => !/^--(port|metrics-server)\b/.test(flag)),
      `--port=${port}`,
      `--kubeconfig=${kubeconfig}`,
      `--metrics-server=http://127.0.0.1:${surroundings.standInPort}`,
    ],
    env: { NODE_ENV: 'production', ...env },
    isReady: () => answers(`http://127.0.0.1:${port}/readyz`),
  }));
}

/**
 * Starts somebody else's operator by a command for the shell, which finds in its environment where its world is:
 * KUBECONFIG, PROMETHEUS (an address) and PORT (a free one). When such an operator is ready nobody can tell.
 */
export async function startForeignOperator(
  command: string,
  surroundings: Surroundings,
): Promise<RunningOperator> {
  const port = await freePort();
  return launch(surroundings, (kubeconfig) => ({
    program: 'sh',
    // The shell makes way, so that the process that is measured is the operator.
    args: ['-c', `exec ${command}`],
    env: {
      KUBECONFIG: kubeconfig,
      PROMETHEUS: `http://127.0.0.1:${surroundings.standInPort}`,
      PORT: String(port),
    },
    isReady: () => Promise.resolve(true),
  }));
}

interface Launch {
  readonly program: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly isReady: () => Promise<boolean>;
}

async function launch(
  { kubeconfig }: Surroundings,
  how: (kubeconfigFile: string) => Launch,
): Promise<RunningOperator> {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'serin-operator-'));
  const kubeconfigFile = path.join(folder, 'kubeconfig');
  writeFileSync(kubeconfigFile, kubeconfig, { mode: 0o600 });
  const { program, args, env, isReady } = how(kubeconfigFile);
  const logFile = path.join(folder, 'log');
  const log = createWriteStream(logFile);
  await once(log, 'open');
  const startedAt = monotonicMs();
  const child = spawn(program, args, {
    stdio: ['ignore', log, log],
    env: { PATH: process.env['PATH'], ...env },
  });
  const said = () => readFileSync(logFile, 'utf8');
  for (;;) {
    if (child.exitCode !== null) throw new Error(`the operator ended at its start:\n${said()}`);
    if (await isReady()) break;
    await sleep(5);
  }
  const readyAfterMs = monotonicMs() - startedAt;
  return {
    pid: child.pid ?? 0,
    readyAfterMs,
    log: said,
    stop: async () => {
      if (child.exitCode === null && child.signalCode === null) {
        child.kill('SIGTERM');
        await once(child, 'exit');
      }
      rmSync(folder, { recursive: true });
    },
  };
}

/** What Deployment and Dockerfile say, without what is taken from the cluster. */
function shipped(): {
  readonly args: readonly string[];
  readonly nodeFlags: readonly string[];
  readonly env: Readonly<Record<string, string>>;
} {
  const deployment = Shipped.parse(parse(readFileSync('deploy/base/deployment.yaml', 'utf8')));
  const [{ args, env }] = deployment.spec.template.spec.containers;
  const literal = env.flatMap(({ name, value }) => (value === undefined ? [] : [[name, value]]));
  const entry = /^ENTRYPOINT (\[.*\])$/m.exec(readFileSync('deploy/Dockerfile', 'utf8'))?.[1];
  const [, ...words] = z.array(z.string()).parse(JSON.parse(entry ?? '[]'));
  const nodeFlags = words.filter((word) => word.startsWith('--'));
  return { args, nodeFlags, env: Object.fromEntries(literal) };
}

async function answers(url: string): Promise<boolean> {
  return fetch(url).then(
    ({ status }) => status === 200,
    () => false,
  );
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  if (address === null || typeof address === 'string') throw new Error('no port is free');
  return address.port;
}
