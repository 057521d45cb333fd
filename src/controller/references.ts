/**
 * What a Canary refers to: templates of its metrics, receivers of its alerts. One that is missing, or that could
 * never work, is said before a run begins, not when it is needed.
 */
import { apiVersionOf } from '../api/group.ts';
import type { KubernetesObject, ObjectKey } from '../api/object.ts';
import type { Problem } from '../api/problem.ts';
import type { ResolvedSpec } from '../api/resolved.ts';
import {
  parseAlertProvider,
  parseMetricTemplate,
  problemText,
  validateAlertProvider,
  validateMetricTemplate,
} from '../api/validation.ts';
import type { Refusal } from '../core/observation.ts';
import { compileTemplate } from '../core/template.ts';
import type { Ports } from './ports.ts';

export function referenceRefusals(
  spec: ResolvedSpec | undefined,
  ports: Ports,
): readonly Refusal[] {
  if (spec === undefined) return [];
  return [
    ...spec.metrics.flatMap(({ templateRef, name, query }) => [
      ...(templateRef === undefined
        ? []
        : refusalsOf('MetricTemplate', templateRef, `metric ${name}`, spec, ports)),
      ...queryProblems(`the query of metric ${name}`, query ?? '').map(asRefusal('InvalidSpec')),
    ]),
    ...spec.alerts.flatMap(({ providerRef, name }) =>
      refusalsOf('AlertProvider', providerRef, `alert ${name}`, spec, ports),
    ),
  ];
}

function refusalsOf(
  kind: 'MetricTemplate' | 'AlertProvider',
  ref: ObjectKey,
  who: string,
  { group }: ResolvedSpec,
  { cluster }: Ports,
): readonly Refusal[] {
  const object = cluster.get({ apiVersion: apiVersionOf(group), kind, ...ref });
  const name = `${kind} ${ref.namespace}/${ref.name}`;
  if (object !== undefined)
    return problemsOf(kind, object).map((problem) => {
      const { reason, message } = asRefusal(`Invalid${kind}`)(problem);
      return { reason, message: `${name}: ${message}` };
    });
  return [
    {
      reason: `${kind}NotFound`,
      message: `${who} names ${name}, which does not exist: create it or correct the name`,
    },
  ];
}

/** Parsed once per version of the object, for all Canaries that refer to it. */
const known = new WeakMap<KubernetesObject, readonly Problem[]>();

function problemsOf(
  kind: 'MetricTemplate' | 'AlertProvider',
  object: KubernetesObject,
): readonly Problem[] {
  const before = known.get(object);
  if (before !== undefined) return before;
  const problems = kind === 'MetricTemplate' ? templateProblems(object) : providerProblems(object);
  known.set(object, problems);
  return problems;
}

function templateProblems(object: KubernetesObject): readonly Problem[] {
  const { value, problems } = parseMetricTemplate(object);
  if (value === undefined) return problems;
  return [...validateMetricTemplate(value), ...queryProblems('spec.query', value.spec.query)];
}

function providerProblems(object: KubernetesObject): readonly Problem[] {
  const { value, problems } = parseAlertProvider(object);
  return value === undefined ? problems : validateAlertProvider(value);
}

function queryProblems(field: string, query: string): readonly Problem[] {
  const template = compileTemplate(query);
  if (template.ok) return [];
  return template.problems.map((problem) => ({
    field,
    problem: `cannot be filled in (${problem})`,
    remedy: 'correct its template',
    reason: 'InvalidSpec',
  }));
}

/** What is not built yet keeps its own word. */
function asRefusal(reason: string): (problem: Problem) => Refusal {
  return (problem) => ({
    reason: problem.reason === 'NotSupported' ? problem.reason : reason,
    message: problemText(problem),
  });
}
