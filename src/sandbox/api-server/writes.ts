/** Create and update, whole objects and `/status`. */

import { decode, validate, withMetadata, type Incoming } from './admit.ts';
import { put, remove } from './commit.ts';
import { newSuffix, newUid, type ServerContext } from './context.ts';
import * as fault from './faults.ts';
import { equalJson, freezeJson, isObject, withKeys, type JsonObject, textOf } from './json.ts';
import { manage } from './managed-fields.ts';
import { dropSystemFields } from './metadata.ts';
import { timestamp, type KubeObject, type Metadata } from './object.ts';
import { kindOf, subjectOf, type Request } from './request.ts';
import { invalidValue } from './schema/field-errors.ts';

export interface Written {
  readonly status: 200 | 201;
  readonly object: KubeObject;
  readonly previous: KubeObject | undefined;
}

export function create(context: ServerContext, request: Request): Written {
  const { type, namespace = '' } = request;
  const { definition } = type;
  const incoming = decode(request, request.call.body, undefined);
  const metadata = newMetadata(context, request, incoming);
  if (request.name !== undefined && request.name !== metadata.name)
    throw fault.badRequest(nameMismatch(metadata.name, request.name));
  refuseTerminating(context, request, metadata.name);

  const withoutStatus = definition.hasStatus ? statusAsNew(request, incoming) : incoming;
  const bare = withMetadata(withoutStatus, metadata);
  const prepared = definition.behaviour.prepareCreate?.(bare) ?? bare;
  validate(type, prepared, undefined);
  if (type.collection.get(namespace, metadata.name) !== undefined)
    throw fault.alreadyExists({ ...subjectOf(request), name: metadata.name });

  const object = withManagers(prepared, manage(prepared, undefined, writerOf(context, request)));
  if (request.dryRun) {
    const unversioned = withKeys(object, {
      metadata: withKeys(object.metadata, { resourceVersion: undefined }),
    });
    return { status: 201, object: freezeJson(unversioned), previous: undefined };
  }
  return { status: 201, object: put(context, type, object, undefined), previous: undefined };
}

/** A client does not set the status of what it creates; the schema may. */
function statusAsNew({ type }: Request, incoming: Incoming): JsonObject {
  const without = withKeys(incoming, { status: undefined });
  if (type.definition.schema.node.properties?.['status']?.default === undefined) return without;
  const defaulted = type.definition.schema.normalize(without, incoming, []);
  return isObject(defaulted) ? defaulted : without;
}

function newMetadata(context: ServerContext, request: Request, incoming: Incoming): Metadata {
  const { type, namespace } = request;
  const given = dropSystemFields({ ...incoming.metadata });
  checkNamespace(request, given);
  const prefix = given['generateName'];
  const name =
    given['name'] ??
    (typeof prefix === 'string' ? prefix.slice(0, 58) + newSuffix(context.random) : request.name);
  return {
    ...given,
    // Without one it is refused, together with all else that is wrong.
    name: typeof name === 'string' ? name : '',
    ...(namespace === undefined ? {} : { namespace }),
    uid: newUid(context.random),
    resourceVersion: '',
    ...(type.definition.behaviour.generation === undefined ? {} : { generation: 1 }),
    creationTimestamp: timestamp(context.now()),
  };
}

function checkNamespace({ type, namespace }: Request, given: JsonObject): void {
  const inBody = given['namespace'];
  if (!type.definition.namespaced && inBody !== undefined)
    throw fault.badRequest(
      'the namespace of the provided object does not match the namespace sent on the request',
    );
  if (inBody === undefined || inBody === namespace) return;
  throw fault.badRequest(
    'the namespace of the provided object does not match the namespace sent on the request',
  );
}

export function undeterminable(name: string): string {
  return `the name of the object (${name} based on URL) was undeterminable: name must be provided`;
}

function nameMismatch(inBody: string, inPath: string): string {
  return `the name of the object (${inBody}) does not match the name on the URL (${inPath})`;
}

