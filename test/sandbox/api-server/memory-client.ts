/** The contract suite's client over a function call. */

import type { ApiStream } from '../../../src/sandbox/api-server/call.ts';
import type { ApiServer } from '../../../src/sandbox/api-server/server.ts';
import type {
  ClusterClient,
  RequestOptions,
  Method,
  WatchHandle,
} from '../../contract/cluster/client.ts';
import { Inbox } from '../../contract/cluster/inbox.ts';

const AGENT = { 'user-agent': 'contract/1.0' };

export interface MemoryClock {
  advance(ms: number): void;
}

/** `clock` is moved where a cluster would need time. */
export function memoryClient(server: ApiServer, clock: MemoryClock): ClusterClient {
  const answer = (
    method: Method,
    path: string,
    { body, query = {}, headers = {} }: RequestOptions,
  ) =>
    server.handle({
      method,
      path,
      query,
      headers: { ...AGENT, ...defaults(method, body), ...headers },
      ...(body === undefined ? {} : { body }),
    });
  return {
    request(method, path, options = {}) {
      const found = answer(method, path, options);
      if (found.kind === 'stream') throw new Error('a stream where an answer was expected');
      return Promise.resolve({
        status: found.status,
        headers: found.headers ?? {},
        body: plain(found.body),
      });
    },
    watch(path, query, headers = {}) {
      const found = answer('GET', path, { query: { watch: 'true', ...query }, headers });
      if (found.kind === 'object')
        return Promise.resolve({ status: found.status, headers: {}, body: found.body });
      return Promise.resolve(opened(found.stream, clock));
    },
    settle() {
      clock.advance(1_000);
      return Promise.resolve();
    },
    close: () => Promise.resolve(),
  };
}

function opened(stream: ApiStream, clock: MemoryClock): WatchHandle {
  let stop: (() => void) | undefined;
  const inbox = new Inbox(() => stop?.());
  stop = stream.open({
    event: ({ type, object }) => inbox.push({ type, object: plain(object) }),
    end: () => inbox.finish(),
  });
  return {
    next: () => inbox.next(),
    ended: () => {
      clock.advance(10_000);
      return inbox.ended();
    },
    close: () => inbox.close(),
  };
}

/** As it would look on the wire. */
function plain(value: unknown): unknown {
  return value === undefined ? undefined : (JSON.parse(JSON.stringify(value)) as unknown);
}

function defaults(method: Method, body: unknown): Readonly<Record<string, string>> {
  return body === undefined || method === 'PATCH' ? {} : { 'content-type': 'application/json' };
}
