/**
 * What the loop needs from the world, handed in by `operator.ts`, or by a test with doubles of its own.
 */
import type { ObjectKey } from '../api/object.ts';
import type { ApiGroup } from '../api/group.ts';
import type { Clock } from '../ports/clock.ts';
import type { Cluster } from '../ports/cluster.ts';
import type { EventRecorder } from '../ports/event-recorder.ts';
import type { MetricsProviderKind } from '../ports/metrics-provider.ts';
import type { NotifierAccess, NotifierKind } from '../ports/notifier.ts';
import type { Registry } from '../ports/registry.ts';
import type { TrafficRouter } from '../ports/traffic-router.ts';
import type { WebhookClient } from '../ports/webhook-client.ts';
import type { CopyOptions, WorkloadKind } from '../ports/workload.ts';

/** Which Canary: the same name may exist in both groups. */
export interface CanaryKey extends ObjectKey {
  readonly group: ApiGroup;
}

export function keyString({ group, namespace, name }: CanaryKey): string {
  return `${group}/${namespace}/${name}`;
}

export interface ControllerSettings {
  readonly groups: readonly ApiGroup[];
  /** For Canaries without `spec.provider`, by group. */
  readonly provider: Readonly<Record<ApiGroup, string>>;
  readonly metricsServer: string;
  readonly copy: CopyOptions;
  readonly noCrossNamespaceRefs: boolean;
  readonly drainMs: number;
  readonly settleMs: number;
  readonly clusterName: string | undefined;
  /** Where alerts go when a Canary names no receivers. */
  readonly globalNotifier: NotifierAccess | undefined;
  readonly eventWebhook: string | undefined;
  readonly workers: number;
}

export interface Log {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

/** What the loop tells the operator's own metrics. */
export interface Telemetry {
  /** `ok`, or the kind of the error that ended the pass. */
  passed(outcome: string, durationMs: number, canary?: CanaryKey): void;
  /** A metric gave a value, in the unit that users write. */
  measured(canary: CanaryKey, metric: string, value: number): void;
  checked(metric: string, verdict: string): void;
  notified(kind: string, outcome: string): void;
  observed(
    canary: CanaryKey,
    state: { readonly phase: string; readonly weight: number; readonly target: string },
  ): void;
  finished(
    canary: CanaryKey,
    outcome: 'succeeded' | 'failed' | 'skipped',
    exposedMs: number | undefined,
    strategy: 'canary' | 'blue-green',
  ): void;
  forgotten(canary: CanaryKey): void;
}

export interface Ports {
  readonly cluster: Cluster;
  readonly clock: Clock;
  readonly workloads: Registry<WorkloadKind & { readonly name: string }>;
  readonly routers: Registry<TrafficRouter>;
  readonly metrics: { get(type: string): MetricsProviderKind };
  readonly notifiers: { get(type: string): NotifierKind };
  readonly webhooks: WebhookClient;
  readonly events: EventRecorder;
  readonly telemetry: Telemetry;
  readonly log: Log;
  readonly settings: ControllerSettings;
  /** Whether the served `canaries.flagger.app` knows our status; read once at start. */
  readonly crdTooOld: (group: ApiGroup) => boolean;
}
