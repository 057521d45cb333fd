/**
 * `spec.analysis` of a Canary: how traffic moves, and what has to hold while it does.
 */

import * as z from 'zod';

import { defaults } from './defaults.ts';
import { namespacedReference } from './reference.ts';
import {
  duration,
  filledIn,
  flag,
  list,
  most,
  number,
  oneOf,
  query,
  rules,
  text,
  texts,
  url,
  whole,
} from './schema.ts';
import { headerMatch, matchesByName, stringMatch } from './string-match.ts';

export const webhookTypes = [
  'confirm-rollout',
  'pre-rollout',
  'rollout',
  'confirm-traffic-increase',
  'confirm-promotion',
  'post-rollout',
  'rollback',
  'event',
] as const;

/** When a webhook is called. */
export type WebhookType = (typeof webhookTypes)[number];

/** The webhooks that are asked for permission and can hold a rollout. */
export const gateTypes = [
  'confirm-rollout',
  'confirm-traffic-increase',
  'confirm-promotion',
] as const;

export const severities = ['info', 'warn', 'error'] as const;
export type Severity = (typeof severities)[number];

export const noDataPolicies = ['hold', 'fail', 'pass'] as const;

const onNoData = (of: string) =>
  oneOf(
    `What a query without data means for ${of}: \`hold\` neither steps nor counts, \`fail\` is a failed check, \`pass\` leaves the check out. Not set: \`hold\` in serin.dev, \`fail\` in flagger.app.`,
    noDataPolicies,
  ).optional();

const notReversed = rules({
  rule: '!has(self.min) || !has(self.max) || self.min <= self.max',
  message: 'min must not be greater than max',
});

export const CanaryMetric = z
  .object({
    name: text(
      'Name of the check. `request-success-rate` and `request-duration` are built in; any other name needs a templateRef or a query.',
      253,
    ),
    interval: duration('Window of time that the query looks back over.')
      .optional()
      .meta(filledIn(defaults.metricInterval)),
    thresholdRange: z
      .object({
        min: number('Smallest value that passes.').optional(),
        max: number('Largest value that passes.').optional(),
      })
      .meta({ description: 'Values that pass, both ends included.', ...notReversed })
      .optional(),
    threshold: number(
      'Older spelling of thresholdRange: the smallest value that passes for `request-success-rate`, the largest one for everything else. Ignored beside thresholdRange.',
    ).optional(),
    templateRef: namespacedReference('MetricTemplate')
      .meta({
        description:
          'MetricTemplate with the query and the place to ask. Looked up in the API group of the Canary.',
      })
      .optional(),
    templateVariables: texts(
      'Values for `{{ variables.name }}` in the query of the template.',
      64,
    ).optional(),
    query: query(
      'PromQL of this check alone; a MetricTemplate is the better place for it.',
    ).optional(),
    onNoData: onNoData('this check'),
  })
  .meta({ description: 'One check by measured values.' });
export type CanaryMetric = z.infer<typeof CanaryMetric>;

export const CanaryAlert = z
  .object({
    name: text('Name of the alert.', 253),
    severity: oneOf(
      'Least severe message that is sent: `info` all of them, `warn` failures and waits, `error` rollbacks. Not set: `info`.',
      ['', ...severities],
    ).optional(),
    providerRef: namespacedReference('AlertProvider').meta({
      description: 'AlertProvider to send with. Looked up in the API group of the Canary.',
    }),
  })
  .meta({ description: 'Messages for one receiver.' });
export type CanaryAlert = z.infer<typeof CanaryAlert>;

export const CanaryWebhook = z
  .object({
    name: text('Name of the webhook.', 253),
    type: oneOf(
      'When it is called. `confirm-rollout`, `confirm-traffic-increase` and `confirm-promotion` are gates that hold the rollout until they agree; `pre-rollout` and `rollout` are checks; `rollback` ends the run when it agrees; `post-rollout` and `event` are told. Empty means `rollout`.',
      ['', ...webhookTypes],
    ).optional(),
    url: url('Address that gets a POST request.'),
    timeout: duration('Time limit of one attempt.')
      .optional()
      .meta(filledIn(defaults.webhookTimeout)),
    retries: whole('Further attempts when one fails.', 0, 100).optional(),
    metadata: texts('Texts that are sent along.', 256).optional(),
    muteAlert: flag('Sends no alert when this gate makes the rollout wait.').optional(),
    disableTLS: flag('Does not verify the certificate of the receiver.').optional(),
    deadline: duration('How long a gate may hold the rollout; for ever when not set.').optional(),
    onDeadline: oneOf(
      'What happens at the deadline of a gate that answered no: `rollback` or `proceed`. A gate that cannot be reached rolls back in either case.',
      ['rollback', 'proceed'],
    ).optional(),
  })
  .meta({
    description: 'One system that is asked or told.',
    ...rules({
      rule: "(!has(self.deadline) && !has(self.onDeadline)) || (has(self.type) && self.type in ['confirm-rollout', 'confirm-traffic-increase', 'confirm-promotion'])",
      message:
        'deadline and onDeadline are for confirm-rollout, confirm-traffic-increase and confirm-promotion',
    }),
  });
