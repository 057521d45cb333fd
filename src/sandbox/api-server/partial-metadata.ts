/** An object of which only the metadata is shown. */

import type { KubeObject } from './object.ts';

export function metadataOnly({ metadata }: KubeObject): object {
  return { kind: 'PartialObjectMetadata', apiVersion: 'meta.k8s.io/v1', metadata };
}
