/**
 * The sandbox: a small Kubernetes on loopback with everything around it that a rollout needs, and the files
 * by which others find it. Nothing of it is left when it is closed, and no process when it is killed.
 */
import { writeFileSync } from 'node:fs';
import path from 'node:path';

import { type Cluster, type ClusterOptions, startCluster, type User } from './cluster.ts';
import { startControl } from './control.ts';
import { kubeconfig } from './kubeconfig.ts';
import { type MetricsServer, startMetricsServer, targetOf } from './metrics-server.ts';
import { type SlackMessage, type SlackSink, startSlackSink } from './slack-sink.ts';
import { makeTemporaryDir, removeDir } from './temporary-dir.ts';

export interface SandboxOptions extends Omit<ClusterOptions, 'cacheDir'> {
  readonly scrapeIntervalMs?: number;
  readonly prometheus?: 'real' | 'embedded';
  readonly onSlackMessage?: (message: SlackMessage) => void;
}

export interface Sandbox {
  readonly cluster: Cluster;
  readonly metrics: MetricsServer;
  readonly slack: SlackSink;
  /** Where faults are switched: see `control.ts`. */
  readonly controlUrl: string;
  /** Temporary; gone with the sandbox. */
  readonly dir: string;
  kubeconfigOf(user: User): string;
  close(): Promise<void>;
}

const SCRAPE_INTERVAL_MS = 1_000;

export async function startSandbox(options: SandboxOptions = {}): Promise<Sandbox> {
  const dir = makeTemporaryDir();
  const started: { close(): Promise<void> }[] = [];
  const keep = <T extends { close(): Promise<void> }>(part: T): T => {
    started.push(part);
    return part;
  };
  const close = async (): Promise<void> => {
    for (const part of started.splice(0).reverse()) await part.close();
    removeDir(dir);
  };
  try {
    const cluster = keep(await startCluster({ ...options, cacheDir: path.join(dir, 'cache') }));
    const metrics = keep(await startMetrics(cluster, dir, options));
    const { onSlackMessage } = options;
    const slack = keep(
      await startSlackSink(onSlackMessage === undefined ? {} : { onMessage: onSlackMessage }),
    );
    const control = keep(await startControl(cluster, slack));
    for (const user of USERS) {
      const { url, authority } = cluster;
      const text = kubeconfig({ url, authority, user, token: cluster.tokenOf(user) });
      writeFileSync(fileOf(dir, user), text, { mode: 0o600 });
    }
    return {
      cluster,
      metrics,
      slack,
      controlUrl: control.url,
      dir,
      kubeconfigOf: (user) => fileOf(dir, user),
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

const USERS: readonly User[] = ['admin', 'operator'];

function fileOf(dir: string, user: User): string {
  return path.join(dir, `${user}.kubeconfig`);
}

function startMetrics(
  cluster: Cluster,
  dir: string,
  { scrapeIntervalMs = SCRAPE_INTERVAL_MS, prometheus }: SandboxOptions,
): Promise<MetricsServer> {
  return startMetricsServer({
    targets: () => [...cluster.pods.values()].flatMap((pod) => targetOf(pod) ?? []),
    scrapeIntervalMs,
    dir,
    ...(prometheus === undefined ? {} : { prefer: prometheus }),
  });
}
