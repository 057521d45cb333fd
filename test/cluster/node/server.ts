/**
 * The node's HTTPS endpoint: logs for `kubectl logs` (the API server fetches them here) and the processes of the
 * node's containers, for a test that compares them with what the API says.
 */

import { existsSync, readFileSync } from 'node:fs';
import https from 'node:https';
import type { ServerResponse } from 'node:http';

import { selectLines, type LogFile, type LogQuery } from './logs.ts';
import type { LiveProcess } from './pod.ts';

export interface ServerOptions {
  readonly address: string;
  readonly port: number;
  /** PEM. */
  readonly cert: Buffer;
  readonly key: Buffer;
  /** `undefined` when there is no such container, or no such run of it. */
  readonly log: (of: {
    readonly namespace: string;
    readonly pod: string;
    readonly container: string;
    readonly previous: boolean;
  }) => LogFile | undefined;
  readonly processes: () => readonly LiveProcess[];
}

/** A process as `GET /processes` shows it. */
export interface ProcessReport extends LiveProcess {
  /** Whether the kernel knows it and it has not ended. */
  readonly alive: boolean;
}

export async function serve(options: ServerOptions): Promise<{ close(): void }> {
  const { cert, key, address, port } = options;
  const server = https.createServer({ cert, key }, ({ url = '/', method }, response) => {
    const { pathname, searchParams } = new URL(url, `https://${address}`);
    const parts = pathname.split('/').slice(1).map(decodeURIComponent);
    if (method !== 'GET') return answer(response, 405, 'only GET is served\n');
    if (pathname === '/healthz') return answer(response, 200, 'ok');
    if (pathname === '/processes') {
      const processes = options.processes().map((one) => ({ ...one, alive: isAlive(one.pid) }));
      response.setHeader('content-type', 'application/json');
      return answer(response, 200, JSON.stringify(processes));
    }
    if (parts[0] === 'containerLogs') return answerLog(options, parts, searchParams, response);
    answer(response, 404, `this node does not serve ${pathname}\n`);
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, address, resolve);
  });
  return {
    close: () => {
      server.close();
      server.closeAllConnections();
    },
  };
}

function answerLog(
  { log }: ServerOptions,
  [, namespace = '', pod = '', container = '']: readonly string[],
  query: URLSearchParams,
  response: ServerResponse,
): void {
  const previous = query.get('previous') === 'true';
  const file = log({ namespace, pod, container, previous });
  if (file === undefined) {
    const what = previous ? 'previous terminated container' : 'container';
    return answer(response, 400, `${what} "${container}" in pod "${pod}" not found\n`);
  }
  const wanted = queryOf(query);
  response.writeHead(200, { 'content-type': 'text/plain' });
  response.write(selectLines(file.read(), wanted));
  if (query.get('follow') !== 'true') {
    response.end();
    return;
  }
  const unfollow = file.follow(
    (lines) => response.write(selectLines(lines, { timestamps: wanted.timestamps })),
    () => response.end(),
  );
  response.once('close', unfollow);
}

function queryOf(query: URLSearchParams): LogQuery {
  const tail = query.get('tailLines');
  const seconds = query.get('sinceSeconds');
  const time = query.get('sinceTime');
  const sinceMs = seconds === null ? Date.parse(time ?? '') : Date.now() - Number(seconds) * 1000;
  return {
    timestamps: query.get('timestamps') === 'true',
    tailLines: tail === null ? undefined : Number(tail),
    sinceMs: Number.isNaN(sinceMs) ? undefined : sinceMs,
  };
}

function answer(response: ServerResponse, status: number, text: string): void {
  response.statusCode = status;
  response.end(text);
}

/** A process that has ended and was not waited for is none. */
function isAlive(pid: number): boolean {
  const file = `/proc/${pid}/stat`;
  if (pid === 0 || !existsSync(file)) return false;
  const text = readFileSync(file, 'utf8');
  return !['Z', 'X'].includes(text.slice(text.lastIndexOf(')') + 2, text.lastIndexOf(')') + 3));
}
