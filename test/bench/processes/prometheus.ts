/**
 * Stands in for Prometheus and for Slack: answers every query at once with a value that can be set,
 * and takes every message. It notes when it did, on the clock that all processes of a machine share.
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';

import * as z from 'zod';

import { serve } from '../remote.ts';
import { monotonicMs } from '../shared-clock.ts';

/** The built-in latency check asks for a quantile in seconds, the success rate for a percentage. */
let successRate = 99.9;
let latencySeconds = 0.1;
let queries = 0;
let lastAnswerAtMs = 0;
let messages = 0;

const server = createServer((request, response) => void reply(request, response));

async function reply(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const text = await body(request);
  const url = new URL(request.url ?? '/', 'http://localhost');
  if (url.pathname === '/slack') {
    messages += 1;
    response.end('ok');
    return;
  }
  const query = new URLSearchParams(text).get('query') ?? url.searchParams.get('query') ?? '';
  const value = query.includes('histogram_quantile') ? latencySeconds : successRate;
  const result = [{ metric: {}, value: [Date.now() / 1000, String(value)] }];
  queries += 1;
  response.setHeader('content-type', 'application/json');
  response.end(JSON.stringify({ status: 'success', data: { resultType: 'vector', result } }));
  lastAnswerAtMs = monotonicMs();
}

async function body(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(Buffer.from(chunk));
  return Buffer.concat(chunks).toString('utf8');
}

const Values = z.object({ successRate: z.number(), latencySeconds: z.number() });

serve({
  listen: () =>
    new Promise((resolve) => {
      server.listen(0, '127.0.0.1', () => {
        const address = server.address();
        resolve(typeof address === 'object' ? address?.port : undefined);
      });
    }),
  answer: (argument) => {
    ({ successRate, latencySeconds } = Values.parse(argument));
    return monotonicMs();
  },
  seen: () => ({ queries, lastAnswerAtMs, messages }),
});
