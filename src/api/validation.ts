/**
 * Rules across the fields of a manifest. Every problem is returned at once.
 *
 * What CEL can say is in the definitions too (`schema.ts`, `rules`), so that the API server refuses it at apply
 * time; here it is said again, because a definition in the cluster may be older than we are.
 */

import type * as z from 'zod';

import { AlertProvider } from './alert-provider.ts';
import { Canary } from './canary.ts';
import { defaults } from './defaults.ts';
import type { ApiGroup } from './group.ts';
import { MetricTemplate } from './metric-template.ts';
import { findNotSupported } from './not-supported.ts';
import { invalid, isHttpUrl, type Problem } from './problem.ts';
import { schemaProblems } from './schema-problems.ts';
import { analysisProblems } from './validate-analysis.ts';
import { serviceProblems } from './validate-service.ts';

export { problemText, type Problem } from './problem.ts';

/** What validation has to know besides the object. */
export interface ValidationContext {
  readonly group: ApiGroup;
  /** The operator's own, for Canaries that name none. */
  readonly defaultProvider?: string | undefined;
  /** The operator refuses references into other namespaces. */
  readonly noCrossNamespaceRefs?: boolean | undefined;
}

/** A parsed object, or what is wrong with it. */
export type Parsed<T> =
  | { readonly value: T; readonly problems: readonly Problem[] }
  | { readonly value?: undefined; readonly problems: readonly Problem[] };

/** Made once: each schema has a parser of its own, which costs more than what it parses. */
const CanaryWithoutStatus = Canary.omit({ status: true });

/** Parses a Canary as it came from the API server. Without a `value` it does not even have the right shape. */
export function parseCanary(object: unknown): Parsed<Canary> {
  return parse(CanaryWithoutStatus, object);
}

export function parseMetricTemplate(object: unknown): Parsed<MetricTemplate> {
  return parse(MetricTemplate, object);
}

export function parseAlertProvider(object: unknown): Parsed<AlertProvider> {
  return parse(AlertProvider, object);
}

/** Everything that is wrong with a Canary whose shape is right; most important first. */
export function validate(canary: Canary, context: ValidationContext): readonly Problem[] {
  const provider = canary.spec.provider ?? context.defaultProvider ?? defaults.provider;
  const { spec } = canary;
  const found = [
    ...analysisProblems(spec, provider, context.group),
    ...findNotSupported('Canary', { spec: { ...spec, provider } }),
    ...serviceProblems(spec, provider, context.group),
    ...foreignReferences(canary, context),
  ];
  // One field, one problem: the first says what to do about it.
  return found.filter(
    ({ field }, index) => found.findIndex((other) => other.field === field) === index,
  );
}

export function validateMetricTemplate(template: MetricTemplate): readonly Problem[] {
  const { provider, query } = template.spec;
  const problems = [...findNotSupported('MetricTemplate', template)];
  if (provider.type === 'prometheus' && !isHttpUrl(provider.address)) {
    problems.push(
      invalid(
        'spec.provider.address',
        'is not an HTTP address',
        'write it like http://prometheus.monitoring:9090',
      ),
    );
  }
  if (query.trim() === '')
    problems.push(invalid('spec.query', 'is empty', 'write a query that gives one number'));
  return problems;
}

export function validateAlertProvider(provider: AlertProvider): readonly Problem[] {
  const { address, secretRef, proxy } = provider.spec;
  const problems = [...findNotSupported('AlertProvider', provider)];
  if (address === undefined && secretRef === undefined) {
    problems.push(
      invalid(
        'spec.address',
        'is missing',
        'set address, or secretRef to a Secret with the key `address`',
      ),
    );
  }
  if (address !== undefined && !isHttpUrl(address)) {
    problems.push(
      invalid(
        'spec.address',
        'is not an HTTP address',
        'write it like https://hooks.slack.com/services/...',
      ),
    );
  }
  if (proxy !== undefined && proxy !== '' && !isHttpUrl(proxy)) {
    problems.push(
      invalid('spec.proxy', 'is not an HTTP address', 'write it like http://proxy:3128'),
    );
  }
  return problems;
}

function parse<T>(schema: z.ZodType<T>, object: unknown): Parsed<T> {
  const parsed = schema.safeParse(object);
  if (parsed.success) return { value: parsed.data, problems: [] };
  return { problems: schemaProblems(parsed.error) };
}

function foreignReferences(
  { metadata, spec }: Canary,
  { noCrossNamespaceRefs = false }: ValidationContext,
): readonly Problem[] {
  if (!noCrossNamespaceRefs) return [];
  const { metrics = [], alerts = [] } = spec.analysis;
  const references = [
    ...metrics.map(({ templateRef }, index) => ({
      ref: templateRef,
      field: `spec.analysis.metrics[${index}].templateRef`,
    })),
    ...alerts.map(({ providerRef }, index) => ({
      ref: providerRef,
      field: `spec.analysis.alerts[${index}].providerRef`,
    })),
  ];
  return references
    .filter(
      ({ ref }) => ref?.namespace !== undefined && ref.namespace !== (metadata.namespace ?? ''),
    )
    .map(({ field }) =>
      invalid(
        `${field}.namespace`,
        'is another namespace, which the operator is told to refuse',
        'refer to an object in the namespace of the Canary',
      ),
    );
}
