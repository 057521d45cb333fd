/** An HTTP reverse proxy that sends each request where the routing table of that moment says. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';

import { listen } from '../listening.ts';
import { limitMs } from './durations.ts';
import {
  type Headers,
  modifyRequestHeaders,
  modifyResponseHeaders,
  ownAnswer,
  rewritten,
} from './filters.ts';
import { Forwarder } from './forward.ts';
import type { RequestFacts } from './matching.ts';
import { EVERY_PATH, type RouteFilter, type RouteMatch } from './route-objects.ts';
import type { Backend, Found, RoutingTable, TableRule, Target } from './routing-table.ts';
import { SmoothShares } from './smooth-shares.ts';

/** Longer than any client keeps a connection, so that it is never us who close one in use. */
const KEEP_ALIVE_MS = 75_000;

export interface Proxy {
  readonly url: string;
  readonly port: number;
  close(): Promise<void>;
}

export async function startProxy(
  table: () => RoutingTable,
  { port = 0 }: { readonly port?: number } = {},
): Promise<Proxy> {
  const desk = new Desk(table);
  const server = createServer({ keepAliveTimeout: KEEP_ALIVE_MS }, (incoming, response) => {
    desk.take(incoming, response).catch((error: unknown) => {
      fail(response, 500, `the gateway failed: ${String(error)}`);
    });
  });
  const listening = await listen(server, port);
  return {
    url: listening.url,
    port: listening.port,
    close: async () => {
      await listening.close();
      desk.close();
    },
  };
}

class Desk {
  readonly #table: () => RoutingTable;
  readonly #shares = new SmoothShares();
  readonly #forwarder = new Forwarder();
  readonly #turns = new Map<string, number>();

  constructor(table: () => RoutingTable) {
    this.#table = table;
  }

  close(): void {
    this.#forwarder.close();
  }

  async take(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    const facts = factsOf(incoming);
    const found = this.#table().find(facts);
    if (found.kind === 'none') {
      fail(response, 404, found.why);
      return;
    }
    const match = found.kind === 'rule' ? found.match : EVERY_PATH;
    const ruleFilters = found.kind === 'rule' ? (found.rule.rule.filters ?? []) : [];
    const own = ownAnswer(ruleFilters, facts, match);
    if (own !== undefined) {
      response.writeHead(own.status, withoutHoles(own.headers)).end();
      return;
    }
    const backend = this.#pick(found);
    if (backend?.problem !== undefined || backend === undefined) {
      fail(response, 500, backend?.problem ?? 'the rule has no backend with a weight');
    } else if (backend.targets.length === 0) {
      fail(response, 503, `no ready endpoint behind Service ${backend.name}`);
    } else {
      const filters = [...ruleFilters, ...backend.filters];
      await this.#send({ incoming, response, facts, found, match, backend, filters });
    }
  }

