/** A server behind HTTP and a kubectl that talks to it. */

import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { stringify } from 'yaml';

import { ApiServer } from '../../../src/sandbox/api-server/server.ts';
import { newCertificate } from '../../../src/sandbox/certificate.ts';
import { gatewayApiDefinitions } from '../../../src/sandbox/crds/gateway-api.ts';
import { serveApi } from '../../../src/sandbox/http-front.ts';
import { kubeconfig } from '../../../src/sandbox/kubeconfig.ts';
import { startRelay } from '../../../src/sandbox/tls-relay.ts';
import { findKubectl } from '../../support/kubectl.ts';
import { seeded } from '../api-server/cluster.ts';

export interface Result {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** kubectl sends credentials over TLS only. */
const TOKEN = 'of-the-kubectl-suite';

interface Closable {
  close(): Promise<void>;
}

export class Session {
  readonly #folder = mkdtempSync(path.join(tmpdir(), 'serin-kubectl-suite-'));
  readonly server = new ApiServer({
    now: Date.now,
    random: seeded(7),
    definitions: gatewayApiDefinitions,
    tokens: new Map([[TOKEN, 'kubectl']]),
  });
  readonly #children = new Set<ChildProcess>();
  readonly #open: Closable[] = [];
  #kubectl = '';

  async open(): Promise<void> {
    this.#kubectl = (await findKubectl()) ?? '';
    const front = await serveApi(this.server, { tickMs: 20 });
    const certificate = newCertificate(Date.now());
    const relay = await startRelay(new URL(front.url), certificate, () => 0);
    this.#open.push(relay, front);
    this.#configure('config', relay.url, certificate.cert, TOKEN);
    this.#configure('stranger', relay.url, certificate.cert, 'of-somebody-else');
  }

  #configure(name: string, url: string, authority: string, token: string): void {
    const text = kubeconfig({ url, authority, user: 'suite', token });
    writeFileSync(this.#file(name), text.replace('namespace: demo', 'namespace: default'));
  }

  async close(): Promise<void> {
    for (const child of this.#children) child.kill('SIGKILL');
    for (const part of this.#open) await part.close();
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
    return this.runAs('config', ...args);
  }

  /** `stranger` has a token that nobody gave out. */
  runAs(who: 'config' | 'stranger', ...args: readonly string[]): Promise<Result> {
    return new Promise((resolve) => {
      const env = { ...this.#environment, KUBECONFIG: this.#file(who) };
      const options = { env, timeout: 20_000 };
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
