/** Prometheus and Slack of one rollout: they answer as they are told, and write down what they were asked and told. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';

import type { Asked, Told } from './record.ts';

/**
 * `good` and `bad` are values inside and outside of the checks' ranges. The rest is no answer: a server error, a page
 * of HTML with status 200, nothing at all, and success without data.
 */
export type Mood = 'good' | 'bad' | 'error' | 'html' | 'silence' | 'no data';

export class Outside implements AsyncDisposable {
  mood: Mood = 'good';
  readonly asked: Asked[] = [];
  readonly told: Told[] = [];
  readonly #server: Server;

  private constructor() {
    this.#server = createServer((request, response) => void this.#serve(request, response));
  }

  static async start(mood: Mood = 'good'): Promise<Outside> {
    const outside = new Outside();
    outside.mood = mood;
    await new Promise<void>((resolve, reject) => {
      outside.#server.once('error', reject);
      outside.#server.listen(0, '127.0.0.1', resolve);
    });
    return outside;
  }

  get url(): string {
    const address = this.#server.address();
    return `http://127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(Buffer.from(chunk));
    const text = Buffer.concat(chunks).toString('utf8');
    const { pathname, searchParams } = new URL(request.url ?? '/', this.url);
    if (pathname.startsWith('/slack')) return this.#hear(text, response);
    this.#answer(
      new URLSearchParams(text).get('query') ?? searchParams.get('query') ?? '',
      response,
    );
  }

  #hear(text: string, response: ServerResponse): void {
    const { attachments } = JSON.parse(text) as {
      readonly attachments: readonly { readonly text: string; readonly footer: string }[];
    };
    for (const { text: words, footer } of attachments)
      this.told.push({ at: Date.now(), receiver: 'slack', id: footer, text: words });
    response.end('ok');
  }

  #answer(query: string, response: ServerResponse): void {
    const { mood } = this;
    const known = mood === 'good' || mood === 'bad';
    this.asked.push({ at: Date.now(), query, answer: known ? mood : 'unknown' });
    if (mood === 'silence') return;
    if (mood === 'error') {
      response.writeHead(500).end('the store is not ready');
      return;
    }
    if (mood === 'html') {
      response.writeHead(200, { 'content-type': 'text/html' }).end('<html><p>Sign in</p></html>');
      return;
    }
    const result =
      mood === 'no data'
        ? []
        : [{ metric: {}, value: [Date.now() / 1000, valueFor(query, mood === 'good')] }];
    response.setHeader('content-type', 'application/json');
    response.end(JSON.stringify({ status: 'success', data: { resultType: 'vector', result } }));
  }
}

/** The latency check asks for a quantile in seconds, the success rate for a percentage. */
function valueFor(query: string, good: boolean): string {
  if (query.includes('histogram_quantile')) return good ? '0.1' : '9';
  return good ? '99.9' : '50';
}
