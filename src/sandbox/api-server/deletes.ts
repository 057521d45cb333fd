/** DELETE of one object: preconditions, finalizers, grace, and what shall become of its dependents. */

import { put, remove } from './commit.ts';
import type { ServerContext } from './context.ts';
import { badRequest, conflict, forbidden, notFound } from './faults.ts';
import { freezeJson, isObject, withKeys, type JsonObject } from './json.ts';
import { timestamp, type KubeObject, type Metadata } from './object.ts';
import { subjectOf, type Request } from './request.ts';
import type { ResourceType } from './resource-type.ts';

export const FOREGROUND = 'foregroundDeletion';
export const ORPHAN = 'orphan';

const KEPT_NAMESPACES = ['default', 'kube-public', 'kube-system'];

export interface DeleteOptions {
  readonly propagation: 'Background' | 'Foreground' | 'Orphan' | undefined;
  readonly graceSeconds: number | undefined;
  readonly uid: unknown;
  readonly resourceVersion: unknown;
  readonly dryRun: boolean;
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
  const preconditions: JsonObject = isObject(options['preconditions'])
    ? options['preconditions']
    : {};
  const grace = options['gracePeriodSeconds'] ?? query['gracePeriodSeconds'];
  const dryRun = options['dryRun'];
  return {
    propagation: readPropagation(options, query),
    graceSeconds: grace === undefined || grace === null ? undefined : Number(grace),
    uid: preconditions['uid'],
    resourceVersion: preconditions['resourceVersion'],
    dryRun: request.dryRun || (Array.isArray(dryRun) && dryRun.includes('All')),
  };
}

function readPropagation(
  options: JsonObject,
  query: Readonly<Record<string, string>>,
): DeleteOptions['propagation'] {
  const asked = options['propagationPolicy'] ?? query['propagationPolicy'];
  const orphan = options['orphanDependents'] ?? query['orphanDependents'];
  if (orphan === true || orphan === 'true') return 'Orphan';
  if (asked === undefined || asked === null || asked === '') return undefined;
  if (asked === 'Background' || asked === 'Foreground' || asked === 'Orphan') return asked;
  throw badRequest(
    `DeleteOptions.meta.k8s.io "" is invalid: propagationPolicy: Unsupported value: ${JSON.stringify(asked)}: supported values: "Foreground", "Background", "Orphan"`,
  );
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
  if (typeof uid === 'string' && uid !== metadata.uid)
    throw conflict(
      subjectOf(request),
      `Precondition failed: UID in precondition: ${uid}, UID in object meta: ${metadata.uid}`,
    );
  if (typeof resourceVersion === 'string' && resourceVersion !== metadata.resourceVersion)
    throw conflict(
      subjectOf(request),
      `Precondition failed: ResourceVersion in precondition: ${resourceVersion}, ResourceVersion in object meta: ${metadata.resourceVersion}`,
    );
}

export function deleteStored(
  context: ServerContext,
  type: ResourceType,
  stored: KubeObject,
  options: DeleteOptions,
): Deleted {
  const { metadata } = stored;
  const finalizers = finalizersFor(metadata.finalizers ?? [], options.propagation);
  const asked = options.graceSeconds;
  const grace = type.definition.behaviour.graceSeconds?.(stored, asked) ?? 0;
  const holds = isObject(stored['spec']) && holdsInSpec(stored['spec']);
  if (finalizers.length === 0 && grace === 0 && !holds) {
    if (options.dryRun) return { object: stored, previous: stored, gone: true };
    return { object: remove(context, type, stored), previous: stored, gone: true };
  }
  const live = type.view(stored);
  const marked = mark(context, live, finalizers, grace);
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
  propagation: DeleteOptions['propagation'],
): readonly string[] {
  if (propagation === undefined) return current;
  const others = current.filter((name) => name !== FOREGROUND && name !== ORPHAN);
  if (propagation === 'Foreground') return [...others, FOREGROUND];
  if (propagation === 'Orphan') return [...others, ORPHAN];
  return others;
}

/** A second deletion changes something only when it shortens the grace period. */
function mark(
  context: ServerContext,
  stored: KubeObject,
  finalizers: readonly string[],
  grace: number,
): KubeObject {
  const { metadata } = stored;
  const isMarked = metadata.deletionTimestamp !== undefined;
  const isShorter = grace < (metadata.deletionGracePeriodSeconds ?? 0);
  if (isMarked && !isShorter) return stored;
  const next: Metadata = {
    ...metadata,
    deletionTimestamp: timestamp(context.now() + grace * 1000),
    deletionGracePeriodSeconds: grace,
    ...(finalizers.length > 0 ? { finalizers } : {}),
    ...(metadata.generation === undefined || isMarked
      ? {}
      : { generation: metadata.generation + 1 }),
  };
  return withKeys(stored, { metadata: next, ...terminating(stored) });
}

function terminating({ kind, apiVersion, ...rest }: KubeObject): JsonObject {
  if (kind !== 'Namespace' || apiVersion !== 'v1') return {};
  const status = isObject(rest['status']) ? rest['status'] : {};
  return { status: { ...status, phase: 'Terminating' } };
}
