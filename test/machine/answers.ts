/**
 * What may be answered to the questions of a pass: every combination that makes a difference.
 */
import type { CheckAnswer } from '../../src/core/analysis.ts';
import type { Answers, HookState } from '../../src/core/observation.ts';
import type { HookQuestion, Questions } from '../../src/core/questions.ts';
import { base } from './model.ts';

/** Metrics answer alike, hooks of one type answer alike: their order is for the unit tests. */
export type MetricsMood = 'good' | 'bad' | 'noData' | 'unavailable';
export type HookMood = HookState['kind'];

export const checkAnswers: Readonly<Record<MetricsMood, CheckAnswer>> = {
  good: { kind: 'sample', sample: { kind: 'value', value: 100 } },
  bad: { kind: 'sample', sample: { kind: 'value', value: 1 } },
  noData: { kind: 'sample', sample: { kind: 'noData', why: 'the query matched no series' } },
  unavailable: { kind: 'unavailable', why: 'no answer' },
};

export const hookStates: Readonly<Record<HookMood, HookState>> = {
  pending: { kind: 'pending', since: base },
  yes: { kind: 'yes' },
  no: { kind: 'no', why: 'answered 403' },
  unreachable: { kind: 'unreachable', why: 'no answer' },
};

export interface Mood {
  readonly metrics: MetricsMood;
  readonly hooks: (question: HookQuestion) => HookMood;
  readonly endpoints: 'primary' | 'other';
  readonly template: 'target' | 'replicaSet' | 'none';
}

/** The answers that a mood gives to these questions, and to no others. */
export function answersIn(mood: Mood, questions: Questions): Answers {
  return {
    at: base,
    checks: Object.fromEntries(
      questions.metrics.map(({ id }) => [id, checkAnswers[mood.metrics]] as const),
    ),
    hooks: Object.fromEntries(
      questions.hooks.map((question) => [question.id, hookStates[mood.hooks(question)]] as const),
    ),
    ...(questions.apexEndpoints ? { apexEndpoints: mood.endpoints } : {}),
    ...(questions.promotedTemplate ? { promotedTemplate: mood.template } : {}),
  };
}

const allMetrics: readonly MetricsMood[] = ['good', 'bad', 'noData', 'unavailable'];
const allHooks: readonly HookMood[] = ['pending', 'yes', 'no', 'unreachable'];

/** Every combination of answers to these questions, hooks by type. */
export function everyAnswer(
  questions: Questions,
  templateOf: () => Mood['template'],
): readonly (readonly [name: string, answers: Answers])[] {
  const types = [...new Set(questions.hooks.map(({ hook }) => hook.type))];
  let moods: readonly {
    readonly name: string;
    readonly hooks: Readonly<Record<string, HookMood>>;
  }[] = [{ name: '', hooks: {} }];
  for (const type of types) {
    moods = moods.flatMap(({ name, hooks }) =>
      allHooks.map((mood) => ({
        name: `${name} ${type} ${mood}`,
        hooks: { ...hooks, [type]: mood },
      })),
    );
  }
  const metrics = questions.metrics.length === 0 ? (['good'] as const) : allMetrics;
  const endpoints = questions.apexEndpoints
    ? (['primary', 'other'] as const)
    : (['other'] as const);
  const templates = questions.promotedTemplate
    ? ([templateOf(), 'none'] as const)
    : (['none'] as const);
  return metrics.flatMap((metric) =>
    moods.flatMap(({ name, hooks }) =>
      endpoints.flatMap((endpoint) =>
        [...new Set(templates)].map((template) => {
          const mood: Mood = {
            metrics: metric,
            hooks: ({ hook }) => hooks[hook.type] ?? 'pending',
            endpoints: endpoint,
            template,
          };
          const words = [
            questions.metrics.length === 0 ? '' : `metrics ${metric}`,
            name,
            questions.apexEndpoints ? `endpoints ${endpoint}` : '',
            questions.promotedTemplate ? `template ${template}` : '',
          ];
          return [
            words.filter((word) => word !== '').join(','),
            answersIn(mood, questions),
          ] as const;
        }),
      ),
    ),
  );
}
