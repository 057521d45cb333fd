/** The audit log: who asked the API server for what. */
import { readFileSync } from 'node:fs';

import { FILES } from '../layout.ts';

export interface Asked {
  readonly at: number;
  readonly user: string;
  readonly verb: string;
  readonly resource: string;
  readonly subresource: string;
  readonly namespace: string;
  readonly name: string;
  readonly status: number;
}

interface AuditEvent {
  readonly requestReceivedTimestamp: string;
  readonly verb: string;
  readonly user: { readonly username: string };
  readonly userAgent?: string;
  readonly objectRef?: {
    readonly resource?: string;
    readonly subresource?: string;
    readonly namespace?: string;
    readonly name?: string;
  };
  readonly responseStatus?: { readonly code?: number };
}

const OPERATOR = 'system:serviceaccount:serin-system:serin';
const writing = new Set(['create', 'update', 'patch', 'delete', 'deletecollection']);

/** What the operator wrote in a namespace between two times. */
export function writesOfOperator(namespace: string, from: number, to: number): readonly Asked[] {
  return auditLog().filter(
    (asked) =>
      asked.user === OPERATOR &&
      asked.namespace === namespace &&
      writing.has(asked.verb) &&
      asked.at >= from &&
      asked.at <= to,
  );
}

function auditLog(): readonly Asked[] {
  return readFileSync(FILES.auditLog, 'utf8')
    .split('\n')
    .filter((line) => line.startsWith('{') && line.endsWith('}'))
    .map((line) => askedIn(JSON.parse(line) as AuditEvent));
}

function askedIn({
  requestReceivedTimestamp,
  verb,
  user,
  objectRef = {},
  responseStatus,
}: AuditEvent): Asked {
  const { resource = '', subresource = '', namespace = '', name = '' } = objectRef;
  return {
    at: Date.parse(requestReceivedTimestamp),
    user: user.username,
    verb,
    resource,
    subresource,
    namespace,
    name,
    status: responseStatus?.code ?? 0,
  };
}
