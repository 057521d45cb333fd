/** The `/scale` subresource: an autoscaling/v1 view of the replicas of a workload. */

import type { ServerContext } from './context.ts';
import {
  badRequest,
  conflict,
  internalError,
  invalid,
  MODIFIED_MEANWHILE,
  noSuchPath,
  notFound,
  UndecodableFault,
} from './faults.ts';
import { isObject, valueAt, withKeys, withValueAt, type JsonObject } from './json.ts';
import { asKubeObject, type KubeObject } from './object.ts';
import { mediaTypeOf, patchValue, readable } from './patches.ts';
import { kindOf, subjectOf, type Request } from './request.ts';
import type { ScalePaths } from './resource-type.ts';
import { invalidValue } from './schema/field-errors.ts';
import { replace, undeterminable, type Written } from './writes.ts';

interface Target {
  readonly stored: KubeObject;
  readonly live: KubeObject;
  readonly paths: ScalePaths;
}

function targetOf(request: Request): Target {
  const { type, namespace = '', name = '' } = request;
  const paths = type.definition.scale;
  if (paths === undefined) throw noSuchPath();
  const stored = type.collection.get(namespace, name);
  if (stored === undefined) throw notFound(subjectOf(request));
  return { stored, live: type.view(stored), paths };
}

export function readScale(request: Request): JsonObject {
  const { live, paths } = targetOf(request);
  if (request.type.definition.custom && valueAt(live, paths.specReplicas) === undefined)
    throw internalError(
      `the spec replicas field ${JSON.stringify(`.${paths.specReplicas.join('.')}`)} does not exist`,
    );
  return scaleOf(live, paths);
}

export function scaleOf(live: KubeObject, paths: ScalePaths): JsonObject {
  const { name, namespace, uid, resourceVersion, creationTimestamp } = live.metadata;
  const replicas = valueAt(live, paths.specReplicas);
  const current = valueAt(live, paths.statusReplicas);
  const selector = paths.selector === undefined ? undefined : valueAt(live, paths.selector);
  return {
    kind: 'Scale',
    apiVersion: 'autoscaling/v1',
    metadata: { name, namespace, uid, resourceVersion, creationTimestamp },
    spec: typeof replicas === 'number' && replicas !== 0 ? { replicas } : {},
    status: {
      replicas: typeof current === 'number' ? current : 0,
      ...(selector === undefined ? {} : { selector: selectorText(selector) }),
    },
  };
}

/** CRDs point at a text, built-in workloads at a label selector. */
function selectorText(selector: unknown): string {
  if (typeof selector === 'string') return selector;
  if (!isObject(selector)) return '';
  const { matchLabels, matchExpressions } = selector;
  const pairs = isObject(matchLabels) ? Object.entries(matchLabels) : [];
  const parts = pairs.map(([key, value]) => `${key}=${String(value)}`).sort();
  if (Array.isArray(matchExpressions)) parts.push(...matchExpressions.map(expressionText));
  return parts.join(',');
}

function expressionText(expression: unknown): string {
  if (!isObject(expression)) return '';
  const { key, operator, values } = expression;
  const list = Array.isArray(values) ? values.join(',') : '';
  switch (operator) {
    case 'Exists':
      return String(key);
    case 'DoesNotExist':
      return `!${String(key)}`;
    case 'NotIn':
      return `${String(key)} notin (${list})`;
    default:
      return `${String(key)} in (${list})`;
  }
}

export interface ScaleWritten {
  readonly scale: JsonObject;
  readonly written: Written;
}

export function writeScale(context: ServerContext, request: Request): ScaleWritten {
  const { stored, live, paths } = targetOf(request);
  const current = scaleOf(live, paths);
  const body =
    request.verb === 'patch'
      ? patchValue(request, mediaTypeOf(request), current)
      : request.call.body;
  if (!isObject(body)) throw badRequest('the body of the request is not a Scale');
  const replicas =
    request.verb === 'patch'
      ? readable(body, () => replicasIn(request, body))
      : replicasIn(request, body);
  checkVersion(request, live, body);
  const scaled = asKubeObject(withValueAt(live, paths.specReplicas, replicas));
  const incoming = withKeys(scaled, {
    metadata: withKeys(live.metadata, { managedFields: undefined }),
  });
  const written = replace(context, { ...request, subresource: 'scale' }, stored, incoming);
  return { scale: scaleOf(written.object, paths), written };
}

function replicasIn(request: Request, body: JsonObject): number {
  const spec = isObject(body['spec']) ? body['spec'] : {};
  const replicas = spec['replicas'] ?? 0;
  if (typeof replicas !== 'number' || !Number.isInteger(replicas))
    throw new UndecodableFault(
      'Scale',
      'v1',
      `json: cannot unmarshal ${typeof replicas} into Go struct field ScaleSpec.spec.replicas of type int32`,
    );
  if (replicas >= 0) return replicas;
  throw negative(request, replicas);
}

/** Built-in kinds check the Scale, custom ones the object that it would make. */
function negative({ type, name = '' }: Request, replicas: number) {
  const { custom, scale } = type.definition;
  if (!custom)
    return invalid({ group: 'autoscaling', kind: 'Scale', name }, [
      invalidValue('spec.replicas', replicas, 'must be greater than or equal to 0'),
    ]);
  const field = `.${(scale?.specReplicas ?? []).join('.')}`;
  return invalid(kindOf(type, name), [
    invalidValue(field, replicas, 'should be a non-negative integer'),
  ]);
}

function checkVersion(request: Request, live: KubeObject, body: JsonObject): void {
  const metadata = isObject(body['metadata']) ? body['metadata'] : {};
  const { resourceVersion, uid } = metadata;
  if (metadata['name'] === undefined) throw badRequest(undeterminable(live.metadata.name));
  const isOther = typeof uid === 'string' && uid !== '' && uid !== live.metadata.uid;
  const isStale =
    typeof resourceVersion === 'string' &&
    resourceVersion !== '' &&
    resourceVersion !== live.metadata.resourceVersion;
  if (isOther || isStale) throw conflict(subjectOf(request), MODIFIED_MEANWHILE);
}
