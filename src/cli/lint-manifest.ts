/**
 * Everything that is wrong with one manifest of ours.
 */
import { findNotSupported, type NotSupported } from '../api/not-supported.ts';
import { servedKinds } from '../api/crd.ts';
import { apiGroups, apiVersionOf, groupOf, type ApiGroup } from '../api/group.ts';
import type { Problem } from '../api/problem.ts';
import { resolveSpec } from '../api/resolved.ts';
import type { StructuralSchema } from '../api/structural.ts';
import {
  parseAlertProvider,
  parseCanary,
  parseMetricTemplate,
  validate,
  validateAlertProvider,
  validateMetricTemplate,
} from '../api/validation.ts';
import { brokenRules } from './cel-rules.ts';
import { templateProblems } from './template-problems.ts';
import { unknownFields } from './unknown-fields.ts';

export interface LintOptions {
  /** The operator's own provider, for Canaries that name none. */
  readonly provider?: string | undefined;
}

export interface Findings {
  readonly problems: readonly Problem[];
  /** What works, but perhaps not as meant. */
  readonly warnings: readonly string[];
}

type Manifest = Readonly<Record<string, unknown>>;

/** `undefined` for what is not one of our kinds. */
export function lintManifest(manifest: Manifest, options: LintOptions): Findings | undefined {
  const { apiVersion, kind } = manifest;
  if (typeof apiVersion !== 'string') return undefined;
  const served = servedKinds.find((one) => one.kind === kind);
  const group = groupOf(apiVersion);
  if (served === undefined) return group === undefined ? undefined : wrongKind(kind);
  if (group === undefined) return wrongVersion(apiVersion);

  const { problems, warnings } = judge(served.kind, manifest, group, options);
  const unknown = unknownFields(served.schema, manifest);
  return { problems: withRules([...unknown, ...problems], served.schema, manifest), warnings };
}

function wrongKind(kind: unknown): Findings {
  const problem: Problem = {
    field: 'kind',
    problem: `names a kind that this group does not have (${JSON.stringify(kind)})`,
    remedy: `write ${servedKinds.map((served) => served.kind).join(', ')}`,
    reason: 'InvalidSpec',
  };
  return { problems: [problem], warnings: [] };
}

function wrongVersion(apiVersion: string): Findings | undefined {
  const group = apiGroups.find((one) => apiVersion.startsWith(`${one}/`));
  if (group === undefined) return undefined;
  const problem: Problem = {
    field: 'apiVersion',
    problem: `names a version that is not served ("${apiVersion}")`,
    remedy: `write ${apiVersionOf(group)}`,
    reason: 'InvalidSpec',
  };
  return { problems: [problem], warnings: [] };
}

function judge(kind: string, manifest: Manifest, group: ApiGroup, options: LintOptions): Findings {
  if (kind === 'MetricTemplate') {
    const { value, problems } = parseMetricTemplate(manifest);
    if (value === undefined) return unreadable(kind, manifest, problems);
    const found = [
      ...validateMetricTemplate(value),
      ...templateProblems('spec.query', value.spec.query),
    ];
    return { problems: found, warnings: [] };
  }
  if (kind === 'AlertProvider') {
    const { value, problems } = parseAlertProvider(manifest);
    if (value === undefined) return unreadable(kind, manifest, problems);
    return { problems: validateAlertProvider(value), warnings: [] };
  }
  const { value, problems } = parseCanary(manifest);
  if (value === undefined) return unreadable('Canary', manifest, problems);
  const { warnings } = resolveSpec(value, group, options.provider);
  const found = [
    ...validate(value, { group, defaultProvider: options.provider }),
    ...(value.spec.analysis.metrics ?? []).flatMap(({ query = '' }, index) =>
      templateProblems(`spec.analysis.metrics[${index}].query`, query),
    ),
  ];
  return { problems: found, warnings };
}

/** What has the wrong shape is looked through for what is not supported all the same: every problem at once. */
function unreadable(
  kind: NotSupported['kind'],
  manifest: Manifest,
  problems: readonly Problem[],
): Findings {
  const unsupported = findNotSupported(kind, manifest).filter(({ field }) =>
    problems.every((problem) => problem.field !== field),
  );
  return { problems: [...problems, ...unsupported], warnings: [] };
}

/** The rules of the definition find what the checks before them have not found already. */
function withRules(
  problems: readonly Problem[],
  schema: StructuralSchema,
  manifest: Manifest,
): readonly Problem[] {
  const broken = brokenRules(schema, manifest)
    .filter(({ field }) => !problems.some((problem) => isAtOrBelow(problem.field, field)))
    .map(({ field, message }) => ({
      field: field === '' ? 'spec' : field,
      problem: 'breaks a rule of the definition',
      remedy: message,
      reason: 'InvalidSpec' as const,
    }));
  return [...problems, ...broken];
}

function isAtOrBelow(field: string, ancestor: string): boolean {
  if (ancestor === '' || field === ancestor) return true;
  return field.startsWith(`${ancestor}.`) || field.startsWith(`${ancestor}[`);
}