/** Nothing new in a namespace that does not exist or is going. */
function refuseTerminating(context: ServerContext, request: Request, name: string): void {
  const { namespace } = request;
  if (namespace === undefined) return;
  const found = context.store.collection('namespaces').get('', namespace);
  if (found === undefined) throw fault.notFound({ group: '', kind: 'namespaces', name: namespace });
  if (found.metadata.deletionTimestamp === undefined) return;
  const why = `unable to create new content in namespace ${namespace} because it is being terminated`;
  const message = `namespace ${namespace} is being terminated`;
  throw fault.forbidden({ ...subjectOf(request), name }, why, [
    { reason: 'NamespaceTerminating', message, field: 'metadata.namespace' },
  ]);
}

/** PUT. */
export function update(context: ServerContext, request: Request): Written {
  const { type, namespace = '', name = '' } = request;
  const stored = type.collection.get(namespace, name);
  if (stored === undefined) {
    const canCreate = type.definition.behaviour.createOnPut === true && request.subresource === '';
    if (!canCreate) throw fault.notFound(subjectOf(request));
    refuseUid(request);
    return create(context, request);
  }
  const live = type.view(stored);
  const incoming = decode(request, request.call.body, live);
  const given = incoming.metadata['name'];
  if (given !== name) {
    if (given === undefined) throw fault.badRequest(undeterminable(name));
    throw fault.badRequest(nameMismatch(textOf(given), name));
  }
  checkNamespace(request, incoming.metadata);
  checkUid(request, live, incoming.metadata);
  if (incoming.metadata['resourceVersion'] === undefined) refuseUnconditional(request);
  return replace(context, request, stored, incoming);
}

/** An object that was read, deleted, and is now put back: it is not the same object. */
function refuseUid(request: Request): void {
  const { body } = request.call;
  const metadata = isObject(body) ? body['metadata'] : undefined;
  const uid = isObject(metadata) ? metadata['uid'] : undefined;
  if (typeof uid === 'string' && uid !== '') throw uidConflict(request, uid, '');
}

function refuseUnconditional({ type, name = '' }: Request): void {
  if (type.definition.behaviour.unconditionalUpdate === true) return;
  throw fault.invalid(subjectOf({ type, name }), [
    invalidValue('metadata.resourceVersion', 0, 'must be specified for an update'),
  ]);
}

function uidConflict(request: Request, asked: string, actual: string) {
  return fault.conflict(
    subjectOf(request),
    `StorageError: invalid object, Code: 4, Key: /registry/${request.plural}/${request.namespace ?? ''}/${request.name ?? ''}, ResourceVersion: 0, AdditionalErrorMsg: Precondition failed: UID in precondition: ${asked}, UID in object meta: ${actual}`,
  );
}

/** Writes `incoming` over what is stored, as PUT and all patches do. */
export function replace(
  context: ServerContext,
  request: Request,
  stored: KubeObject,
  incoming: Incoming,
): Written {
  const { type, subresource } = request;
  const live = type.view(stored);
  checkUid(request, live, incoming.metadata);
  checkVersion(request, live, incoming.metadata);
  const metadata = nextMetadata(request, live, incoming.metadata);
  const { hasStatus } = type.definition;
  const merged =
    subresource === 'status'
      ? withKeys(live, { status: incoming['status'], metadata })
      : withMetadata(
          hasStatus ? withKeys(incoming, { status: live['status'] }) : incoming,
          metadata,
        );
  const prepared =
    subresource === ''
      ? (type.definition.behaviour.prepareUpdate?.(merged, live) ?? merged)
      : merged;
  if (equalJson(prepared, live)) return { status: 200, object: live, previous: live };

  const generated = withGeneration(request, prepared, live);
  validate(type, generated, live);
  const managedFields = nextManagedFields(context, request, incoming.metadata, generated, live);
  const object = withManagers(generated, managedFields);
  return finish(context, request, stored, object);
}

function withManagers(object: KubeObject, entries: Metadata['managedFields'] = []): KubeObject {
  const managedFields = entries.length === 0 ? undefined : entries;
  return withMetadata(object, withKeys(object.metadata, { managedFields }));
}

function finish(
  context: ServerContext,
  request: Request,
  stored: KubeObject,
  object: KubeObject,
): Written {
  const { type } = request;
  const previous = type.view(stored);
  if (request.dryRun) return { status: 200, object: freezeJson(object), previous };
  if (isReadyToGo(object)) {
    // The watches see what was stored last; the writer sees what it has written.
    remove(context, type, stored);
    return { status: 200, object: freezeJson(object), previous };
  }
  return { status: 200, object: put(context, type, object, stored), previous };
}

