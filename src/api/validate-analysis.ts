/**
 * What can be wrong with `spec.analysis` although each field is right by itself.
 */

import type { CanarySpec } from './canary.ts';
import {
  gateTypes,
  type CanaryAnalysis,
  type CanaryMetric,
  type CanaryWebhook,
} from './canary-analysis.ts';
import { durationProblems } from './validate-duration.ts';
import type { ApiGroup } from './group.ts';
import { invalid, isHttpUrl, type Problem } from './problem.ts';
import { builtinMetrics } from './resolved.ts';

/** Problems of the analysis, for the resolved provider. */
export function analysisProblems(
  { analysis }: CanarySpec,
  provider: string,
  group: ApiGroup,
): readonly Problem[] {
  const at = 'spec.analysis';
  return [
    ...strategyProblems(analysis),
    ...(provider === 'kubernetes'
      ? kubernetesProblems(analysis, group)
      : iterationProblems(analysis)),
    ...durationProblems(`${at}.interval`, analysis.interval, 1_000),
    ...durationProblems(`${at}.holdDeadline`, analysis.holdDeadline, 0),
    ...(analysis.metrics ?? []).flatMap((metric, index) =>
      metricProblems(`${at}.metrics[${index}]`, metric),
    ),
    ...(analysis.webhooks ?? []).flatMap((webhook, index) =>
      webhookProblems(`${at}.webhooks[${index}]`, webhook),
    ),
    ...affinityProblems(analysis),
  ];
}

function strategyProblems(analysis: CanaryAnalysis): readonly Problem[] {
  const { stepWeight, stepWeights, iterations } = analysis;
  const given = [stepWeight, stepWeights, iterations].filter((value) => value !== undefined);
  const problems: Problem[] = [];
  if (given.length !== 1) {
    problems.push(
      invalid(
        'spec.analysis',
        given.length === 0
          ? 'says no way to move traffic'
          : 'says more than one way to move traffic',
        'set exactly one of stepWeight, stepWeights and iterations',
      ),
    );
  }
  if (stepWeights?.length === 0) {
    problems.push(invalid('spec.analysis.stepWeights', 'is empty', 'list at least one weight'));
  }
  const falling = (stepWeights ?? []).findIndex(
    (weight, index) => index > 0 && weight <= (stepWeights?.[index - 1] ?? 0),
  );
  if (falling > 0) {
    problems.push(
      invalid(
        'spec.analysis.stepWeights',
        `does not rise at ${String(stepWeights?.[falling])}`,
        'make each weight greater than the one before it',
      ),
    );
  }
  return problems;
}

function iterationProblems({ iterations }: CanaryAnalysis): readonly Problem[] {
  if (iterations === undefined || iterations > 0) return [];
  return [invalid('spec.analysis.iterations', 'is 0', 'set at least 1')];
}

/** The apex Service selects one side or the other: there is no share to give, and no request to look at. */
function kubernetesProblems(analysis: CanaryAnalysis, group: ApiGroup): readonly Problem[] {
  const problems: Problem[] = [];
  if ((analysis.match ?? []).length > 0) {
    problems.push(
      invalid(
        'spec.analysis.match',
        'cannot be used with provider kubernetes, which cannot tell requests apart',
        'remove it, or use provider gatewayapi',
      ),
    );
  }
  if (group === 'flagger.app') return problems;
  for (const field of ['stepWeight', 'stepWeights'] as const) {
    if (analysis[field] !== undefined) {
      problems.push(
        invalid(
          `spec.analysis.${field}`,
          'cannot be used with provider kubernetes, which cannot split traffic by weight',
          'use iterations, or provider gatewayapi',
        ),
      );
    }
  }
  return [...problems, ...iterationProblems(analysis)];
}

function metricProblems(at: string, metric: CanaryMetric): readonly Problem[] {
  const { name, interval, query, templateRef, thresholdRange } = metric;
  const problems = [...durationProblems(`${at}.interval`, interval, 1)];
  const { min, max } = thresholdRange ?? {};
  if (min !== undefined && max !== undefined && min > max) {
    problems.push(
      invalid(`${at}.thresholdRange`, `has a min of ${min} above its max of ${max}`, 'swap them'),
    );
  }
  const isBuiltin = builtinMetrics.some((builtin) => builtin === name);
  if (!isBuiltin && templateRef === undefined && (query ?? '') === '') {
    problems.push(
      invalid(
        `${at}.name`,
        `names no built-in metric ("${name}")`,
        `use ${builtinMetrics.join(' or ')}, or add a templateRef`,
      ),
    );
  }
  return problems;
}

function webhookProblems(at: string, webhook: CanaryWebhook): readonly Problem[] {
  const { type, url, timeout, deadline, onDeadline } = webhook;
  const problems = [
    ...durationProblems(`${at}.timeout`, timeout, 1),
    ...durationProblems(`${at}.deadline`, deadline, 1_000),
  ];
  if (!isHttpUrl(url)) {
    problems.push(
      invalid(`${at}.url`, 'is not an HTTP address', 'write it like http://load-tester.test/'),
    );
  }
  const isGate = gateTypes.some((gate) => gate === type);
  for (const [field, value] of Object.entries({ deadline, onDeadline })) {
    if (value !== undefined && !isGate) {
      problems.push(
        invalid(
          `${at}.${field}`,
          'is for gates only',
          `remove it, or set type to ${gateTypes.join(', ')}`,
        ),
      );
    }
  }
  return problems;
}

function affinityProblems({ sessionAffinity }: CanaryAnalysis): readonly Problem[] {
  if (
    sessionAffinity === undefined ||
    sessionAffinity.cookieName !== sessionAffinity.primaryCookieName
  )
    return [];
  return [
    invalid(
      'spec.analysis.sessionAffinity.primaryCookieName',
      'is the same as cookieName',
      'give it another name',
    ),
  ];
}
