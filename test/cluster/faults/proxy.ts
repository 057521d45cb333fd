/**
 * Stands between one operator and the API server: carries every request byte for byte, keeps a record of it, and
 * commits the faults that it is told to.
 *
 * It speaks TLS on both sides and adds no credentials: what the operator may do is decided by its own token.
 */
import { Agent, createServer, request as send, type Server } from 'node:https';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

import type { Certificate } from '../../../src/sandbox/certificate.ts';
import { FaultSwitches, tooManyRequests } from './faults.ts';
import { isCountedWrite, targetOf, type RequestRecord } from './request-record.ts';

export interface ProxyOptions {
  /** The API server, `https://10.99.0.1:6443`. */
  readonly target: URL;
  /** PEM of the authority that the API server's certificate is checked against. */
  readonly ca: string;
  /** What the proxy shows to the operator. */
  readonly certificate: Certificate;
  readonly host?: string;
  /** 0 or absent: any free port. */
  readonly port?: number;
}

interface OpenWatch {
  readonly answer: IncomingMessage;
  readonly response: ServerResponse;
}

export class FaultProxy implements AsyncDisposable {
  readonly faults = new FaultSwitches();
  readonly requests: RequestRecord[] = [];
  readonly #options: ProxyOptions;
  readonly #server: Server;
  readonly #agent: Agent;
  readonly #sockets = new Map<number, Socket>();
  readonly #watches = new Set<OpenWatch>();
  #writes = 0;
  /** The one who asked has been ended: nothing goes either way any more. */
  #isOver = false;
  #isRefusing = false;