  #pick(found: Exclude<Found, { kind: 'none' }>): Backend | undefined {
    if (found.kind === 'service') return found.backend;
    const { id, backends } = found.rule;
    const index = this.#shares.pick(
      id,
      backends.map(({ weight }) => weight),
    );
    return index === undefined ? undefined : backends[index];
  }

  async #send(job: Job): Promise<void> {
    const { incoming, response, facts, found, match, backend, filters } = job;
    const { path, host } = rewritten(filters, facts.path, match);
    const query = (incoming.url ?? '').split('?')[1];
    const target = query === undefined ? path : `${path}?${query}`;
    const headers = modifyRequestHeaders(filters, forwarded(incoming, host));
    const timeouts = found.kind === 'rule' ? found.rule.rule.timeouts : undefined;
    const attemptMs = limitMs(timeouts?.backendRequest) ?? limitMs(timeouts?.request);
    const overall = limit(response, limitMs(timeouts?.request));
    const failure = await this.#forwarder.forward({
      incoming,
      response,
      path: target,
      headers,
      ...(attemptMs === undefined ? {} : { attemptMs }),
      onSend: once(() => {
        if (found.kind === 'rule') this.#mirror(found.rule, incoming, target, headers);
      }),
      targets: () => this.#rotated(this.#current(facts, backend)),
      answerHeaders: (answer) => modifyResponseHeaders(filters, answer, facts),
    });
    if (failure === undefined) response.once('close', () => clearTimeout(overall));
    else {
      clearTimeout(overall);
      fail(response, failure.status, `Service ${backend.name} did not answer: ${failure.why}`);
    }
  }

  /** The same backend as the newest table has it: endpoints may have changed while we tried. */
  #current(facts: RequestFacts, backend: Backend): Backend {
    const found = this.#table().find(facts);
    if (found.kind === 'none') return backend;
    const all = found.kind === 'service' ? [found.backend] : found.rule.backends;
    return all.find(({ name }) => name === backend.name) ?? backend;
  }

  /** All targets, starting with the one whose turn it is. */
  #rotated({ name, targets }: Backend): readonly Target[] {
    const turn = (this.#turns.get(name) ?? 0) % Math.max(1, targets.length);
    this.#turns.set(name, turn + 1);
    return [...targets.slice(turn), ...targets.slice(0, turn)];
  }

  #mirror(rule: TableRule, incoming: IncomingMessage, path: string, headers: Headers): void {
    rule.mirrors.forEach(({ filter, backend }, index) => {
      const percent = mirroredPercent(filter);
      const turn = this.#shares.pick(`${rule.id} mirror ${index}`, [percent, 100 - percent]);
      const [target] = this.#rotated(backend);
      if (turn === 0 && target !== undefined) {
        this.#forwarder.mirror(incoming, target, path, headers);
      }
    });
  }
}

interface Job {
  readonly incoming: IncomingMessage;
  readonly response: ServerResponse;
  readonly facts: RequestFacts;
  readonly found: Exclude<Found, { kind: 'none' }>;
  readonly match: RouteMatch;
  readonly backend: Backend;
  readonly filters: readonly RouteFilter[];
}

/** A second attempt is no second request. */
function once(act: () => void): () => void {
  let done = false;
  return () => {
    if (!done) act();
    done = true;
  };
}

function mirroredPercent({ requestMirror }: RouteFilter): number {
  const { percent, fraction } = requestMirror ?? {};
  if (fraction !== undefined) return (fraction.numerator / (fraction.denominator ?? 100)) * 100;
  return percent ?? 100;
}

function factsOf(incoming: IncomingMessage): RequestFacts {
  const [path = '/', query = ''] = (incoming.url ?? '/').split('?');
  const [, host = '', port] = /^(.*?)(?::(\d+))?$/.exec(incoming.headers.host ?? '') ?? [];
  const headers = Object.fromEntries(
    Object.entries(incoming.headers).map(([name, value]) => [name, [value].flat().join(', ')]),
  );
  return {
    host: host.toLowerCase(),
    ...(port === undefined ? {} : { port: Number(port) }),
    method: incoming.method ?? 'GET',
    path,
    query: new URLSearchParams(query),
    headers,
  };
}

function forwarded(incoming: IncomingMessage, host: string | undefined): Headers {
  const { headers, socket } = incoming;
  const before = headers['x-forwarded-for'];
  const peer = socket.remoteAddress ?? '';
  return {
    ...headers,
    host: host ?? headers.host,
    'x-forwarded-for': before === undefined ? peer : `${[before].flat().join(', ')}, ${peer}`,
    'x-forwarded-proto': 'http',
    'x-forwarded-host': headers.host,
  };
}

/** The whole request must be over in time, answer included. */
function limit(response: ServerResponse, ms: number | undefined): NodeJS.Timeout | undefined {
  if (ms === undefined) return undefined;
  return setTimeout(() => fail(response, 504, `no answer in ${ms} ms`), ms);
}

function fail(response: ServerResponse, status: number, why: string): void {
  if (response.writableEnded) return;
  if (response.headersSent) response.destroy();
  else response.writeHead(status, { 'content-type': 'text/plain; charset=utf-8' }).end(`${why}\n`);
}

function withoutHoles(headers: Headers): Record<string, string | string[]> {
  const whole: Record<string, string | string[]> = {};
  for (const [name, value] of Object.entries(headers)) if (value !== undefined) whole[name] = value;
  return whole;
}
