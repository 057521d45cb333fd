/**
 * What the fault proxy keeps of a request: enough to judge an operator by what it asked for and what it was told.
 */

/** How a request ended. `withheld`: the server has answered, and the one who asked never hears of it. */
export type Outcome =
  | 'underway'
  | 'answered'
  /** Answered by the proxy itself; the server never saw it. */
  | 'refused'
  /** Never forwarded. */
  | 'dropped'
  | 'withheld'
  /** The server could not be reached, or hung up. */
  | 'broken'
  /** Whoever asked went away first. */
  | 'abandoned';

/** What a path means, in the words of an audit log. Empty strings where there is no such part. */
export interface Target {
  readonly group: string;
  readonly version: string;
  readonly resource: string;
  readonly subresource: string;
  readonly namespace: string;
  readonly name: string;
}

export interface RequestRecord extends Target {
  /** Counts all requests of this proxy from 1. */
  readonly number: number;
  /** Counts its writes from 1; 0 for anything else. */
  readonly write: number;
  /** When it had come in completely, as `Date.now()`. */
  readonly at: number;
  readonly method: string;
  /** With the query. */
  readonly path: string;
  readonly isWatch: boolean;
  readonly body: string;
  outcome: Outcome;
  /** What the server, or the proxy in its place, answered; 0 while nobody has. */
  status: number;
  /** The answer of a write, as the server gave it. */
  answer: string;
  /** When the server had answered completely. */
  answeredAt: number | undefined;
}

const writing: readonly string[] = ['POST', 'PUT', 'PATCH', 'DELETE'];

/** Whether a request counts as a write. Leases are left out: their renewals come by the clock. Events are not. */
export function isCountedWrite(method: string, { resource }: Target): boolean {
  return writing.includes(method) && resource !== 'leases';
}

/** Reads `/api/v1/namespaces/shop/services/cart/status?…`; what is no resource has an empty `resource`. */
export function targetOf(path: string): Target {
  const parts = new URL(path, 'https://proxy').pathname
    .split('/')
    .filter((part) => part !== '')
    .map(decodeURIComponent);
  const isCore = parts[0] === 'api';
  if (!isCore && parts[0] !== 'apis') return nothing;
  const [group = '', version = ''] = isCore ? ['', parts[1]] : [parts[1], parts[2]];
  const rest = parts.slice(isCore ? 2 : 3);
  const isNamespaced = rest[0] === 'namespaces' && rest.length > 2 && rest[2] !== 'finalize';
  const namespace = isNamespaced ? (rest[1] ?? '') : '';
  const [resource = '', name = '', subresource = ''] = isNamespaced ? rest.slice(2) : rest;
  return { group, version, resource, subresource, namespace, name };
}

const nothing: Target = {
  group: '',
  version: '',
  resource: '',
  subresource: '',
  namespace: '',
  name: '',
};

/** `PATCH httproutes/cart → 200`, for messages to people. */
export function described(record: RequestRecord): string {
  const { method, resource, subresource, name, status, outcome } = record;
  const what = [resource, name, subresource].filter((part) => part !== '').join('/');
  return `${method} ${what === '' ? record.path : what} → ${status === 0 ? outcome : status}`;
}
