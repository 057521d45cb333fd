/**
 * Parts that the Gateway API's kinds share.
 *
 * Names, limits, defaults and rules are those of the v1 API, so that what is accepted here is accepted
 * there; the words are ours.
 */

import { fields, int, list, long, text, textMap, texts } from '../api-server/schema/describe.ts';
import type { CelRule, SchemaNode } from '../api-server/schema/schema-node.ts';

export const GROUP = 'gateway.networking.k8s.io';

const LABEL = '[a-z0-9]([-a-z0-9]*[a-z0-9])?';
const SUBDOMAIN = `${LABEL}(\\.${LABEL})*`;
const HEADER_NAME = "^[A-Za-z0-9!#$%&'*+\\-.^_\\x60|~]+$";

type Extra = Partial<SchemaNode>;

export const atomic: Extra = { 'x-kubernetes-list-type': 'atomic' };
export const set: Extra = { 'x-kubernetes-list-type': 'set' };

export function mapBy(key: string): Extra {
  return { 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': [key] };
}

export function rule(message: string, expression: string): CelRule {
  return { message, rule: expression };
}

export function rules(...all: readonly CelRule[]): Extra {
  return { 'x-kubernetes-validations': all };
}

export const bounded = (description: string, maxLength: number, extra: Extra = {}) =>
  text(description, { minLength: 1, maxLength, ...extra });

export const objectName = (description: string) => bounded(description, 253);

export const groupName = (description: string, extra: Extra = {}) =>
  text(description, { maxLength: 253, pattern: `^$|^${SUBDOMAIN}$`, ...extra });

export const kindName = (description: string, extra: Extra = {}) =>
  bounded(description, 63, { pattern: '^[a-zA-Z]([-a-zA-Z0-9]*[a-zA-Z0-9])?$', ...extra });

export const namespaceName = (description: string) =>
  bounded(description, 63, { pattern: `^${LABEL}$` });

export const sectionName = (description: string) =>
  bounded(description, 253, { pattern: `^${SUBDOMAIN}$` });

export const hostname = (description: string) =>
  bounded(description, 253, { pattern: `^(\\*\\.)?${SUBDOMAIN}$` });

export const preciseHostname = (description: string) =>
  bounded(description, 253, { pattern: `^${SUBDOMAIN}$` });

export const controllerName = (description: string, extra: Extra = {}) =>
  bounded(description, 253, {
    pattern: `^${SUBDOMAIN}\\/[A-Za-z0-9\\/\\-._~%!$&'()*+,;=:]+$`,
    ...extra,
  });

export const port = (description: string) => int(description, { minimum: 1, maximum: 65535 });

export const headerName = (description: string) =>
  bounded(description, 256, { pattern: HEADER_NAME });

export const duration = (description: string) =>
  text(description, { pattern: '^([0-9]{1,5}(h|m|s|ms)){1,4}$' });

export const parentRef = (description: string) =>
  fields(
    description,
    {
      group: groupName('Group of the parent.', { default: GROUP }),
      kind: kindName('Kind of the parent.', { default: 'Gateway' }),
      namespace: namespaceName('Namespace of the parent; that of the route when absent.'),
      name: objectName('Name of the parent.'),
      sectionName: sectionName('One listener of it.'),
      port: port('One port of it.'),
    },
    { required: ['name'] },
  );

export const localRef = (description: string) =>
  fields(
    description,
    {
      group: groupName('Its group.'),
      kind: kindName('Its kind.'),
      name: objectName('Its name.'),
    },
    { required: ['group', 'kind', 'name'] },
  );

export const serviceNeedsPort = rule(
  'a reference to a Service names a port',
  "(size(self.group) == 0 && self.kind == 'Service') ? has(self.port) : true",
);

export const backendFields = {
  group: groupName('Group of the backend.', { default: '' }),
  kind: kindName('Kind of the backend.', { default: 'Service' }),
  namespace: namespaceName('Namespace of the backend; that of the route when absent.'),
  name: objectName('Name of the backend.'),
  port: port('Port of the backend.'),
};

export const secretRef = (description: string) =>
  fields(
    description,
    {
      group: groupName('Its group.', { default: '' }),
      kind: kindName('Its kind.', { default: 'Secret' }),
      namespace: namespaceName('Its namespace.'),
      name: objectName('Its name.'),
    },
    { required: ['name'] },
  );

export const selector = (description: string) =>
  fields(
    description,
    {
      matchLabels: textMap('Labels with exactly these values.'),
      matchExpressions: list(
        'Further requirements.',
        fields(
          'One requirement.',
          {
            key: text('Name of the label.'),
            operator: text('In, NotIn, Exists or DoesNotExist.'),
            values: texts('Values for In and NotIn.', atomic),
          },
          { required: ['key', 'operator'] },
        ),
        atomic,
      ),
    },
    { 'x-kubernetes-map-type': 'atomic' },
  );

const condition = fields(
  'One aspect of the current state.',
  {
    type: text('Which aspect.', {
      maxLength: 316,
      pattern: `^(${SUBDOMAIN}/)?(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])$`,
    }),
    status: text('True, False or Unknown.', { enum: ['True', 'False', 'Unknown'] }),
    reason: bounded('Why, in one word.', 1024, {
      pattern: '^[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?$',
    }),
    message: text('Why, as a sentence.', { maxLength: 32768 }),
    observedGeneration: long('Generation this was computed from.', { minimum: 0 }),
    lastTransitionTime: text('When the status last changed.', { format: 'date-time' }),
  },
  { required: ['lastTransitionTime', 'message', 'reason', 'status', 'type'] },
);

export const conditions = (description: string, extra: Extra = {}) =>
  list(description, condition, { maxItems: 8, ...mapBy('type'), ...extra });

/** What stands in the status before a controller has looked. */
export function pending(...types: readonly string[]): readonly object[] {
  return types.map((type) => ({
    type,
    status: 'Unknown',
    reason: 'Pending',
    message: 'Waiting for controller',
    lastTransitionTime: '1970-01-01T00:00:00Z',
  }));
}

export const listenerKinds = (description: string) =>
  list(
    description,
    fields(
      'One kind of route.',
      { group: groupName('Its group.', { default: GROUP }), kind: kindName('Its kind.') },
      { required: ['kind'] },
    ),
    { maxItems: 8, ...atomic },
  );
