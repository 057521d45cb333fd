/**
 * One container of a pod through all its runs: started, probed, killed, started again.
 *
 * `pod.ts` decides when it begins and when it must go; this file never looks at other containers.
 */

import { randomBytes } from 'node:crypto';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';

import {
  commandLine,
  ConfigError,
  environmentOf,
  type FindKeys,
  type Placement,
} from './environment.ts';
import type { EventType } from './events.ts';
import { tryHandler, type Outcome } from './handlers.ts';
import { identityOf, rootProblem } from './identity.ts';
import type { Image, Images } from './image.ts';
import { LogFile } from './logs.ts';
import type { Sandbox } from './network.ts';
import { pause, runProbe, type Verdict } from './probes.ts';
import { startProcess, type Ended, type RunningProcess } from './process.ts';
import { isRestarted, RestartDelay } from './restarts.ts';
import { prepareRoot, type Bind } from './root.ts';
import type { ContainerState, ContainerView, Terminated } from './status.ts';
import type { ContainerSpec, Handler, Pod, Probe, RestartPolicy } from './types.ts';

/** What a container needs of its pod and of the node. */
export interface ContainerSetting {
  readonly pod: Pod;
  readonly placement: Placement;
  readonly sandbox: Sandbox;
  readonly restartPolicy: RestartPolicy;
  /** Of the pod; roots and logs lie in it. */
  readonly folder: string;
  readonly skeleton: string;
  readonly images: Images;
  readonly apiServer: { readonly host: string; readonly port: number };
  readonly find: FindKeys;
  readonly bindsOf: (container: ContainerSpec) => readonly Bind[];
  readonly tell: (type: EventType, reason: string, message: string) => void;
  readonly onChange: () => void;
  readonly now: () => number;
}

const configRetryMs = 2_000;
/** A process has so long between SIGTERM and SIGKILL even when its hook has used up the grace period. */
const minTermMs = 2_000;

export class Container {
  readonly spec: ContainerSpec;
  readonly #setting: ContainerSetting;
  readonly #delay = new RestartDelay();
  /** Aborts when the pod is going: nothing is started any more. */
  readonly #stopping = new AbortController();
  #state: ContainerState = { waiting: { reason: 'ContainerCreating' } };
  #lastState: Terminated | undefined;
  #process: RunningProcess | undefined;
  #killing: Promise<void> | undefined;
  #hurry = new AbortController();
  #started = false;
  #ready = false;
  #restartCount = 0;
  #containerID = '';
  #logs: LogFile[] = [];

  constructor(spec: ContainerSpec, setting: ContainerSetting) {
    this.spec = spec;
    this.#setting = setting;
  }

  get view(): ContainerView {
    return {
      name: this.spec.name,
      image: this.spec.image,
      state: this.#state,
      lastState: this.#lastState,
      ready: this.#ready,
      started: this.#started,
      restartCount: this.#restartCount,
      containerID: this.#containerID,
    };
  }

  /** Its first process; `undefined` while it has none. */
  get pid(): number | undefined {
    return this.#process?.hasEnded === false ? this.#process.pid : undefined;
  }

  /** What it wrote in this run, or in the one before. */
  log(previous: boolean): LogFile | undefined {
    return this.#logs.at(previous ? -2 : -1);
  }

