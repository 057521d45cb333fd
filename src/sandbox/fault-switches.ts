/**
 * Faults that can be switched on in the sandbox's API server, for everybody but its own controllers.
 *
 * Refusals come in an exact share, spread evenly: the same setting gives the same pattern.
 */
import type { ApiAnswer, ApiCall } from './api-server/call.ts';
import { SmoothShares } from './gateway/smooth-shares.ts';

export interface Faults {
  /** Every request waits that long before it is looked at. */
  readonly latencyMs: number;
  /** Percent of requests answered 429 with Retry-After. */
  readonly throttled: number;
  /** Percent of requests answered 500. */
  readonly failed: number;
  /** Watches stay open and say nothing. */
  readonly silentWatches: boolean;
}

export const NO_FAULTS: Faults = { latencyMs: 0, throttled: 0, failed: 0, silentWatches: false };

const RETRY_AFTER_SECONDS = '1';

export class FaultSwitches {
  readonly #isSpared: (call: ApiCall) => boolean;
  readonly #shares = new SmoothShares();
  #faults = NO_FAULTS;

  constructor(isSpared: (call: ApiCall) => boolean) {
    this.#isSpared = isSpared;
  }

  get faults(): Faults {
    return this.#faults;
  }

  set(faults: Partial<Faults>): void {
    this.#faults = { ...this.#faults, ...faults };
  }

  /** The server's hook: an answer instead of the real one, or nothing. */
  intercept(call: ApiCall): ApiAnswer | undefined {
    const { throttled, failed } = this.#faults;
    if ((throttled === 0 && failed === 0) || this.#isSpared(call)) return undefined;
    const spared = Math.max(0, 100 - throttled - failed);
    const turn = this.#shares.pick('faults', [throttled, failed, spared]);
    if (turn === 0) return refusal(429, 'TooManyRequests', 'the sandbox was told to throttle');
    return turn === 1 ? refusal(500, 'InternalError', 'the sandbox was told to fail') : undefined;
  }
}

function refusal(code: number, reason: string, message: string): ApiAnswer {
  return {
    kind: 'object',
    status: code,
    ...(code === 429 ? { headers: { 'retry-after': RETRY_AFTER_SECONDS } } : {}),
    body: {
      kind: 'Status',
      apiVersion: 'v1',
      metadata: {},
      status: 'Failure',
      message,
      reason,
      ...(code === 429 ? { details: { retryAfterSeconds: Number(RETRY_AFTER_SECONDS) } } : {}),
      code,
    },
  };
}

/** Reads a setting from text such as `latency=200ms,429=10,5xx=5,silent`; throws with what is wrong. */
export function parseFaults(text: string): Partial<Faults> {
  const faults: { -readonly [K in keyof Faults]?: Faults[K] } = {};
  for (const part of text.split(',').filter((word) => word !== '')) {
    const [name = '', value = ''] = part.split('=');
    const number = Number(value.replace(/(ms|%)$/, ''));
    if (name === 'off') Object.assign(faults, NO_FAULTS);
    else if (name === 'silent') faults.silentWatches = value !== 'off';
    else if (value === '' || !(number >= 0)) throw new Error(`"${part}": write ${FAULTS_SYNTAX}`);
    else if (name === 'latency') faults.latencyMs = number;
    else if (name === '429') faults.throttled = number;
    else if (name === '5xx') faults.failed = number;
    else throw new Error(`"${part}": write ${FAULTS_SYNTAX}`);
  }
  return faults;
}

export const FAULTS_SYNTAX = 'latency=200ms, 429=10, 5xx=5, silent or off, separated by commas';
