/**
 * One cluster with one canary in it, on simulated time: the sandbox's API server, its controllers with simulated pods,
 * a gateway that follows late, a Prometheus that answers as it is told, and the real operator.
 */
import { customResourceDefinitions } from '../../src/api/crd.ts';
import type { KubernetesObject } from '../../src/api/object.ts';
import type { CheckAnswer, Sample } from '../../src/core/analysis.ts';
import type { ControllerSettings } from '../../src/controller/ports.ts';
import { UnavailableError } from '../../src/errors.ts';
import { buildOperator, type Operator, type OperatorParts } from '../../src/operator.ts';
import type { LeaderLock } from '../../src/ports/leader-lock.ts';
import type { Message } from '../../src/ports/notifier.ts';
import type { WebhookAnswer, WebhookCall } from '../../src/ports/webhook-client.ts';
import { ApiServer, type RequestRecord } from '../../src/sandbox/api-server/server.ts';
import { Controllers } from '../../src/sandbox/controllers/controllers.ts';
import { SimulatedPods, type PodBehaviour } from '../../src/sandbox/controllers/simulated-pods.ts';
import type { Pod } from '../../src/sandbox/controllers/objects.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { memoryTransport } from '../support/memory-transport.ts';
import { httpRouteDefinition } from './http-route.ts';
import { seeded } from './random.ts';

export const namespace = 'shop';

const definitions = [
  ...customResourceDefinitions('serin.dev'),
  ...customResourceDefinitions('flagger.app'),
  httpRouteDefinition,
];

export const settings: ControllerSettings = {
  groups: ['serin.dev', 'flagger.app'],
  provider: { 'serin.dev': 'gatewayapi', 'flagger.app': 'gatewayapi' },
  metricsServer: 'http://prometheus:9090',
  copy: { includeLabelPrefixes: [], selectorLabels: ['app', 'name', 'app.kubernetes.io/name'] },
  noCrossNamespaceRefs: false,
  drainMs: 5_000,
  settleMs: 30_000,
  clusterName: undefined,
  globalNotifier: {
    address: 'http://slack',
    token: undefined,
    channel: 'releases',
    username: 'serin',
    proxy: undefined,
  },
  eventWebhook: undefined,
  workers: 2,
};

export interface WorldOptions {
  readonly seed?: number;
  readonly behave?: (pod: Pod) => PodBehaviour;
  /** The value of every query at this moment; `undefined`: no data. */
  readonly metric?: (query: string, at: number) => CheckAnswer;
  readonly webhook?: (call: WebhookCall) => WebhookAnswer | Promise<WebhookAnswer>;
  readonly settings?: Partial<ControllerSettings>;
}

const silent = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };
const noTelemetry = {
  passed: () => {},
  checked: () => {},
  notified: () => {},
  observed: () => {},
  finished: () => {},
  measured: () => {},
  forgotten: () => {},
};

export class World {
  readonly clock = new FakeClock();
  readonly random: () => number;
  readonly server: ApiServer;
  readonly records: RequestRecord[] = [];
  readonly messages: { at: number; message: Message }[] = [];
  readonly logs: string[] = [];
  readonly pods: SimulatedPods;
  /** Of the Canaries here. */
  group = 'serin.dev/v1beta1';
  readonly #controllers: Controllers;
  readonly #options: WorldOptions;
  #controllersAwake = false;

