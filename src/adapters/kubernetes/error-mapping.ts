/**
 * What an API server's refusal means to us: a status in, one of the six errors out.
 *
 * A missing object is not translated here for reads: there it is an answer, not a failure.
 */

import {
  ConflictError,
  DeniedError,
  InvalidError,
  UnavailableError,
  type OperatorError,
} from '../../errors.ts';
import { isRecord } from './kinds.ts';
import type { ApiResponse } from './transport.ts';

/** Longest pause a server may ask of us: something in between that says "tomorrow" must not stop an abort. */
const maxPauseMs = 60_000;

/** The words in which the API server's roles are written. */
export type Verb = 'get' | 'list' | 'watch' | 'create' | 'update' | 'patch' | 'delete';

/** What was asked, as errors and metrics name it. */
export interface About {
  readonly verb: Verb;
  /** Plural, with the subresource: `canaries/status`. */
  readonly resource: string;
  /** Empty for all namespaces and for kinds without. */
  readonly namespace: string;
  /** Empty for a collection. */
  readonly name: string;
}

/** Longest part of a server's message that goes into an error, a status or a log. */
const maxMessageChars = 500;

/** The error for an answer that is not a success. */
export function errorFor(response: ApiResponse, about: About): OperatorError {
  const { status } = response;
  const facts = { details: detailsOf(response, about) };
  const said = messageOf(response);
  const what = `${about.verb} ${subjectOf(about)}`;
  if (status === 401) {
    return new DeniedError(`the API server does not accept our credentials (${what})`, {
      ...facts,
      reason: 'Unauthenticated',
    });
  }
  if (status === 403)
    return new DeniedError(denial(about, said), { ...facts, reason: 'Forbidden' });
  if (status === 409) {
    const reason = reasonOf(response) === 'AlreadyExists' ? 'AlreadyExists' : 'Conflict';
    return new ConflictError(`${subjectOf(about)} changed meanwhile (${about.verb})`, {
      ...facts,
      reason,
    });
  }
  // A create has no object that could have gone: its namespace or kind is missing, which takes a while.
  if (status === 404 && about.verb !== 'create') {
    return new ConflictError(`${subjectOf(about)} is gone (${about.verb})`, {
      ...facts,
      reason: 'Gone',
    });
  }
  if (isRefusal(status)) {
    return new InvalidError(`the API server refuses to ${what}: ${said}`, {
      ...facts,
      reason: 'RefusedByServer',
    });
  }
  return unavailable(response, about, said);
}

/** The error for an answer that never came. The cause stays out when it could carry credentials. */
export function unreachable(about: About, why: string): UnavailableError {
  return new UnavailableError(
    `the API server did not answer (${about.verb} ${subjectOf(about)}): ${why}`,
    {
      reason: 'ApiServerUnavailable',
      details: { verb: about.verb, resource: about.resource },
    },
  );
}

/** `httproutes/cart in shop`, `httproutes in all namespaces`. */
export function subjectOf({ resource, namespace, name }: About): string {
  const object = name === '' ? resource : `${resource} ${name}`;
  if (namespace !== '') return `${object} in ${namespace}`;
  return name === '' ? `${object} in all namespaces` : object;
}

/** The server's `reason` word: `Conflict`, `AlreadyExists`, `Expired`; empty when it gave none. */
export function reasonOf({ body }: ApiResponse): string {
  return isRecord(body) && typeof body['reason'] === 'string' ? body['reason'] : '';
}

function unavailable(response: ApiResponse, about: About, said: string): UnavailableError {
  const { status } = response;
  const retryAfterMs = pauseOf(response);
  const busy = status === 429 ? 'asks us to wait' : `answered ${status}`;
  return new UnavailableError(
    `the API server ${busy} (${about.verb} ${subjectOf(about)}): ${said}`,
    {
      reason: status === 429 ? 'TooManyRequests' : 'ApiServerUnavailable',
      details: detailsOf(response, about),
      ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
    },
  );
}

/** How long the server wants to be left alone, within reason. */
export function pauseOf({ retryAfterMs }: ApiResponse): number | undefined {
  return retryAfterMs === undefined ? undefined : Math.min(retryAfterMs, maxPauseMs);
}

/** A role that is missing is named so that it can be given; an admission controller's no is quoted. */
function denial(about: About, said: string): string {
  const lacksRole = said === '' || / cannot \w+ resource /.test(said);
  if (!lacksRole) return `the API server refuses to ${about.verb} ${subjectOf(about)}: ${said}`;
  const { verb, resource, namespace } = about;
  const where = namespace === '' ? 'in all namespaces' : `in ${namespace}`;
  return `may not ${verb} ${resource} ${where}: give the ServiceAccount of the operator the verb "${verb}" on "${resource}"`;
}

function isRefusal(status: number): boolean {
  return [400, 405, 406, 413, 415, 422, 501].includes(status);
}

function detailsOf(
  { status }: ApiResponse,
  { verb, resource, namespace, name }: About,
): Record<string, string | number> {
  return { status, verb, resource, namespace, name };
}

/** The server's sentence on one line. Text that is no Status comes from something in between: left out. */
function messageOf({ body }: ApiResponse): string {
  const message = isRecord(body) ? body['message'] : undefined;
  if (typeof message !== 'string') return '';
  const line = message.replace(/\s+/g, ' ').trim();
  return line.length <= maxMessageChars ? line : `${line.slice(0, maxMessageChars)}…`;
}
