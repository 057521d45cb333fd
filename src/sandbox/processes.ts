/** The other two processes beside the sandbox: the operator and the traffic generator. */
import type { ChildProcess } from 'node:child_process';
import { createWriteStream, readFileSync } from 'node:fs';
import path from 'node:path';

import { isTrafficMessage, type RequestRecord } from './demo/request-record.ts';
import { end, startLeashed } from './runner/leashed-process.ts';
import type { Sandbox } from './sandbox.ts';

const MAIN = new URL('../main.ts', import.meta.url);
const TRAFFIC = new URL('./demo/traffic.ts', import.meta.url);
const GRACE_MS = 8_000;

export interface OperatorProcess {
  readonly pid: number | undefined;
  readonly logFile: string;
  /** Set when it has ended, for people. */
  readonly ended: string | undefined;
  /** The last lines it has logged. */
  lastWords(lines: number): readonly string[];
  close(): Promise<void>;
}

/** What the operator is told: how to reach the cluster, Prometheus and Slack, and nothing else. */
export function operatorArguments(sandbox: Sandbox, more: readonly string[] = []): string[] {
  return [
    'operator',
    `--kubeconfig=${sandbox.kubeconfigOf('operator')}`,
    `--metrics-server=${sandbox.metrics.url}`,
    `--slack-url=${sandbox.slack.webhookUrl}`,
    ...more,
  ];
}

export function startOperator(
  sandbox: Sandbox,
  more: readonly string[] = [],
  onEnd: (why: string) => void = () => {},
): OperatorProcess {
  const logFile = path.join(sandbox.dir, 'operator.log');
  const log = createWriteStream(logFile, { flags: 'a' });
  const child = startLeashed({ module: MAIN, args: operatorArguments(sandbox, more), env: {} });
  child.stdout?.pipe(log, { end: false });
  child.stderr?.pipe(log, { end: false });
  let ended: string | undefined;
  let closing = false;
  child.once('exit', (code, signal) => {
    ended = signal === null ? `exit code ${code}` : `signal ${signal}`;
    if (!closing) onEnd(ended);
  });
  return {
    pid: child.pid,
    logFile,
    get ended() {
      return ended;
    },
    lastWords: (lines) => readFileSync(logFile, 'utf8').trimEnd().split('\n').slice(-lines),
    close: async () => {
      closing = true;
      await end(child, GRACE_MS);
      log.end();
    },
  };
}

export interface TrafficProcess {
  /** Stops sending; resolves when every record has arrived. */
  close(): Promise<void>;
}

export interface TrafficOptions {
  readonly host: string;
  readonly rate: number;
  readonly onRecords: (records: readonly RequestRecord[]) => void;
}

export function startTraffic(
  sandbox: Sandbox,
  { host, rate, onRecords }: TrafficOptions,
): TrafficProcess {
  const child = startLeashed({
    module: TRAFFIC,
    args: ['--url', sandbox.cluster.gatewayUrl, '--host', host, '--rate', String(rate)],
    env: {},
    stdout: 'ignore',
    stderr: 'inherit',
    messages: true,
  });
  child.on('message', (message) => {
    if (isTrafficMessage(message)) onRecords(message.records);
  });
  return { close: () => finish(child) };
}

async function finish(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const disconnected = new Promise<void>((resolve) => {
    child.once('disconnect', () => resolve());
  });
  const late = setTimeout(() => child.kill('SIGKILL'), GRACE_MS);
  child.send('stop');
  await disconnected;
  await end(child, GRACE_MS);
  clearTimeout(late);
}
