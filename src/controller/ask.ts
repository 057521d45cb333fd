/**
 * Asks what is due: queries under one deadline, hooks without waiting, and the few facts that need a live read.
 *
 * The only place that turns an error of a metrics backend into an answer.
 */
import { groupDefaults } from '../api/group.ts';
import type { EndpointSlice, KubernetesObject } from '../api/object.ts';
import type { ResolvedMetric } from '../api/resolved.ts';
import { asDeployment, isObject, member } from '../api/narrow.ts';
import { judgeCheck, type CheckAnswer } from '../core/analysis.ts';
import { noAnswers, type Answers } from '../core/observation.ts';
import type { Questions } from '../core/questions.ts';
import { revisionOf } from '../core/revision.ts';
import { asOperatorError } from '../errors.ts';
import type { HookDesk } from './hook-desk.ts';
import { hookBody } from './hook-body.ts';
import type { MetricsDesk } from './metrics-desk.ts';
import type { Seen } from './observe.ts';
import type { Ports } from './ports.ts';

/** All queries of a round share it. */
const roundDeadlineMs = 5_000;

export interface Asked {
  readonly answers: Answers;
  /** A ReplicaSet of the target whose template is the promoted one. */
  readonly promotedTemplate: object | undefined;
}

export async function ask(
  questions: Questions,
  seen: Seen,
  desks: { readonly hooks: HookDesk; readonly metrics: MetricsDesk },
  ports: Ports,
  signal: AbortSignal,
): Promise<Asked> {
  // Hooks first: a round passes with a hook's success and metrics asked after it.
  const hooks = desks.hooks.consult(seen.id, questions.hooks, (question) =>
    hookBody(seen, question.hook, question.phase),
  );
  const at = ports.clock.now();
  const [checks, apexEndpoints, promoted] = await Promise.all([
    askMetrics(questions.metrics, seen, at, desks.metrics, ports, signal),
    questions.apexEndpoints ? endpointsOf(seen, ports, signal) : undefined,
    questions.promotedTemplate ? promotedTemplate(seen, ports, signal) : undefined,
  ]);
  return {
    answers: {
      ...noAnswers,
      at,
      checks,
      hooks,
      managers: managersOf(seen, ports),
      ...(apexEndpoints === undefined ? {} : { apexEndpoints }),
      ...(promoted === undefined ? {} : { promotedTemplate: promoted.from }),
    },
    promotedTemplate: promoted?.template,
  };
}

/** Who wrote what a run may have to fight for. */
function managersOf({ objects, services }: Seen, { cluster }: Ports): Record<string, string> {
  const [route] = objects.routes;
  const byRoute = route && cluster.managerOf(route);
  const byApex = services?.apex && cluster.managerOf(services.apex);
  return {
    ...(byRoute === undefined ? {} : { weight: byRoute, routes: byRoute }),
    ...(byApex === undefined ? {} : { selector: byApex }),
  };
}

async function askMetrics(
  metrics: readonly ResolvedMetric[],
  seen: Seen,
  at: number,
  desk: MetricsDesk,
  { clock, telemetry }: Ports,
  signal: AbortSignal,
): Promise<Answers['checks']> {
  if (metrics.length === 0) return {};
  const { observation } = seen;
  const enough = new AbortController();
  const cancel = clock.after(roundDeadlineMs, () => enough.abort());
  const both = AbortSignal.any([signal, enough.signal]);
  const threshold = observation.spec?.threshold ?? 1;
  const nextFailureEnds = (observation.status.failedChecks ?? 0) + 1 >= threshold;
  const answers: Record<string, CheckAnswer> = {};
  let isDecided = false;
  try {
    await Promise.all(
      metrics.map(async (metric) => {
        const answer = await orAborted(desk.answer(metric, seen, at, both), both);
        // What was cut short because the round was decided says nothing about that metric.
        if (isDecided && answer === late) return;
        answers[metric.id] = answer;
        const judged = judgeCheck(metric, answer, groupDefaults[observation.group]);
        telemetry.checked(metric.name, judged.result.verdict);
        if (answer.kind === 'sample' && answer.sample.kind === 'value')
          telemetry.measured(seen.key, metric.name, answer.sample.value);
        // The round is decided: nothing that the others say can change it.
        if (judged.weighing !== 'fails' || !nextFailureEnds) return;
        isDecided = true;
        enough.abort();
      }),
    );
  } finally {
    cancel();
  }
  signal.throwIfAborted();
  return answers;
}

