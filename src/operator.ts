/**
 * Composition root: builds the adapters from the settings and hands them to the controller.
 *
 * The only file that knows all of them.
 */
import { hostname } from 'node:os';

import { webhookClient } from './adapters/gates/webhook-client.ts';
import { Client } from './adapters/kubernetes/client.ts';
import { KubernetesCluster, type WatchedKind } from './adapters/kubernetes/cluster.ts';
import { KubernetesEventRecorder } from './adapters/kubernetes/event-recorder.ts';
import { httpTransport, loadKubeConfig } from './adapters/kubernetes/http-transport.ts';
import { pluralOf } from './adapters/kubernetes/kinds.ts';
import { LeaseLock } from './adapters/kubernetes/lease-lock.ts';
import type { Transport } from './adapters/kubernetes/transport.ts';
import { metricsProviders } from './adapters/metrics/registry.ts';
import { notifiers } from './adapters/notifiers/registry.ts';
import { trafficRouters } from './adapters/routers/registry.ts';
import { workloadKinds } from './adapters/workloads/registry.ts';
import { apiVersionOf, type ApiGroup } from './api/group.ts';
import type { Settings } from './config.ts';
import { Controller } from './controller/controller.ts';
import { whileLeading } from './controller/leadership.ts';
import type { ControllerSettings, Log, Ports, Telemetry } from './controller/ports.ts';
import { asOperatorError, ConflictError } from './errors.ts';
import { sleep, type Clock } from './ports/clock.ts';
import type { LeaderLock } from './ports/leader-lock.ts';
import type { WebhookClient } from './ports/webhook-client.ts';
import { startHttpServer } from './telemetry/http-server.ts';
import { createLogger } from './telemetry/logger.ts';
import { OperatorMetrics } from './telemetry/metrics.ts';

/** What an operator is made of; the simulation hands in its own world. */
export interface OperatorParts {
  readonly settings: ControllerSettings;
  readonly namespaces: readonly string[];
  readonly transport: Transport;
  readonly clock: Clock;
  /** In [0, 1). */
  readonly random: () => number;
  readonly log: Log;
  readonly telemetry: Telemetry & {
    requested?(seen: { verb: string; resource: string; code: number }): void;
  };
  readonly instance: string;
  readonly webhooks: WebhookClient;
  readonly metrics: Ports['metrics'];
  readonly notifiers: Ports['notifiers'];
  /** `undefined`: there is only one replica, and it always leads. */
  readonly lock: LeaderLock | undefined;
}

export interface Operator {
  readonly cluster: KubernetesCluster;
  readonly controller: Controller;
  /** Works until `signal` aborts; resolves when nothing runs any more. */
  run(signal: AbortSignal): Promise<void>;
}

/** Kinds that are watched, by API group of the Canaries looked after. Older versions of a route only once a Canary asks. */
function watchedKinds(groups: readonly ApiGroup[]): readonly WatchedKind[] {
  const ours = groups.flatMap((group) =>
    ['Canary', 'MetricTemplate', 'AlertProvider'].map((kind) => ({
      apiVersion: apiVersionOf(group),
      kind,
      ownStatus: kind === 'Canary',
    })),
  );
  const workloads = workloadKinds.entries.map(({ apiVersion, kind }) => ({ apiVersion, kind }));
  const routes = trafficRouters.entries.flatMap(({ kind }) =>
    kind === undefined ? [] : [{ ...kind, lazy: !kind.apiVersion.endsWith('/v1') }],
  );
  return [...ours, ...workloads, { apiVersion: 'v1', kind: 'Service' }, ...routes];
}

/** Puts an operator together. Nothing is sent before it runs. */
export function buildOperator(parts: OperatorParts): Operator {
  const { transport, clock, random, log, lock, settings } = parts;
  const tooOld = new Set<ApiGroup>();
  const beforeWrite = (): void => {
    if (lock === undefined || lock.holds()) return;
    throw new ConflictError('this replica does not lead any more', { reason: 'NotLeading' });
  };
  const shared = {
    transport,
    clock,
    random,
    log,
    beforeWrite,
    observe: (seen: { verb: string; resource: string; code: number }) =>
      parts.telemetry.requested?.(seen),
  };
  const cluster = new KubernetesCluster({
    ...shared,
    watches: watchedKinds(settings.groups),
    namespaces: parts.namespaces,
  });
  const events = new KubernetesEventRecorder({
    client: new Client(shared),
    log,
    instance: parts.instance,
  });
  const ports: Ports = {
    cluster,
    clock,
    workloads: workloadKinds,
    routers: trafficRouters,
    metrics: parts.metrics,
    notifiers: parts.notifiers,
    webhooks: parts.webhooks,
    events,
    telemetry: parts.telemetry,
    log,
    settings,
    crdTooOld: (group) => tooOld.has(group),
  };
  const controller = new Controller({
    ports,
    random,
    onChange: (listener) => cluster.onChange(listener),
  });
  return {
    cluster,
    controller,
    async run(signal) {
      const reflecting = cluster.run(signal);
      await Promise.race([cluster.synced, reflecting]);
      if (signal.aborted) return reflecting;
      try {
        if (
          settings.groups.includes('flagger.app') &&
          !(await knowsOurStatus(cluster, clock, signal))
        )
          tooOld.add('flagger.app');
      } catch (error) {
        // Told to stop while it was asked.
        if (signal.aborted) return reflecting;
        throw error;
      }
      await (lock === undefined
        ? controller.run(signal)
        : whileLeading(lock, (leading) => controller.run(leading), signal));
      await reflecting;
    },
  };
}

