/**
 * Stands in for Slack: takes incoming webhooks and `chat.postMessage`, keeps what was said and passes it on
 * to be shown. It answers as Slack does, with plain `ok` to a webhook and JSON to the method.
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { isRecord } from './controllers/objects.ts';
import { listen } from './listening.ts';

const MAX_BYTES = 1 << 20;

export interface SlackMessage {
  readonly receivedAt: number;
  readonly by: 'webhook' | 'bot';
  readonly channel: string | undefined;
  /** All words of the message: text, attachments with title, fields, and blocks. */
  readonly text: string;
  readonly body: Readonly<Record<string, unknown>>;
}

export interface SlackSink {
  /** Takes incoming webhooks. */
  readonly webhookUrl: string;
  /** Takes `POST <apiUrl>/chat.postMessage` with a bearer token. */
  readonly apiUrl: string;
  readonly messages: readonly SlackMessage[];
  /** While not `ok`, every call is answered so. */
  answerWith(answer: 'ok' | number): void;
  close(): Promise<void>;
}

export interface SlackSinkOptions {
  readonly port?: number;
  readonly onMessage?: (message: SlackMessage) => void;
}

export async function startSlackSink({
  port = 0,
  onMessage,
}: SlackSinkOptions): Promise<SlackSink> {
  const messages: SlackMessage[] = [];
  let answer: 'ok' | number = 'ok';

  const serve = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const body = await readJson(request);
    const reply: Reply =
      answer === 'ok' ? judge(request, body) : { status: answer, text: 'no_service' };
    if (reply.by !== undefined && body !== undefined) {
      const message = messageOf(reply.by, body);
      messages.push(message);
      onMessage?.(message);
    }
    send(response, reply);
  };
  const server = createServer((request, response) => {
    // The only thing that can fail is a caller who hangs up while talking.
    serve(request, response).catch(() => response.destroy());
  });
  const listening = await listen(server, port);
  const { url } = listening;
  return {
    webhookUrl: `${url}/services/T0/B0/sandbox`,
    apiUrl: `${url}/api`,
    messages,
    answerWith: (next) => {
      answer = next;
    },
    close: () => listening.close(),
  };
}

interface Reply {
  readonly status: number;
  readonly text: string;
  readonly json?: boolean;
  /** Present when the message was taken. */
  readonly by?: SlackMessage['by'];
}

function judge(request: IncomingMessage, body: Body | undefined): Reply {
  const path = request.url ?? '/';
  const isMethod = path === '/api/chat.postMessage';
  if (request.method !== 'POST') return { status: 405, text: 'method_not_allowed' };
  if (!isMethod && !path.startsWith('/services/')) return { status: 404, text: 'no_service' };
  if (body === undefined) return { status: 400, text: 'invalid_payload' };
  if (!isMethod) return { status: 200, text: 'ok', by: 'webhook' };
  if (!/^Bearer \S+$/.test(request.headers.authorization ?? '')) return refuse('not_authed');
  if (typeof body['channel'] !== 'string') return refuse('channel_not_found');
  const text = JSON.stringify({ ok: true, channel: body['channel'], ts: '1.000' });
  return { status: 200, json: true, text, by: 'bot' };
}

/** The method refuses with 200 and a word. */
function refuse(error: string): Reply {
  return { status: 200, json: true, text: JSON.stringify({ ok: false, error }) };
}

function send(response: ServerResponse, { status, text, json = false }: Reply): void {
  const type = json ? 'application/json; charset=utf-8' : 'text/plain; charset=utf-8';
  response.writeHead(status, { 'content-type': type });
  response.end(text);
}

type Body = Readonly<Record<string, unknown>>;

function messageOf(by: SlackMessage['by'], body: Body): SlackMessage {
  const { channel } = body;
  return {
    receivedAt: Date.now(),
    by,
    channel: typeof channel === 'string' ? channel : undefined,
    text: unescaped([...wordsOf(body)].join('\n')),
    body,
  };
}

/** Three characters are escaped on the way to Slack, which shows them as they were. */
function unescaped(text: string): string {
  return text.replaceAll('&lt;', '<').replaceAll('&gt;', '>').replaceAll('&amp;', '&');
}

/** The parts that Slack shows, wherever they are nested, in reading order. */
function* wordsOf(value: unknown): Generator<string> {
  if (Array.isArray(value)) {
    for (const item of value) yield* wordsOf(item);
    return;
  }
  if (!isRecord(value)) return;
  const { title, value: fieldValue, ...rest } = value;
  if (typeof title === 'string' && typeof fieldValue === 'string') {
    yield `${title}: ${fieldValue}`;
    return;
  }
  for (const [key, inner] of Object.entries({ title, ...rest })) {
    const shown = ['text', 'title', 'author_name', 'pretext', 'fallback'].includes(key);
    if (typeof inner === 'string' && shown) yield inner;
    else if (typeof inner === 'object') yield* wordsOf(inner);
  }
}

async function readJson(request: IncomingMessage): Promise<Body | undefined> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request) {
    bytes += chunk.length;
    if (bytes > MAX_BYTES) return undefined;
    chunks.push(chunk);
  }
  try {
    const body: unknown = JSON.parse(Buffer.concat(chunks).toString('utf8'));
    return typeof body === 'object' && body !== null ? { ...body } : undefined;
  } catch {
    return undefined;
  }
}
