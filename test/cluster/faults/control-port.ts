/**
 * The switches of a fault proxy for other processes: plain HTTP on loopback.
 *
 * `GET /requests?from=N` lists records from the N-th on, `GET /faults` how often each fault was committed, and
 * `POST /faults` sets what its JSON body names; the rest stays as it was.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';

import * as z from 'zod';

import type { Matches } from './faults.ts';
import type { FaultProxy } from './proxy.ts';

const Pattern = z.strictObject({
  method: z.string().optional(),
  resource: z.string().optional(),
  subresource: z.string().optional(),
  namespace: z.string().optional(),
  name: z.string().optional(),
});

const Switches = z.strictObject({
  delayMs: z.int().min(0).optional(),
  /** For so long from now on everything but Leases is answered 429. */
  throttle: z.strictObject({ forMs: z.int().min(0), retryAfterSeconds: z.int().min(0) }).optional(),
  refuse: z.boolean().optional(),
  cutWatches: z.literal(true).optional(),
  hold: Pattern.optional(),
  /** All that is held goes on. */
  release: z.literal(true).optional(),
  /** `null`: no more. */
  lose: Pattern.nullable().optional(),
  kill: z
    .strictObject({
      write: z.int().min(1),
      when: z.enum(['before', 'after']),
      /** Gets SIGKILL. */
      pid: z.int().min(2),
    })
    .optional(),
});

export interface ControlPort extends AsyncDisposable {
  readonly url: string;
}

export async function openControlPort(proxy: FaultProxy, port = 0): Promise<ControlPort> {
  const server = createServer((request, response) => {
    serve(proxy, request).then(
      (answer) => reply(response, 200, answer),
      (error: unknown) => reply(response, 400, { error: String(error) }),
    );
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', resolve);
  });
  return {
    url: `http://127.0.0.1:${portOf(server)}`,
    [Symbol.asyncDispose]: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

async function serve(proxy: FaultProxy, request: IncomingMessage): Promise<unknown> {
  const { pathname, searchParams } = new URL(request.url ?? '/', 'http://control');
  if (pathname === '/requests')
    return proxy.requests.slice(Math.max(0, Number(searchParams.get('from') ?? 1) - 1));
  if (pathname !== '/faults') throw new Error(`there is no ${pathname}`);
  if (request.method === 'POST') {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(Buffer.from(chunk));
    set(proxy, Switches.parse(JSON.parse(Buffer.concat(chunks).toString('utf8'))));
  }
  return {
    committed: Object.fromEntries(proxy.faults.committed),
    held: proxy.faults.held.flatMap(({ requests }) => requests.map(({ number }) => number)),
    writes: proxy.lastWrite,
  };
}

function set(proxy: FaultProxy, switches: z.infer<typeof Switches>): void {
  const { faults } = proxy;
  const { delayMs, throttle, refuse, cutWatches, hold, release, lose, kill } = switches;
  if (delayMs !== undefined) faults.delayMs = delayMs;
  if (throttle !== undefined) {
    const { forMs, retryAfterSeconds } = throttle;
    faults.throttle = { until: Date.now() + forMs, retryAfterSeconds };
  }
  if (refuse !== undefined) proxy.refuse(refuse);
  if (cutWatches === true) proxy.cutWatches();
  if (release === true) for (const held of faults.held) held.release();
  if (hold !== undefined) faults.hold(matching(hold));
  if (lose !== undefined) faults.loses = lose === null ? undefined : matching(lose);
  if (kill !== undefined) {
    const { write, when, pid } = kill;
    faults.kill = { write, when, kill: () => process.kill(pid, 'SIGKILL') };
  }
}

/** Writes in which every named part is as named. */
function matching(pattern: z.infer<typeof Pattern>): Matches {
  const parts = Object.entries(pattern);
  return (record) => {
    const has: Readonly<Record<string, unknown>> = { ...record };
    return record.write > 0 && parts.every(([part, value]) => has[part] === value);
  };
}

function reply(response: ServerResponse, status: number, answer: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' });
  response.end(JSON.stringify(answer));
}

function portOf(server: Server): number {
  const address = server.address();
  return typeof address === 'object' && address !== null ? address.port : 0;
}