const late: CheckAnswer = { kind: 'unavailable', why: 'no answer in time' };

/** An answer, or that there was none in time: a query that ignores the signal must not hold the pass up. */
async function orAborted(answer: Promise<CheckAnswer>, signal: AbortSignal): Promise<CheckAnswer> {
  if (signal.aborted) return late;
  return new Promise((resolve) => {
    const stop = (): void => resolve(late);
    signal.addEventListener('abort', stop, { once: true });
    answer
      .catch((error: unknown): CheckAnswer => asAnswer(error))
      .then(resolve, stop)
      .finally(() => signal.removeEventListener('abort', stop));
  });
}

/** What a failed query counts as; anything that is nobody's fault but ours goes on as a defect. */
export function asAnswer(thrown: unknown): CheckAnswer {
  const error = asOperatorError(thrown);
  switch (error.kind) {
    case 'invalid':
    case 'denied':
    case 'unavailable':
      return { kind: error.kind, why: error.message };
    case 'waiting':
    case 'conflict':
    case 'defect':
      return { kind: 'invalid', why: error.message };
  }
}

const endpointSlices = { apiVersion: 'discovery.k8s.io/v1', kind: 'EndpointSlice' };

/** Whether the apex Service's ready endpoints are all the primary's, and there is one. */
async function endpointsOf(
  seen: Seen,
  { cluster }: Ports,
  signal: AbortSignal,
): Promise<'primary' | 'other'> {
  const { observation, routeTarget } = seen;
  const primary = observation.primary?.name;
  if (primary === undefined || routeTarget === undefined) return 'other';
  const selector = { 'kubernetes.io/service-name': routeTarget.apex };
  const slices = await cluster.readList(endpointSlices, observation.namespace, selector, signal);
  const pods = slices.flatMap(readyPods);
  return pods.length > 0 && pods.every((name) => name.startsWith(`${primary}-`))
    ? 'primary'
    : 'other';
}

function readyPods(slice: KubernetesObject): readonly string[] {
  const { endpoints = [] } = slice as EndpointSlice;
  return (endpoints ?? [])
    .filter(({ conditions }) => conditions?.ready !== false)
    .map(({ targetRef }) => targetRef?.name ?? '');
}

interface Promoted {
  readonly from: 'target' | 'replicaSet' | 'none';
  readonly template: object | undefined;
}

/** Where a template of the promoted revision can still be found. */
async function promotedTemplate(
  seen: Seen,
  { cluster }: Ports,
  signal: AbortSignal,
): Promise<Promoted> {
  const { observation, objects } = seen;
  const wanted = observation.status.lastPromotedSpec;
  if (wanted === undefined || objects.target === undefined)
    return { from: 'none', template: undefined };
  if (observation.target?.revision === wanted) return { from: 'target', template: undefined };
  const { selector } = asDeployment(objects.target).spec;
  const sets = await cluster.readList(
    { apiVersion: 'apps/v1', kind: 'ReplicaSet' },
    observation.namespace,
    selector.matchLabels ?? {},
    signal,
  );
  for (const set of sets) {
    const template = member(set['spec'], 'template');
    if (isObject(template) && revisionOf(template) === wanted)
      return { from: 'replicaSet', template };
  }
  return { from: 'none', template: undefined };
}