export type CanaryWebhook = z.infer<typeof CanaryWebhook>;

export const SessionAffinity = z
  .object({
    cookieName: text('Cookie of users that were sent to the canary.', 253),
    primaryCookieName: text(
      'Cookie of users that were sent to the primary; without it they are drawn again each time.',
      253,
    ).optional(),
    maxAge: whole('Lifetime of the canary cookie, in seconds.', 0, most)
      .optional()
      .meta(filledIn(defaults.sessionMaxAge)),
    domain: text('Host that the cookie is sent to.', 253).optional(),
    path: text('Path that the cookie is sent for.', 1024).optional(),
    sameSite: oneOf('Whether the cookie is sent with requests from other sites.', [
      'Strict',
      'Lax',
      'None',
    ]).optional(),
    httpOnly: flag('Hides the cookie from scripts.').optional(),
    secure: flag('Sends the cookie over HTTPS only.').optional(),
    partitioned: flag('Keeps one cookie per embedding site.').optional(),
  })
  .meta({
    description: 'Keeps a user on the side that answered first, by a cookie.',
    ...rules({
      rule: '!has(self.primaryCookieName) || self.primaryCookieName != self.cookieName',
      message: 'primaryCookieName must differ from cookieName',
    }),
  });

const AnalysisMatch = z
  .object({
    headers: matchesByName(
      'Headers of the request, by name in lower case.',
      headerMatch,
    ).optional(),
    queryParams: matchesByName(
      'Query parameters of the request, by name.',
      stringMatch('How the value of this parameter is compared.'),
    ).optional(),
    sourceLabels: texts('Labels of the pod that sends the request.', 64).optional(),
  })
  .meta({ description: 'Conditions that a request has to meet all together.' });

export const CanaryAnalysis = z
  .object({
    interval: duration('Time between two rounds of checks.')
      .optional()
      .meta(filledIn(defaults.interval)),
    threshold: z
      .int32()
      .meta({
        description:
          'Number of failed checks at which the run is rolled back. Less than 1 means 1.',
      })
      .optional()
      .meta(filledIn(defaults.threshold)),
    stepWeight: whole(
      'Weight that the canary gains with each passed round, in percent, up to maxWeight.',
      1,
      most,
    ).optional(),
    maxWeight: whole(
      'Weight at which stepWeight ends and the canary is promoted, in percent.',
      1,
      most,
    ).optional(),
    stepWeights: list(
      'Weights of the canary, one after the other, rising, in percent.',
      z.int32().min(1).meta({ description: 'One weight.' }),
      100,
    )
      .meta(
        rules({
          rule: 'self.isSorted() && self.all(x, self.exists_one(y, y == x))',
          message: 'each weight must be greater than the one before it',
        }),
      )
      .optional(),
    stepWeightPromotion: whole(
      'Weight that goes back to the primary in each step after it was updated, in percent. All at once when not set or 0.',
      0,
      most,
    ).optional(),
    iterations: whole('Number of passed rounds before a blue/green switch.', 0, most).optional(),
    primaryReadyThreshold: whole(
      'Share of the pods of the primary that must be available, in percent.',
      0,
      100,
    )
      .optional()
      .meta(filledIn(defaults.primaryReadyThreshold)),
    canaryReadyThreshold: whole(
      'Share of the pods of the canary that must be available, in percent.',
      0,
      100,
    )
      .optional()
      .meta(filledIn(defaults.canaryReadyThreshold)),
    onNoData: onNoData('all checks that do not say it themselves'),
    holdDeadline: duration(
      'How long rounds may be held for lack of an answer before the run is rolled back.',
    )
      .optional()
      .meta(filledIn(defaults.holdDeadline)),
    metrics: list('Checks by measured values.', CanaryMetric, 128).optional(),
    webhooks: list('Systems that are asked or told.', CanaryWebhook, 128).optional(),
    alerts: list('Messages for people.', CanaryAlert, 64).optional(),
    match: list('Requests that go to the canary during an A/B test.', AnalysisMatch, 64).optional(),
    mirror: flag(
      'Sends a copy of the requests to the canary before it gets any of its own.',
    ).optional(),
    mirrorWeight: whole('Share of the requests that is copied, in percent.', 0, 100).optional(),
    sessionAffinity: SessionAffinity.optional(),
  })
  .meta({
    description: 'How a new revision is tried out.',
    ...rules({
      rule: '[has(self.stepWeight), has(self.stepWeights), has(self.iterations)].filter(x, x).size() == 1',
      message: 'set exactly one of stepWeight, stepWeights and iterations',
    }),
  });
export type CanaryAnalysis = z.infer<typeof CanaryAnalysis>;
