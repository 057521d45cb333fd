/** Gateway and GatewayClass of the Gateway API. */

import { choice, fields, int, list, text } from '../api-server/schema/describe.ts';
import type { SchemaNode } from '../api-server/schema/schema-node.ts';
import { AGE, gatewayDefinition } from './definition.ts';
import * as part from './gateway-parts.ts';

const namespaces = fields(
  'Namespaces routes may come from.',
  {
    from: choice('Which.', ['All', 'Selector', 'Same'], { default: 'Same' }),
    selector: part.selector('Labels of the namespaces, for Selector.'),
  },
  { default: { from: 'Same' } },
);

const tls = fields(
  'Encryption.',
  {
    mode: choice('Where it ends.', ['Terminate', 'Passthrough'], { default: 'Terminate' }),
    certificateRefs: list('Certificates.', part.secretRef('One certificate.'), {
      maxItems: 64,
      ...part.atomic,
    }),
    options: {
      type: 'object',
      description: 'What only this implementation knows.',
      maxProperties: 16,
      additionalProperties: { type: 'string', minLength: 0, maxLength: 4096 },
    },
  },
  part.rules(
    part.rule(
      'Terminate needs certificateRefs or options',
      "self.mode == 'Terminate' ? (has(self.certificateRefs) && size(self.certificateRefs) > 0) || (has(self.options) && size(self.options) > 0) : true",
    ),
  ),
);

const listener = fields(
  'One port, protocol and host it listens on.',
  {
    name: part.sectionName('Name that routes may refer to.'),
    hostname: part.hostname('The host; all when absent.'),
    port: part.port('The port.'),
    protocol: part.bounded('HTTP, HTTPS, TLS, TCP, UDP or one of the implementation.', 255),
    tls,
    allowedRoutes: fields(
      'Routes it takes up.',
      { namespaces, kinds: part.listenerKinds('Kinds of routes.') },
      { default: { namespaces: { from: 'Same' } } },
    ),
  },
  { required: ['name', 'port', 'protocol'] },
);

const listenerRules = part.rules(
  part.rule(
    'tls does not go with HTTP, TCP and UDP',
    "self.all(l, l.protocol in ['HTTP', 'TCP', 'UDP'] ? !has(l.tls) : true)",
  ),
  part.rule(
    'HTTPS ends at the gateway',
    "self.all(l, (l.protocol == 'HTTPS' && has(l.tls)) ? (l.tls.mode == '' || l.tls.mode == 'Terminate') : true)",
  ),
  part.rule(
    'hostname does not go with TCP and UDP',
    "self.all(l, l.protocol in ['TCP', 'UDP'] ? (!has(l.hostname) || l.hostname == '') : true)",
  ),
  part.rule(
    'listeners have different names',
    'self.all(l1, self.exists_one(l2, l1.name == l2.name))',
  ),
  part.rule(
    'listeners differ in port, protocol or hostname',
    'self.all(l1, self.exists_one(l2, l1.port == l2.port && l1.protocol == l2.protocol && (has(l1.hostname) && has(l2.hostname) ? l1.hostname == l2.hostname : !has(l1.hostname) && !has(l2.hostname))))',
  ),
);

const address = (required: readonly string[]): SchemaNode =>
  fields(
    'One address.',
    {
      type: part.bounded('IPAddress, Hostname or NamedAddress.', 253, { default: 'IPAddress' }),
      value: text('The address.', { maxLength: 253 }),
    },
    { required },
  );

const listenerStatus = fields(
  'What is known of one listener.',
  {
    name: part.sectionName('Its name.'),
    supportedKinds: part.listenerKinds('Kinds of routes it takes up.'),
    attachedRoutes: int('Routes it serves.'),
    conditions: part.conditions('Accepted, Programmed, ResolvedRefs and the like.'),
  },
  { required: ['attachedRoutes', 'conditions', 'name'] },
);

const waiting = part.pending('Accepted', 'Programmed');

export const gateway = gatewayDefinition({
  kind: 'Gateway',
  plural: 'gateways',
  shortNames: ['gtw'],
  scope: 'Namespaced',
  description: 'A place where traffic enters, with its listeners.',
  columns: [
    { name: 'Class', type: 'string', jsonPath: '.spec.gatewayClassName' },
    { name: 'Address', type: 'string', jsonPath: '.status.addresses[*].value' },
    {
      name: 'Programmed',
      type: 'string',
      jsonPath: '.status.conditions[?(@.type=="Programmed")].status',
    },
    AGE,
  ],
  spec: fields(
    'What is wanted.',
    {
      gatewayClassName: part.objectName('Its class.'),
      listeners: list('Where it listens.', listener, {
        minItems: 1,
        maxItems: 64,
        ...part.mapBy('name'),
        ...listenerRules,
      }),
      addresses: list('Addresses asked for.', address([]), { maxItems: 16, ...part.atomic }),
      infrastructure: fields('Marks of what is made for it.', {
        labels: {
          type: 'object',
          description: 'Labels.',
          maxProperties: 8,
          additionalProperties: { type: 'string', maxLength: 63 },
        },
        annotations: {
          type: 'object',
          description: 'Annotations.',
          maxProperties: 8,
          additionalProperties: { type: 'string', maxLength: 4096 },
        },
        parametersRef: part.localRef('Details for the implementation.'),
      }),
    },
    { required: ['gatewayClassName', 'listeners'] },
  ),
  status: fields(
    'What is there.',
    {
      addresses: list('Addresses it has.', address(['value']), { maxItems: 16, ...part.atomic }),
      conditions: part.conditions('Accepted and Programmed.', { default: waiting }),
      listeners: list('One for each listener.', listenerStatus, {
        maxItems: 64,
        ...part.mapBy('name'),
      }),
    },
    { default: { conditions: waiting } },
  ),
});

const waitingClass = part.pending('Accepted');

export const gatewayClass = gatewayDefinition({
  kind: 'GatewayClass',
  plural: 'gatewayclasses',
  shortNames: ['gc'],
  scope: 'Cluster',
  description: 'A kind of Gateways, and who looks after them.',
  columns: [
    { name: 'Controller', type: 'string', jsonPath: '.spec.controllerName' },
    {
      name: 'Accepted',
      type: 'string',
      jsonPath: '.status.conditions[?(@.type=="Accepted")].status',
    },
    AGE,
    { name: 'Description', type: 'string', jsonPath: '.spec.description', priority: 1 },
  ],
  spec: fields(
    'What is wanted.',
    {
      controllerName: part.controllerName(
        'Who looks after its Gateways.',
        part.rules(part.rule('the controller cannot be changed', 'self == oldSelf')),
      ),
      parametersRef: fields(
        'Details for the controller.',
        {
          group: part.groupName('Its group.'),
          kind: part.kindName('Its kind.'),
          name: part.objectName('Its name.'),
          namespace: part.namespaceName('Its namespace.'),
        },
        { required: ['group', 'kind', 'name'] },
      ),
      description: text('A few words about it.', { maxLength: 64 }),
    },
    { required: ['controllerName'] },
  ),
  status: fields(
    'What its controller says.',
    {
      conditions: part.conditions('Accepted.', { default: waitingClass }),
      supportedFeatures: list(
        'What it can do.',
        fields('One feature.', { name: text('Its name.') }, { required: ['name'] }),
        {
          maxItems: 64,
          ...part.mapBy('name'),
        },
      ),
    },
    { default: { conditions: waitingClass } },
  ),
});
