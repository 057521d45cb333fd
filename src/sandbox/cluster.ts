/**
 * The moving sandbox cluster on a real clock: API server, controllers, pods as processes, gateway.
 * `sandbox.ts` puts metrics, Slack and files around it.
 */
import { randomBytes } from 'node:crypto';

import { ApiServer } from './api-server/server.ts';
import { newCertificate } from './certificate.ts';
import { Client, CONFIG_MAPS, pathOf, PODS, SECRETS } from './controllers/api.ts';
import { Controllers } from './controllers/controllers.ts';
import { Mirror } from './controllers/mirror.ts';
import { isRecord, type KubeObject, type Labels, type Pod } from './controllers/objects.ts';
import { readDefinitions } from './definitions.ts';
import { EventLog } from './event-log.ts';
import { FaultSwitches } from './fault-switches.ts';
import { CONTROLLER_NAME, GATEWAY_CLASS } from './gateway/attachment.ts';
import { GatewayFollower } from './gateway/follower.ts';
import { type Proxy, startProxy } from './gateway/proxy.ts';
import { serveApi } from './http-front.ts';
import { Addresses } from './runner/addresses.ts';
import type { ConfigKind } from './runner/environment.ts';
import { ProcessPods } from './runner/process-pods.ts';
import { Ticker } from './ticker.ts';
import { type Relay, startRelay } from './tls-relay.ts';

export const DEMO_NAMESPACE = 'demo';
export const SYSTEM_NAMESPACE = 'serin-system';
/** The Gateway that routes attach to: `gatewayRefs: [{ name: sandbox, namespace: serin-system }]`. */
export const GATEWAY_NAME = 'sandbox';

export interface ClusterOptions {
  readonly apiPort?: number;
  readonly gatewayPort?: number;
  readonly gatewayLagMs?: number;
  /** Serves Flagger's group too. */
  readonly flaggerApi?: boolean;
  /** Keeps compiled code of pods; they start in half the time. */
  readonly cacheDir?: string;
}

/** Who may talk to the API server, and with which token. */
export type User = 'admin' | 'operator';

export interface Cluster {
  readonly api: ApiServer;
  readonly client: Client;
  readonly url: string;
  /** PEM of the certificate that the API server's is signed by. */
  readonly authority: string;
  readonly gatewayUrl: string;
  readonly faults: FaultSwitches;
  readonly pods: ReadonlyMap<string, Pod>;
  tokenOf(user: User): string;
  close(): Promise<void>;
}

export async function startCluster(options: ClusterOptions): Promise<Cluster> {
  const tokens = newTokens();
  const api = new ApiServer({
    now: Date.now,
    random: Math.random,
    tokens: new Map([...tokens].map(([user, token]) => [token, user])),
    definitions: readDefinitions(options.flaggerApi === true),
  });
  const tokenOf = (user: string): string => tokens.get(user) ?? '';
  const bearer = (user: string) => ({ authorization: `Bearer ${tokenOf(user)}` });
  const ours = bearer(OURS)['authorization'];
  const faults = new FaultSwitches((call) => call.headers['authorization'] === ours);
  const client = new Client(api, 'sandbox', bearer(OURS));

  const front = await serveApi(api, {});
  const certificate = newCertificate(Date.now());
  const relay = await startRelay(
    new URL(front.url),
    certificate,
    () => faults.faults.latencyMs,
    options.apiPort,
  );
  const moving = await startMoving(api, client, bearer(OURS), options);
  seed(client, moving.proxy);
  api.intercept = (call) => faults.intercept(call);
  return {
    api,
    client,
    url: relay.url,
    authority: certificate.cert,
    gatewayUrl: moving.proxy.url,
    faults,
    pods: moving.pods,
    tokenOf,
    close: async () => {
      api.intercept = undefined;
      await moving.close();
      await closeAll([relay, front]);
    },
  };
}

const OURS = 'system:sandbox';

function newTokens(): ReadonlyMap<string, string> {
  const users = ['admin', 'operator', OURS];
  return new Map(users.map((user) => [user, randomBytes(24).toString('base64url')]));
}

interface Moving {
  readonly proxy: Proxy;
  readonly pods: ReadonlyMap<string, Pod>;
  close(): Promise<void>;
}