  private constructor(options: ProxyOptions) {
    this.#options = options;
    this.#agent = new Agent({ keepAlive: true, ca: options.ca });
    this.#server = createServer(options.certificate, (request, response) => {
      this.#exchange(request, response).catch(() => this.#reset(request));
    });
    // The operator closes connections, never the proxy.
    this.#server.keepAliveTimeout = 0;
    this.#server.requestTimeout = 0;
    this.#server.on('connection', (socket: Socket) => this.#welcome(socket));
    this.#server.on('tlsClientError', (_, socket) => socket.destroy());
  }

  static async start(options: ProxyOptions): Promise<FaultProxy> {
    const proxy = new FaultProxy(options);
    await new Promise<void>((resolve, reject) => {
      proxy.#server.once('error', reject);
      proxy.#server.listen(options.port ?? 0, options.host ?? '127.0.0.1', resolve);
    });
    return proxy;
  }

  get port(): number {
    const address = this.#server.address();
    return typeof address === 'object' && address !== null ? address.port : 0;
  }

  get url(): string {
    return `https://${this.#options.host ?? '127.0.0.1'}:${this.port}`;
  }

  /** Writes in the order in which they came in. Leases are not among them, Events are. */
  get writes(): readonly RequestRecord[] {
    return this.requests.filter(({ write }) => write > 0);
  }

  /** The number of the last write so far. */
  get lastWrite(): number {
    return this.#writes;
  }

  /** Open watches fall silent without being closed, as when a router in between forgets them. Returns how many. */
  cutWatches(): number {
    const watches = [...this.#watches];
    for (const { answer, response } of watches) {
      answer.unpipe(response);
      answer.removeAllListeners('error');
      answer.on('error', () => {});
      answer.destroy();
      this.faults.commit('cut');
    }
    this.#watches.clear();
    return watches.length;
  }

  /** Connections are reset, those that are open and those that are tried. */
  refuse(isRefusing: boolean): void {
    this.#isRefusing = isRefusing;
    if (!isRefusing) return;
    this.faults.commit('refused');
    for (const socket of this.#sockets.values()) socket.resetAndDestroy();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isOver = true;
    for (const socket of this.#sockets.values()) socket.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
    this.#agent.destroy();
  }

  #welcome(socket: Socket): void {
    if (this.#isRefusing) return void socket.resetAndDestroy();
    const { remotePort = 0 } = socket;
    this.#sockets.set(remotePort, socket);
    socket.on('error', () => {});
    socket.once('close', () => this.#sockets.delete(remotePort));
  }

  async #exchange(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await readAll(request);
    const record = this.#note(request, body);
    if (this.#isOver) {
      record.outcome = 'dropped';
      return;
    }
    if (this.#end(record, 'before')) return;
    response.once('close', () => {
      if (record.outcome === 'underway') record.outcome = 'abandoned';
    });
    await this.#delay();
    await this.faults.whileHeld(record);
    const throttle = this.faults.throttling(record, Date.now());
    if (throttle !== undefined) return refuse(record, response, throttle.retryAfterSeconds);
    await this.#forward(record, request, response, body);
  }

  #note(request: IncomingMessage, body: Buffer): RequestRecord {
    const { method = 'GET', url: path = '/' } = request;
    const target = targetOf(path);
    const isWrite = isCountedWrite(method, target);
    if (isWrite) this.#writes += 1;
    const record: RequestRecord = {
      ...target,
      number: this.requests.length + 1,
      write: isWrite ? this.#writes : 0,
      at: Date.now(),
      method,
      path,
      isWatch: /[?&]watch=(true|1)\b/.test(path),
      body: body.toString('utf8'),
      outcome: 'underway',
      status: 0,
      answer: '',
      answeredAt: undefined,
    };
    this.requests.push(record);
    return record;
  }

  /** Ends the one who asked, if this is the write to do it at. */
  #end(record: RequestRecord, when: 'before' | 'after'): boolean {
    const kill = this.faults.killing(record, when);
    if (kill === undefined) return false;
    this.#isOver = true;
    record.outcome = when === 'before' ? 'dropped' : 'withheld';
    this.faults.commit(`killed ${when} a write`);
    kill.kill(record);
    return true;
  }

  async #delay(): Promise<void> {
    const { delayMs } = this.faults;
    if (delayMs === 0) return;
    this.faults.commit('delayed');
    await sleep(delayMs);
  }

  /** Also for one who has gone meanwhile: what is under way arrives. */
  async #forward(
    record: RequestRecord,
    request: IncomingMessage,
    response: ServerResponse,
    body: Buffer,
  ): Promise<void> {
    const { hostname, port } = this.#options.target;
    const { method } = record;
    const options = { agent: this.#agent, hostname, port, method, path: record.path };
    const answer = await new Promise<IncomingMessage>((resolve, reject) => {
      const forwarded = send({ ...options, headers: request.rawHeaders }, resolve);
      forwarded.on('error', (error) => {
        record.outcome = 'broken';
        reject(error);
      });
      // A watch that nobody follows any more ends here too.
      if (record.isWatch) response.once('close', () => forwarded.destroy());
      forwarded.end(body);
    });
    record.status = answer.statusCode ?? 0;
    if (record.isWatch && record.status === 200) return this.#stream(record, answer, response);
    await this.#answer(record, answer, { request, response });
  }

  #stream(record: RequestRecord, answer: IncomingMessage, response: ServerResponse): void {
    const watch = { answer, response };
    this.#watches.add(watch);
    response.once('close', () => this.#watches.delete(watch));
    answer.once('end', () => (record.outcome = 'answered'));
    answer.on('error', () => {
      this.#watches.delete(watch);
      response.destroy();
    });
    copyHead(answer, response);
    response.flushHeaders();
    answer.pipe(response);
  }

  async #answer(
    record: RequestRecord,
    answer: IncomingMessage,
    { request, response }: { request: IncomingMessage; response: ServerResponse },
  ): Promise<void> {
    const body = await readAll(answer);
    record.answeredAt = Date.now();
    if (record.write > 0) record.answer = body.toString('utf8');
    if (this.#end(record, 'after')) return;
    if (this.#isOver) {
      record.outcome = 'withheld';
      return;
    }
    if (this.faults.loses?.(record) === true) {
      this.faults.commit('answer lost');
      record.outcome = 'withheld';
      return this.#reset(request);
    }
    if (record.outcome === 'underway') record.outcome = 'answered';
    copyHead(answer, response);
    response.end(body);
  }

  #reset({ socket }: IncomingMessage): void {
    this.#sockets.get(socket.remotePort ?? 0)?.resetAndDestroy();
  }
}

async function readAll(message: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of message) chunks.push(Buffer.from(chunk));
  return Buffer.concat(chunks);
}

/** The headers as they came, in their order; Node.js adds none of its own. */
function copyHead(answer: IncomingMessage, response: ServerResponse): void {
  response.sendDate = false;
  response.writeHead(answer.statusCode ?? 502, answer.statusMessage, answer.rawHeaders);
}

function refuse(record: RequestRecord, response: ServerResponse, seconds: number): void {
  record.outcome = 'refused';
  record.status = 429;
  record.answeredAt = Date.now();
  response.writeHead(429, {
    'content-type': 'application/json',
    'retry-after': String(seconds),
  });
  response.end(tooManyRequests(seconds));
}
