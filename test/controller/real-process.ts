/**
 * The operator as a process of its own, against the sandbox's API server over HTTP, with pods that only pretend.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

import { stringify } from 'yaml';

import { customResourceDefinitions } from '../../src/api/crd.ts';
import type { KubernetesObject } from '../../src/api/object.ts';
import { ApiServer } from '../../src/sandbox/api-server/server.ts';
import { Controllers } from '../../src/sandbox/controllers/controllers.ts';
import { SimulatedPods } from '../../src/sandbox/controllers/simulated-pods.ts';
import { gatewayApiDefinitions } from '../../src/sandbox/crds/gateway-api.ts';
import { serveApi, type Front } from '../../src/sandbox/http-front.ts';
import { pathOf } from './stage.ts';

const namespace = 'shop';

/** Polls until it is so; throws with `why` when that takes too long. */
export async function eventually(
  why: () => string,
  isSo: () => boolean | Promise<boolean>,
  limitMs = 20_000,
): Promise<void> {
  const until = performance.now() + limitMs;
  while (!(await isSo())) {
    if (performance.now() > until) throw new Error(`did not come true: ${why()}`);
    await sleep(20);
  }
}

export class RealCluster {
  readonly server: ApiServer;
  readonly #controllers: Controllers;
  readonly #timer: NodeJS.Timeout;
  readonly #dir = mkdtempSync(path.join(tmpdir(), 'serin-process-'));
  #front: Front | undefined;

  constructor() {
    const definitions = [...customResourceDefinitions('serin.dev'), ...gatewayApiDefinitions];
    this.server = new ApiServer({ now: Date.now, random: Math.random, definitions });
    const pods = new SimulatedPods(() => ({ readyAfterMs: 50, stopAfterMs: 20 }));
    this.#controllers = new Controllers({ api: this.server, pods });
    this.#controllers.start();
    this.#timer = setInterval(() => this.#controllers.settle(Date.now()), 10);
    for (const name of [namespace, 'serin-system'])
      this.call('POST', '/api/v1/namespaces', {
        apiVersion: 'v1',
        kind: 'Namespace',
        metadata: { name },
      });
  }

  async start(): Promise<void> {
    this.#front = await serveApi(this.server);
    const server = this.#front.url;
    const config = {
      apiVersion: 'v1',
      kind: 'Config',
      clusters: [{ name: 'test', cluster: { server, 'insecure-skip-tls-verify': true } }],
      users: [{ name: 'test', user: { token: 'test' } }],
      contexts: [{ name: 'test', context: { cluster: 'test', user: 'test' } }],
      'current-context': 'test',
    };
    writeFileSync(this.kubeconfig, stringify(config), { mode: 0o600 });
  }

  get kubeconfig(): string {
    return path.join(this.#dir, 'kubeconfig');
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    await this.#front?.close();
    rmSync(this.#dir, { recursive: true });
  }

  call(method: 'GET' | 'POST' | 'PATCH', at: string, body?: unknown): KubernetesObject {
    const answer = this.server.handle({
      method,
      path: at,
      query: {},
      headers: {
        'user-agent': 'test',
        'content-type': method === 'PATCH' ? 'application/merge-patch+json' : 'application/json',
      },
      ...(body === undefined ? {} : { body: JSON.parse(JSON.stringify(body)) as unknown }),
    });
    if (answer.kind !== 'object' || answer.status >= 300)
      throw new Error(`${method} ${at}: ${JSON.stringify(answer)}`);
    return answer.body as KubernetesObject;
  }

  create(object: KubernetesObject): void {
    this.call('POST', pathOf(object.apiVersion, object.kind), object);
  }

  status(): { readonly phase?: string; readonly canaryWeight?: number } {
    return this.call('GET', pathOf('serin.dev/v1beta1', 'Canary', 'cart'))['status'] ?? {};
  }

  holder(): string {
    try {
      const { spec } = this.call(
        'GET',
        '/apis/coordination.k8s.io/v1/namespaces/serin-system/leases/serin',
      ) as { spec?: { holderIdentity?: string } };
      return spec?.holderIdentity ?? '';
    } catch {
      return '';
    }
  }
}

export class RealOperator {
  readonly lines: string[] = [];
  readonly #child: ChildProcess;
  #rest = '';
  /** The exit code, or the signal that ended it. */
  ended: number | string | undefined;

  constructor(args: readonly string[]) {
    const main = path.join(import.meta.dirname, '../../src/main.ts');
    this.#child = spawn(process.execPath, [main, 'operator', ...args], {
      env: { PATH: process.env['PATH'] },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    for (const stream of [this.#child.stdout, this.#child.stderr])
      stream?.on('data', (chunk: Buffer) => this.#read(chunk.toString()));
    this.#child.on('exit', (code, signal) => {
      this.ended = code ?? signal ?? 'unknown';
    });
  }

  static for(
    cluster: RealCluster,
    name: string,
    metrics: string,
    more: readonly string[] = [],
  ): RealOperator {
    return new RealOperator([
      `--kubeconfig=${cluster.kubeconfig}`,
      `--metrics-server=${metrics}`,
      '--port=0',
      '--drain=100ms',
      '--settle=100ms',
      '--lease-duration=3s',
      '--lease-renew-deadline=2s',
      '--lease-retry-period=200ms',
      `--lease-identity=${name}`,
      ...more,
    ]);
  }

  kill(signal: 'SIGTERM' | 'SIGKILL'): void {
    if (this.ended === undefined) this.#child.kill(signal);
  }

  async exit(limitMs = 15_000): Promise<number | string | undefined> {
    await eventually(
      () => `the end of the process:\n${this.lines.join('\n')}`,
      () => this.ended !== undefined,
      limitMs,
    );
    return this.ended;
  }

  /** Log lines, parsed. */
  logs(): readonly Readonly<Record<string, unknown>>[] {
    return this.lines.map((line) => JSON.parse(line) as Readonly<Record<string, unknown>>);
  }

  async started(): Promise<string> {
    const line = (): string | undefined =>
      this.lines.find((text) => text.includes('operator started'));
    await eventually(
      () => `a start:\n${this.lines.join('\n')}`,
      () => {
        if (this.ended !== undefined) throw new Error(this.lines.join('\n'));
        return line() !== undefined;
      },
    );
    const { port } = JSON.parse(line() ?? '{}') as { port?: number };
    return `http://127.0.0.1:${port}`;
  }

  #read(text: string): void {
    const parts = `${this.#rest}${text}`.split('\n');
    this.#rest = parts.pop() ?? '';
    this.lines.push(...parts.filter((line) => line !== ''));
  }
}
