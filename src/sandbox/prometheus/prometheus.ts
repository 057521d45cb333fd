/**
 * The sandbox's own Prometheus, for machines that have no real one.
 *
 * It scrapes text over HTTP, keeps a while of it in memory, and answers instant queries; what it
 * cannot answer it refuses.
 */
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';

import { DefectError } from '../../errors.ts';
import { failure, respond, type PrometheusResponse } from './http-api.ts';
import { SampleStore } from './sample-store.ts';
import { scrapeForever, type ScrapeTarget } from './scraper.ts';

interface Options {
  readonly targets: () => readonly ScrapeTarget[];
  readonly scrapeIntervalMs: number;
  /** A free one when left out. */
  readonly port?: number;
  readonly retentionMs?: number;
}

interface RunningPrometheus {
  readonly url: string;
  readonly close: () => Promise<void>;
}

/** Longer than the five minutes a selector looks back and the windows of common templates. */
const defaultRetentionMs = 20 * 60_000;
/** A query in a form is a line or two; anything much longer is a mistake. */
const largestBodyBytes = 1 << 20;

/** Starts on loopback; the first scrapes begin at once. */
export async function startPrometheus({
  targets,
  scrapeIntervalMs,
  port = 0,
  retentionMs = defaultRetentionMs,
}: Options): Promise<RunningPrometheus> {
  const store = new SampleStore();
  const server = createServer((request, response) => void serve(store, request, response));
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  const stop = new AbortController();
  const scraping = scrapeForever({ store, targets, scrapeIntervalMs, retentionMs }, stop.signal);
  return {
    url: `http://127.0.0.1:${portOf(server)}`,
    close: async () => {
      stop.abort();
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await Promise.all([closed, scraping]);
    },
  };
}

function portOf(server: Server): number {
  const address = server.address();
  if (address === null || typeof address === 'string') {
    throw new DefectError('the server has no port', { reason: 'InternalError' });
  }
  return address.port;
}

async function serve(
  store: SampleStore,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  try {
    const body = await read(request);
    const { status, headers, body: text } = answer(store, request, body);
    response.writeHead(status, headers).end(request.method === 'HEAD' ? undefined : text);
  } catch {
    // The client broke off while it sent: nobody is left to answer.
    response.destroy();
  }
}

function answer(
  store: SampleStore,
  { method = 'GET', url = '/', headers }: IncomingMessage,
  body: string | undefined,
): PrometheusResponse {
  if (body === undefined) {
    return { status: 413, headers: { connection: 'close' }, body: 'request body too large\n' };
  }
  try {
    const contentType = headers['content-type'];
    return respond(store, { method, path: url, contentType, body }, Date.now());
  } catch (error) {
    return failure(500, 'internal', error instanceof Error ? error.message : String(error));
  }
}

async function read(request: IncomingMessage): Promise<string | undefined> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > largestBodyBytes) return undefined;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}
