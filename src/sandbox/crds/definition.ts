/** A CustomResourceDefinition around a schema, served in v1 and v1beta1. */

import { fields } from '../api-server/schema/describe.ts';
import type { SchemaNode } from '../api-server/schema/schema-node.ts';
import { GROUP } from './gateway-parts.ts';

interface PrinterColumn {
  readonly name: string;
  readonly type: string;
  readonly jsonPath: string;
  readonly priority?: number;
}

export interface Definition {
  readonly kind: string;
  readonly plural: string;
  readonly shortNames?: readonly string[];
  readonly scope: 'Namespaced' | 'Cluster';
  readonly description: string;
  readonly spec: SchemaNode;
  readonly status: SchemaNode;
  readonly columns: readonly PrinterColumn[];
}

export const AGE: PrinterColumn = {
  name: 'Age',
  type: 'date',
  jsonPath: '.metadata.creationTimestamp',
};

export function gatewayDefinition(definition: Definition): object {
  const { kind, plural, shortNames, scope, description, spec, status, columns } = definition;
  const openAPIV3Schema = fields(
    description,
    {
      apiVersion: { type: 'string', description: 'Group and version of this form.' },
      kind: { type: 'string', description: 'Name of the kind.' },
      metadata: { type: 'object' },
      spec,
      status,
    },
    { required: ['spec'] },
  );
  const version = {
    served: true,
    schema: { openAPIV3Schema },
    subresources: { status: {} },
    additionalPrinterColumns: columns,
  };
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: `${plural}.${GROUP}` },
    spec: {
      group: GROUP,
      scope,
      names: {
        kind,
        listKind: `${kind}List`,
        plural,
        singular: kind.toLowerCase(),
        categories: ['gateway-api'],
        ...(shortNames === undefined ? {} : { shortNames }),
      },
      versions: [
        { name: 'v1', storage: true, ...version },
        { name: 'v1beta1', storage: false, ...version },
      ],
    },
  };
}
