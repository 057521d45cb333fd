/**
 * A Canary's spec as plain data with every default applied. The core reads this and nothing else.
 *
 * `resolveSpec` never throws: where the spec is wrong it takes the default, and `validation.ts` says what is
 * wrong. A Canary with problems is refused before anything here has an effect.
 */

import type { Canary } from './canary.ts';
import type {
  CanaryAnalysis,
  CanaryMetric,
  CanaryWebhook,
  Severity,
  WebhookType,
} from './canary-analysis.ts';
import { defaults } from './defaults.ts';
import { optionalMilliseconds, rangeText } from './duration.ts';
import { groupDefaults, type ApiGroup, type OnNoData } from './group.ts';
import type { ObjectKey } from './object.ts';
import { resolveService, routeFields, type ResolvedService } from './resolved-service.ts';

export type {
  ExtraMetadata,
  HeaderChanges,
  ResolvedGatewayRef,
  ResolvedMirror,
  ResolvedService,
} from './resolved-service.ts';

/** How traffic moves. Steps rise, each at most 100; the last one is analysed before promotion. */
export type Strategy =
  | { readonly kind: 'weighted'; readonly steps: readonly number[]; readonly promotionStep: number }
  | { readonly kind: 'blueGreen'; readonly iterations: number };

/** One query and its range. */
export interface ResolvedMetric {
  /** Unique among the checks of a Canary. */
  readonly id: string;
  readonly name: string;
  readonly kind: 'builtin' | 'template' | 'query';
  readonly intervalMs: number;
  /** The window as PromQL writes it. */
  readonly interval: string;
  readonly range: { readonly min?: number; readonly max?: number };
  readonly onNoData: OnNoData;
  readonly templateRef?: ObjectKey | undefined;
  readonly variables: Readonly<Record<string, string>>;
  readonly query?: string | undefined;
}

export interface ResolvedWebhook {
  /** Unique among the webhooks of a Canary. */
  readonly id: string;
  readonly name: string;
  readonly type: WebhookType;
  readonly url: string;
  /** Time limit of one attempt. */
  readonly timeoutMs: number;
  /** Attempts after the first. */
  readonly retries: number;
  readonly metadata: Readonly<Record<string, string>>;
  readonly muteAlert: boolean;
  readonly disableTLS: boolean;
  /** Gates only; `undefined`: waits for ever. */
  readonly deadlineMs?: number | undefined;
  readonly onDeadline: 'rollback' | 'proceed';
}

export interface ResolvedAlert {
  readonly name: string;
  /** The least severe message that is sent. */
  readonly severity: Severity;
  readonly providerRef: ObjectKey;
}

export interface ResolvedSpec {
  readonly group: ApiGroup;
  readonly name: string;
  readonly namespace: string;
  readonly uid: string;
  readonly generation: number;
  /** As users spell it: `gatewayapi:v1` stays that. */
  readonly provider: string;
  readonly metricsServer?: string | undefined;
  readonly target: { readonly apiVersion: string; readonly kind: string; readonly name: string };
  readonly service: ResolvedService;
  /** Names for metric templates. */
  readonly ingress: string;
  readonly route: string;
  readonly strategy: Strategy;
  readonly intervalMs: number;
  readonly threshold: number;
  readonly primaryReadyPercent: number;
  readonly canaryReadyPercent: number;
  readonly progressDeadlineMs: number;
  readonly holdDeadlineMs: number;
  readonly skipAnalysis: boolean;
  readonly suspend: boolean;
  /** `undefined` and `true` both revert; an explicit `false` does not. */
  readonly revertOnDeletion?: boolean | undefined;
  readonly metrics: readonly ResolvedMetric[];
  readonly webhooks: readonly ResolvedWebhook[];
  readonly alerts: readonly ResolvedAlert[];
  /** One sentence each, for a Warning Event. */
  readonly warnings: readonly string[];
}

/** The metrics that need neither template nor query. */
export const builtinMetrics = ['request-success-rate', 'request-duration'] as const;

/**
 * Applies every default. `defaultProvider` is the operator's own, for Canaries that name none.
 */
export function resolveSpec(
  canary: Canary,
  group: ApiGroup,
  defaultProvider: string = defaults.provider,
): ResolvedSpec {
  const { metadata, spec } = canary;
  const { analysis } = spec;
  const namespace = metadata.namespace ?? '';
  const provider = spec.provider ?? defaultProvider;
  const warnings: string[] = [];
  if (provider === 'kubernetes' && spec.service) {
    for (const field of routeFields(spec.service)) {
      warnings.push(`spec.service.${field} has no effect: provider kubernetes makes no route`);
    }
  }
  return {
    group,
    name: metadata.name,
    namespace,
    uid: metadata.uid ?? '',
    generation: metadata.generation ?? 0,
    provider,
    metricsServer: spec.metricsServer,
    target: spec.targetRef,
    service: resolveService(spec.service, spec.targetRef.name),
    ingress: spec.ingressRef?.name ?? spec.targetRef.name,
    route: spec.routeRef?.name ?? spec.targetRef.name,
    strategy: resolveStrategy(analysis, provider, group, warnings),
    intervalMs: milliseconds(analysis.interval, defaults.interval),
    threshold: Math.max(defaults.threshold, analysis.threshold ?? defaults.threshold),
    primaryReadyPercent: analysis.primaryReadyThreshold ?? defaults.primaryReadyThreshold,
    canaryReadyPercent: analysis.canaryReadyThreshold ?? defaults.canaryReadyThreshold,
    progressDeadlineMs: (spec.progressDeadlineSeconds ?? defaults.progressDeadlineSeconds) * 1_000,
    holdDeadlineMs: milliseconds(analysis.holdDeadline, defaults.holdDeadline),
    skipAnalysis: spec.skipAnalysis ?? false,
    suspend: spec.suspend ?? false,
    revertOnDeletion: spec.revertOnDeletion,
    metrics: resolveMetrics(analysis, namespace, group, warnings),
    webhooks: resolveWebhooks(analysis.webhooks ?? []),
    alerts: (analysis.alerts ?? []).map(({ name, severity, providerRef }) => ({
      name,
      severity: severity === undefined || severity === '' ? 'info' : severity,
      providerRef: { name: providerRef.name, namespace: providerRef.namespace ?? namespace },
    })),
    warnings,
  };
}