async function startMoving(
  api: ApiServer,
  client: Client,
  headers: Labels,
  { gatewayLagMs, gatewayPort, cacheDir }: ClusterOptions,
): Promise<Moving> {
  const addresses = await Addresses.reserve();
  const events = new EventLog(client);
  const runner = new ProcessPods({
    addresses,
    readConfig: (kind, namespace, name) => readConfig(client, kind, namespace, name),
    wake: () => controllersTicker.wake(),
    ...(cacheDir === undefined ? {} : { cacheDir }),
  });
  const controllers = new Controllers({
    api,
    pods: runner,
    headers,
    remark: (remark) => events.write(remark, Date.now()),
    wake: () => controllersTicker.wake(),
  });
  const controllersTicker = new Ticker((now) => controllers.step(now));
  const follower = new GatewayFollower({
    api,
    headers,
    wake: () => followerTicker.wake(),
    ...(gatewayLagMs === undefined ? {} : { lagMs: gatewayLagMs }),
  });
  const followerTicker = new Ticker((now) => follower.step(now));
  const again = () => void setImmediate(() => pods.refresh());
  const pods = new Mirror<Pod>(client, PODS, () => {}, again);
  for (const part of [controllers, follower, pods]) part.start();
  const proxy = await startProxy(
    () => follower.table,
    gatewayPort === undefined ? {} : { port: gatewayPort },
  );
  return {
    proxy,
    pods: pods.objects,
    close: async () => {
      for (const part of [controllersTicker, followerTicker, controllers, follower, pods]) {
        part.stop();
      }
      await Promise.all([runner.close(), proxy.close()]);
      addresses.close();
    },
  };
}

async function closeAll(parts: readonly Pick<Relay, 'close'>[]): Promise<void> {
  for (const part of parts) await part.close();
}

/** Text of a ConfigMap, or of a Secret after decoding. */
function readConfig(
  client: Client,
  kind: ConfigKind,
  namespace: string,
  name: string,
): Labels | undefined {
  const resource = kind === 'Secret' ? SECRETS : CONFIG_MAPS;
  const path = pathOf(resource, namespace, name);
  const answer = client.handle({ method: 'GET', path, query: {} });
  if (answer.kind === 'stream' || answer.status !== 200 || !isRecord(answer.body)) return undefined;
  const data = isRecord(answer.body['data']) ? answer.body['data'] : {};
  return Object.fromEntries(
    Object.entries(data).map(([key, value]) => [
      key,
      kind === 'Secret' ? Buffer.from(String(value), 'base64').toString('utf8') : String(value),
    ]),
  );
}

/** What is there before anybody has applied anything. */
function seed(client: Client, proxy: Proxy): void {
  const gateway = {
    apiVersion: 'gateway.networking.k8s.io/v1',
    kind: 'Gateway',
    metadata: { name: GATEWAY_NAME, namespace: SYSTEM_NAMESPACE },
    spec: {
      gatewayClassName: GATEWAY_CLASS,
      listeners: [
        {
          name: 'http',
          port: proxy.port,
          protocol: 'HTTP',
          allowedRoutes: { namespaces: { from: 'All' } },
        },
      ],
    },
  };
  create(client, 'namespaces', undefined, namespaceObject(DEMO_NAMESPACE));
  create(client, 'namespaces', undefined, namespaceObject(SYSTEM_NAMESPACE));
  create(client, 'gatewayclasses', undefined, {
    apiVersion: gateway.apiVersion,
    kind: 'GatewayClass',
    metadata: { name: GATEWAY_CLASS },
    spec: { controllerName: CONTROLLER_NAME },
  });
  create(client, 'gateways', SYSTEM_NAMESPACE, gateway);
}

function namespaceObject(name: string): KubeObject {
  return { apiVersion: 'v1', kind: 'Namespace', metadata: { name } };
}

function create(
  client: Client,
  plural: string,
  namespaceName: string | undefined,
  object: KubeObject & { readonly spec?: object },
): void {
  const { apiVersion, kind, metadata } = object;
  const written = client.create(
    { apiVersion, kind, plural },
    {
      ...object,
      metadata: namespaceName === undefined ? metadata : { ...metadata, namespace: namespaceName },
    },
  );
  if (written.outcome === 'done') return;
  const why = written.outcome === 'refused' ? written.message : written.outcome;
  throw new Error(`the sandbox cannot create ${kind} ${metadata.name}: ${why}`);
}
