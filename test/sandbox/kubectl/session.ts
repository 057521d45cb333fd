/** A server behind HTTP and a kubectl that talks to it. */

import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { stringify } from 'yaml';

import { ApiServer } from '../../../src/sandbox/api-server/server.ts';
import { gatewayApiDefinitions } from '../../../src/sandbox/crds/gateway-api.ts';
import { serveApi, type Front } from '../../../src/sandbox/http-front.ts';
import { findKubectl } from '../../support/kubectl.ts';
import { seeded } from '../api-server/cluster.ts';

export interface Result {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

export class Session {
  readonly #folder = mkdtempSync(path.join(tmpdir(), 'serin-kubectl-suite-'));
  readonly server = new ApiServer({
    now: Date.now,
    random: seeded(7),
    definitions: gatewayApiDefinitions,
  });
  readonly #children = new Set<ChildProcess>();
  #front: Front | undefined;
  #kubectl = '';

  async open(): Promise<void> {
    this.#kubectl = (await findKubectl()) ?? '';
    this.#front = await serveApi(this.server, { tickMs: 20 });
    const config = {
      apiVersion: 'v1',
      kind: 'Config',
      clusters: [{ name: 'sandbox', cluster: { server: this.#front.url } }],
      // Without a token: kubectl sends credentials over TLS only.
      users: [{ name: 'suite', user: {} }],
      contexts: [
        { name: 'suite', context: { cluster: 'sandbox', user: 'suite', namespace: 'default' } },
      ],
      'current-context': 'suite',
    };
    writeFileSync(this.#file('config'), stringify(config));
  }

  async close(): Promise<void> {
    for (const child of this.#children) child.kill('SIGKILL');
    await this.#front?.close();
    rmSync(this.#folder, { recursive: true, force: true });
  }

  #file(name: string): string {
    return path.join(this.#folder, name);
  }

  get #environment(): NodeJS.ProcessEnv {
    return { ...process.env, KUBECONFIG: this.#file('config'), HOME: this.#folder };
  }

  /** Writes a manifest and returns its path. */
  manifest(name: string, ...objects: readonly object[]): string {
    const file = this.#file(`${name}.yaml`);
    writeFileSync(file, objects.map((object) => stringify(object)).join('---\n'));
    return file;
  }

  run(...args: readonly string[]): Promise<Result> {
    return new Promise((resolve) => {
      const options = { env: this.#environment, timeout: 20_000 };
      execFile(this.#kubectl, args, options, (error, out, err) => {
        const code = typeof error?.code === 'number' ? error.code : error === null ? 0 : 1;
        resolve({ code, out, err });
      });
    });
  }

  /** Output of a command that must succeed. */
  async ok(...args: readonly string[]): Promise<string> {
    const { code, out, err } = await this.run(...args);
    if (code !== 0) throw new Error(`kubectl ${args.join(' ')} ended with ${code}: ${err}`);
    return out;
  }

  /** Runs until `isEnough` is true of what was printed so far. */
  follow(args: readonly string[], isEnough: (out: string) => boolean): Promise<string> {
    const child = spawn(this.#kubectl, args, { env: this.#environment });
    this.#children.add(child);
    return new Promise((resolve, reject) => {
      let out = '';
      const timer = setTimeout(() => reject(new Error(`only printed: ${out}`)), 20_000);
      child.stdout.on('data', (chunk: Buffer) => {
        out += chunk.toString();
        if (!isEnough(out)) return;
        clearTimeout(timer);
        child.kill('SIGKILL');
        resolve(out);
      });
    });
  }
}
