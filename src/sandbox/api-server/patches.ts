/** PATCH: three ways to say what shall change, one way to write it. */

import { decode } from './admit.ts';
import type { ServerContext } from './context.ts';
import {
  badRequest,
  invalidPatch,
  notFound,
  notImplemented,
  UndecodableFault,
  unsupportedMediaType,
} from './faults.ts';
import { isObject, type JsonObject } from './json.ts';
import { applyJsonPatch } from './patch/json-patch.ts';
import { applyMergePatch } from './patch/merge-patch.ts';
import { applyStrategicMerge } from './patch/strategic-merge.ts';
import { subjectOf, type Request } from './request.ts';
import { replace, type Written } from './writes.ts';

const JSON_PATCH = 'application/json-patch+json';
const MERGE_PATCH = 'application/merge-patch+json';
const STRATEGIC = 'application/strategic-merge-patch+json';
const APPLY = ['application/apply-patch+yaml', 'application/apply-patch+cbor'];

export function patch(context: ServerContext, request: Request): Written {
  const { type, namespace = '', name = '' } = request;
  const media = mediaTypeOf(request);
  const stored = type.collection.get(namespace, name);
  if (stored === undefined) throw notFound(subjectOf(request));
  const live = type.view(stored);
  const patched = patchValue(request, media, live);
  if (!isObject(patched)) throw badRequest('the patched object is not an object');
  return readable(patched, () => {
    const incoming = decode(request, patched, live);
    checkPlace(request, incoming.metadata);
    return replace(context, request, stored, incoming);
  });
}

/** An object that can no longer be read was made so by the patch. */
export function readable<T>(patched: unknown, write: () => T): T {
  try {
    return write();
  } catch (error) {
    if (error instanceof UndecodableFault) throw invalidPatch(patched, error);
    throw error;
  }
}

/** A patch moves nothing. */
function checkPlace({ name = '', namespace }: Request, metadata: JsonObject): void {
  if (metadata['name'] !== name)
    throw badRequest(
      `the name of the object (${String(metadata['name'])}) does not match the name on the URL (${name})`,
    );
  if (metadata['namespace'] !== namespace)
    throw badRequest(
      'the namespace of the provided object does not match the namespace sent on the request',
    );
}

/** The media type, once it is one that this kind takes. */
export function mediaTypeOf({ call, type }: Request): string {
  const media = (call.headers['content-type'] ?? '').split(';')[0]?.trim() ?? '';
  if (APPLY.includes(media))
    throw notImplemented(
      'server-side apply is not supported by this server: use a merge patch, a JSON patch or kubectl apply without --server-side',
    );
  const known = type.definition.custom
    ? [JSON_PATCH, MERGE_PATCH]
    : [JSON_PATCH, MERGE_PATCH, STRATEGIC];
  if (![JSON_PATCH, MERGE_PATCH, STRATEGIC].includes(media)) throw unsupportedMediaType();
  if (!known.includes(media))
    throw unsupportedMediaType([...known, 'application/apply-patch+yaml']);
  return media;
}

/** `value` is the object itself or what a subresource shows of it. */
export function patchValue(request: Request, media: string, value: unknown): unknown {
  const { body } = request.call;
  if (media === JSON_PATCH) return applyJsonPatch(value, body);
  if (!isObject(body))
    throw badRequest(
      'error decoding patch: json: cannot unmarshal array into Go value of type map[string]interface {}',
    );
  if (media === MERGE_PATCH) return applyMergePatch(value, body);
  const isScale = request.subresource === 'scale';
  return applyStrategicMerge(value, body, isScale ? {} : request.type.definition.schema.node);
}
