/** `as=Table`: what `kubectl get` prints. */

import type { ServerContext } from './context.ts';
import type { JsonObject } from './json.ts';
import { asKubeObject, type KubeObject } from './object.ts';
import { metadataOnly } from './partial-metadata.ts';
import type { Request } from './request.ts';
import type { Column } from './resource-type.ts';

interface ListFacts {
  readonly continueToken?: string | undefined;
  readonly remaining?: number | undefined;
}

export function tableOf(
  context: ServerContext,
  request: Request,
  objects: readonly KubeObject[],
  resourceVersion: string,
  { continueToken, remaining }: ListFacts = {},
): object {
  return {
    kind: 'Table',
    apiVersion: 'meta.k8s.io/v1',
    metadata: {
      resourceVersion,
      ...(continueToken === undefined ? {} : { continue: continueToken }),
      ...(remaining === undefined ? {} : { remainingItemCount: remaining }),
    },
    columnDefinitions: request.type.definition.columns.map(columnDefinition),
    rows: objects.map((object) => row(context, request, object)),
  };
}

/** In a watch only the first table says what the columns are. */
export function rowOf(
  context: ServerContext,
  request: Request,
  object: KubeObject,
  withColumns: boolean,
): object {
  const { columns } = request.type.definition;
  return {
    kind: 'Table',
    apiVersion: 'meta.k8s.io/v1',
    metadata: { resourceVersion: object.metadata.resourceVersion },
    columnDefinitions: withColumns ? columns.map(columnDefinition) : null,
    rows: [row(context, request, object)],
  };
}

/** A bookmark is a row of nothing, whose object carries the version and the annotations. */
export function bookmarkRowOf(
  context: ServerContext,
  request: Request,
  bookmark: JsonObject,
  withColumns: boolean,
): object {
  const nameless = asKubeObject({
    ...bookmark,
    metadata: { name: '', ...Object(bookmark['metadata']) },
  });
  const table = rowOf(context, request, nameless, withColumns);
  const { cells } = row(context, request, nameless);
  return { ...table, rows: [{ cells, object: metadataOnly(bookmark) }] };
}

function columnDefinition({
  name,
  type,
  format = '',
  description = '',
  priority = 0,
}: Column): object {
  return { name, type, format, description, priority };
}

function row(
  { now }: ServerContext,
  { type, call }: Request,
  object: KubeObject,
): { readonly cells: readonly unknown[]; readonly object?: object } {
  const at = now();
  const cells = type.definition.columns.map(({ cell }) => cell(object, at));
  const include = call.query['includeObject'] ?? 'Metadata';
  if (include === 'None') return { cells };
  return { cells, object: include === 'Object' ? object : metadataOnly(object) };
}
