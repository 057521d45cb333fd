/**
 * Calls webhooks beside the queue, so that no pass ever waits for one.
 *
 * A question is asked once; its answer stays until it is no longer asked for, and wakes the canary. A restart asks
 * again. The number of calls under way is bounded, in all and per host: one dead receiver cannot starve the others.
 */
import type { HookState } from '../core/observation.ts';
import type { HookQuestion } from '../core/questions.ts';
import type { Clock } from '../ports/clock.ts';
import type { WebhookClient } from '../ports/webhook-client.ts';

const maxCalls = 64;
const maxCallsPerHost = 8;

interface Asked {
  state: HookState;
  /** When the last answer came, on the monotonic clock. */
  answeredAt: number | undefined;
  readonly abort: AbortController;
}

interface Job {
  readonly host: string;
  run(): Promise<void>;
}

export class HookDesk {
  readonly #client: WebhookClient;
  readonly #clock: Clock;
  readonly #wake: (key: string) => void;
  readonly #asked = new Map<string, Map<string, Asked>>();
  readonly #waiting: Job[] = [];
  readonly #running = new Map<string, number>();

  constructor(client: WebhookClient, clock: Clock, wake: (key: string) => void) {
    this.#client = client;
    this.#clock = clock;
    this.#wake = wake;
  }

  /** How far the questions asked so far have come. */
  known(key: string): Readonly<Record<string, HookState>> {
    return Object.fromEntries(
      [...(this.#asked.get(key) ?? [])].map(([id, { state }]) => [id, state]),
    );
  }

  /** Starts what is due, forgets what is no longer asked, and tells how far the rest has come. */
  consult(
    key: string,
    questions: readonly HookQuestion[],
    bodyOf: (question: HookQuestion) => unknown,
  ): Readonly<Record<string, HookState>> {
    const asked = this.#asked.get(key) ?? new Map<string, Asked>();
    for (const [id, { abort }] of asked) {
      if (questions.some((question) => question.id === id)) continue;
      abort.abort();
      asked.delete(id);
    }
    if (questions.length === 0) {
      this.#asked.delete(key);
      return {};
    }
    this.#asked.set(key, asked);
    for (const question of dueNow(questions, asked))
      this.#ask(key, asked, question, bodyOf(question));
    return Object.fromEntries([...asked].map(([id, { state }]) => [id, state]));
  }

  forget(key: string): void {
    for (const { abort } of this.#asked.get(key)?.values() ?? []) abort.abort();
    this.#asked.delete(key);
  }

  stop(): void {
    for (const key of this.#asked.keys()) this.forget(key);
  }

  #ask(key: string, asked: Map<string, Asked>, question: HookQuestion, body: unknown): void {
    const before = asked.get(question.id);
    const now = this.#clock.monotonic();
    if (before !== undefined && !isStale(before, question, now)) return;
    const entry: Asked = {
      state: before?.state ?? { kind: 'pending', since: this.#clock.now() },
      answeredAt: undefined,
      abort: new AbortController(),
    };
    asked.set(question.id, entry);
    const { hook } = question;
    this.#enqueue({
      host: hostOf(hook.url),
      run: async () => {
        if (entry.abort.signal.aborted) return;
        const { url, timeoutMs, retries, disableTLS } = hook;
        const answer = await this.#client.call(
          { url, timeoutMs, retries, disableTLS, body },
          entry.abort.signal,
        );
        if (entry.abort.signal.aborted) return;
        entry.answeredAt = this.#clock.monotonic();
        entry.state =
          answer.kind === 'no'
            ? {
                kind: 'no',
                why: `answered ${answer.status}${answer.text === '' ? '' : `: ${answer.text}`}`,
              }
            : answer;
        this.#wake(key);
        // A pass may come a moment before the answer is old enough, and the next one an interval later.
        if (question.repeatAfterMs !== undefined)
          this.#clock.after(question.repeatAfterMs, () => this.#wake(key));
      },
    });
  }

  #enqueue(job: Job): void {
    this.#waiting.push(job);
    this.#startWaiting();
  }

  #startWaiting(): void {
    for (;;) {
      const total = [...this.#running.values()].reduce((sum, count) => sum + count, 0);
      const next = this.#waiting.findIndex(
        ({ host }) => (this.#running.get(host) ?? 0) < maxCallsPerHost,
      );
      if (total >= maxCalls || next < 0) return;
      const [job] = this.#waiting.splice(next, 1);
      if (job === undefined) return;
      this.#running.set(job.host, (this.#running.get(job.host) ?? 0) + 1);
      void job.run().finally(() => {
        const left = (this.#running.get(job.host) ?? 1) - 1;
        if (left <= 0) this.#running.delete(job.host);
        else this.#running.set(job.host, left);
        this.#startWaiting();
      });
    }
  }
}

/** Hooks of one type are called in the order of the list, each after the one before has said yes; rollback hooks all. */
function dueNow(
  questions: readonly HookQuestion[],
  asked: ReadonlyMap<string, Asked>,
): readonly HookQuestion[] {
  const blocked = new Set<string>();
  return questions.filter((question) => {
    const { type } = question.hook;
    if (type === 'rollback') return true;
    if (blocked.has(type)) return false;
    if (asked.get(question.id)?.state.kind !== 'yes') blocked.add(type);
    return true;
  });
}

function isStale(asked: Asked, question: HookQuestion, now: number): boolean {
  if (question.repeatAfterMs === undefined || asked.answeredAt === undefined) return false;
  return asked.state.kind !== 'yes' && now - asked.answeredAt >= question.repeatAfterMs;
}

function hostOf(url: string): string {
  return URL.canParse(url) ? new URL(url).host : url;
}