/** The weights of a `stepWeight` run: rising by `step`, the last one exactly `max`. */
export function stepsUpTo(step: number, max: number): readonly number[] {
  const steps: number[] = [];
  for (let weight = step; weight < max; weight += step) steps.push(weight);
  return [...steps, max];
}

function resolveStrategy(
  analysis: CanaryAnalysis,
  provider: string,
  group: ApiGroup,
  warnings: string[],
): Strategy {
  const { stepWeight = 0, stepWeights = [], iterations = 0, stepWeightPromotion = 0 } = analysis;
  if (iterations > 0) return { kind: 'blueGreen', iterations };
  if (provider === 'kubernetes' && group === 'flagger.app') {
    const rounds = defaults.kubernetesIterations;
    warnings.push(
      `provider kubernetes cannot split traffic by weight: ${rounds} rounds without traffic for the canary are run instead`,
    );
    return { kind: 'blueGreen', iterations: rounds };
  }
  const promotionStep = Math.min(100, stepWeightPromotion);
  const max = Math.min(100, analysis.maxWeight ?? defaults.maxWeight);
  const steps = stepWeight > 0 ? stepsUpTo(stepWeight, max) : capped(stepWeights);
  return { kind: 'weighted', steps, promotionStep };
}

function capped(weights: readonly number[]): readonly number[] {
  return [...new Set(weights.map((weight) => Math.min(100, weight)))];
}

function resolveMetrics(
  analysis: CanaryAnalysis,
  namespace: string,
  group: ApiGroup,
  warnings: string[],
): readonly ResolvedMetric[] {
  const unique = uniqueIds();
  const policy = analysis.onNoData ?? groupDefaults[group].onNoData;
  return (analysis.metrics ?? []).flatMap((metric) => {
    if (metric.thresholdRange === undefined && metric.threshold === undefined) {
      warnings.push(`metric ${metric.name} has no thresholdRange: its threshold is taken as 0`);
    }
    return kindsOf(metric).map((kind) => ({
      id: unique(metric.name),
      kind,
      range: rangeOf(metric, kind),
      ...commonParts(metric, policy),
      ...(kind === 'query' ? { query: metric.query } : {}),
      ...(kind === 'template' && metric.templateRef
        ? {
            templateRef: {
              name: metric.templateRef.name,
              namespace: metric.templateRef.namespace ?? namespace,
            },
          }
        : {}),
    }));
  });
}

function commonParts(metric: CanaryMetric, policy: OnNoData) {
  const intervalMs = milliseconds(metric.interval, defaults.metricInterval);
  return {
    name: metric.name,
    intervalMs,
    interval: rangeText(metric.interval ?? defaults.metricInterval, intervalMs),
    onNoData: metric.onNoData ?? policy,
    variables: metric.templateVariables ?? {},
  };
}

/** As in Flagger each of the three is a check of its own: a built-in name, an inline query, a template. */
function kindsOf(metric: CanaryMetric): readonly ResolvedMetric['kind'][] {
  const kinds: ResolvedMetric['kind'][] = [];
  if (builtinMetrics.some((name) => name === metric.name)) kinds.push('builtin');
  if (metric.query !== undefined && metric.query !== '') kinds.push('query');
  if (metric.templateRef !== undefined) kinds.push('template');
  return kinds;
}

/** The older `threshold` is the smallest value of the built-in success rate, and the largest one of all else. */
function rangeOf(
  { name, thresholdRange, threshold = 0 }: CanaryMetric,
  kind: ResolvedMetric['kind'],
): ResolvedMetric['range'] {
  if (thresholdRange === undefined) {
    const smallest = kind === 'builtin' && name === 'request-success-rate';
    return smallest ? { min: threshold } : { max: threshold };
  }
  const { min, max } = thresholdRange;
  return { ...(min === undefined ? {} : { min }), ...(max === undefined ? {} : { max }) };
}

function resolveWebhooks(webhooks: readonly CanaryWebhook[]): readonly ResolvedWebhook[] {
  const unique = uniqueIds();
  return webhooks.map((webhook) => ({
    id: unique(webhook.name),
    name: webhook.name,
    type: webhook.type === undefined || webhook.type === '' ? 'rollout' : webhook.type,
    url: webhook.url,
    timeoutMs: milliseconds(webhook.timeout, defaults.webhookTimeout),
    retries: webhook.retries ?? 0,
    metadata: webhook.metadata ?? {},
    muteAlert: webhook.muteAlert ?? false,
    disableTLS: webhook.disableTLS ?? false,
    deadlineMs: optionalMilliseconds(webhook.deadline),
    onDeadline: webhook.onDeadline ?? defaults.onDeadline,
  }));
}

/** `latency`, `latency#2`, …: names need not be unique in the spec, but results are kept by name. */
function uniqueIds(): (name: string) => string {
  const seen = new Map<string, number>();
  return (name) => {
    const count = (seen.get(name) ?? 0) + 1;
    seen.set(name, count);
    return count === 1 ? name : `${name}#${count}`;
  };
}

function milliseconds(text: string | undefined, fallback: string): number {
  return optionalMilliseconds(text) ?? optionalMilliseconds(fallback) ?? 0;
}
