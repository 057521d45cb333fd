/**
 * `spec.service` of a Canary: the Services it makes and how requests reach them.
 */

import * as z from 'zod';

import {
  filledIn,
  flag,
  list,
  objectName,
  oneOf,
  portOrName,
  rules,
  text,
  texts,
  whole,
} from './schema.ts';
import { defaults } from './defaults.ts';
import { chosenStringMatch, matchesByName, stringMatch } from './string-match.ts';
import { TrafficPolicy } from './traffic-policy.ts';

const groupPattern = /^$|^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;
const kindPattern = /^[a-zA-Z]([-a-zA-Z0-9]*[a-zA-Z0-9])?$/;
const labelPattern = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/;
const subdomainPattern = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;

const group = (description: string) =>
  z.string().max(253).regex(groupPattern).meta({ description });
const kind = (description: string) =>
  z.string().min(1).max(63).regex(kindPattern).meta({ description });
const requiredName = (description: string) => z.string().min(1).max(253).meta({ description });
const namespace = (description: string) =>
  z.string().min(1).max(63).regex(labelPattern).meta({ description });
const port = (description: string) => z.int32().min(1).max(65_535).meta({ description });

export const GatewayRef = z
  .object({
    group: group('API group of the parent.').optional().meta(filledIn(defaults.gatewayGroup)),
    kind: kind('Kind of the parent.').optional().meta(filledIn(defaults.gatewayKind)),
    name: requiredName('Name of the parent.'),
    namespace: namespace('Namespace of the parent; that of the Canary when not set.').optional(),
    sectionName: z
      .string()
      .min(1)
      .max(253)
      .regex(subdomainPattern)
      .meta({ description: 'Listener of the Gateway; all of them when not set.' })
      .optional(),
    port: port('Port of the listener; any when not set.').optional(),
  })
  .meta({ description: 'One parent, usually a Gateway.' });
export type GatewayRef = z.infer<typeof GatewayRef>;

const MirrorBackend = z
  .object({
    group: group('API group of the receiver; empty for a Service.').optional().meta(filledIn('')),
    kind: kind('Kind of the receiver.').optional().meta(filledIn('Service')),
    name: requiredName('Name of the receiver.'),
    namespace: namespace('Namespace of the receiver; that of the Canary when not set.').optional(),
    port: port('Port of the receiver; a Service needs one.').optional(),
  })
  .meta({
    description: 'Who gets a copy of each request. Its answers are thrown away.',
    ...rules({
      rule: "(has(self.group) && self.group != '') || (has(self.kind) && self.kind != 'Service') || has(self.port)",
      message: 'a Service needs a port',
    }),
  });

const HeaderOperations = (direction: string) =>
  z
    .object({
      set: texts(`Headers that the ${direction} gets, replacing those it has.`, 64).optional(),
      add: texts(`Headers that the ${direction} gets in addition to those it has.`, 64).optional(),
      remove: list(
        `Names of headers that the ${direction} loses.`,
        text('Name of a header.', 256),
        64,
      ).optional(),
    })
    .meta({ description: `Changes to the headers of each ${direction}.` });

export const RouteMatch = z
  .object({
    uri: stringMatch('Path of the request.').optional(),
    method: stringMatch('HTTP method of the request.').optional(),
    headers: matchesByName(
      'Headers of the request, by name in lower case.',
      stringMatch('How the value of this header is compared.'),
    ).optional(),
    queryParams: matchesByName(
      'Query parameters of the request, by name.',
      stringMatch('How the value of this parameter is compared.'),
    ).optional(),
    authority: stringMatch('Host that the request names.').optional(),
    scheme: stringMatch('Scheme of the URI.').optional(),
    withoutHeaders: matchesByName(
      'Headers that the request must not match, by name.',
      stringMatch('How the value of this header is compared.'),
    ).optional(),
    ignoreUriCase: flag('Compares the path without looking at upper and lower case.').optional(),
    name: text('Name of this match, for logs of the mesh.', 253).optional(),
    port: whole('Port of the host that is addressed.', 0, 65_535).optional(),
    gateways: list(
      'Gateways that this match is for.',
      text('Name of a gateway.', 512),
      32,
    ).optional(),
    sourceLabels: texts('Labels of the pod that sends the request.', 64).optional(),
    sourceNamespace: text('Namespace of the pod that sends the request.', 253).optional(),
  })
  .meta({ description: 'Conditions that a request has to meet all together.' });
export type RouteMatch = z.infer<typeof RouteMatch>;

