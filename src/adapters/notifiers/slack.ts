/**
 * Posts to Slack, through an incoming webhook or as a bot, in the shape of Flagger's messages.
 *
 * The Web API answers 200 to everything and says in the body what it thinks; a webhook says it with the status.
 * Of either, only Slack's own error code is shown: addresses and tokens are passwords.
 */
import * as z from 'zod';

import {
  assertNever,
  DeniedError,
  InvalidError,
  UnavailableError,
  type OperatorError,
} from '../../errors.ts';
import type { Message, NotifierAccess, NotifierKind } from '../../ports/notifier.ts';
import { hostOf, request, type HttpAnswer } from '../http/request.ts';
import { retryAfterMs } from '../http/retry-after.ts';

const maxAnswerBytes = 64 * 1024;

/** Far below what Slack cuts off or refuses, and more than anybody reads at night. */
const maxTextLength = 3_000;

const colors: Readonly<Record<Message['severity'], string>> = {
  info: 'good',
  warn: 'warning',
  error: 'danger',
};

export const slack: NotifierKind = {
  name: 'slack',
  async send(access, message, signal) {
    const answer = await request(
      {
        method: 'POST',
        url: access.address,
        headers: headersFor(access),
        body: JSON.stringify(payload(access, message)),
        maxBytes: maxAnswerBytes,
        proxy: access.proxy,
      },
      signal,
    );
    const error = errorOf(answer, hostOf(access.address));
    if (error !== undefined) throw error;
  },
};

function headersFor({ token }: NotifierAccess): Readonly<Record<string, string>> {
  const contentType = { 'content-type': 'application/json; charset=utf-8' };
  return token === undefined
    ? contentType
    : { ...contentType, authorization: `Bearer ${token.trim()}` };
}

function payload({ channel, username }: NotifierAccess, message: Message): object {
  return {
    // A webhook that belongs to one channel posts there when none is named.
    ...(channel === '' ? {} : { channel }),
    username,
    icon_url: '',
    icon_emoji: ':rocket:',
    attachments: [
      {
        color: colors[message.severity],
        author_name: message.author,
        text: presentable(message.text),
        mrkdwn_in: ['text'],
        fields: message.fields.map(({ title, value }) => ({
          title,
          value: presentable(value),
          short: false,
        })),
        footer: message.id,
      },
    ],
  };
}

/** The three characters that Slack reads as its own, as it wants them written. */
function presentable(text: string): string {
  const short = text.length > maxTextLength ? `${text.slice(0, maxTextLength)}…` : text;
  return short.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}

/** Codes that another try may not bring. */
const transientCodes = new Set([
  'ratelimited',
  'rate_limited',
  'internal_error',
  'fatal_error',
  'request_timeout',
  'service_unavailable',
  'rollup_error',
  'team_added_to_org',
]);

/** Codes about who we are, and what we may. */
const deniedCodes = new Set([
  'access_denied',
  'accesslimited',
  'account_inactive',
  'action_prohibited',
  'ekm_access_denied',
  'invalid_auth',
  'invalid_token',
  'missing_scope',
  'no_permission',
  'not_allowed_token_type',
  'not_authed',
  'org_login_required',
  'restricted_action',
  'team_access_not_granted',
  'token_expired',
  'token_revoked',
  'two_factor_setup_required',
]);

const WebApiAnswer = z.object({ ok: z.boolean(), error: z.string().optional() });

function errorOf(answer: HttpAnswer, host: string): OperatorError | undefined {
  const { status } = answer;
  const webApi = WebApiAnswer.safeParse(parsed(answer.text)).data;
  const taken = status >= 200 && status < 300 && webApi?.ok !== false;
  if (taken) return undefined;

  const code = codeIn(webApi === undefined ? answer.text : webApi.error);
  const what = code === undefined ? `${status}` : `${status} ${code}`;
  const details = code === undefined ? { host, status } : { host, status, code };
  const meaning = meaningOf(status, code);
  switch (meaning) {
    case 'unavailable': {
      const waitMs = retryAfterMs(answer.headers['retry-after'], Date.now());
      return new UnavailableError(`Slack at ${host} did not take the message: ${what}`, {
        reason: 'SlackUnavailable',
        details,
        ...(waitMs === undefined ? {} : { retryAfterMs: waitMs }),
      });
    }
    case 'denied':
      return new DeniedError(`Slack at ${host} refused our credentials: ${what}`, {
        reason: 'SlackDenied',
        details,
      });
    case 'invalid': {
      const why = `${what}${remedyFor(code)}`;
      return new InvalidError(`Slack at ${host} cannot deliver the message: ${why}`, {
        reason: 'SlackInvalid',
        details,
      });
    }
    default:
      return assertNever(meaning, 'meaning of an answer');
  }
}

/** A code that is known counts more than the status it came with. */
function meaningOf(status: number, code: string | undefined): 'unavailable' | 'denied' | 'invalid' {
  if (status === 408 || status === 429 || status >= 500) return 'unavailable';
  if (code !== undefined && transientCodes.has(code)) return 'unavailable';
  if (code !== undefined && deniedCodes.has(code)) return 'denied';
  // Webhooks say 403 of what is not allowed and 404 of what is not there, with codes such as `no_service`.
  return status === 401 || status === 403 ? 'denied' : 'invalid';
}

const remedies: Readonly<Record<string, string>> = {
  channel_not_found: '; name an existing channel and invite the bot to a private one',
  not_in_channel: '; invite the bot to the channel',
  is_archived: '; name a channel that is not archived',
  channel_is_archived: '; name a channel that is not archived',
  no_service: '; the webhook was removed: make a new one',
  no_active_hooks: '; the webhook was disabled: make a new one',
};

function remedyFor(code: string | undefined): string {
  return (code === undefined ? undefined : remedies[code]) ?? '';
}

/** Slack's codes are one word; anything else is a page that somebody put in between. */
function codeIn(text: string | undefined): string | undefined {
  const word = text?.trim() ?? '';
  return /^[a-z][a-z0-9_]{1,63}$/.test(word) ? word : undefined;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
