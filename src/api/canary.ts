/**
 * The Canary: which workload is rolled out, through which Services and routes, and how it is judged.
 */

import * as z from 'zod';

import { CanaryAnalysis } from './canary-analysis.ts';
import { CanaryService } from './canary-service.ts';
import { CanaryStatus } from './canary-status.ts';
import { defaults } from './defaults.ts';
import { Metadata } from './metadata.ts';
import { namespacedReference, typedReference } from './reference.ts';
import { filledIn, flag, most, oneOf, query, rules, text, url, whole } from './schema.ts';

export { CanaryStatus } from './canary-status.ts';

/** What users may write in `spec.provider`. */
export const providers = [
  'gatewayapi',
  'gatewayapi:v1',
  'gatewayapi:v1beta1',
  'kubernetes',
  'apisix',
  'appmesh',
  'appmesh:v1beta2',
  'contour',
  'gloo',
  'istio',
  'knative',
  'kuma',
  'linkerd',
  'nginx',
  'osm',
  'skipper',
  'smi:v1alpha1',
  'smi:v1alpha2',
  'smi:v1alpha3',
  'traefik',
] as const;

const AutoscalerRef = typedReference('autoscaler', [
  'HorizontalPodAutoscaler',
  'ScaledObject',
] as const)
  .extend({
    primaryScalerQueries: z
      .record(z.string(), query('The query.'))
      .meta({
        description: 'Queries of the primary ScaledObject, by the name of the trigger.',
        maxProperties: 64,
      })
      .optional(),
    primaryScalerReplicas: z
      .object({
        minReplicas: whole('Least replicas of the primary.', 1, most).optional(),
        maxReplicas: whole('Most replicas of the primary.', 1, most).optional(),
      })
      .meta({ description: 'Bounds of the primary where they differ from those of the canary.' })
      .optional(),
  })
  .meta({ description: 'Autoscaler of the target; the primary gets a copy of it.' });

export const CanarySpec = z
  .object({
    provider: oneOf(
      'What splits the traffic. The default of the operator when not set, which is `gatewayapi` unless it was started with another one.',
      providers,
    ).optional(),
    metricsServer: url(
      'Prometheus to ask for built-in metrics and inline queries of this Canary; the one of the operator when not set.',
    ).optional(),
    targetRef: typedReference('target', ['Deployment', 'DaemonSet', 'Service'] as const).meta({
      description:
        'Workload that is rolled out. Its new revision runs under its own name; users are served by a copy of it, `<name>-primary`.',
    }),
    autoscalerRef: AutoscalerRef.optional(),
    service: CanaryService.optional(),
    analysis: CanaryAnalysis,
    progressDeadlineSeconds: whole(
      'How long pods may take to become ready before the run is rolled back, in seconds.',
      1,
      most,
    )
      .optional()
      .meta(filledIn(defaults.progressDeadlineSeconds)),
    skipAnalysis: flag(
      'Promotes each new revision as soon as it is ready, without checks, steps or traffic for the canary.',
    ).optional(),
    revertOnDeletion: flag(
      'Whether the target takes its traffic back when the Canary is deleted. Yes when not set; an explicit false leaves the target as it is.',
    ).optional(),
    suspend: flag('Freezes the rollout where it is: no checks, no steps, no rollback.').optional(),
    ingressRef: typedReference('Ingress', ['Ingress'] as const)
      .meta({ description: 'Ingress to copy, for the providers that split traffic by Ingress.' })
      .optional(),
    routeRef: typedReference('route', ['ApisixRoute'] as const)
      .meta({ description: 'Route to copy, for provider apisix.' })
      .optional(),
    upstreamRef: typedReference('upstream', ['Upstream'] as const)
      .extend(namespacedReference('upstream').pick({ namespace: true }).shape)
      .meta({ description: 'Upstream whose settings are copied, for provider gloo.' })
      .optional(),
  })
  .meta({
    description: 'What is rolled out, and how.',
    ...rules({
      rule: "!(has(self.provider) && self.provider == 'kubernetes' && has(self.analysis.match) && self.analysis.match.size() > 0)",
      message:
        'provider kubernetes cannot tell requests apart: remove analysis.match or choose another provider',
    }),
  });
export type CanarySpec = z.infer<typeof CanarySpec>;

export const Canary = z
  .object({
    apiVersion: text('API group and version of this object.', 253),
    kind: z.literal('Canary').meta({ description: 'Always `Canary`.' }),
    metadata: Metadata,
    spec: CanarySpec,
    status: CanaryStatus.optional(),
  })
  .meta({
    description:
      'Rolls out each new revision of a workload step by step, watches it, and promotes it or takes it back.',
    ...rules(
      {
        rule: '(has(self.spec.service) && has(self.spec.service.name) ? self.spec.service.name : self.spec.targetRef.name).size() <= 55',
        message:
          'the name of the Service must have at most 55 characters, because `-primary` is added to it: set spec.service.name',
      },
      {
        rule: "self.apiVersion != 'serin.dev/v1beta1' || !has(self.spec.provider) || self.spec.provider != 'kubernetes' || has(self.spec.analysis.iterations)",
        message:
          'provider kubernetes cannot split traffic by weight: use spec.analysis.iterations, or another provider',
      },
    ),
  });
export type Canary = z.infer<typeof Canary>;
