/** An object of which only the metadata is shown. */

import type { JsonObject } from './json.ts';

export function metadataOnly({ metadata }: JsonObject): object {
  return { kind: 'PartialObjectMetadata', apiVersion: 'meta.k8s.io/v1', metadata };
}
