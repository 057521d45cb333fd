/**
 * The cluster that the operator is measured against, in a process of its own: the sandbox's API server
 * behind HTTP, its controllers, its gateway's follower, and pods that exist in the API only.
 */
import * as z from 'zod';

import type { KubernetesObject } from '../../../src/api/object.ts';
import { ApiServer, type RequestRecord } from '../../../src/sandbox/api-server/server.ts';
import { Controllers, type StepResult } from '../../../src/sandbox/controllers/controllers.ts';
import { SimulatedPods } from '../../../src/sandbox/controllers/simulated-pods.ts';
import { GatewayFollower } from '../../../src/sandbox/gateway/follower.ts';
import { serveApi } from '../../../src/sandbox/http-front.ts';
import { serve } from '../remote.ts';
import type { Request } from '../requests.ts';
import { monotonicMs } from '../shared-clock.ts';
import { copyInto, originalsIn, sizesOf } from './copies.ts';
import { definitions } from './definitions.ts';

const operatorToken = 'bench-operator';
const benchToken = 'bench-itself';

const server = new ApiServer({
  now: Date.now,
  random: Math.random,
  tokens: new Map([
    [operatorToken, 'operator'],
    [benchToken, 'bench'],
  ]),
  definitions: definitions(),
});
const headers = { authorization: `Bearer ${benchToken}`, 'user-agent': 'bench' };

const requests: Request[] = [];
server.onRequest((record) => {
  if (record.user === 'operator') requests.push(requestOf(record));
});

function requestOf(record: RequestRecord): Request {
  const { verb, resource, subresource, namespace, name, status, path, object } = record;
  const weight = resource === 'httproutes' ? weightIn(object) : undefined;
  return {
    atMs: monotonicMs(),
    ...(verb === undefined ? {} : { verb }),
    resource: resource === '' ? path : `${resource}${subresource === '' ? '' : `/${subresource}`}`,
    namespace,
    name,
    status,
    ...(weight === undefined ? {} : { weight }),
  };
}

const Backends = z.object({
  spec: z.object({
    rules: z.array(
      z.object({
        backendRefs: z.array(z.object({ name: z.string(), weight: z.number().default(1) })),
      }),
    ),
  }),
});

function weightIn(route: unknown): number | undefined {
  const refs = Backends.safeParse(route).data?.spec.rules[0]?.backendRefs;
  return refs?.find(({ name }) => name.endsWith('-canary'))?.weight;
}

/** What moves by itself, looked at this often: a cluster is not instant, and a busy loop would be measured too. */
const stepEveryMs = 50;

class Motion {
  readonly #controllers = new Controllers({
    api: server,
    headers,
    pods: new SimulatedPods(() => ({ readyAfterMs: 200, stopAfterMs: 100 })),
  });
  readonly #gateway = new GatewayFollower({ api: server, headers, lagMs: 100 });
  #timer: NodeJS.Timeout | undefined;

  start(): void {
    this.#controllers.start();
    this.#gateway.start();
    this.#timer = setInterval(() => this.#step(), stepEveryMs);
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#controllers.stop();
    this.#gateway.stop();
  }

  #step(): void {
    const now = Date.now();
    until(now + stepEveryMs / 2, now, (time) => this.#controllers.step(time));
    this.#gateway.step(now);
  }
}

/** Steps while something is due and there is time: requests want to be answered too. */
function until(deadline: number, now: number, step: (now: number) => StepResult): void {
  for (;;) {
    const { nextAt } = step(now);
    if (nextAt === undefined || nextAt > now || Date.now() > deadline) return;
  }
}

let motion: Motion | undefined;

function send(method: 'GET' | 'POST' | 'PATCH', path: string, body?: unknown): KubernetesObject {
  const merge = { ...headers, 'content-type': 'application/merge-patch+json' };
  const answer = server.handle({
    method,
    path,
    query: {},
    headers: method === 'PATCH' ? merge : headers,
    ...(body === undefined ? {} : { body }),
  });
  if (answer.kind === 'object' && answer.status < 300) return KubernetesBody.parse(answer.body);
  throw new Error(`${method} ${path}: ${JSON.stringify(answer)}`);
}

const KubernetesBody = z.looseObject({
  apiVersion: z.string(),
  kind: z.string(),
  metadata: z.looseObject({ name: z.string().default('') }),
});

const plurals: Readonly<Record<string, string>> = {
  Namespace: 'namespaces',
  Deployment: 'deployments',
  Service: 'services',
  Canary: 'canaries',
  AlertProvider: 'alertproviders',
  HTTPRoute: 'httproutes',
  Gateway: 'gateways',
};

function collectionOf({ apiVersion, kind, metadata }: KubernetesObject): string {
  const root = apiVersion.includes('/') ? `/apis/${apiVersion}` : `/api/${apiVersion}`;
  const { namespace } = metadata;
  const within = namespace === undefined ? '' : `/namespaces/${namespace}`;
  return `${root}${within}/${plurals[kind]}`;
}

const Copies = z.object({ from: z.string(), to: z.array(z.string()) });
const Change = z.object({ path: z.string(), body: z.unknown() });

serve({
  listen: async () => Number(new URL((await serveApi(server)).url).port),
  setInMotion: () => {
    motion = new Motion();
    motion.start();
  },
  bringToRest: () => motion?.stop(),
  create: (argument) => {
    const object = KubernetesBody.parse(argument);
    send('POST', collectionOf(object), object);
  },
  patch: (argument) => {
    const { path, body } = Change.parse(argument);
    send('PATCH', path, body);
  },
  get: (argument) => send('GET', z.string().parse(argument)),
  copy: async (argument) => {
    const { from, to } = Copies.parse(argument);
    const copier = { from, send, collectionOf };
    const originals = await originalsIn(copier);
    for (const namespace of to) await copyInto(namespace, originals, copier);
    return sizesOf(originals);
  },
  phases: () => {
    const { items } = z
      .object({
        items: z.array(z.object({ status: z.object({ phase: z.string().optional() }).optional() })),
      })
      .parse(send('GET', '/apis/serin.dev/v1beta1/canaries'));
    const phases: Record<string, number> = {};
    for (const { status } of items) {
      const phase = status?.phase ?? 'none';
      phases[phase] = (phases[phase] ?? 0) + 1;
    }
    return phases;
  },
  requestCount: () => requests.length,
  requestsSince: (argument) => requests.slice(z.int().parse(argument)),
});
