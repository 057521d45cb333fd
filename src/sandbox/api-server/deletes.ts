/** DELETE of one object: preconditions, finalizers, grace, and what shall become of its dependents. */

import { put, remove } from './commit.ts';
import type { ServerContext } from './context.ts';
import { badRequest, conflict, forbidden, invalid, notFound } from './faults.ts';
import { freezeJson, isObject, withKeys, type JsonObject } from './json.ts';
import { timestamp, type KubeObject, type Metadata } from './object.ts';
import { kindOf, subjectOf, type Request } from './request.ts';
import type { ResourceType } from './resource-type.ts';
import { invalidValue, unsupportedValue } from './schema/field-errors.ts';

export const FOREGROUND = 'foregroundDeletion';
export const ORPHAN = 'orphan';

const KEPT_NAMESPACES = ['default', 'kube-public', 'kube-system'];

export interface DeleteOptions {
  readonly propagation: 'Background' | 'Foreground' | 'Orphan' | undefined;
  readonly graceSeconds: number | undefined;
  readonly uid: unknown;
  readonly resourceVersion: unknown;
  readonly dryRun: boolean;
  /** Asked for by `orphanDependents: false`, from before there were policies: answered 202 while it is not gone. */
  readonly isOldCascade: boolean;
}

export interface Deleted {
  readonly object: KubeObject;
  readonly previous: KubeObject;
  /** False while a finalizer or a grace period keeps it. */
  readonly gone: boolean;
}

export function readDeleteOptions(request: Request): DeleteOptions {
  const { query, body } = request.call;
  const options: JsonObject = isObject(body) ? body : {};
  const preconditions = options['preconditions'] ?? {};
  if (!isObject(preconditions))
    throw badRequest(
      'json: cannot unmarshal string into Go struct field DeleteOptions.preconditions of type v1.Preconditions',
    );
  const grace = options['gracePeriodSeconds'] ?? query['gracePeriodSeconds'];
  const dryRun = options['dryRun'];
  return {
    propagation: readPropagation(options, query),
    graceSeconds: grace === undefined || grace === null ? undefined : Number(grace),
    uid: preconditions['uid'],
    resourceVersion: preconditions['resourceVersion'],
    dryRun: request.dryRun || (Array.isArray(dryRun) && dryRun.includes('All')),
    isOldCascade: orphanOf(options, query) === false,
  };
}

function readPropagation(
  options: JsonObject,
  query: Readonly<Record<string, string>>,
): DeleteOptions['propagation'] {
  const asked = options['propagationPolicy'] ?? query['propagationPolicy'];
  const orphan = orphanOf(options, query);
  const isAsked = asked !== undefined && asked !== null && asked !== '';
  const subject = { group: 'meta.k8s.io', kind: 'DeleteOptions' };
  if (orphan !== undefined && isAsked) {
    const detail = 'orphanDependents and deletionPropagation cannot be both set';
    throw invalid(subject, [invalidValue('propagationPolicy', asked, detail)]);
  }
  if (orphan !== undefined) return orphan ? 'Orphan' : 'Background';
  if (!isAsked) return undefined;
  if (asked === 'Background' || asked === 'Foreground' || asked === 'Orphan') return asked;
  const policies = ['Foreground', 'Background', 'Orphan', 'nil'];
  throw invalid(subject, [unsupportedValue('propagationPolicy', asked, policies)]);
}

function orphanOf(
  options: JsonObject,
  query: Readonly<Record<string, string>>,
): boolean | undefined {
  const asked = options['orphanDependents'] ?? query['orphanDependents'];
  if (asked === undefined || asked === null) return undefined;
  return asked === true || asked === 'true';
}

export function deleteOne(context: ServerContext, request: Request): Deleted {
  const { type, namespace = '', name = '' } = request;
  const stored = type.collection.get(namespace, name);
  if (stored === undefined) throw notFound(subjectOf(request));
  const options = readDeleteOptions(request);
  if (type.resource === 'namespaces' && KEPT_NAMESPACES.includes(name))
    throw forbidden(subjectOf(request), 'this namespace may not be deleted');
  checkPreconditions(request, stored, options);
  return deleteStored(context, type, stored, options);
}

