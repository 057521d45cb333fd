/** Kinds that are little more than data. */

import {
  conditions,
  fields,
  flag,
  int,
  listBy,
  microTime,
  open,
  text,
  textMap,
  texts,
  time,
} from '../schema/describe.ts';
import type { SchemaNode } from '../schema/schema-node.ts';

export const namespaceSchema: SchemaNode = fields('A room for names.', {
  spec: fields('What is wanted.', { finalizers: texts('Who must let go before it is gone.') }),
  status: fields('What is there.', {
    phase: text('Active or Terminating.'),
    conditions: conditions('What deletion waits for.'),
  }),
});

const bytes = (description: string): SchemaNode => ({
  type: 'object',
  description,
  additionalProperties: { type: 'string', format: 'byte' },
});

export const configMapSchema: SchemaNode = fields('Configuration as keys and texts.', {
  data: textMap('Texts by key.'),
  binaryData: bytes('Bytes by key, base64.'),
  immutable: flag('Whether the data may change.'),
});

export const secretSchema: SchemaNode = fields('Confidential data as keys and bytes.', {
  data: bytes('Bytes by key, base64.'),
  stringData: textMap('Texts by key; only for writing, joined into data.'),
  type: text('What it is for.', { default: 'Opaque' }),
  immutable: flag('Whether the data may change.'),
});

export const serviceAccountSchema: SchemaNode = fields('A name processes act under.', {
  secrets: listBy('name', 'Secrets its pods may use.', open('A Secret.')),
  imagePullSecrets: listBy('name', 'Secrets its pods fetch images with.', open('A Secret.')),
  automountServiceAccountToken: flag('Whether its pods get a token.'),
});

const objectReference = (description: string) =>
  fields(description, {
    apiVersion: text('Version of the kind.'),
    kind: text('Its kind.'),
    namespace: text('Its namespace.'),
    name: text('Its name.'),
    uid: text('Its uid.'),
    resourceVersion: text('The version spoken of.'),
    fieldPath: text('The part spoken of.'),
  });

export const eventSchema: SchemaNode = fields(
  'Something that happened to an object.',
  {
    involvedObject: objectReference('What it happened to.'),
    reason: text('What happened, in one word.'),
    message: text('What happened, as a sentence.'),
    type: text('Normal or Warning.'),
    source: fields(
      'Who saw it.',
      { component: text('The program.'), host: text('Its node.') },
      { default: {} },
    ),
    firstTimestamp: time('When it happened first.'),
    lastTimestamp: time('When it happened last.'),
    count: int('How often it happened.'),
    eventTime: microTime('When it was first seen, in microseconds.'),
    series: open('How it goes on.'),
    action: text('What was done about it.'),
    related: objectReference('Another object that takes part.'),
    reportingComponent: text('Name of the controller that reports.', { default: '' }),
    reportingInstance: text('Which of its instances.', { default: '' }),
  },
  { required: ['involvedObject'] },
);

export const leaseSchema: SchemaNode = fields('A lock with an expiry.', {
  spec: fields('Who holds it.', {
    holderIdentity: text('The holder; absent when free.'),
    leaseDurationSeconds: int('Seconds after the last renewal until others may take it.', {
      minimum: 1,
    }),
    acquireTime: microTime('When it was taken.'),
    renewTime: microTime('When it was last renewed.'),
    leaseTransitions: int('How often the holder changed.', { minimum: 0 }),
    strategy: text('How the holder is chosen.'),
    preferredHolder: text('Who should hold it.'),
  }),
});
