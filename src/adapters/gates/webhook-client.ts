/**
 * Calls the webhooks of `spec.analysis.webhooks`, with Flagger's request, success and retries.
 *
 * A refusal (403, say) is an answer; a server error, a busy server or silence is none: who waits for a gate is
 * told which.
 */
import { asOperatorError } from '../../errors.ts';
import { sleep, type Clock } from '../../ports/clock.ts';
import type { WebhookAnswer, WebhookCall, WebhookClient } from '../../ports/webhook-client.ts';
import { request, type HttpAnswer } from '../http/request.ts';
import { retryAfterMs } from '../http/retry-after.ts';

const maxAnswerBytes = 1024 * 1024;
const maxBackoffMs = 30_000;
/** A server may ask for more patience than our back-off has, but not for all day. */
const maxRetryAfterMs = 5 * 60_000;

/** One attempt: what it gave, and when another one makes sense. */
interface Attempt {
  readonly answer: WebhookAnswer;
  readonly again: boolean;
  readonly retryAfterMs: number | undefined;
}

export function webhookClient(clock: Clock): WebhookClient {
  return {
    async call(call, signal) {
      const body = JSON.stringify(call.body);
      for (let count = 0; ; count += 1) {
        const attempt = await tryOnce(clock, call, body, signal);
        if (!attempt.again || count >= call.retries || signal.aborted) return attempt.answer;
        const backoffMs = Math.min(1000 * 2 ** count, maxBackoffMs);
        await sleep(clock, attempt.retryAfterMs ?? backoffMs, signal);
        if (signal.aborted) return attempt.answer;
      }
    },
  };
}

async function tryOnce(
  clock: Clock,
  { url, timeoutMs, disableTLS }: WebhookCall,
  body: string,
  signal: AbortSignal,
): Promise<Attempt> {
  const deadline = new AbortController();
  const disarm = clock.after(timeoutMs, () => deadline.abort());
  try {
    const answer = await request(
      {
        method: 'POST',
        url,
        headers: { 'content-type': 'application/json' },
        body,
        maxBytes: maxAnswerBytes,
        insecureSkipVerify: disableTLS,
      },
      AbortSignal.any([signal, deadline.signal]),
    );
    return judge(answer, clock);
  } catch (thrown) {
    const error = asOperatorError(thrown);
    if (error.kind !== 'unavailable' && error.kind !== 'invalid') throw error;
    const unreachable = { kind: 'unreachable', why: error.message } as const;
    return { answer: unreachable, again: error.kind === 'unavailable', retryAfterMs: undefined };
  } finally {
    disarm();
  }
}

function judge(answer: HttpAnswer, clock: Clock): Attempt {
  const { status, text, truncated } = answer;
  if (status === 429 || status >= 500) {
    const asked = status === 429 || status === 503 ? answer.headers['retry-after'] : undefined;
    const wanted = retryAfterMs(asked, clock.now());
    return {
      answer: { kind: 'unreachable', why: sentence(`it answered ${status}`, text) },
      // 501 will say the same next time.
      again: status !== 501,
      retryAfterMs: wanted === undefined ? undefined : Math.min(wanted, maxRetryAfterMs),
    };
  }
  // What the client did not follow leads nowhere.
  if (status >= 300 && status < 400) {
    return final({ kind: 'unreachable', why: `it answered ${status}` });
  }
  if (status > 202) return final({ kind: 'no', status, text: firstLine(text) });
  if (truncated) return final({ kind: 'unreachable', why: 'its answer is larger than 1 MiB' });
  return final({ kind: 'yes' });
}

function final(answer: WebhookAnswer): Attempt {
  return { answer, again: false, retryAfterMs: undefined };
}

function sentence(what: string, text: string): string {
  const line = firstLine(text);
  return line === '' ? what : `${what}: ${line}`;
}

/** What a person reads in the status: one line, not too long. */
function firstLine(text: string): string {
  const line = text.trim().split(/\r?\n/, 1)[0] ?? '';
  return line.length > 200 ? `${line.slice(0, 200)}…` : line;
}
