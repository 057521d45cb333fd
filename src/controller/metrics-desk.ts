/**
 * Answers one metric of a Canary: finds its query and its backend, fills in the names, asks.
 */
import { apiVersionOf } from '../api/group.ts';
import type { ResolvedMetric, ResolvedSpec } from '../api/resolved.ts';
import { parseMetricTemplate } from '../api/validation.ts';
import type { CheckAnswer, Sample } from '../core/analysis.ts';
import { builtinQuery } from '../core/queries.ts';
import { compileTemplate } from '../core/template.ts';
import { asOperatorError, InvalidError } from '../errors.ts';
import type { MetricsAccess } from '../ports/metrics-provider.ts';
import type { Seen } from './observe.ts';
import type { Ports } from './ports.ts';
import type { Secrets } from './secrets.ts';

interface Question {
  readonly query: string;
  readonly scale: number;
  readonly access: MetricsAccess;
  readonly secret: { readonly namespace: string; readonly name: string } | undefined;
}

export class MetricsDesk {
  readonly #ports: Ports;
  readonly #secrets: Secrets;

  constructor(ports: Ports, secrets: Secrets) {
    this.#ports = ports;
    this.#secrets = secrets;
  }

  /** Rejects only with one of the six errors. */
  async answer(
    metric: ResolvedMetric,
    seen: Seen,
    at: number,
    signal: AbortSignal,
  ): Promise<CheckAnswer> {
    const { spec } = seen.observation;
    if (spec === undefined) return { kind: 'invalid', why: 'the spec does not parse' };
    const question =
      metric.kind === 'template'
        ? await this.#fromTemplate(metric, spec, signal)
        : this.#fromSpec(metric, spec);
    const provider = this.#ports.metrics.get(question.access.type).create(question.access);
    try {
      const sample = await provider.query(question.query, at, signal);
      return { kind: 'sample', sample: scaled(sample, question.scale) };
    } catch (thrown) {
      if (question.secret !== undefined && asOperatorError(thrown).kind === 'denied')
        this.#secrets.forget(question.secret);
      throw thrown;
    }
  }

  #fromSpec(metric: ResolvedMetric, spec: ResolvedSpec): Question {
    const access: MetricsAccess = {
      type: 'prometheus',
      address: spec.metricsServer ?? this.#ports.settings.metricsServer,
      headers: {},
      insecureSkipVerify: false,
      secret: undefined,
    };
    if (metric.kind === 'query')
      return {
        query: filled(metric.query ?? '', metric, spec),
        scale: 1,
        access,
        secret: undefined,
      };
    const builtin = builtinQuery(metric.name, {
      namespace: spec.namespace,
      target: spec.target.name,
      interval: metric.interval,
    });
    if (builtin === undefined)
      throw new InvalidError(`there is no built-in metric ${metric.name}`, {
        reason: 'InvalidQuery',
      });
    return { ...builtin, access, secret: undefined };
  }

  async #fromTemplate(
    metric: ResolvedMetric,
    spec: ResolvedSpec,
    signal: AbortSignal,
  ): Promise<Question> {
    const ref = metric.templateRef;
    const object =
      ref === undefined
        ? undefined
        : this.#ports.cluster.get({
            apiVersion: apiVersionOf(spec.group),
            kind: 'MetricTemplate',
            ...ref,
          });
    if (ref === undefined || object === undefined) {
      throw new InvalidError(`MetricTemplate ${ref?.namespace}/${ref?.name} does not exist`, {
        reason: 'MetricTemplateNotFound',
      });
    }
    const { value } = parseMetricTemplate(object);
    if (value === undefined) {
      throw new InvalidError(`MetricTemplate ${ref.namespace}/${ref.name} is not valid`, {
        reason: 'InvalidMetricTemplate',
      });
    }
    const { provider, query } = value.spec;
    const secret =
      provider.secretRef === undefined
        ? undefined
        : { namespace: ref.namespace, name: provider.secretRef.name };
    return {
      query: filled(query, metric, spec),
      scale: 1,
      secret,
      access: {
        type: provider.type,
        address: provider.address ?? '',
        headers: provider.headers ?? {},
        insecureSkipVerify: provider.insecureSkipVerify ?? false,
        secret: secret === undefined ? undefined : await this.#secrets.read(secret, signal),
      },
    };
  }
}

function filled(text: string, metric: ResolvedMetric, spec: ResolvedSpec): string {
  const template = compileTemplate(text);
  const rendered = template.ok
    ? template.render({
        name: spec.name,
        namespace: spec.namespace,
        target: spec.target.name,
        service: spec.service.name,
        ingress: spec.ingress,
        route: spec.route,
        interval: metric.interval,
        variables: metric.variables,
      })
    : template;
  if (rendered.ok) return rendered.text;
  throw new InvalidError(`the query of metric ${metric.name}: ${rendered.problems.join('; ')}`, {
    reason: 'InvalidQuery',
  });
}

function scaled(sample: Sample, scale: number): Sample {
  if (scale === 1) return sample;
  switch (sample.kind) {
    case 'value':
      return { ...sample, value: sample.value * scale };
    case 'manySeries':
      return { ...sample, values: sample.values.map((value) => value * scale) };
    case 'noData':
      return sample;
  }
}
