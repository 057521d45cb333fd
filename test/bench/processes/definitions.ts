/** The CustomResourceDefinitions of the bench's cluster. */
import { globSync, readFileSync } from 'node:fs';

import { parse } from 'yaml';
import * as z from 'zod';

/** Only its shape counts here: what a route means is tested elsewhere. */
function gatewayApiDefinition(kind: string, plural: string): object {
  const group = 'gateway.networking.k8s.io';
  const anything = { type: 'object', 'x-kubernetes-preserve-unknown-fields': true };
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: {
      name: `${plural}.${group}`,
      annotations: {
        'api-approved.kubernetes.io': 'https://github.com/kubernetes-sigs/gateway-api',
      },
    },
    spec: {
      group,
      scope: 'Namespaced',
      names: { kind, listKind: `${kind}List`, plural, singular: kind.toLowerCase() },
      // The Gateway API serves both.
      versions: ['v1', 'v1beta1'].map((name) => ({
        name,
        served: true,
        storage: name === 'v1',
        subresources: { status: {} },
        schema: {
          openAPIV3Schema: { type: 'object', properties: { spec: anything, status: anything } },
        },
      })),
    },
  };
}

export function definitions(): readonly object[] {
  const ours = globSync('crds/*_*.yaml').map((file) =>
    z.looseObject({}).parse(parse(readFileSync(file, 'utf8'))),
  );
  return [
    ...ours,
    gatewayApiDefinition('HTTPRoute', 'httproutes'),
    gatewayApiDefinition('Gateway', 'gateways'),
  ];
}
