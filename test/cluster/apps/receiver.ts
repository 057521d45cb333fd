/**
 * Those whom the operator calls, in one program: incoming webhooks of Slack, and gates. Channels and gates are parts
 * of the path, so that every scenario has its own.
 *
 *   POST /slack/<channel>   keeps the message
 *   GET  /slack/<channel>   what was said, as JSON
 *   POST /gate/<name>       answers as told, 200 until then; counts
 *   GET  /gate/<name>       how often it was asked, as JSON
 *   PUT  /gate/<name>       `200`, `403` or any status from now on, or `silence`
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';

const MAX_BYTES = 1 << 20;

interface Gate {
  answer: string;
  asked: number;
}

const messages = new Map<string, object[]>();
const gates = new Map<string, Gate>();

const server = createServer((request, response) => {
  serve(request, response).catch((error: unknown) => {
    process.stderr.write(`${String(error)}\n`);
    response.destroy();
  });
});

async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const [, kind, name = ''] = (request.url ?? '/').split('/');
  const body = await textOf(request);
  const { method } = request;
  if (kind === 'healthz') end(response, 200, 'ok\n');
  else if (kind === 'slack' && method === 'POST') {
    said(name).push({ receivedAt: Date.now(), body: JSON.parse(body) });
    end(response, 200, 'ok');
  } else if (kind === 'slack') end(response, 200, JSON.stringify(said(name)));
  else if (kind !== 'gate') end(response, 404, 'not found\n');
  else if (method === 'GET') end(response, 200, JSON.stringify(gateOf(name)));
  else if (method === 'PUT') {
    gateOf(name).answer = body;
    end(response, 200, 'ok\n');
  } else ask(gateOf(name), response);
}

/** A silent gate takes the question and never answers; whoever asked has to hang up. */
function ask(gate: Gate, response: ServerResponse): void {
  gate.asked++;
  if (gate.answer !== 'silence') end(response, Number(gate.answer), `gate says ${gate.answer}\n`);
}

function said(channel: string): object[] {
  const all = messages.get(channel) ?? [];
  messages.set(channel, all);
  return all;
}

function gateOf(name: string): Gate {
  const gate = gates.get(name) ?? { answer: '200', asked: 0 };
  gates.set(name, gate);
  return gate;
}

function end(response: ServerResponse, status: number, text: string): void {
  response.writeHead(status, { 'content-type': 'text/plain; charset=utf-8' });
  response.end(text);
}

async function textOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request) {
    bytes += chunk.length;
    if (bytes > MAX_BYTES) throw new Error('the request is too large');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

process.on('SIGTERM', () => process.exit(0));
server.listen(8080, '0.0.0.0');
