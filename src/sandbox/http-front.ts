/**
 * Puts HTTP before the API server's core: bodies in, answers and watch streams out.
 *
 * Only loopback, only HTTP/1.1, no TLS: it serves the sandbox on one machine.
 */

import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';

import { parse as parseYaml, stringify as stringifyYaml } from 'yaml';

import { tooLarge } from './api-server/admit.ts';
import type { ApiAnswer, ApiCall, ApiStream, WatchEvent } from './api-server/call.ts';
import { ApiFault, badRequest, internalError, unsupportedMediaType } from './api-server/faults.ts';
import { faultAnswer, type ApiServer } from './api-server/server.ts';
import { readProtobuf } from './protobuf-body.ts';

const BODY_LIMIT_BYTES = 3 * 1024 * 1024;
/** A watcher that reads slower than the cluster changes is cut off, as by a real server. */
const UNSENT_LIMIT_BYTES = 16 * 1024 * 1024;
const TICK_MS = 200;
const PROTOBUF = 'application/vnd.kubernetes.protobuf';
const METHODS: readonly string[] = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'];

export interface FrontOptions {
  /** 0 or absent: any free port. */
  readonly port?: number;
  readonly host?: string;
  /** Milliseconds between two calls of `ApiServer.tick` (default 200). */
  readonly tickMs?: number;
}

export interface Front {
  readonly url: string;
  close(): Promise<void>;
}

export async function serveApi(
  server: ApiServer,
  { port = 0, host = '127.0.0.1', tickMs = TICK_MS }: FrontOptions = {},
): Promise<Front> {
  const front = createServer((request, response) => {
    exchange(server, request, response).catch((error: unknown) => response.destroy(asError(error)));
  });
  front.keepAliveTimeout = 60_000;
  await new Promise<void>((resolve, reject) => {
    front.once('error', reject);
    front.listen(port, host, resolve);
  });
  const ticking = setInterval(() => server.tick(), tickMs);
  ticking.unref();
  return {
    url: urlOf(front, host),
    close: async () => {
      clearInterval(ticking);
      await close(front);
    },
  };
}

function urlOf(front: Server, host: string): string {
  const address = front.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  return `http://${host}:${port}`;
}

function close(front: Server): Promise<void> {
  return new Promise((resolve) => {
    front.close(() => resolve());
    front.closeAllConnections();
  });
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}

async function exchange(
  server: ApiServer,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  try {
    const call = await readCall(request);
    const answer = server.handle(call);
    if (answer.kind === 'stream') stream(answer.stream, response);
    else send(answer, response, call.headers['accept'] ?? '');
  } catch (error) {
    const fault = error instanceof ApiFault ? error : internalError(asError(error).message);
    const answer = faultAnswer(fault);
    if (answer.kind === 'object') send(answer, response, '');
  }
}

async function readCall(request: IncomingMessage): Promise<ApiCall> {
  const { pathname, searchParams } = new URL(request.url ?? '/', 'http://sandbox');
  const method = request.method ?? 'GET';
  if (!isMethod(method)) throw new ApiFault(405, 'MethodNotAllowed', `${method} is not supported`);
  const headers: Record<string, string> = {};
  for (const [name, value] of Object.entries(request.headers))
    if (value !== undefined) headers[name] = Array.isArray(value) ? value.join(', ') : value;
  const bytes = await readBody(request);
  const query = Object.fromEntries(searchParams);
  if (bytes.length === 0) return { method, path: pathname, query, headers };
  if (headers['content-type'] === PROTOBUF) {
    const asJson = { ...headers, 'content-type': 'application/json' };
    return { method, path: pathname, query, headers: asJson, body: fromProtobuf(bytes) };
  }
  const body = parseBody(bytes.toString('utf8'), headers['content-type']);
  return { method, path: pathname, query, headers, body };
}

function isMethod(method: string): method is ApiCall['method'] {
  return METHODS.includes(method);
}

async function readBody(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request) {
    if (!Buffer.isBuffer(chunk)) continue;
    size += chunk.length;
    if (size > BODY_LIMIT_BYTES) {
      request.resume();
      throw tooLarge(BODY_LIMIT_BYTES);
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

/** Patches and JSON are JSON; an apply configuration is YAML, and answered as unsupported by the core. */
function parseBody(text: string, type = 'application/json'): unknown {
  const media = type.split(';')[0]?.trim() ?? '';
  try {
    if (media === 'application/yaml' || media.endsWith('+yaml')) return parseYaml(text);
    if (media.includes('json') || media === '') return JSON.parse(text);
  } catch (error) {
    throw badRequest(`couldn't read the body of the request: ${asError(error).message}`);
  }
  throw unsupportedMediaType(['application/json', 'application/yaml']);
}

function fromProtobuf(bytes: Buffer): unknown {
  try {
    return readProtobuf(bytes);
  } catch (error) {
    throw new ApiFault(415, 'UnsupportedMediaType', asError(error).message);
  }
}

type ObjectAnswer = Extract<ApiAnswer, { kind: 'object' }>;

function send(
  { status, headers = {}, body }: ObjectAnswer,
  response: ServerResponse,
  accept: string,
) {
  const isText = typeof body === 'string';
  const isYaml = !isText && accept.trimStart().startsWith('application/yaml');
  const text = isText ? body : isYaml ? stringifyYaml(body) : JSON.stringify(body);
  const type = isYaml ? 'application/yaml' : 'application/json';
  response.writeHead(status, {
    'content-type': type,
    'content-length': Buffer.byteLength(text),
    ...headers,
  });
  response.end(text);
}

function stream(source: ApiStream, response: ServerResponse): void {
  response.writeHead(200, { 'content-type': 'application/json', 'transfer-encoding': 'chunked' });
  response.flushHeaders();
  const stop = source.open({
    event(event) {
      response.write(encode(event));
      if (response.writableLength > UNSENT_LIMIT_BYTES) response.destroy();
    },
    end: () => response.end(),
    cut: () => response.destroy(),
  });
  response.once('close', stop);
}

let lastObject: unknown;
let lastText = '';

/** Many watches are told of the same object one after the other: it is written out once. */
function encode({ type, object }: WatchEvent): string {
  if (object !== lastObject) {
    lastObject = object;
    lastText = JSON.stringify(object);
  }
  return `{"type":"${type}","object":${lastText}}\n`;
}
