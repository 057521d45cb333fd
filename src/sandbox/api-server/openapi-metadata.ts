/** The schema of `metadata`, for `kubectl explain`. */

import { fields, flag, list, long, open, text, textMap, texts, time } from './schema/describe.ts';
import type { SchemaNode } from './schema/schema-node.ts';

export const METADATA_REF = 'io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta';

export const metadataSchema: SchemaNode = fields('What every object has.', {
  name: text('Unique in its namespace and kind.'),
  generateName: text('Start of a name that the server completes.'),
  namespace: text('The namespace it is in.'),
  uid: text('Unique in time and space; given by the server.'),
  resourceVersion: text('Changes with every write; for the server only.'),
  generation: long('Changes with every change of what is wanted.'),
  creationTimestamp: time('When it was created.'),
  deletionTimestamp: time('When it was, or will be, deleted.'),
  deletionGracePeriodSeconds: long('Seconds it is given to stop.'),
  labels: textMap('What selectors look at.'),
  annotations: textMap('Notes for tools and people.'),
  finalizers: texts('Who must let go before it is gone.'),
  ownerReferences: list(
    'Objects it goes with.',
    fields('One owner.', {
      apiVersion: text('Version of the owner.'),
      kind: text('Kind of the owner.'),
      name: text('Name of the owner.'),
      uid: text('Uid of the owner.'),
      controller: flag('Whether the owner manages it.'),
      blockOwnerDeletion: flag('Whether the owner waits for it in a foreground deletion.'),
    }),
  ),
  managedFields: list('Who wrote which field last.', open('One writer.')),
  selfLink: text('No longer set.'),
});