  /** Resolves when it has ended and is not to be started again. */
  async run(): Promise<void> {
    const image = this.#findImage();
    if (typeof image === 'string') return await this.#waitWithoutImage(image);
    while (!this.#stopping.signal.aborted) {
      const startedAt = this.#setting.now();
      const exitCode = await this.#runOnce(image);
      if (exitCode === undefined) {
        await pause(configRetryMs, this.#stopping.signal);
        continue;
      }
      if (!isRestarted(this.#setting.restartPolicy, exitCode)) return;
      await this.#waitToRestart(this.#setting.now() - startedAt);
    }
  }

  /**
   * Ends it for good: hook, SIGTERM, and SIGKILL when `graceMs` is over. A second call can only shorten the time.
   */
  async stop(graceMs: number): Promise<void> {
    this.#stopping.abort();
    await this.#kill(graceMs, 'Stopping container');
  }

  /** At once, without a hook. */
  signal(name: 'SIGTERM' | 'SIGKILL'): void {
    this.#stopping.abort();
    this.#process?.signal(name);
  }

  // ---------------------------------------------------------------- one run

  /** Its exit code, or `undefined` when it could not be set up for a reason that may go away. */
  async #runOnce(image: Image): Promise<number | undefined> {
    const startedAt = this.#setting.now();
    let running: RunningProcess;
    try {
      running = await this.#start(image);
    } catch (error) {
      return this.#notStarted(error, startedAt);
    }
    this.#process = running;
    this.#killing = undefined;
    this.#hurry = new AbortController();
    const life = new AbortController();
    const onEnd = running.ended.then((end) => {
      life.abort();
      return end;
    });
    // What asked it to go while it was being made could not reach it.
    if (this.#stopping.signal.aborted) running.signal('SIGKILL');
    this.#state = { running: { startedAt: iso(startedAt) } };
    this.#started = this.spec.startupProbe === undefined;
    this.#tell('Normal', 'Started', `Started container ${this.spec.name}`);
    const watched = this.#afterStart(running, life.signal);
    this.#setting.onChange();
    const end = await onEnd;
    await watched;
    this.#hasEnded(end, startedAt);
    return end.exitCode;
  }

  async #start(image: Image): Promise<RunningProcess> {
    const { spec } = this;
    const { pod, folder, skeleton, sandbox } = this.#setting;
    const identity = identityOf(pod.spec, spec, image);
    const problem = rootProblem(pod.spec, spec, identity.uid);
    if (problem !== undefined) throw new ConfigError(problem);
    const environment = await environmentOf({ ...this.#setting, container: spec, image });
    const root = path.join(folder, 'roots', spec.name);
    rmSync(root, { recursive: true, force: true });
    mkdirSync(root, { recursive: true });
    const workingDir = spec.workingDir ?? image.workingDir ?? '/';
    const binds = this.#setting.bindsOf(spec);
    const fstab = `${root}.fstab`;
    writeFileSync(fstab, prepareRoot({ root, skeleton, image, binds, workingDir }));
    const log = this.#newLog();
    const running = await startProcess({
      sandbox,
      root,
      skeleton,
      fstab,
      workingDir,
      identity,
      environment,
      log,
      readOnlyRoot: spec.securityContext?.readOnlyRootFilesystem === true,
      command: commandLine(spec, image, environment),
    });
    if (this.#containerID !== '') this.#restartCount += 1;
    this.#containerID = `process://${randomBytes(32).toString('hex')}`;
    if (this.#state && 'terminated' in this.#state) this.#lastState = this.#state.terminated;
    return running;
  }

  #newLog(): LogFile {
    const folder = path.join(this.#setting.folder, 'logs');
    mkdirSync(folder, { recursive: true });
    const name = `${this.spec.name}.${randomBytes(4).toString('hex')}.log`;
    this.#logs.push(new LogFile(path.join(folder, name)));
    if (this.#logs.length > 2) this.#logs.shift()?.remove();
    const [log] = this.#logs.slice(-1);
    if (log === undefined) throw new Error('no log');
    return log;
  }

  #notStarted(error: unknown, startedAt: number): number | undefined {
    const message = error instanceof Error ? error.message : String(error);
    if (error instanceof ConfigError || isOfApiServer(error)) {
      this.#wait('CreateContainerConfigError', message);
      this.#tell('Warning', 'Failed', `Error: ${message}`);
      return undefined;
    }
    this.#tell('Warning', 'Failed', `Error: ${message}`);
    const at = iso(startedAt);
    const times = { startedAt: at, finishedAt: iso(this.#setting.now()) };
    const facts = { exitCode: 128, reason: 'StartError', message, containerID: this.#containerID };
    this.#state = { terminated: { ...facts, ...times } };
    this.#setting.onChange();
    return 128;
  }

  #hasEnded({ exitCode, signal }: Ended, startedAt: number): void {
    this.#ready = false;
    this.#started = false;
    this.#state = {
      terminated: {
        exitCode,
        ...(signal === undefined ? {} : { signal }),
        reason: exitCode === 0 ? 'Completed' : 'Error',
        startedAt: iso(startedAt),
        finishedAt: iso(this.#setting.now()),
        containerID: this.#containerID,
      },
    };
    this.#setting.onChange();
  }

  // ---------------------------------------------------------------- hooks and probes

  async #afterStart(running: RunningProcess, life: AbortSignal): Promise<void> {
    const { lifecycle, startupProbe } = this.spec;
    if (lifecycle?.postStart !== undefined) {
      const { ok, message } = await this.#call(lifecycle.postStart, running, life);
      if (!ok && !life.aborted) {
        this.#tell('Warning', 'FailedPostStartHook', `PostStartHook failed: ${message}`);
        await this.#kill(this.#graceMs, 'FailedPostStartHook');
        return;
      }
    }
    if (startupProbe !== undefined) await this.#startup(startupProbe, running, life);
    await Promise.all([this.#readiness(running, life), this.#liveness(running, life)]);
  }

  /** Nothing else is probed until this one has succeeded. */
  async #startup(probe: Probe, running: RunningProcess, life: AbortSignal): Promise<void> {
    const onTry = (verdict: Verdict, { ok, message }: Outcome): boolean => {
      if (!ok) this.#unhealthy('Startup', message);
      if (verdict === 'failure') this.#restart('failed startup probe');
      if (verdict !== 'success') return verdict !== 'failure';
      this.#started = true;
      this.#setting.onChange();
      return false;
    };
    const whileWanted = AbortSignal.any([life, this.#stopping.signal]);
    const tryOnce = (signal: AbortSignal) => this.#call(probe, running, signal);
    await runProbe({ probe, initial: 'unknown', tryOnce, onTry }, whileWanted);
  }

  /** Goes on while the pod is going: a proxy may still want to know. */
  async #readiness(running: RunningProcess, life: AbortSignal): Promise<void> {
    const probe = this.spec.readinessProbe;
    if (!this.#started) return;
    if (probe === undefined) {
      if (!life.aborted) this.#setReady(true);
      return;
    }
    const onTry = (verdict: Verdict, { ok, message }: Outcome): boolean => {
      if (!ok) this.#unhealthy('Readiness', message);
      this.#setReady(verdict === 'success');
      return true;
    };
    const tryOnce = (signal: AbortSignal) => this.#call(probe, running, signal);
    await runProbe({ probe, initial: 'failure', tryOnce, onTry }, life);
  }

  async #liveness(running: RunningProcess, life: AbortSignal): Promise<void> {
    const probe = this.spec.livenessProbe;
    if (probe === undefined || !this.#started) return;
    const onTry = (verdict: Verdict, { ok, message }: Outcome): boolean => {
      if (!ok) this.#unhealthy('Liveness', message);
      if (verdict === 'failure') this.#restart('failed liveness probe');
      return verdict !== 'failure';
    };
    const whileWanted = AbortSignal.any([life, this.#stopping.signal]);
    const tryOnce = (signal: AbortSignal) => this.#call(probe, running, signal);
    await runProbe({ probe, initial: 'success', tryOnce, onTry }, whileWanted);
  }

  #call(handler: Handler, process: RunningProcess, signal: AbortSignal): Promise<Outcome> {
    const { podIP } = this.#setting.placement;
    return tryHandler(handler, { podIP, container: this.spec, process }, signal);
  }

  #setReady(ready: boolean): void {
    if (ready === this.#ready) return;
    this.#ready = ready;
    this.#setting.onChange();
  }

  #unhealthy(kind: string, message: string): void {
    this.#tell('Warning', 'Unhealthy', `${kind} probe failed: ${message}`);
  }

  #restart(why: string): void {
    const message = `Container ${this.spec.name} ${why}, will be restarted`;
    // The run ends with the process; nobody waits for this.
    void this.#kill(this.#graceMs, message);
  }

  // ---------------------------------------------------------------- the end of a run

  get #graceMs(): number {
    return (this.#setting.pod.spec.terminationGracePeriodSeconds ?? 30) * 1000;
  }

  async #kill(graceMs: number, message: string): Promise<void> {
    const running = this.#process;
    if (running === undefined || running.hasEnded) return;
    if (this.#killing === undefined) {
      this.#tell('Normal', 'Killing', message);
      this.#killing = this.#terminate(running, graceMs);
      return await this.#killing;
    }
    const hurry = this.#hurry;
    const timer = setTimeout(() => hurry.abort(), Math.max(graceMs, minTermMs));
    await this.#killing;
    clearTimeout(timer);
  }

  /** Resolves when the process has ended. */
  async #terminate(running: RunningProcess, graceMs: number): Promise<void> {
    const startedAt = this.#setting.now();
    const hurry = this.#hurry.signal;
    hurry.addEventListener('abort', () => running.signal('SIGKILL'), { once: true });
    const preStop = this.spec.lifecycle?.preStop;
    if (preStop !== undefined && graceMs > 0) await this.#preStop(preStop, running, graceMs, hurry);
    running.signal('SIGTERM');
    const leftMs = Math.max(minTermMs, graceMs - (this.#setting.now() - startedAt));
    const timer = setTimeout(() => running.signal('SIGKILL'), leftMs);
    await running.ended;
    clearTimeout(timer);
  }

  /** Within the grace period, and not longer than the process lives. */
  async #preStop(
    hook: Handler,
    running: RunningProcess,
    graceMs: number,
    hurry: AbortSignal,
  ): Promise<void> {
    const dead = new AbortController();
    const onDead = running.ended.then(() => dead.abort());
    const signal = AbortSignal.any([dead.signal, hurry, AbortSignal.timeout(graceMs)]);
    if (hook.sleep !== undefined) {
      await pause(hook.sleep.seconds * 1000, signal);
      return;
    }
    const { ok, message } = await Promise.race([
      this.#call(hook, running, signal),
      onDead.then(() => ({ ok: true, message: '' })),
    ]);
    if (!ok) this.#tell('Warning', 'FailedPreStopHook', `PreStopHook failed: ${message}`);
  }

  // ---------------------------------------------------------------- waiting

  async #waitToRestart(ranMs: number): Promise<void> {
    const delayMs = this.#delay.after(ranMs);
    if (delayMs === 0 || this.#stopping.signal.aborted) return;
    if ('terminated' in this.#state) this.#lastState = this.#state.terminated;
    const message = `back-off ${delayMs / 1000}s restarting failed container=${this.spec.name}`;
    this.#wait('CrashLoopBackOff', message);
    this.#tell('Warning', 'BackOff', `Back-off restarting failed container ${this.spec.name}`);
    await pause(delayMs, this.#stopping.signal);
  }

  /** Or why there is none. */
  #findImage(): Image | string {
    try {
      const { image } = this.spec;
      return this.#setting.images(image) ?? `no program stands in for image "${image}"`;
    } catch (error) {
      return String(error);
    }
  }

  async #waitWithoutImage(message: string): Promise<void> {
    const { image } = this.spec;
    this.#wait('ErrImagePull', message);
    this.#tell('Warning', 'Failed', `Failed to pull image "${image}": ${message}`);
    await pause(1_000, this.#stopping.signal);
    if (this.#stopping.signal.aborted) return;
    this.#wait('ImagePullBackOff', `Back-off pulling image "${image}": ${message}`);
    this.#tell('Normal', 'BackOff', `Back-off pulling image "${image}"`);
    await new Promise((resolve) => {
      this.#stopping.signal.addEventListener('abort', resolve, { once: true });
    });
  }

  #wait(reason: string, message: string): void {
    this.#state = { waiting: { reason, message } };
    this.#setting.onChange();
  }

  #tell(type: EventType, reason: string, message: string): void {
    this.#setting.tell(type, reason, message);
  }
}

/** What the container refers to could not be read: one of the operator's errors, which have a kind. */
function isOfApiServer(error: unknown): boolean {
  return error instanceof Error && 'kind' in error;
}

const iso = (ms: number): string => new Date(ms).toISOString().replace(/\.\d+Z$/, 'Z');
