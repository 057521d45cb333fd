/** Services and EndpointSlices. */

import {
  choice,
  conditions,
  fields,
  flag,
  int,
  intOrText,
  list,
  listBy,
  open,
  text,
  textMap,
  texts,
} from '../schema/describe.ts';
import type { SchemaNode } from '../schema/schema-node.ts';

export const serviceSchema: SchemaNode = fields('A stable name and address for a set of pods.', {
  spec: fields(
    'What is wanted.',
    {
      ports: listBy(
        'port',
        'Ports the Service listens on.',
        fields(
          'One port.',
          {
            name: text('Name of the port; needed when there are several.'),
            protocol: choice('Protocol of the port.', ['TCP', 'UDP', 'SCTP'], { default: 'TCP' }),
            appProtocol: text('What is spoken on it.'),
            port: int('Number of the port.'),
            targetPort: intOrText('Number or name of the port of the pods.'),
            nodePort: int('Port of every node that leads here.'),
          },
          { required: ['port'] },
        ),
      ),
      selector: textMap('Labels of the pods that serve.', { 'x-kubernetes-map-type': 'atomic' }),
      clusterIP: text('Address inside the cluster; None for no address.'),
      clusterIPs: texts('Addresses of both families.'),
      type: choice('Who can reach it.', ['ClusterIP', 'NodePort', 'LoadBalancer', 'ExternalName'], {
        default: 'ClusterIP',
      }),
      externalIPs: texts('Addresses from outside.'),
      sessionAffinity: choice('Whether a client stays with its pod.', ['None', 'ClientIP'], {
        default: 'None',
      }),
      sessionAffinityConfig: open('Details of session affinity.'),
      loadBalancerIP: text('Address asked of the load balancer.'),
      loadBalancerSourceRanges: texts('Who may use the load balancer.'),
      loadBalancerClass: text('Which load balancer.'),
      externalName: text('The name an ExternalName stands for.'),
      externalTrafficPolicy: text('Where traffic from outside goes.'),
      internalTrafficPolicy: text('Where traffic from inside goes.'),
      healthCheckNodePort: int('Port of health checks.'),
      publishNotReadyAddresses: flag('Also pods that are not ready.'),
      ipFamilies: texts('IPv4, IPv6.'),
      ipFamilyPolicy: text('How many families.'),
      allocateLoadBalancerNodePorts: flag('Node ports for a load balancer.'),
      trafficDistribution: text('Which endpoints are preferred.'),
    },
    { default: {} },
  ),
  status: fields('What is there.', {
    loadBalancer: open('The load balancer.'),
    conditions: conditions('Where it stands.'),
  }),
});

export const endpointSliceSchema: SchemaNode = fields(
  'Addresses that serve a Service, a part of them.',
  {
    addressType: choice('Kind of the addresses.', ['IPv4', 'IPv6', 'FQDN']),
    endpoints: list(
      'The addresses.',
      fields(
        'One endpoint.',
        {
          addresses: texts('Its address.'),
          conditions: fields('Whether it can be used.', {
            ready: flag('Takes new connections.'),
            serving: flag('Could take connections, going away or not.'),
            terminating: flag('Going away.'),
          }),
          hostname: text('Its host name.'),
          targetRef: open('The pod behind it.'),
          nodeName: text('The node it is on.'),
          zone: text('The zone it is in.'),
          hints: open('Who should use it.'),
          deprecatedTopology: textMap('Where it is, in an old form.'),
        },
        { required: ['addresses'] },
      ),
    ),
    ports: list(
      'The ports of all of them.',
      fields('One port.', {
        name: text('Its name, as in the Service.'),
        protocol: text('TCP, UDP or SCTP.', { default: 'TCP' }),
        port: int('Its number at the endpoints.'),
        appProtocol: text('What is spoken on it.'),
      }),
    ),
  },
  { required: ['addressType', 'endpoints'] },
);
