/** The contract suite's client over HTTP or HTTPS: the sandbox's front and a real kube-apiserver. */

import { setTimeout as sleep } from 'node:timers/promises';

import { Agent, request as send, type Dispatcher } from 'undici';

import type {
  ClusterClient,
  Method,
  Reply,
  RequestOptions,
  WatchedEvent,
  WatchHandle,
} from './client.ts';
import { Inbox } from './inbox.ts';

export interface Server {
  /** Without a slash at its end. */
  readonly url: string;
  /** PEM of the authority that vouches for the server; absent: plain HTTP. */
  readonly ca?: string;
  readonly token?: string;
  /** How long a controller gets before it is looked at again. */
  readonly settleMs?: number;
}

const PATIENCE_MS = 10_000;
const AGENT = { 'user-agent': 'contract/1.0' };

export function httpClient({ url, ca, token, settleMs = 50 }: Server): ClusterClient {
  const agent = new Agent(ca === undefined ? {} : { connect: { ca } });
  const who = token === undefined ? {} : { authorization: `Bearer ${token}` };
  const ask = (
    method: Method,
    path: string,
    { body, query = {}, headers = {} }: RequestOptions,
    signal: AbortSignal,
  ) => {
    const type =
      body === undefined || method === 'PATCH' ? {} : { 'content-type': 'application/json' };
    return send(`${url}${path}`, {
      method,
      query,
      headers: { accept: 'application/json', ...AGENT, ...who, ...type, ...headers },
      dispatcher: agent,
      signal,
      bodyTimeout: 0,
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
  };
  return {
    async request(method, path, options = {}) {
      return reply(await ask(method, path, options, AbortSignal.timeout(PATIENCE_MS)));
    },
    async watch(path, query, headers = {}) {
      const abort = new AbortController();
      const options = { query: { watch: 'true', ...query }, headers };
      const response = await ask('GET', path, options, abort.signal);
      return response.statusCode === 200 ? opened(response, abort) : reply(response);
    },
    settle: () => sleep(settleMs),
    close: () => agent.destroy(),
  };
}

async function reply({ statusCode, headers, body }: Dispatcher.ResponseData): Promise<Reply> {
  const text = await body.text();
  const flat = Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [name, [value ?? ''].flat().join(', ')]),
  );
  const isJson = (flat['content-type'] ?? '').includes('json');
  const read: unknown = isJson ? JSON.parse(text) : text;
  return { status: statusCode, headers: flat, body: read };
}

function opened({ body }: Dispatcher.ResponseData, abort: AbortController): WatchHandle {
  const inbox = new Inbox(() => abort.abort(), PATIENCE_MS);
  void follow(body, inbox);
  return inbox;
}

async function follow(body: AsyncIterable<Uint8Array>, inbox: Inbox): Promise<void> {
  const decoder = new TextDecoder();
  let rest = '';
  try {
    for await (const chunk of body) {
      const lines = (rest + decoder.decode(chunk, { stream: true })).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) if (line !== '') inbox.push(JSON.parse(line) as WatchedEvent);
    }
  } catch {
    // closed by the test, or cut by the server: the end either way
  }
  inbox.finish();
}