/** After a read and its retries have failed. */
const askAgainMs = 2_000;

/**
 * Whether the installed definition of `canaries.flagger.app` is ours: Flagger's own would prune our record. A server
 * that is away is waited for, as the watches wait for it.
 */
async function knowsOurStatus(
  cluster: KubernetesCluster,
  clock: Clock,
  signal: AbortSignal,
): Promise<boolean> {
  const name = 'canaries.flagger.app';
  const ref = {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    namespace: '',
    name,
  };
  for (;;) {
    try {
      const definition = await cluster.read(ref, signal);
      return JSON.stringify(definition?.['spec'] ?? '').includes('"run":{');
    } catch (error) {
      if (signal.aborted || asOperatorError(error).kind !== 'unavailable') throw error;
      await sleep(clock, askAgainMs, signal);
    }
  }
}

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  after(ms, callback) {
    // Node.js takes a longer delay for none, and cuts off what is less than a millisecond.
    const timer = setTimeout(callback, Math.min(Math.ceil(ms), 2 ** 31 - 1));
    return () => clearTimeout(timer);
  },
};

function controllerSettings(settings: Settings): ControllerSettings {
  const { provider, meshProvider, slackUrl, slackToken, slackChannel } = settings;
  const address =
    slackUrl ?? (slackToken === undefined ? undefined : 'https://slack.com/api/chat.postMessage');
  return {
    groups: settings.flaggerApi ? ['serin.dev', 'flagger.app'] : ['serin.dev'],
    provider: { 'serin.dev': provider, 'flagger.app': meshProvider ?? provider },
    metricsServer: settings.metricsServer,
    copy: {
      includeLabelPrefixes: settings.includeLabelPrefix,
      selectorLabels: settings.selectorLabels,
    },
    noCrossNamespaceRefs: settings.noCrossNamespaceRefs,
    drainMs: settings.drainMs,
    settleMs: settings.settleMs,
    clusterName: settings.clusterName,
    globalNotifier:
      address === undefined
        ? undefined
        : {
            address,
            token: slackToken,
            channel: slackChannel ?? 'general',
            username: settings.slackUser,
            proxy: settings.slackProxyUrl,
          },
    eventWebhook: settings.eventWebhook,
    workers: settings.workers,
  };
}

/** Runs the operator with real clocks, connections and ports until `signal` aborts. */
export async function runOperator(
  settings: Settings,
  version: string,
  signal: AbortSignal,
): Promise<void> {
  const log = createLogger(settings.logLevel);
  const kubeConfig = loadKubeConfig(settings.kubeconfig);
  const transport = httpTransport({ kubeConfig, version });
  const leaseTransport = httpTransport({ kubeConfig, version });
  const instance = settings.leaseIdentity ?? hostname();
  const lock = settings.leaderElect
    ? new LeaseLock({
        transport: leaseTransport,
        clock: systemClock,
        random: Math.random,
        log,
        namespace: settings.leaseNamespace,
        name: settings.leaseName,
        identity: `${instance}_${crypto.randomUUID()}`,
        settings: {
          leaseMs: settings.leaseDurationMs,
          renewDeadlineMs: settings.leaseRenewDeadlineMs,
          retryMs: settings.leaseRetryPeriodMs,
        },
      })
    : undefined;
  const built: { operator?: Operator } = {};
  const telemetry = new OperatorMetrics({
    version,
    provider: settings.provider,
    flaggerApi: settings.flaggerApi,
    sources: {
      queueDepth: () => built.operator?.controller.queueDepth ?? 0,
      watches: () =>
        (built.operator?.cluster.watches() ?? []).map(({ kind, namespace, ageMs }) => ({
          resource: pluralOf(kind),
          namespace,
          ageMs,
        })),
      isLeader: () => lock?.holds() ?? true,
    },
  }).withProcessMetrics();
  const operator = buildOperator({
    settings: controllerSettings(settings),
    namespaces: settings.namespaces,
    transport,
    clock: systemClock,
    random: Math.random,
    log,
    telemetry,
    instance,
    webhooks: webhookClient(systemClock),
    metrics: metricsProviders,
    notifiers,
    lock,
  });
  built.operator = operator;
  const server = await startHttpServer({
    port: settings.port,
    unreadyBecause: () => (operator.cluster.isSynced() ? [] : ['the caches are not filled yet']),
    metrics: () => telemetry.page(),
  });
  log.info(
    { version, port: server.port, groups: controllerSettings(settings).groups },
    'operator started',
  );
  try {
    await operator.run(signal);
  } finally {
    await server.close();
    await Promise.all([transport.close(), leaseTransport.close()]);
    log.info({}, 'operator stopped');
  }
}