  constructor(options: WorldOptions = {}) {
    this.#options = options;
    this.random = seeded(options.seed ?? 1);
    this.server = new ApiServer({ now: () => this.clock.now(), random: this.random, definitions });
    this.server.onRequest((record) => this.records.push(record));
    this.pods = new SimulatedPods(
      options.behave ?? (() => ({ readyAfterMs: 1_000, stopAfterMs: 500 })),
    );
    this.#controllers = new Controllers({
      api: this.server,
      pods: this.pods,
      wake: () => this.#wakeControllers(),
    });
    this.#controllers.start();
    this.create({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } });
    this.#tick();
  }

  #tick(): void {
    this.server.tick();
    this.clock.after(1_000, () => this.#tick());
  }

  /** Pods did something that nobody asked for. */
  wake(): void {
    this.#wakeControllers();
  }

  #wakeControllers(): void {
    if (this.#controllersAwake) return;
    this.#controllersAwake = true;
    this.clock.after(1, () => this.#stepControllers());
  }

  #stepControllers(): void {
    this.#controllersAwake = false;
    const { nextAt } = this.#controllers.settle(this.clock.now());
    if (nextAt === undefined) return;
    this.clock.after(Math.max(1, nextAt - this.clock.now()), () => this.#wakeControllers());
  }

  /** An operator of its own; aborting the signal stops it in an orderly way. */
  operator(
    signal: AbortSignal,
    lock?: LeaderLock,
    instance = 'serin-0',
    more: Partial<OperatorParts> = {},
  ): { operator: Operator; done: Promise<void> } {
    const transport = memoryTransport(this.server, {
      clock: this.clock,
      headers: { 'user-agent': 'serin/0' },
    });
    const note = (level: string) => (fields: object, message: string) => {
      this.logs.push(
        `${level} ${message} ${JSON.stringify(fields, (_key, value: unknown) => (value instanceof Error ? `${value.name}: ${value.message}\n${value.stack}` : value))}`,
      );
    };
    const operator = buildOperator({
      settings: { ...settings, ...this.#options.settings },
      namespaces: [],
      transport,
      clock: this.clock,
      random: this.random,
      log: { ...silent, info: note('info'), warn: note('warn'), error: note('error') },
      telemetry: noTelemetry,
      instance,
      lock,
      webhooks: { call: async (call) => (await this.#options.webhook?.(call)) ?? { kind: 'yes' } },
      metrics: {
        get: () => ({
          name: 'prometheus',
          create: () => ({ query: async (query, at) => this.#query(query, at) }),
        }),
      },
      notifiers: {
        get: () => ({
          name: 'slack',
          send: async (_access, message) => {
            this.messages.push({ at: this.clock.now(), message });
          },
        }),
      },
      ...more,
    });
    return { operator, done: operator.run(signal) };
  }

  #query(query: string, at: number): Sample {
    const answer = this.#options.metric?.(query, at) ?? {
      kind: 'sample',
      sample: { kind: 'value', value: query.includes('histogram') ? 0.1 : 100 },
    };
    if (answer.kind === 'sample') return answer.sample;
    throw new UnavailableError(answer.why, { reason: 'MetricsUnavailable' });
  }

  // ── what people and other tools do ────────────────────────────────────────

  call(
    method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE',
    path: string,
    body?: unknown,
    userAgent = 'kubectl',
  ): KubernetesObject {
    const headers = {
      'user-agent': userAgent,
      ...(method === 'PATCH' ? { 'content-type': 'application/merge-patch+json' } : {}),
    };
    const answer = this.server.handle({
      method,
      path,
      query: {},
      headers,
      ...(body === undefined ? {} : { body }),
    });
    if (answer.kind !== 'object') throw new Error('unexpected stream');
    if (answer.status >= 300)
      throw new Error(`${method} ${path}: ${answer.status} ${JSON.stringify(answer.body)}`);
    return answer.body as KubernetesObject;
  }

  create(object: KubernetesObject): KubernetesObject {
    return this.call('POST', collection(object.apiVersion, object.kind), object);
  }

  get(kind: string, name: string): KubernetesObject | undefined {
    try {
      return this.call('GET', `${this.#collectionOf(kind)}/${name}`);
    } catch {
      return undefined;
    }
  }

  patch(kind: string, name: string, patch: object, subresource = ''): KubernetesObject {
    return this.call(
      'PATCH',
      `${this.#collectionOf(kind)}/${name}${subresource === '' ? '' : `/${subresource}`}`,
      patch,
    );
  }

  delete(kind: string, name: string): void {
    this.call('DELETE', `${this.#collectionOf(kind)}/${name}`);
  }

  #collectionOf(kind: string): string {
    return collection(kind === 'Canary' ? this.group : (apiVersions[kind] ?? ''), kind);
  }

  status(name = 'cart'): Readonly<Record<string, unknown>> {
    return (this.get('Canary', name)?.['status'] ?? {}) as Readonly<Record<string, unknown>>;
  }
}

const apiVersions: Readonly<Record<string, string>> = {
  Deployment: 'apps/v1',
  Service: 'v1',
  HTTPRoute: 'gateway.networking.k8s.io/v1',
};

const plurals: Readonly<Record<string, string>> = {
  Canary: 'canaries',
  Deployment: 'deployments',
  Service: 'services',
  HTTPRoute: 'httproutes',
  Namespace: 'namespaces',
};

function collection(apiVersion: string, kind: string): string {
  const root = apiVersion.includes('/') ? `/apis/${apiVersion}` : `/api/${apiVersion}`;
  return kind === 'Namespace'
    ? `${root}/namespaces`
    : `${root}/namespaces/${namespace}/${plurals[kind]}`;
}

// ── what users write ────────────────────────────────────────────────────────

export function deployment(image: string, replicas = 2): KubernetesObject {
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: 'cart', namespace },
    spec: {
      replicas,
      selector: { matchLabels: { app: 'cart' } },
      template: {
        metadata: { labels: { app: 'cart' } },
        spec: {
          containers: [{ name: 'cart', image, ports: [{ name: 'http', containerPort: 8080 }] }],
        },
      },
    },
  };
}

export function canary(analysis: object = {}, spec: object = {}): KubernetesObject {
  return {
    apiVersion: 'serin.dev/v1beta1',
    kind: 'Canary',
    metadata: { name: 'cart', namespace },
    spec: {
      targetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'cart' },
      progressDeadlineSeconds: 60,
      service: { port: 80, targetPort: 8080, gatewayRefs: [{ name: 'public' }] },
      analysis: {
        interval: '10s',
        threshold: 2,
        stepWeight: 20,
        maxWeight: 60,
        metrics: [{ name: 'request-success-rate', interval: '1m', thresholdRange: { min: 99 } }],
        ...analysis,
      },
      ...spec,
    },
  };
}

export const newImage = (image: string): object => ({
  spec: {
    template: {
      spec: {
        containers: [{ name: 'cart', image, ports: [{ name: 'http', containerPort: 8080 }] }],
      },
    },
  },
});
