/**
 * What probes and scrapers read: `/healthz` (the process answers), `/readyz` (it could work), `/metrics`.
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';

export interface HttpServerOptions {
  /** 0 takes any free port. */
  readonly port: number;
  /** The address to listen at; all of the machine's when absent. */
  readonly host?: string;
  /** Why the operator is not ready; empty when it is. */
  readonly unreadyBecause: () => readonly string[];
  readonly metrics: () => Promise<{ readonly contentType: string; readonly text: string }>;
}

export interface HttpServer {
  readonly port: number;
  close(): Promise<void>;
}

interface Page {
  readonly status: number;
  readonly contentType: string;
  readonly text: string;
}

/** Resolves once it listens; rejects when the port is taken. */
export async function startHttpServer(options: HttpServerOptions): Promise<HttpServer> {
  const server = createServer((request, response) => void answer(request, response, options));
  server.headersTimeout = 5_000;
  server.requestTimeout = 5_000;
  server.keepAliveTimeout = 15_000;
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.port, options.host, resolve);
  });
  const address = server.address();
  return {
    port: typeof address === 'object' && address !== null ? address.port : options.port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        // Scrapers keep connections open; nothing here is worth waiting for.
        server.closeAllConnections();
      }),
  };
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  options: HttpServerOptions,
): Promise<void> {
  const { status, contentType, text } = await pageFor(request, options).catch(() =>
    plain(500, 'this page could not be made'),
  );
  response.writeHead(status, {
    'content-type': contentType,
    ...(status === 405 ? { allow: 'GET, HEAD' } : {}),
  });
  response.end(request.method === 'HEAD' ? undefined : text);
}

async function pageFor(
  { method, url = '/' }: IncomingMessage,
  { unreadyBecause, metrics }: HttpServerOptions,
): Promise<Page> {
  if (method !== 'GET' && method !== 'HEAD') return plain(405, 'only GET');
  switch (url.split('?', 1)[0] ?? '/') {
    case '/healthz':
      return plain(200, 'OK');
    case '/readyz': {
      const reasons = unreadyBecause();
      return reasons.length === 0 ? plain(200, 'OK') : plain(503, reasons.join('\n'));
    }
    case '/metrics':
      return { status: 200, ...(await metrics()) };
    default:
      return plain(404, 'not here: /healthz, /readyz and /metrics are');
  }
}

function plain(status: number, text: string): Page {
  return { status, contentType: 'text/plain; charset=utf-8', text: `${text}\n` };
}
