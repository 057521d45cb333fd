/**
 * What the operator says about a Canary.
 *
 * Flagger's fields keep Flagger's meaning. A status can be edited by anybody who may write it, so it is parsed
 * before it is believed: see `parseStatus`.
 */

import * as z from 'zod';

import { list, oneOf, text, texts, whole, most } from './schema.ts';

export const phases = [
  'Initializing',
  'Initialized',
  'Waiting',
  'Progressing',
  'WaitingPromotion',
  'Promoting',
  'Finalising',
  'Succeeded',
  'Failed',
  'Terminating',
  'Terminated',
] as const;

/** Where a rollout stands. */
export type Phase = (typeof phases)[number];

const time = (description: string) => z.iso.datetime({ offset: true }).meta({ description });

export const verdicts = [
  'passed',
  'failed',
  'noData',
  'unavailable',
  'denied',
  'invalid',
  'pending',
] as const;

/** What came of one check in the last round that asked it. */
export type CheckVerdict = (typeof verdicts)[number];

export const CheckResult = z
  .object({
    name: text('Name of the metric or of the webhook.', 253),
    kind: oneOf('Whether a metrics query or a rollout webhook was asked.', [
      'metric',
      'webhook',
    ]).optional(),
    value: text('The measured value, as text; absent when there was none.', 64).optional(),
    range: text(
      'The range the value is held against, for example `>= 99` or `0 to 500`.',
      128,
    ).optional(),
    verdict: oneOf(
      'What came of it: `passed` or `failed` against the range; `noData`, `unavailable`, `denied` and `invalid` say why there is no value; `pending` is still being asked.',
      verdicts,
    ),
    why: text('One sentence that explains a verdict other than `passed`.', 1024).optional(),
    at: time('When this result was obtained.').optional(),
  })
  .meta({ description: 'One check.' });
export type CheckResult = z.infer<typeof CheckResult>;

export const Waiting = z.object({
  for: text('What the rollout waits for, in a few words.', 1024),
  reason: text(
    'The same as one stable CamelCase word, equal to the reason of the condition.',
    128,
  ).optional(),
  since: time('Since when.'),
  lastAnswer: text('What the other side said last, if it said something.', 1024).optional(),
  until: time(
    'When the wait ends by itself, and its outcome takes place. Absent for a wait that has no end.',
  ).optional(),
});
export type Waiting = z.infer<typeof Waiting>;

const StatusCondition = z
  .object({
    type: text('`Ready`, `Reconciling`, `Stalled` or `Promoted`.', 316),
    status: oneOf('Whether the condition holds.', ['True', 'False', 'Unknown']),
    reason: text('Stable CamelCase word that says why; the documentation lists all of them.', 1024),
    message: text('One sentence for people.', 32_768).optional(),
    observedGeneration: whole(
      'Generation of the spec that the condition was derived from.',
      0,
      Number.MAX_SAFE_INTEGER,
    ).optional(),
    lastUpdateTime: time('When the condition was last written.').optional(),
    lastTransitionTime: time('When the status of the condition last changed.').optional(),
  })
  .meta({ description: 'One condition.' });

export const CanaryStatus = z
  .object({
    phase: z
      .enum(['', ...phases])
      .meta({ description: 'Where the rollout stands.' })
      .optional(),
    message: text(
      'One sentence that says what is going on, and what to do if something is to be done.',
      32_768,
    ).optional(),
    revision: text(
      'Revision of the target that is being rolled out, or was last: the first ten digits of its hash.',
      64,
    ).optional(),
    provider: text('Traffic router in use, after defaults.', 64).optional(),
    canaryWeight: whole(
      'Share of the requests that goes to the canary right now, in percent.',
      0,
      100,
    ).optional(),
    failedChecks: whole(
      'Failed checks in the current run; at `spec.analysis.threshold` the run is rolled back.',
      0,
      most,
    ).optional(),
    iterations: whole('Completed rounds of a blue/green run.', -1, most).optional(),
    checks: list('The last result of each check.', CheckResult, 256).optional(),
    waiting: Waiting.meta({
      description:
        'What the rollout waits for; absent when it waits for nothing but its next round.',
    }).optional(),
    lastAppliedSpec: text(
      'Revision of the target that was last taken up, as `<algorithm>:<hex>`.',
      256,
    ).optional(),
    lastPromotedSpec: text(
      'Revision of the target that was last promoted, as `<algorithm>:<hex>`.',
      256,
    ).optional(),
    lastTransitionTime: time('When the phase last changed.').optional(),
    observedGeneration: whole(
      'Generation of the spec that was judged together with the revision of the target.',
      0,
      Number.MAX_SAFE_INTEGER,
    ).optional(),
    trackedConfigs: texts(
      'Fingerprints of the ConfigMaps and Secrets that belong to the revision, by `configmap/<name>` or `secret/<name>`.',
      1024,
    ).optional(),
    sessionAffinityCookie: text(
      'Cookie that keeps users on the canary in the current run.',
      1024,
    ).optional(),
    primarySessionAffinityCookie: text(
      'Cookie that keeps users on the primary in the current run.',
      1024,
    ).optional(),
    previousSessionAffinityCookie: text(
      'Canary cookie of the previous run, which browsers are told to forget.',
      1024,
    ).optional(),
    conditions: list(
      '`Ready`, `Reconciling` and `Stalled` as kstatus defines them, and `Promoted` as Flagger does.',
      StatusCondition,
      32,
    ).optional(),
    run: z
      .looseObject({})
      .meta({
        description:
          'What the operator needs in order to continue after a restart: run, revision, steps, deadlines, messages not yet delivered. Not an interface; it changes between versions.',
        'x-kubernetes-preserve-unknown-fields': true,
      })
      .optional(),
  })
  .meta({ description: 'What the operator has done and seen.' });
export type CanaryStatus = z.infer<typeof CanaryStatus>;

/** The revision as people see it in a column: the first ten digits of the hash, without its algorithm. */
export function shortRevision(revision: string): string {
  return revision.slice(revision.indexOf(':') + 1).slice(0, 10);
}

/**
 * Reads a status that anybody may have edited, field by field: what does not parse is left out, and the
 * caller rebuilds it from the live objects. `dropped` names the fields that were there and unreadable.
 */
export function parseStatus(value: unknown): {
  readonly status: CanaryStatus;
  readonly dropped: readonly string[];
} {
  const parsed = CanaryStatus.safeParse(value ?? {});
  if (parsed.success) return { status: parsed.data, dropped: [] };
  if (typeof value !== 'object' || value === null) return { status: {}, dropped: ['status'] };
  const unreadable = new Set(parsed.error.issues.map(({ path }) => String(path[0])));
  const rest = Object.fromEntries(Object.entries(value).filter(([name]) => !unreadable.has(name)));
  return { status: CanaryStatus.parse(rest), dropped: [...unreadable].sort() };
}
