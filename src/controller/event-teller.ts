/**
 * Tells event receivers what happens to a Canary: its webhooks of type `event`, else the operator's own.
 *
 * Nobody waits for them, and nothing is kept: an event is sent once, in its order, and the next one is soon there.
 */
import type { WebhookAnswer, WebhookCall } from '../ports/webhook-client.ts';
import type { CallPool } from './call-pool.ts';
import { hookBody } from './hook-body.ts';
import type { Seen } from './observe.ts';
import type { Ports } from './ports.ts';

/** For the receiver of all Canaries without their own. */
const globalTimeoutMs = 10_000;

interface Receiver {
  readonly name: string;
  readonly url: string;
  readonly timeoutMs: number;
  readonly disableTLS: boolean;
  readonly metadata: Readonly<Record<string, string>>;
}

export class EventTeller {
  readonly #ports: Ports;
  readonly #pool: CallPool;
  readonly #underWay = new Set<AbortController>();

  constructor(ports: Ports, pool: CallPool) {
    this.#ports = ports;
    this.#pool = pool;
  }

  /** Returns at once. */
  tell(seen: Seen, event: { readonly type: string; readonly message: string }): void {
    const { clock } = this.#ports;
    for (const receiver of this.#receiversOf(seen)) {
      const body = hookBody(seen, receiver, seen.observation.status.phase ?? '', {
        eventMessage: event.message,
        eventType: event.type,
        timestamp: String(clock.now()),
      });
      const { url, timeoutMs, disableTLS } = receiver;
      void this.#send(
        { url, timeoutMs, retries: 0, disableTLS, body },
        { canary: seen.name, receiver: receiver.name },
      );
    }
  }

  stop(): void {
    for (const abort of this.#underWay) abort.abort();
  }

  #receiversOf({ observation }: Seen): readonly Receiver[] {
    const hooks = (observation.spec?.webhooks ?? []).filter(({ type }) => type === 'event');
    const url = this.#ports.settings.eventWebhook;
    if (hooks.length > 0 || url === undefined) return hooks;
    return [{ name: 'global', url, timeoutMs: globalTimeoutMs, disableTLS: false, metadata: {} }];
  }

  async #send(call: WebhookCall, about: object): Promise<void> {
    const { webhooks, telemetry, log } = this.#ports;
    const abort = new AbortController();
    this.#underWay.add(abort);
    const answer = await this.#pool.run(
      { kind: 'event', url: call.url },
      () => webhooks.call(call, abort.signal),
      abort.signal,
    );
    this.#underWay.delete(abort);
    if (abort.signal.aborted) return;
    telemetry.notified('event', outcomeOf(answer));
    if (answer === undefined) log.debug(about, 'event dropped: too many wait for their receivers');
    else if (answer.kind !== 'yes') log.debug(about, 'event receiver did not take an event');
  }
}

function outcomeOf(answer: WebhookAnswer | undefined): string {
  if (answer === undefined) return 'dropped';
  return answer.kind === 'yes' ? 'delivered' : 'unavailable';
}
