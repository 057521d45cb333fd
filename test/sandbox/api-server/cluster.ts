/** A server on a clock that tests move, with a seeded source of randomness. */

import type { ApiCall, WatchEvent } from '../../../src/sandbox/api-server/call.ts';
import { ApiServer, type ApiServerOptions } from '../../../src/sandbox/api-server/server.ts';

export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: unknown;
}

export interface Watching {
  readonly events: readonly WatchEvent[];
  readonly ended: boolean;
  close(): void;
}

type Options = Partial<Pick<ApiServerOptions, 'tokens' | 'watchHistory' | 'definitions'>>;

export class Cluster {
  now = Date.UTC(2026, 0, 1);
  readonly server: ApiServer;

  constructor(options: Options = {}) {
    this.server = new ApiServer({ now: () => this.now, random: seeded(1), ...options });
  }

  call(
    method: ApiCall['method'],
    path: string,
    body?: unknown,
    { headers = {}, query = {} }: Partial<Pick<ApiCall, 'headers' | 'query'>> = {},
  ): Answer {
    const agent = { 'user-agent': 'test/1.0', ...headers };
    const answer = this.server.handle({ method, path, query, headers: agent, body });
    if (answer.kind === 'stream') throw new Error(`${path} answered with a stream`);
    return { status: answer.status, headers: answer.headers ?? {}, body: answer.body };
  }

  get(path: string, query: Readonly<Record<string, string>> = {}): Answer {
    return this.call('GET', path, undefined, { query });
  }

  create(path: string, body: unknown): Answer {
    return this.call('POST', path, body);
  }

  merge(path: string, body: unknown): Answer {
    return this.call('PATCH', path, body, {
      headers: { 'content-type': 'application/merge-patch+json' },
    });
  }

  watch(path: string, query: Readonly<Record<string, string>> = {}): Watching {
    const answer = this.server.handle({
      method: 'GET',
      path,
      query: { watch: 'true', ...query },
      headers: {},
    });
    if (answer.kind !== 'stream') throw new Error(`${path} was refused: ${JSON.stringify(answer)}`);
    const events: WatchEvent[] = [];
    const state = { ended: false };
    const close = answer.stream.open({
      event: (event) => events.push(event),
      end: () => {
        state.ended = true;
      },
    });
    return {
      events,
      get ended() {
        return state.ended;
      },
      close,
    };
  }

  advance(ms: number): void {
    this.now += ms;
    this.server.tick();
  }
}

/** Numbers from 0 up to 1, the same for the same seed. */
export function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 4_294_967_296;
  };
}
