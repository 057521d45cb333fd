/**
 * Calls webhooks beside the queue, so that no pass ever waits for one.
 *
 * A question is asked once; its answer stays until it is no longer asked for, and wakes the canary. A restart asks
 * again.
 */
import type { HookState } from '../core/observation.ts';
import type { HookQuestion } from '../core/questions.ts';
import type { Clock } from '../ports/clock.ts';
import type { WebhookAnswer, WebhookClient } from '../ports/webhook-client.ts';
import type { CallPool } from './call-pool.ts';

interface Asked {
  state: HookState;
  /** When the last answer came, on the monotonic clock. */
  answeredAt: number | undefined;
  readonly abort: AbortController;
}

export class HookDesk {
  readonly #client: WebhookClient;
  readonly #pool: CallPool;
  readonly #clock: Clock;
  readonly #wake: (key: string) => void;
  readonly #asked = new Map<string, Map<string, Asked>>();

  constructor(client: WebhookClient, pool: CallPool, clock: Clock, wake: (key: string) => void) {
    this.#client = client;
    this.#pool = pool;
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
    void this.#call(key, entry, question, body);
  }

  async #call(key: string, entry: Asked, question: HookQuestion, body: unknown): Promise<void> {
    const { url, timeoutMs, retries, disableTLS } = question.hook;
    const { signal } = entry.abort;
    const answer = await this.#pool.run(
      { kind: 'question', url },
      () => this.#client.call({ url, timeoutMs, retries, disableTLS, body }, signal),
      signal,
    );
    if (answer === undefined || signal.aborted) return;
    entry.answeredAt = this.#clock.monotonic();
    entry.state = stateOf(answer);
    this.#wake(key);
    // A pass may come a moment before the answer is old enough, and the next one an interval later.
    if (question.repeatAfterMs !== undefined)
      this.#clock.after(question.repeatAfterMs, () => this.#wake(key));
  }
}

function stateOf(answer: WebhookAnswer): HookState {
  if (answer.kind !== 'no') return answer;
  const { status, text } = answer;
  return { kind: 'no', why: `answered ${status}${text === '' ? '' : `: ${text}`}` };
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