function checkPreconditions(request: Request, stored: KubeObject, options: DeleteOptions): void {
  const { uid, resourceVersion } = options;
  const { metadata } = stored;
  // Unlike other conflicts, these name the kind.
  const subject = kindOf(request.type, metadata.name);
  if (typeof uid === 'string' && uid !== metadata.uid)
    throw conflict(
      subject,
      `the UID in the precondition (${uid}) does not match the UID in record (${metadata.uid}). The object might have been deleted and then recreated`,
    );
  if (typeof resourceVersion === 'string' && resourceVersion !== metadata.resourceVersion)
    throw conflict(
      subject,
      `the ResourceVersion in the precondition (${resourceVersion}) does not match the ResourceVersion in record (${metadata.resourceVersion}). The object might have been modified`,
    );
}

export function deleteStored(
  context: ServerContext,
  type: ResourceType,
  stored: KubeObject,
  options: DeleteOptions,
): Deleted {
  const { metadata } = stored;
  const own = type.definition.behaviour.finalizersOnDelete ?? [];
  const finalizers = finalizersFor(metadata.finalizers ?? [], own, options.propagation);
  const asked = options.graceSeconds;
  const grace = type.definition.behaviour.graceSeconds?.(stored, asked) ?? 0;
  const holds = isObject(stored['spec']) && holdsInSpec(stored['spec']);
  if (finalizers.length === 0 && grace === 0 && !holds) {
    if (options.dryRun) return { object: stored, previous: stored, gone: true };
    return { object: remove(context, type, stored), previous: stored, gone: true };
  }
  const live = type.view(stored);
  const marked = mark(context, type, live, finalizers, grace);
  if (marked === live || options.dryRun)
    return { object: freezeJson(marked), previous: live, gone: false };
  return { object: put(context, type, marked, stored), previous: live, gone: false };
}

/** Namespaces are held by their spec. */
function holdsInSpec(spec: JsonObject): boolean {
  const { finalizers } = spec;
  return Array.isArray(finalizers) && finalizers.length > 0;
}

function finalizersFor(
  current: readonly string[],
  own: readonly string[],
  propagation: DeleteOptions['propagation'],
): readonly string[] {
  const all = [...new Set([...current, ...own])];
  if (propagation === undefined) return all;
  const others = all.filter((name) => name !== FOREGROUND && name !== ORPHAN);
  if (propagation === 'Foreground') return [...others, FOREGROUND];
  if (propagation === 'Orphan') return [...others, ORPHAN];
  return others;
}

/** A second deletion changes something only when it shortens the grace period. */
function mark(
  context: ServerContext,
  type: ResourceType,
  stored: KubeObject,
  finalizers: readonly string[],
  grace: number,
): KubeObject {
  const { metadata } = stored;
  const isMarked = metadata.deletionTimestamp !== undefined;
  const isShorter = grace < (metadata.deletionGracePeriodSeconds ?? 0);
  if (isMarked && !isShorter) return stored;
  const deletionTimestamp = timestamp(context.now() + grace * 1000);
  const { onDelete } = type.definition.behaviour;
  const held = finalizers.length > 0 ? { finalizers } : {};
  // Kinds that say so in their status are marked by hand in Kubernetes too, with less.
  if (onDelete !== undefined) {
    const marked = withKeys(stored, { metadata: { ...metadata, ...held, deletionTimestamp } });
    return onDelete(marked, timestamp(context.now()));
  }
  const next: Metadata = {
    ...metadata,
    deletionTimestamp,
    deletionGracePeriodSeconds: grace,
    ...held,
    ...(metadata.generation === undefined || isMarked
      ? {}
      : { generation: metadata.generation + 1 }),
  };
  return withKeys(stored, { metadata: next });
}