export const CorsPolicy = z
  .object({
    allowOrigins: list(
      'Origins that may send cross-origin requests, by pattern.',
      chosenStringMatch('One pattern.'),
      64,
    ).optional(),
    allowOrigin: list(
      'Origins that may send cross-origin requests.',
      text('One origin.', 512),
      64,
    ).optional(),
    allowMethods: list(
      'HTTP methods that cross-origin requests may use.',
      text('One method.', 64),
      16,
    ).optional(),
    allowHeaders: list(
      'Headers that cross-origin requests may carry.',
      text('Name of a header.', 256),
      64,
    ).optional(),
    exposeHeaders: list(
      'Headers of the answer that scripts may read.',
      text('Name of a header.', 256),
      64,
    ).optional(),
    maxAge: text('How long browsers may keep the answer to a preflight request.', 64).optional(),
    allowCredentials: flag('Lets cross-origin requests carry credentials.').optional(),
  })
  .meta({ description: 'Answers to cross-origin requests (CORS).' });
export type CorsPolicy = z.infer<typeof CorsPolicy>;

const ServiceMetadata = (service: string) =>
  z
    .object({
      labels: texts(`Labels of the ${service} Service.`).optional(),
      annotations: texts(`Annotations of the ${service} Service.`).optional(),
    })
    .meta({ description: `Extra metadata for the ${service} Service.` });

export const CanaryService = z
  .object({
    name: objectName(
      'Name of the apex Service, which clients call; `<name>-primary` and `<name>-canary` stand behind it. The name of the target when not set.',
    ).optional(),
    port: whole('Port of the Services.', 1, 65_535),
    portName: text('Name of that port.', 63).optional().meta(filledIn(defaults.portName)),
    targetPort: portOrName(
      'Port of the containers, by number or name. The same as `port` when not set.',
    ).optional(),
    portDiscovery: flag('Adds every port of the containers to the Services.').optional(),
    appProtocol: text(
      'Application protocol of the port, for example `kubernetes.io/h2c`.',
      253,
    ).optional(),
    headless: flag('Makes the Services without a cluster address.').optional(),
    trafficDistribution: oneOf('Which endpoints the Services prefer.', [
      'PreferClose',
      'PreferSameZone',
      'PreferSameNode',
    ]).optional(),
    hosts: list('Host names of the route.', text('One host name.', 253), 64).optional(),
    gatewayRefs: list(
      'Parents of the HTTPRoute that is made. Not needed when a route that sends to the apex Service exists already: it is adopted.',
      GatewayRef,
      32,
    ).optional(),
    match: list('Requests that the route is for; all when not set.', RouteMatch, 64).optional(),
    rewrite: z
      .object({
        uri: text('New path.', 1024).optional(),
        authority: text('New host.', 253).optional(),
        type: text(
          '`ReplacePrefixMatch` replaces the matched prefix of the path; everything else, and nothing, the whole path.',
          64,
        ).optional(),
      })
      .meta({ description: 'Changes path or host before a request reaches the pods.' })
      .optional(),
    headers: z
      .object({
        request: HeaderOperations('request').optional(),
        response: HeaderOperations('response').optional(),
      })
      .meta({ description: 'Changes to headers on the way.' })
      .optional(),
    mirror: list(
      'Receivers that get a copy of every request, whatever the weights are.',
      z.object({ backendRef: MirrorBackend }).meta({ description: 'One receiver.' }),
      16,
    ).optional(),
    corsPolicy: CorsPolicy.optional(),
    timeout: text('Time limit of a request, as duration.', 64).optional(),
    backendTimeout: text('Time limit of one attempt at a backend, as duration.', 64).optional(),
    retries: z
      .object({
        attempts: z.int32().meta({ description: 'Number of retries.' }).optional(),
        perTryTimeout: text('Time limit of one attempt, as duration.', 64).optional(),
        retryOn: text('Conditions under which a request is repeated.', 1024).optional(),
      })
      .meta({ description: 'When and how often a failed request is repeated.' })
      .optional(),
    gateways: list('Istio gateways of the route.', text('Name of a gateway.', 512), 64).optional(),
    delegation: flag(
      'Makes an Istio VirtualService without hosts and gateways, to be delegated to.',
    ).optional(),
    trafficPolicy: TrafficPolicy.optional(),
    meshName: text('Name of the App Mesh mesh.', 253).optional(),
    backends: list(
      'Upstream virtual services of the App Mesh virtual nodes.',
      text('Name or ARN.', 2048),
      256,
    ).optional(),
    apex: ServiceMetadata('apex').optional(),
    primary: ServiceMetadata('primary').optional(),
    canary: ServiceMetadata('canary').optional(),
    unmanagedMetadata: z
      .object({
        annotations: list('Keys of annotations.', text('One key.', 317), 256).optional(),
        labels: list('Keys of labels.', text('One key.', 317), 256).optional(),
      })
      .meta({
        description: 'Metadata of the Services that belongs to somebody else and is left as it is.',
      })
      .optional(),
  })
  .meta({ description: 'The Services in front of the pods, and the route that leads to them.' });
export type CanaryService = z.infer<typeof CanaryService>;
