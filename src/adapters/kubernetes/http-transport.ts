/**
 * The transport over HTTP: raw requests and raw watch streams through one pool of connections.
 *
 * Of `@kubernetes/client-node` only `KubeConfig` is used (kubeconfig, in-cluster, tokens, `exec` plugins).
 * Its generated clients drop fields they do not know and open a connection per call. Its `Watch` would be a
 * second way to the server, with connections, timeouts and swallowed errors of its own; splitting lines
 * ourselves keeps one seam.
 */

import type { RequestOptions } from 'node:https';

import { KubeConfig } from '@kubernetes/client-node';
import { Agent, ProxyAgent, request as send, type Dispatcher } from 'undici';

import { InvalidError, UnavailableError } from '../../errors.ts';
import { splitLines } from './line-splitter.ts';
import {
  BrokenStream,
  RefusedStream,
  type ApiRequest,
  type ApiResponse,
  type Transport,
} from './transport.ts';
import { isRecord } from './kinds.ts';
import { SharedTexts } from './shared-texts.ts';

export interface HttpTransportOptions {
  readonly kubeConfig: KubeConfig;
  /** Goes into the User-Agent. */
  readonly version: string;
  /** A longer answer is refused instead of filling our memory. */
  readonly maxAnswerBytes?: number;
}

export interface HttpTransport extends Transport {
  close(): Promise<void>;
}

/** Settings of the pool. HTTP/2 would put all calls and watches on one connection that dies as one. */
const pool = {
  allowH2: false,
  keepAliveTimeout: 20_000,
  connections: null,
} as const;
const connectSettings = { timeout: 5_000, keepAlive: true, keepAliveInitialDelay: 15_000 } as const;
const defaultMaxAnswerBytes = 64 * 1024 * 1024;

/**
 * From `KUBECONFIG`, `~/.kube/config` or the ServiceAccount of the pod, in this order; `file` wins over all.
 * Throws `InvalidError` when there is no cluster in it.
 */
export function loadKubeConfig(file?: string): KubeConfig {
  const kubeConfig = new KubeConfig();
  try {
    if (file === undefined) kubeConfig.loadFromDefault();
    else kubeConfig.loadFromFile(file);
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new InvalidError(`the kubeconfig cannot be read: ${why}`, {
      reason: 'InvalidKubeConfig',
    });
  }
  const server = serverOf(kubeConfig);
  const isOpen = kubeConfig.getCurrentCluster()?.skipTLSVerify === true;
  // The client refuses it too, but only at the first call and with less to go by.
  if (server.startsWith('http:') && !isOpen) {
    throw new InvalidError(
      `${server} is not encrypted: set insecure-skip-tls-verify for it, or KUBECONFIG if another cluster is meant`,
      { reason: 'InvalidKubeConfig' },
    );
  }
  return kubeConfig;
}

/** Each call makes a pool of its own: the Lease has one that nothing else can fill. */
export function httpTransport(options: HttpTransportOptions): HttpTransport {
  const { kubeConfig, version, maxAnswerBytes = defaultMaxAnswerBytes } = options;
  const server = serverOf(kubeConfig);
  const connections = new ConnectionPool();
  const texts = new SharedTexts();

  const open = async (
    request: ApiRequest,
    signal: AbortSignal,
  ): Promise<Dispatcher.ResponseData> => {
    const credentials: RequestOptions = {};
    // Re-reads token and CA files and asks `exec` plugins when what they gave has expired.
    await kubeConfig.applyToHTTPSOptions(credentials);
    return await send(urlOf(server, request), {
      method: request.method,
      dispatcher: connections.for(kubeConfig, credentials),
      headers: headersOf(request, credentials, version),
      body: request.body === undefined ? null : JSON.stringify(request.body),
      headersTimeout: request.timeoutMs,
      // A watch is quiet for as long as nothing happens; its silence is the reflector's business.
      bodyTimeout: request.query['watch'] === undefined ? request.timeoutMs : 0,
      signal,
    });
  };

  return {
    async request(request, signal) {
      const limited = AbortSignal.any([signal, AbortSignal.timeout(request.timeoutMs)]);
      try {
        const response = await open(request, limited);
        const answer = await readAnswer(response, maxAnswerBytes);
        return { ...answer, body: texts.share(answer.body) };
      } catch (error) {
        throw asUnavailable(error);
      }
    },

    async stream(request, onEvent, signal, onOpen) {
      try {
        const response = await open(request, signal);
        if (response.statusCode !== 200) {
          throw new RefusedStream(await readAnswer(response, maxAnswerBytes));
        }
        onOpen?.();
        for await (const line of splitLines(response.body, maxAnswerBytes)) {
          if (signal.aborted) throw new Error('aborted');
          const { type, object } = parseEvent(line);
          onEvent(type, texts.share(object));
        }
      } catch (error) {
        throw asUnavailable(error);
      }
    },

    close: () => connections.close(),
  };
}

/** One agent, replaced when the TLS identity changes (a rotated CA or client certificate). */
class ConnectionPool {
  #identity = '';
  #agent: Agent | ProxyAgent | undefined;

