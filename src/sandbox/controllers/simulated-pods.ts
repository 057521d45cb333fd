/** Pods on simulated time: each behaves as its behaviour says when it is started. */
import { Agenda } from './agenda.ts';
import type { Pod } from './objects.ts';
import type { PodDriver, PodReport } from './pod-driver.ts';

export interface PodBehaviour {
  /** From start to readiness; absent: never ready. */
  readonly readyAfterMs?: number;
  /** From start to the end of its program; it is started again with growing pauses. */
  readonly crashAfterMs?: number;
  /** From being asked to end to having ended, the grace period at most. */
  readonly stopAfterMs?: number;
  /** The image cannot be had: the pod waits for ever, for this reason. */
  readonly neverStarts?: { readonly reason: string; readonly message: string };
}

interface Life {
  readonly pod: Pod;
  readonly ip: string;
  behaviour: PodBehaviour;
  restarts: number;
}

type Moment = 'start' | 'ready' | 'crash' | 'stopped';

export class SimulatedPods implements PodDriver {
  readonly #behave: (pod: Pod) => PodBehaviour;
  readonly #lives = new Map<string, Life>();
  readonly #agenda = new Agenda();
  #reports: PodReport[] = [];
  #addresses = 0;

  constructor(behave: (pod: Pod) => PodBehaviour) {
    this.#behave = behave;
  }

  start(pod: Pod, now: number): void {
    const uid = pod.metadata.uid ?? '';
    const life = { pod, ip: this.#nextAddress(), behaviour: this.#behave(pod), restarts: 0 };
    this.#lives.set(uid, life);
    const { neverStarts } = life.behaviour;
    if (neverStarts === undefined) this.#run(uid, life, now);
    else this.#reports.push({ uid, kind: 'waiting', ...neverStarts });
  }

  stop(pod: Pod, graceSeconds: number, now: number): void {
    const uid = pod.metadata.uid ?? '';
    const life = this.#lives.get(uid);
    const wish = life?.behaviour.stopAfterMs ?? 0;
    this.#at('stopped', uid, now + Math.min(wish, graceSeconds * 1_000));
  }

  /** Makes a running pod lose or regain its readiness, whatever its behaviour said. */
  setReady(uid: string, ready: boolean): void {
    if (!this.#lives.has(uid)) return;
    this.#reports.push(
      ready ? { uid, kind: 'ready' } : { uid, kind: 'unready', message: 'made unready' },
    );
  }

  /** Ends the program of a running pod at the next poll; it then restarts with `behaviour`. */
  crash(uid: string, now: number, behaviour?: PodBehaviour): void {
    const life = this.#lives.get(uid);
    if (life === undefined) return;
    life.behaviour = behaviour ?? life.behaviour;
    this.#at('crash', uid, now);
  }

  /** The pods that have been started and have not ended. */
  running(): readonly Pod[] {
    return [...this.#lives.values()].map(({ pod }) => pod);
  }

  poll(now: number): readonly PodReport[] {
    for (let item = this.#agenda.next(now); item !== undefined; item = this.#agenda.next(now)) {
      const at = item.indexOf(' ');
      this.#happen(item.slice(0, at), item.slice(at + 1), now);
    }
    const reports = this.#reports;
    this.#reports = [];
    return reports;
  }

  nextAt(): number | undefined {
    return this.#reports.length > 0 ? 0 : this.#agenda.nextAt(0);
  }

  #happen(moment: string, uid: string, now: number): void {
    const life = this.#lives.get(uid);
    if (life === undefined) return;
    if (moment === 'start') this.#run(uid, life, now);
    else if (moment === 'ready') this.#reports.push({ uid, kind: 'ready' });
    else if (moment === 'crash') this.#crashed(uid, life, now);
    else {
      this.#lives.delete(uid);
      this.#reports.push({ uid, kind: 'stopped' });
    }
  }

  #run(uid: string, { ip, behaviour }: Life, now: number): void {
    const { readyAfterMs, crashAfterMs } = behaviour;
    this.#reports.push({ uid, kind: 'running', ip });
    if (crashAfterMs !== undefined) this.#at('crash', uid, now + crashAfterMs);
    const lives = crashAfterMs === undefined || (readyAfterMs ?? Infinity) < crashAfterMs;
    if (readyAfterMs !== undefined && lives) this.#at('ready', uid, now + readyAfterMs);
  }

  #crashed(uid: string, life: Life, now: number): void {
    const pauseMs = crashBackoffMs(life.restarts++);
    this.#reports.push({ uid, kind: 'exited', code: 1, message: 'it crashed' });
    const message = `back-off ${pauseMs / 1_000}s restarting failed container`;
    this.#reports.push({ uid, kind: 'waiting', reason: 'CrashLoopBackOff', message });
    this.#at('start', uid, now + pauseMs);
  }

  #at(moment: Moment, uid: string, at: number): void {
    this.#agenda.addAt(`${moment} ${uid}`, at);
  }

  #nextAddress(): string {
    const n = ++this.#addresses;
    return `10.244.${(n >> 8) & 255}.${n & 255}`;
  }
}

/** Ten seconds, doubled with each restart, five minutes at most, as the kubelet does. */
export function crashBackoffMs(restarts: number): number {
  return Math.min(300_000, 10_000 * 2 ** Math.min(restarts, 5));
}
