/**
 * Prometheus for the sandbox: the real one when it is on the PATH, else the embedded one. Both scrape the
 * same targets, the pods, with the labels that a cluster's scraping adds.
 */
import { execFileSync } from 'node:child_process';
import { createServer } from 'node:http';
import { mkdirSync, renameSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { stringify } from 'yaml';

import type { Pod } from './controllers/objects.ts';
import { listen } from './listening.ts';
import { startPrometheus } from './prometheus/prometheus.ts';
import { end, startLeashed } from './runner/leashed-process.ts';

export interface ScrapeTarget {
  readonly url: string;
  readonly labels: Readonly<Record<string, string>>;
}

export interface MetricsServer {
  readonly url: string;
  /** Which Prometheus answers: the version of the real one, or `embedded`. */
  readonly kind: string;
  close(): Promise<void>;
}

export interface MetricsServerOptions {
  readonly targets: () => readonly ScrapeTarget[];
  readonly scrapeIntervalMs: number;
  /** For the real one's configuration and data. */
  readonly dir: string;
  /** `embedded` even where a real one is installed. */
  readonly prefer?: 'real' | 'embedded';
}

export async function startMetricsServer(options: MetricsServerOptions): Promise<MetricsServer> {
  const version = options.prefer === 'embedded' ? undefined : installedVersion();
  if (version !== undefined) return startReal(options, version);
  const { targets, scrapeIntervalMs } = options;
  const { url, close } = await startPrometheus({ targets, scrapeIntervalMs });
  return { url, kind: 'embedded', close };
}

/** Every running pod that does not say `prometheus.io/scrape: "false"`. */
export function targetOf(pod: Pod): ScrapeTarget | undefined {
  const { name, namespace = '', annotations = {}, labels = {} } = pod.metadata;
  const ip = pod.status?.podIP;
  const [first] = pod.spec.containers.flatMap(({ ports = [] }) => ports);
  const port = annotations['prometheus.io/port'] ?? first?.containerPort;
  if (ip === undefined || port === undefined || pod.status?.phase !== 'Running') return undefined;
  if (annotations['prometheus.io/scrape'] === 'false') return undefined;
  const { app } = labels;
  return {
    url: `http://${ip}:${port}${annotations['prometheus.io/path'] ?? '/metrics'}`,
    labels: {
      job: 'kubernetes-pods',
      kubernetes_namespace: namespace,
      kubernetes_pod_name: name,
      ...(app === undefined ? {} : { app }),
    },
  };
}

/** For instance `2.42.0`; `undefined` where there is none. */
export function installedVersion(): string | undefined {
  try {
    // Some versions print it to standard error.
    const printed = execFileSync('sh', ['-c', 'prometheus --version 2>&1'], { encoding: 'utf8' });
    return /version (\d+\.\d+\.\d+)/.exec(printed)?.[1];
  } catch {
    return undefined;
  }
}

async function startReal(
  { targets, scrapeIntervalMs, dir }: MetricsServerOptions,
  version: string,
): Promise<MetricsServer> {
  const home = path.join(dir, 'prometheus');
  mkdirSync(home, { recursive: true });
  const discovery = path.join(home, 'targets.json');
  const config = path.join(home, 'prometheus.yml');
  const stopWriting = keepWriting(discovery, targets);
  writeFileSync(config, stringify(configuration(discovery, scrapeIntervalMs)));
  const port = await freePort();
  const child = startLeashed({
    module: new URL('./runner/guard.ts', import.meta.url),
    args: [
      'prometheus',
      `--config.file=${config}`,
      `--storage.tsdb.path=${path.join(home, 'data')}`,
      `--web.listen-address=127.0.0.1:${port}`,
      '--log.level=error',
    ],
    env: {},
    stdout: 'ignore',
    stderr: 'inherit',
  });
  const url = `http://127.0.0.1:${port}`;
  await untilReady(`${url}/-/ready`);
  return {
    url,
    kind: version,
    close: async () => {
      stopWriting();
      await end(child, 3_000);
    },
  };
}

function configuration(discovery: string, scrapeIntervalMs: number): object {
  return {
    global: { scrape_interval: `${scrapeIntervalMs}ms`, scrape_timeout: `${scrapeIntervalMs}ms` },
    scrape_configs: [
      {
        job_name: 'kubernetes-pods',
        file_sd_configs: [{ files: [discovery] }],
        // Each target brings its own path.
        relabel_configs: [
          { source_labels: ['path'], target_label: '__metrics_path__' },
          { regex: 'path', action: 'labeldrop' },
        ],
      },
    ],
  };
}

/** Prometheus watches the file; a rename makes each change whole. */
function keepWriting(file: string, targets: () => readonly ScrapeTarget[]): () => void {
  let written = '';
  const write = () => {
    const groups = targets().map(({ url, labels }) => {
      const { host, pathname } = new URL(url);
      return { targets: [host], labels: { ...labels, path: pathname } };
    });
    const text = JSON.stringify(groups);
    if (text === written) return;
    written = text;
    writeFileSync(`${file}.new`, text);
    renameSync(`${file}.new`, file);
  };
  write();
  const timer = setInterval(write, 100);
  return () => clearInterval(timer);
}

async function freePort(): Promise<number> {
  const taken = await listen(createServer());
  await taken.close();
  return taken.port;
}

async function untilReady(url: string): Promise<void> {
  for (let tries = 0; tries < 100; tries++) {
    const answer = await fetch(url).catch(() => undefined);
    if (answer?.ok === true) return;
    await sleep(100);
  }
  throw new Error('Prometheus did not become ready in 10 s');
}
