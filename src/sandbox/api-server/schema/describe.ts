/** Small words to write schemas with. */

import type { SchemaNode } from './schema-node.ts';

type Extra = Partial<SchemaNode>;

export function text(description: string, extra: Extra = {}): SchemaNode {
  return { type: 'string', description, ...extra };
}

export function choice(
  description: string,
  values: readonly string[],
  extra: Extra = {},
): SchemaNode {
  return { type: 'string', description, enum: values, ...extra };
}

export function int(description: string, extra: Extra = {}): SchemaNode {
  return { type: 'integer', format: 'int32', description, ...extra };
}

export function long(description: string, extra: Extra = {}): SchemaNode {
  return { type: 'integer', format: 'int64', description, ...extra };
}

export function flag(description: string, extra: Extra = {}): SchemaNode {
  return { type: 'boolean', description, ...extra };
}

export function time(description: string): SchemaNode {
  return { type: 'string', format: 'date-time', description, nullable: true };
}

export function microTime(description: string): SchemaNode {
  return { type: 'string', format: 'micro-time', description, nullable: true };
}

export function intOrText(description: string, extra: Extra = {}): SchemaNode {
  return { 'x-kubernetes-int-or-string': true, description, ...extra };
}

/** Anything below is kept as it comes. */
export function open(description: string, extra: Extra = {}): SchemaNode {
  return {
    type: 'object',
    description,
    'x-kubernetes-preserve-unknown-fields': true,
    ...extra,
  };
}

export function fields(
  description: string,
  properties: Readonly<Record<string, SchemaNode>>,
  extra: Extra = {},
): SchemaNode {
  return { type: 'object', description, properties, ...extra };
}

export function list(description: string, items: SchemaNode, extra: Extra = {}): SchemaNode {
  return { type: 'array', description, items, ...extra };
}

/** A list whose items are told apart by `key`, also in strategic merge patches. */
export function listBy(
  key: string,
  description: string,
  items: SchemaNode,
  extra: Extra = {},
): SchemaNode {
  return {
    type: 'array',
    description,
    items,
    'x-kubernetes-patch-strategy': 'merge',
    'x-kubernetes-patch-merge-key': key,
    ...extra,
  };
}

export function texts(description: string, extra: Extra = {}): SchemaNode {
  return list(description, { type: 'string' }, extra);
}

export function textMap(description: string, extra: Extra = {}): SchemaNode {
  return { type: 'object', description, additionalProperties: { type: 'string' }, ...extra };
}

export function labelSelector(description: string): SchemaNode {
  return fields(description, {
    matchLabels: textMap('Labels that must have exactly these values.'),
    matchExpressions: list(
      'Further requirements; all must hold.',
      fields('One requirement on one label.', {
        key: text('Name of the label.'),
        operator: text('In, NotIn, Exists or DoesNotExist.'),
        values: texts('Values for In and NotIn.'),
      }),
    ),
  });
}

export function conditions(description: string): SchemaNode {
  return listBy(
    'type',
    description,
    fields('One aspect of the current state.', {
      type: text('Which aspect.'),
      status: text('True, False or Unknown.'),
      reason: text('Why, as one CamelCase word.'),
      message: text('Why, as a sentence.'),
      observedGeneration: long('Generation of the object this was computed from.'),
      lastTransitionTime: time('When the status last changed.'),
      lastUpdateTime: time('When the condition was last computed.'),
      lastHeartbeatTime: time('When the condition was last heard of.'),
      lastProbeTime: time('When the condition was last probed.'),
    }),
  );
}
