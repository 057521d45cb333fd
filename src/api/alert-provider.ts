/**
 * The AlertProvider: where messages for people go.
 */

import * as z from 'zod';

import { Metadata } from './metadata.ts';
import { secretReference } from './reference.ts';
import { oneOf, rules, text, url } from './schema.ts';

/** What users may write in `spec.type`. */
export const alertProviderTypes = ['slack', 'msteams', 'discord', 'rocket', 'gchat'] as const;

export const AlertProvider = z
  .object({
    apiVersion: text('API group and version of this object.', 253),
    kind: z.literal('AlertProvider').meta({ description: 'Always `AlertProvider`.' }),
    metadata: Metadata,
    spec: z
      .object({
        type: oneOf('Kind of receiver.', alertProviderTypes),
        address: url(
          'Address that messages are posted to: an incoming webhook, or `https://slack.com/api/chat.postMessage` together with a token. The one in the Secret wins.',
        ).optional(),
        secretRef: secretReference(
          'Secret with the keys `address` and, for a Slack bot, `token`.',
        ).optional(),
        channel: text('Channel to post to. `general` when not set.', 256).optional(),
        username: text(
          'Name that messages are posted under. `serin` when not set.',
          256,
        ).optional(),
        proxy: url('HTTP proxy to send through.').optional(),
      })
      .meta({
        description: 'The receiver and how to reach it.',
        ...rules({
          rule: 'has(self.address) || has(self.secretRef)',
          message: 'set address or secretRef',
        }),
      }),
  })
  .meta({ description: 'A receiver of messages about rollouts.' });
export type AlertProvider = z.infer<typeof AlertProvider>;
