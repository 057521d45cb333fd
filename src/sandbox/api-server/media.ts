/** In which form the client wants an answer. */

import type { ServerContext } from './context.ts';
import { notAcceptable, wrongForm } from './faults.ts';
import type { KubeObject } from './object.ts';
import { metadataOnly } from './partial-metadata.ts';
import type { Request } from './request.ts';
import { bookmarkRowOf, rowOf, tableOf } from './tables.ts';
import type { Render } from './watches.ts';

type Form = 'object' | 'metadata' | 'metadataList' | 'table';

const cache = new Map<string, Form | undefined>();

/** The first entry of `Accept` that the server can serve. */
export function formOf(accept: string | undefined): Form {
  if (accept === undefined || accept === '' || accept === 'application/json') return 'object';
  let form = cache.get(accept);
  if (form === undefined && !cache.has(accept)) {
    form = accept
      .split(',')
      .map(entryForm)
      .find((one) => one !== undefined);
    if (cache.size < 1000) cache.set(accept, form);
  }
  if (form === undefined) throw notAcceptable();
  return form;
}

function entryForm(entry: string): Form | undefined {
  const [media = '', ...parameters] = entry.split(';').map((part) => part.trim());
  if (!['application/json', 'application/yaml', 'application/*', '*/*'].includes(media))
    return undefined;
  const values = new Map(parameters.map((part) => [part.split('=')[0], part.split('=')[1]]));
  const as = values.get('as');
  if (as === undefined) return 'object';
  if (values.get('g') !== 'meta.k8s.io' || values.get('v') !== 'v1') return undefined;
  if (as === 'Table') return 'table';
  if (as === 'PartialObjectMetadata') return 'metadata';
  return as === 'PartialObjectMetadataList' ? 'metadataList' : undefined;
}

/** One object, as asked for. */
export function present(context: ServerContext, request: Request, object: KubeObject): unknown {
  const form = formOf(request.call.headers['accept']);
  if (form === 'object') return object;
  if (form === 'table') return tableOf(context, request, [object], object.metadata.resourceVersion);
  if (form === 'metadata') return metadataOnly(object);
  throw wrongForm(
    `you requested PartialObjectMetadataList, but the requested object is not a list (${object.kind})`,
  );
}

/** How the events of a watch show their objects. */
export function rendererOf(context: ServerContext, request: Request): Render {
  const form = formOf(request.call.headers['accept']);
  switch (form) {
    case 'object':
      return { object: (object) => object, bookmark: (bookmark) => bookmark };
    case 'metadata':
    case 'metadataList':
      return { object: metadataOnly, bookmark: metadataOnly };
    case 'table':
      return {
        object: (object, isFirst) => rowOf(context, request, object, isFirst),
        bookmark: (bookmark, isFirst) => bookmarkRowOf(context, request, bookmark, isFirst),
      };
  }
}
