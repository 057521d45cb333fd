/** Lists: selectors, pages over one consistent snapshot, and what a resourceVersion asks for. */

import { isObject } from './json.ts';
import type { ServerContext } from './context.ts';
import { badRequest, expired, invalid, tooLargeVersion } from './faults.ts';
import type { KubeObject } from './object.ts';
import { pathOf, type Snapshot } from './store.ts';
import type { Request } from './request.ts';
import { forbiddenField } from './schema/field-errors.ts';
import { parseFieldSelector, parseLabelSelector, type Selector } from './selectors.ts';

export interface ListResult {
  readonly objects: readonly KubeObject[];
  readonly revision: number;
  readonly continueToken: string | undefined;
  readonly remaining: number | undefined;
}

interface Token {
  readonly revision: number;
  /** Key of the last object sent. */
  readonly after: string;
}

/** `undefined`: everything matches. */
export function selectorOf({ call, type, name }: Request): Selector | undefined {
  const { labelSelector = '', fieldSelector = '' } = call.query;
  const tests: Selector[] = [];
  if (labelSelector !== '') tests.push(parseLabelSelector(labelSelector));
  if (fieldSelector !== '') {
    tests.push(parseFieldSelector(fieldSelector, type.definition));
  }
  if (name !== undefined) tests.push(({ metadata }) => metadata.name === name);
  if (tests.length === 0) return undefined;
  return (object) => tests.every((test) => test(object));
}

export function list(context: ServerContext, request: Request): ListResult {
  const selector = selectorOf(request);
  refuseInitialEvents(request.call.query['sendInitialEvents']);
  const limit = readLimit(request.call.query['limit']);
  const token = readToken(request.call.query['continue']);
  const snapshot = snapshotFor(context, request, token, limit);
  const start = token === undefined ? 0 : firstAfter(snapshot.objects, token.after);
  const { objects, next } = page(snapshot.objects, start, limit, selector);
  const last = objects.at(-1);
  const hasMore = next < snapshot.objects.length && last !== undefined;
  const after = snapshot.objects[next - 1];
  return {
    objects,
    revision: snapshot.revision,
    continueToken:
      hasMore && after !== undefined
        ? writeToken({ revision: snapshot.revision, after: pathOf(after) })
        : undefined,
    remaining: hasMore && selector === undefined ? snapshot.objects.length - next : undefined,
  };
}

function page(
  all: readonly KubeObject[],
  start: number,
  limit: number,
  selector: Selector | undefined,
): { readonly objects: readonly KubeObject[]; readonly next: number } {
  if (selector === undefined) {
    const end = limit === 0 ? all.length : Math.min(all.length, start + limit);
    return { objects: start === 0 && end === all.length ? all : all.slice(start, end), next: end };
  }
  const objects: KubeObject[] = [];
  let next = start;
  const isFull = () => limit > 0 && objects.length >= limit;
  for (; next < all.length && !isFull(); next++) {
    const object = all[next];
    if (object !== undefined && selector(object)) objects.push(object);
  }
  return { objects, next };
}

function firstAfter(objects: readonly KubeObject[], after: string): number {
  let low = 0;
  let high = objects.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    const object = objects[middle];
    if (object !== undefined && pathOf(object) <= after) low = middle + 1;
    else high = middle;
  }
  return low;
}

function snapshotFor(
  { store }: ServerContext,
  request: Request,
  token: Token | undefined,
  limit: number,
): Snapshot {
  const { type, namespace, call } = request;
  const version = call.query['resourceVersion'] ?? '';
  const match = call.query['resourceVersionMatch'] ?? '';
  checkMatch(version, match, token);
  const latest = () => ({ revision: store.revision, objects: type.collection.list(namespace) });
  if (token !== undefined) {
    if (token.revision < 0) return latest();
    const snapshot = type.collection.snapshot(namespace, token.revision);
    if (snapshot !== undefined) return snapshot;
    const message =
      'The provided continue parameter is too old to display a consistent list result. You can start a new list without the continue parameter, or use the continue token in this response to retrieve the remainder of the results. Continuing with the provided token results in an inconsistent list - objects that were created, modified, or deleted between the time the first chunk was returned and now may show up in the list.';
    throw expired(message, writeToken({ revision: -1, after: token.after }));
  }
  if (version === '' || version === '0') return latest();
  const revision = readVersion(version);
  if (revision > store.revision) throw tooLargeVersion(version, store.revision);
  const isExact = match === 'Exact' || (match === '' && limit > 0);
  if (!isExact) return latest();
  const snapshot = type.collection.snapshot(namespace, revision);
  if (snapshot === undefined)
    throw expired(`The resourceVersion for the provided list is too old.`);
  return snapshot;
}

function checkMatch(version: string, match: string, token: Token | undefined): void {
  if (token !== undefined && version !== '' && version !== '0')
    throw badRequest('specifying resource version is not allowed when using continue');
  if (match === '') return;
  const subject = { group: 'meta.k8s.io', kind: 'ListOptions' };
  if (match !== 'Exact' && match !== 'NotOlderThan')
    throw invalid(subject, [
      {
        reason: 'FieldValueNotSupported',
        message: `Unsupported value: ${JSON.stringify(match)}: supported values: "Exact", "NotOlderThan", ""`,
        field: 'resourceVersionMatch',
      },
    ]);
  const problems: string[] = [];
  if (version === '')
    problems.push('resourceVersionMatch is forbidden unless resourceVersion is provided');
  if (token !== undefined)
    problems.push('resourceVersionMatch is forbidden when continue is provided');
  if (match === 'Exact' && version === '0')
    problems.push('resourceVersionMatch "exact" is forbidden for resourceVersion "0"');
  if (problems.length === 0) return;
  throw invalid(
    subject,
    problems.map((problem) => forbiddenField('resourceVersionMatch', problem)),
  );
}

export function readVersion(text: string): number {
  if (/^\d+$/.test(text)) return Number(text);
  throw badRequest(
    `invalid resource version: resourceVersion: Invalid value: ${JSON.stringify(text)}: strconv.ParseUint: parsing ${JSON.stringify(text)}: invalid syntax`,
  );
}

/** Only watches send events. */
function refuseInitialEvents(asked: string | undefined): void {
  if (asked === undefined) return;
  const detail = 'sendInitialEvents is forbidden for list';
  throw invalid({ group: 'meta.k8s.io', kind: 'ListOptions' }, [
    forbiddenField('sendInitialEvents', detail),
  ]);
}

/** Less than one is no limit. */
function readLimit(text: string | undefined): number {
  return Math.max(0, readInteger(text));
}

/** A number in a query; absent: 0. */
export function readInteger(text: string | undefined): number {
  if (text === undefined || text === '') return 0;
  if (/^-?\d+$/.test(text)) return Number(text);
  throw badRequest(`strconv.ParseInt: parsing ${JSON.stringify(text)}: invalid syntax`);
}

function writeToken({ revision, after }: Token): string {
  const value = { v: 'meta.k8s.io/v1', rv: revision, start: after };
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}

function readToken(text: string | undefined): Token | undefined {
  if (text === undefined || text === '') return undefined;
  try {
    const value: unknown = JSON.parse(Buffer.from(text, 'base64url').toString());
    const { v, rv, start } = isObject(value) ? value : {};
    if (v === 'meta.k8s.io/v1' && typeof rv === 'number' && typeof start === 'string')
      return { revision: rv, after: start };
  } catch {
    // answered below: whatever it is, it is no token of ours
  }
  throw badRequest('invalid continue token: continue key is not valid');
}
