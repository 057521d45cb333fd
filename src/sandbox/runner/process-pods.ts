/**
 * Pods as local processes: the driver that makes the sandbox's Deployments real.
 *
 * Each pod is one Node.js process on a loopback address of its own. It is started with the environment of
 * its spec, asked for readiness as its probe says, and ended with SIGTERM, then SIGKILL.
 */
import type { ChildProcess } from 'node:child_process';

import type { Pod } from '../controllers/objects.ts';
import type { PodDriver, PodReport } from '../controllers/pod-driver.ts';
import type { Addresses } from './addresses.ts';
import { environmentOf, MissingConfig, type ReadConfig } from './environment.ts';
import { KNOWN_IMAGES, programOf, type Program } from './images.ts';
import { end, startLeashed } from './leashed-process.ts';
import { ReadinessProbe } from './readiness.ts';

const RETRY_CONFIG_MS = 1_000;
const KEPT_OUTPUT = 2_000;

export interface ProcessPodsOptions {
  readonly addresses: Addresses;
  readonly readConfig: ReadConfig;
  readonly cacheDir?: string;
  /** Called when there is a new report. */
  readonly wake: () => void;
}

interface Life {
  readonly pod: Pod;
  readonly ip: string;
  child: ChildProcess | undefined;
  probe: ReadinessProbe | undefined;
  timer: NodeJS.Timeout | undefined;
  restarts: number;
  stopping: boolean;
}

export class ProcessPods implements PodDriver {
  readonly #options: ProcessPodsOptions;
  readonly #lives = new Map<string, Life>();
  #reports: PodReport[] = [];

  constructor(options: ProcessPodsOptions) {
    this.#options = options;
  }

  start(pod: Pod): void {
    const uid = pod.metadata.uid ?? '';
    const ip = this.#options.addresses.take();
    if (ip === undefined) {
      this.#wait(uid, 'OutOfAddresses', 'the sandbox runs 253 pods at a time');
      return;
    }
    const life: Life = {
      pod,
      ip,
      child: undefined,
      probe: undefined,
      timer: undefined,
      restarts: 0,
      stopping: false,
    };
    this.#lives.set(uid, life);
    this.#run(uid, life);
  }

  stop(pod: Pod, graceSeconds: number): void {
    const uid = pod.metadata.uid ?? '';
    const life = this.#lives.get(uid);
    if (life === undefined) {
      this.#report({ uid, kind: 'stopped' });
      return;
    }
    life.stopping = true;
    life.probe?.close();
    clearTimeout(life.timer);
    if (life.child === undefined) this.#ended(uid, life);
    else void end(life.child, graceSeconds * 1_000);
  }

  poll(): readonly PodReport[] {
    const reports = this.#reports;
    this.#reports = [];
    return reports;
  }

  nextAt(): number | undefined {
    return this.#reports.length > 0 ? 0 : undefined;
  }

  /** Ends every process at once; nobody is asking them anything any more. */
  async close(): Promise<void> {
    const lives = [...this.#lives.values()];
    this.#lives.clear();
    await Promise.all(
      lives.map(async (life) => {
        life.stopping = true;
        life.probe?.close();
        clearTimeout(life.timer);
        if (life.child !== undefined) await end(life.child, 0);
      }),
    );
  }

  #run(uid: string, life: Life): void {
    const [container, ...others] = life.pod.spec.containers;
    const program = programOf(container?.image ?? '');
    if (container === undefined || others.length > 0) {
      this.#wait(uid, 'InvalidPod', 'the sandbox runs pods of one container');
      return;
    }
    if (program === undefined) {
      const message = `Back-off pulling image "${container.image}": the sandbox knows ${KNOWN_IMAGES}`;
      this.#wait(uid, 'ImagePullBackOff', message);
      return;
    }
    try {
      const env = environmentOf(life.pod, container, life.ip, this.#options.readConfig);
      this.#spawn(uid, life, program, env);
    } catch (error) {
      if (!(error instanceof MissingConfig)) throw error;
      this.#wait(uid, 'CreateContainerConfigError', error.message);
      life.timer = setTimeout(() => this.#run(uid, life), RETRY_CONFIG_MS);
    }
  }

  #spawn(uid: string, life: Life, program: Program, env: Record<string, string>): void {
    const [container] = life.pod.spec.containers;
    const ports = container?.ports ?? [];
    const { cacheDir } = this.#options;
    const child = startLeashed({
      module: program.module,
      args: container?.args ?? [],
      env: {
        PORT: String(ports[0]?.containerPort ?? 8080),
        ...program.env,
        POD_NAME: life.pod.metadata.name,
        HOSTNAME: life.pod.metadata.name,
        ...env,
        POD_IP: life.ip,
      },
      stdout: 'ignore',
      ...(cacheDir === undefined ? {} : { cacheDir }),
    });
    life.child = child;
    let output = '';
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      output = (output + text).slice(-KEPT_OUTPUT);
    });
    child.on('error', (error) => {
      output = error.message;
    });
    child.on('close', (code) => this.#exited(uid, life, code ?? 137, output));
    this.#report({ uid, kind: 'running', ip: life.ip });
    life.probe = new ReadinessProbe(container?.readinessProbe, life.ip, ports, {
      ready: () => this.#report({ uid, kind: 'ready' }),
      unready: (message) => this.#report({ uid, kind: 'unready', message }),
    });
  }

  #exited(uid: string, life: Life, code: number, output: string): void {
    life.probe?.close();
    life.child = undefined;
    if (life.stopping) {
      this.#ended(uid, life);
      return;
    }
    const pauseMs = Math.min(30_000, 1_000 * 2 ** life.restarts++);
    this.#report({ uid, kind: 'exited', code, message: output.trim() });
    const message = `back-off ${pauseMs / 1_000}s restarting failed container`;
    this.#wait(uid, 'CrashLoopBackOff', message);
    life.timer = setTimeout(() => this.#run(uid, life), pauseMs);
  }

  #ended(uid: string, life: Life): void {
    this.#lives.delete(uid);
    this.#options.addresses.giveBack(life.ip);
    this.#report({ uid, kind: 'stopped' });
  }

  #wait(uid: string, reason: string, message: string): void {
    this.#report({ uid, kind: 'waiting', reason, message });
  }

  #report(report: PodReport): void {
    this.#reports.push(report);
    this.#options.wake();
  }
}