  for(kubeConfig: KubeConfig, credentials: RequestOptions): Dispatcher {
    const tls = tlsOf(credentials);
    const identity = tls.map(([name, value]) => `${name}=${String(value)}`).join('\0');
    if (this.#agent !== undefined && identity === this.#identity) return this.#agent;
    const old = this.#agent;
    const proxy = kubeConfig.getCurrentCluster()?.proxyUrl;
    this.#agent = makeAgent(proxy, Object.fromEntries(tls));
    this.#identity = identity;
    // Running calls end on their own connections; watches come back on the new ones when they end.
    old?.close().catch(() => {});
    return this.#agent;
  }

  async close(): Promise<void> {
    await this.#agent?.destroy();
  }
}

function tlsOf({
  ca,
  cert,
  key,
  pfx,
  passphrase,
  rejectUnauthorized,
  servername,
}: RequestOptions): [string, unknown][] {
  const tls = { ca, cert, key, pfx, passphrase, rejectUnauthorized, servername };
  return Object.entries(tls).filter(([, value]) => value !== undefined);
}

function makeAgent(proxy: string | undefined, tls: Record<string, unknown>): Agent | ProxyAgent {
  if (proxy === undefined) return new Agent({ ...pool, connect: { ...tls, ...connectSettings } });
  if (!proxy.startsWith('http')) {
    throw new InvalidError('the kubeconfig names a proxy that is not HTTP', {
      reason: 'InvalidKubeConfig',
    });
  }
  const requestTls = { ...tls, ...connectSettings };
  return new ProxyAgent({ ...pool, uri: proxy, requestTls, connect: connectSettings });
}

function serverOf(kubeConfig: KubeConfig): string {
  const server = kubeConfig.getCurrentCluster()?.server;
  if (server !== undefined && server !== '') return server.replace(/\/+$/, '');
  throw new InvalidError('the kubeconfig names no cluster: set KUBECONFIG or its current-context', {
    reason: 'InvalidKubeConfig',
  });
}

function urlOf(server: string, { path, query }: ApiRequest): string {
  const text = new URLSearchParams(query).toString();
  return text === '' ? `${server}${path}` : `${server}${path}?${text}`;
}

function headersOf(
  { accept, body, contentType }: ApiRequest,
  { headers, auth }: RequestOptions,
  version: string,
): Record<string, string> {
  const all: Record<string, string> = {
    accept: accept ?? 'application/json',
    'user-agent': `serin/${version}`,
  };
  if (body !== undefined) all['content-type'] = contentType ?? 'application/json';
  if (auth) all['authorization'] = `Basic ${Buffer.from(auth).toString('base64')}`;
  for (const [name, value] of Object.entries(headers ?? {})) {
    if (value !== undefined) all[name.toLowerCase()] = String(value);
  }
  return all;
}

async function readAnswer(
  { statusCode, headers, body }: Dispatcher.ResponseData,
  maxBytes: number,
): Promise<ApiResponse> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of body as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > maxBytes) throw new Error(`the answer is longer than ${maxBytes} bytes`);
    chunks.push(chunk);
  }
  const parsed = parseBody(Buffer.concat(chunks).toString('utf8'), statusCode);
  const retryAfterMs = retryAfterOf(headers['retry-after'], parsed);
  return {
    status: statusCode,
    body: parsed,
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
  };
}

/** An error may come from something in between, in any format; a success must be JSON. */
function parseBody(text: string, status: number): unknown {
  if (text === '') return undefined;
  try {
    return JSON.parse(text) as unknown;
  } catch (cause) {
    if (status >= 300) return text;
    throw new Error('the answer is not JSON', { cause });
  }
}

function retryAfterOf(header: string | string[] | undefined, body: unknown): number | undefined {
  const details = isRecord(body) && isRecord(body['details']) ? body['details'] : {};
  const seconds = Number(header ?? details['retryAfterSeconds']);
  return seconds > 0 ? seconds * 1000 : undefined;
}

function parseEvent(line: string): { type: string; object: unknown } {
  let event: unknown;
  try {
    event = JSON.parse(line);
  } catch {
    throw new BrokenStream('the watch delivered a line that is not JSON');
  }
  if (!isRecord(event) || typeof event['type'] !== 'string') {
    throw new BrokenStream('the watch delivered a line that is no event');
  }
  return { type: event['type'], object: event['object'] };
}

/** Foreign errors are kept as words only: they can carry the request and with it the credentials. */
function asUnavailable(error: unknown): unknown {
  if (error instanceof RefusedStream || error instanceof BrokenStream) return error;
  if (error instanceof InvalidError || error instanceof UnavailableError) return error;
  return new UnavailableError(`the API server did not answer: ${wordsOf(error)}`, {
    reason: 'ApiServerUnavailable',
  });
}

function wordsOf(error: unknown): string {
  if (!(error instanceof Error)) return 'unknown error';
  const code = 'code' in error && typeof error.code === 'string' ? error.code : undefined;
  const cause = error.cause instanceof Error ? ` (${error.cause.message})` : '';
  const words = error.message === '' ? (code ?? error.name) : error.message;
  return `${words}${cause}`;
}
