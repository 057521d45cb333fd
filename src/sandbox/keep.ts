/** Keeps a sandbox running until it is told to stop, and says how to use it. */
import { once } from 'node:events';

import { operatorArguments, startOperator, startTraffic } from './processes.ts';
import { type Sandbox, type SandboxOptions, startSandbox } from './sandbox.ts';

export interface KeepOptions {
  readonly sandbox: SandboxOptions;
  readonly operator: boolean;
  /** A host to send requests for. */
  readonly traffic?: string;
  readonly rate: number;
  readonly say: (line: string) => void;
  readonly ready?: (sandbox: Sandbox) => void;
}

export async function keepSandbox(options: KeepOptions, signal: AbortSignal): Promise<void> {
  const { say, traffic, rate } = options;
  const sandbox = await startSandbox({
    ...options.sandbox,
    onSlackMessage: ({ text }) => say(text.replaceAll(/^/gm, 'Slack  ')),
  });
  const closers: (() => Promise<void>)[] = [() => sandbox.close()];
  try {
    options.ready?.(sandbox);
    for (const line of directions(sandbox)) say(line);
    if (options.operator) {
      const group = options.sandbox.flaggerApi === true ? ['--flagger-api'] : [];
      const more = ['--port=0', '--leader-elect=false', ...group];
      const again = ['serin', ...operatorArguments(sandbox, more)].join(' ');
      const operator = startOperator(sandbox, more, (why) =>
        say(`operator   ended with ${why}; start it again with: ${again}`),
      );
      closers.push(() => operator.close());
      say(`operator   process ${operator.pid}, logs to ${operator.logFile}`);
    }
    if (traffic !== undefined) {
      const process = startTraffic(sandbox, { host: traffic, rate, onRecords: () => {} });
      closers.push(() => process.close());
      say(`traffic    ${rate} requests per second for ${traffic}`);
    }
    if (!signal.aborted) await once(signal, 'abort');
  } finally {
    for (const close of closers.reverse()) await close();
  }
}

function directions(sandbox: Sandbox): readonly string[] {
  const { cluster, metrics, slack, controlUrl } = sandbox;
  return [
    `export KUBECONFIG=${sandbox.kubeconfigOf('admin')}`,
    '',
    `API server ${cluster.url}`,
    `gateway    ${cluster.gatewayUrl}   curl -H 'Host: HOST' ${cluster.gatewayUrl}/`,
    `           gatewayRefs: [{ name: sandbox, namespace: serin-system }]`,
    `Prometheus ${metrics.url} (${metrics.kind})`,
    `Slack      ${slack.webhookUrl}`,
    `control    ${controlUrl}   curl -X POST '${controlUrl}/faults?set=latency=200ms,429=10'`,
    'images     serin.dev/demo:VERSION, with -slow, -flaky or -failing after the version',
  ];
}