/** Marked for deletion, and nobody holds it any more. */
export function isReadyToGo({ metadata, spec }: KubeObject): boolean {
  const holds = isObject(spec) && Array.isArray(spec['finalizers']) ? spec['finalizers'].length : 0;
  return (
    metadata.deletionTimestamp !== undefined &&
    (metadata.finalizers ?? []).length === 0 &&
    (metadata.deletionGracePeriodSeconds ?? 0) === 0 &&
    holds === 0
  );
}

/** PUT speaks of one object and no other; a patch may not make another of it. */
function checkUid(request: Request, live: KubeObject, { uid }: JsonObject): void {
  if (uid === undefined || uid === live.metadata.uid) return;
  if (request.verb !== 'patch') throw uidConflict(request, textOf(uid), live.metadata.uid);
  throw fault.invalid(kindOf(request.type, live.metadata.name), [
    invalidValue('metadata.uid', uid, 'field is immutable'),
  ]);
}

function checkVersion(request: Request, live: KubeObject, given: JsonObject): void {
  const { resourceVersion } = given;
  if (resourceVersion === undefined || resourceVersion === live.metadata.resourceVersion) return;
  throw fault.conflict(subjectOf(request), fault.MODIFIED_MEANWHILE);
}

/** Of the metadata clients write labels, annotations, finalizers and owners. */
function nextMetadata(
  { type, subresource }: Request,
  live: KubeObject,
  given: JsonObject,
): Metadata {
  if (subresource === 'status' && type.definition.custom) return live.metadata;
  const next = withKeys(live.metadata, {
    labels: given['labels'],
    annotations: given['annotations'],
    finalizers: given['finalizers'],
    ownerReferences: given['ownerReferences'],
  });
  if (subresource !== 'status') return next;
  return withKeys(next, { labels: live.metadata.labels });
}

/** What is written to the status counts for nothing, also where it changes annotations. */
function withGeneration(
  { type, subresource }: Request,
  next: KubeObject,
  live: KubeObject,
): KubeObject {
  const { generation } = type.definition.behaviour;
  if (generation === undefined || subresource === 'status' || !countsAsNew(generation, next, live))
    return next;
  const metadata = { ...next.metadata, generation: (live.metadata.generation ?? 0) + 1 };
  return withMetadata(next, metadata);
}

function countsAsNew(generation: string, next: KubeObject, live: KubeObject): boolean {
  if (generation === 'spec') return !equalJson(next['spec'], live['spec']);
  if (generation === 'specOrAnnotations')
    return (
      !equalJson(next['spec'], live['spec']) ||
      !equalJson(next.metadata.annotations, live.metadata.annotations)
    );
  const ignored = { metadata: undefined, apiVersion: undefined };
  const both = generation === 'allButMetadata' ? ignored : { ...ignored, status: undefined };
  return !equalJson(withKeys(next, both), withKeys(live, both));
}

function nextManagedFields(
  context: ServerContext,
  request: Request,
  given: JsonObject,
  next: KubeObject,
  live: KubeObject,
): Metadata['managedFields'] {
  const asked = given['managedFields'];
  const isReset = Array.isArray(asked) && (asked.length === 0 || equalJson(asked, [{}]));
  const reset = withMetadata(live, { ...live.metadata, managedFields: [] });
  return manage(next, isReset ? reset : live, writerOf(context, request));
}

function writerOf(context: ServerContext, { manager, type, subresource }: Request) {
  const time = timestamp(context.now());
  return { manager, apiVersion: type.apiVersion, subresource, time };
}

/** PUT to `/finalize`: the only way to change who holds a Namespace. */
export function finalizeNamespace(context: ServerContext, request: Request): Written {
  const { type, name = '' } = request;
  const stored = type.collection.get('', name);
  if (stored === undefined) throw fault.notFound(subjectOf(request));
  const incoming = decode(request, request.call.body, stored);
  checkVersion(request, stored, incoming.metadata);
  const next = withKeys(stored, { spec: incoming['spec'] });
  if (equalJson(next, stored)) return { status: 200, object: stored, previous: stored };
  return finish(context, request, stored, next);
}
