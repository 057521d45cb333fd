/** Refusals, each a Kubernetes `Status` object with its reason and code. */

import type { JsonObject } from './json.ts';

export interface Cause extends JsonObject {
  readonly reason: string;
  readonly message: string;
  readonly field: string;
}

/** What an error speaks about; `kind` is the plural except in validation errors, as in Kubernetes. */
export interface Subject {
  readonly group: string;
  readonly kind: string;
  readonly name?: string;
}

/** Thrown anywhere below `ApiServer.handle`, answered as it stands. */
export class ApiFault extends Error {
  readonly code: number;
  readonly reason: string;
  readonly details: JsonObject | undefined;
  readonly metadata: JsonObject;

  constructor(
    code: number,
    reason: string,
    message: string,
    details?: JsonObject,
    metadata: JsonObject = {},
  ) {
    super(message);
    this.name = 'ApiFault';
    this.code = code;
    this.reason = reason;
    this.details = details;
    this.metadata = metadata;
  }

  get status(): JsonObject {
    return {
      kind: 'Status',
      apiVersion: 'v1',
      metadata: this.metadata,
      status: 'Failure',
      message: this.message,
      reason: this.reason,
      ...(this.details === undefined ? {} : { details: this.details }),
      code: this.code,
    };
  }
}

function qualified({ group, kind }: Subject): string {
  return group === '' ? kind : `${kind}.${group}`;
}

function detailsOf({ group, kind, name }: Subject, more: JsonObject = {}): JsonObject {
  return {
    ...(name === undefined || name === '' ? {} : { name }),
    ...(group === '' ? {} : { group }),
    kind,
    ...more,
  };
}

export function notFound(subject: Subject): ApiFault {
  const message = `${qualified(subject)} "${subject.name ?? ''}" not found`;
  return new ApiFault(404, 'NotFound', message, detailsOf(subject));
}

/** No such path. */
export function noSuchPath(): ApiFault {
  return new ApiFault(404, 'NotFound', 'the server could not find the requested resource', {});
}

/** No such group or version: nobody is there who would speak JSON. */
export class UnknownPathFault extends ApiFault {
  readonly text = '404 page not found\n';

  constructor() {
    super(404, 'NotFound', '404 page not found');
  }
}

export function alreadyExists(subject: Subject): ApiFault {
  const message = `${qualified(subject)} "${subject.name ?? ''}" already exists`;
  return new ApiFault(409, 'AlreadyExists', message, detailsOf(subject));
}

export function conflict(subject: Subject, why: string): ApiFault {
  const message = `Operation cannot be fulfilled on ${qualified(subject)} "${subject.name ?? ''}": ${why}`;
  return new ApiFault(409, 'Conflict', message, detailsOf(subject));
}

export const MODIFIED_MEANWHILE =
  'the object has been modified; please apply your changes to the latest version and try again';

export function badRequest(message: string): ApiFault {
  return new ApiFault(400, 'BadRequest', message);
}

/** A body that cannot be read as the kind it shall be. `why` alone is repeated when it was a patch that made it so. */
export class UndecodableFault extends ApiFault {
  readonly why: string;

  constructor(kind: string, version: string, why: string) {
    super(
      400,
      'BadRequest',
      `${kind} in version ${JSON.stringify(version)} cannot be handled as a ${kind}: ${why}`,
    );
    this.why = why;
  }
}

/** The same fault of an object that a patch has made: it is the patch that is refused. */
export function invalidPatch(patched: unknown, { why }: UndecodableFault): ApiFault {
  const message = `Invalid value: ${JSON.stringify(JSON.stringify(patched))}: ${why}`;
  return invalid({ group: '', kind: '' }, [
    { reason: 'FieldValueInvalid', message, field: 'patch' },
  ]);
}

export function forbidden(subject: Subject, why: string, causes?: readonly Cause[]): ApiFault {
  const named = subject.name === undefined ? '' : ` "${subject.name}"`;
  const message = `${qualified(subject)}${named} is forbidden: ${why}`;
  return new ApiFault(403, 'Forbidden', message, detailsOf(subject, causes ? { causes } : {}));
}

export function invalid(subject: Subject, causes: readonly Cause[]): ApiFault {
  const parts = [...new Set(causes.map(({ field, message }) => `${field}: ${message}`))];
  const list = parts.length === 1 ? parts[0] : `[${parts.join(', ')}]`;
  const message = `${qualified(subject)} "${subject.name ?? ''}" is invalid: ${list}`;
  return new ApiFault(422, 'Invalid', message, detailsOf(subject, { causes }));
}

export function expired(message: string, continueToken?: string): ApiFault {
  const metadata = continueToken === undefined ? {} : { continue: continueToken };
  return new ApiFault(410, 'Expired', message, undefined, metadata);
}

export function methodNotAllowed(): ApiFault {
  const message = 'the server does not allow this method on the requested resource';
  return new ApiFault(405, 'MethodNotAllowed', message, {});
}

/** `accepted` absent: the body is of no type that any kind takes. */
export function unsupportedMediaType(accepted?: readonly string[]): ApiFault {
  if (accepted === undefined)
    return new ApiFault(415, 'UnsupportedMediaType', '415: Unsupported Media Type', {});
  const message = `the body of the request was in an unknown format - accepted media types include: ${accepted.join(', ')}`;
  return new ApiFault(415, 'UnsupportedMediaType', message);
}

export function notAcceptable(): ApiFault {
  const message =
    '406: Not Acceptable\n\nAvailable representations: application/json, application/yaml, application/json;stream=watch';
  return new ApiFault(406, 'NotAcceptable', message, {});
}

/** The form is known, but not for what would be answered. */
export function wrongForm(message: string): ApiFault {
  return new ApiFault(406, 'NotAcceptable', message);
}

export function unauthorized(): ApiFault {
  return new ApiFault(401, 'Unauthorized', 'Unauthorized');
}

export function notImplemented(message: string): ApiFault {
  return new ApiFault(501, 'NotImplemented', message);
}

/** Kubernetes answers a version from the future with a time-out that carries a machine-readable cause. */
export function tooLargeVersion(asked: string, current: number): ApiFault {
  const message = `Timeout: Too large resource version: ${asked}, current: ${current}`;
  const causes = [{ reason: 'ResourceVersionTooLarge', message: 'Too large resource version' }];
  return new ApiFault(504, 'Timeout', message, { causes, retryAfterSeconds: 1 });
}

export function internalError(message: string): ApiFault {
  return new ApiFault(500, 'InternalError', `Internal error occurred: ${message}`, {
    causes: [{ message }],
  });
}
