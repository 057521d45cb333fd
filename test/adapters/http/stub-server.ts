import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A request as the stub received it. */
export interface Received {
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: string;
}

/** What the stub does with the next request. */
export type Behaviour =
  | {
      readonly kind: 'answer';
      readonly status: number;
      readonly body?: string;
      readonly headers?: Readonly<Record<string, string>>;
    }
  /** Never answers. */
  | { readonly kind: 'hang' }
  /** Promises more than it sends, then hangs up. */
  | { readonly kind: 'cut' }
  /** Hangs up without a word. */
  | { readonly kind: 'reset' };

/** A server on loopback that does as it is told, request by request; the last behaviour stays. */
export class StubServer implements AsyncDisposable {
  readonly received: Received[] = [];
  connections = 0;
  readonly #server = createServer((request, response) => void this.#serve(request, response));
  #behaviours: Behaviour[] = [{ kind: 'answer', status: 200 }];
  #arrivals: (() => void)[] = [];

  static async start(): Promise<StubServer> {
    const stub = new StubServer();
    stub.#server.on('connection', () => {
      stub.connections += 1;
    });
    await new Promise<void>((resolve) => stub.#server.listen(0, '127.0.0.1', resolve));
    return stub;
  }

  get port(): number {
    const address: string | AddressInfo | null = this.#server.address();
    return address === null || typeof address === 'string' ? 0 : address.port;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  does(...behaviours: Behaviour[]): void {
    this.#behaviours = behaviours;
    this.received.length = 0;
  }

  answers(status: number, body = '', headers: Readonly<Record<string, string>> = {}): void {
    this.does({ kind: 'answer', status, body, headers });
  }

  /** Resolves when the next request has come in completely. */
  arrival(): Promise<void> {
    return new Promise((resolve) => this.#arrivals.push(resolve));
  }

  closeIdleConnections(): void {
    this.#server.closeIdleConnections();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(Buffer.from(chunk));
    const { method = '', url: path = '', headers } = request;
    this.received.push({ method, path, headers, body: Buffer.concat(chunks).toString() });
    const [behaviour] =
      this.#behaviours.length > 1 ? this.#behaviours.splice(0, 1) : this.#behaviours;
    if (behaviour !== undefined) perform(behaviour, response);
    for (const wake of this.#arrivals.splice(0)) wake();
  }
}

function perform(behaviour: Behaviour, response: ServerResponse): void {
  switch (behaviour.kind) {
    case 'answer':
      response.writeHead(behaviour.status, behaviour.headers);
      response.end(behaviour.body);
      return;
    case 'hang':
      return;
    case 'cut':
      response.writeHead(200, { 'content-length': '1000', 'content-type': 'application/json' });
      response.write('{"status":"succ', () => response.destroy());
      return;
    case 'reset':
      response.destroy();
  }
}
