/** The kinds that are there from the start. */

import type { Registry } from '../registry.ts';
import type { Behaviour, Column, ResourceDefinition, ScalePaths } from '../resource-type.ts';
import { compileSchema, type CompiledSchema } from '../schema/compiled-schema.ts';
import type { SchemaNode } from '../schema/schema-node.ts';
import { fieldAt, type FieldReader } from '../selectors.ts';
import { columnsOf } from './columns.ts';
import { crdBehaviour, crdSchema } from './crd-kind.ts';
import { endpointSliceSchema, serviceSchema } from './network-schemas.ts';
import { podSchema } from './pod-schema.ts';
import { serviceBehaviour } from './services.ts';
import * as simple from './simple.ts';
import * as data from './simple-schemas.ts';
import { deploymentSchema, replicaSetSchema } from './workload-schemas.ts';
import * as workloads from './workloads.ts';

interface Builtin {
  readonly group: string;
  readonly version: string;
  readonly kind: string;
  readonly plural?: string;
  readonly shortNames?: readonly string[];
  readonly categories?: readonly string[];
  readonly clusterWide?: boolean;
  readonly hasStatus?: boolean;
  readonly scale?: ScalePaths;
  readonly schema: SchemaNode;
  readonly behaviour: Behaviour;
  readonly fields?: readonly string[];
}

const SCALE: ScalePaths = {
  specReplicas: ['spec', 'replicas'],
  statusReplicas: ['status', 'replicas'],
  selector: ['spec', 'selector'],
};

const POD_FIELDS = [
  'spec.nodeName',
  'spec.restartPolicy',
  'spec.schedulerName',
  'spec.serviceAccountName',
  'spec.hostNetwork',
  'status.phase',
  'status.podIP',
  'status.nominatedNodeName',
];

const EVENT_FIELDS = [
  'involvedObject.kind',
  'involvedObject.namespace',
  'involvedObject.name',
  'involvedObject.uid',
  'involvedObject.apiVersion',
  'involvedObject.resourceVersion',
  'involvedObject.fieldPath',
  'reason',
  'reportingComponent',
  'type',
];

const BUILTINS: readonly Builtin[] = [
  {
    group: '',
    version: 'v1',
    kind: 'Namespace',
    shortNames: ['ns'],
    clusterWide: true,
    hasStatus: true,
    schema: data.namespaceSchema,
    behaviour: simple.namespaceBehaviour,
    fields: ['status.phase'],
  },
  {
    group: '',
    version: 'v1',
    kind: 'ConfigMap',
    shortNames: ['cm'],
    schema: data.configMapSchema,
    behaviour: simple.configMapBehaviour,
  },
  {
    group: '',
    version: 'v1',
    kind: 'Secret',
    schema: data.secretSchema,
    behaviour: simple.secretBehaviour,
    fields: ['type'],
  },
  {
    group: '',
    version: 'v1',
    kind: 'ServiceAccount',
    shortNames: ['sa'],
    schema: data.serviceAccountSchema,
    behaviour: simple.serviceAccountBehaviour,
  },
  {
    group: '',
    version: 'v1',
    kind: 'Event',
    shortNames: ['ev'],
    schema: data.eventSchema,
    behaviour: simple.eventBehaviour,
    fields: EVENT_FIELDS,
  },
  {
    group: '',
    version: 'v1',
    kind: 'Pod',
    shortNames: ['po'],
    categories: ['all'],
    hasStatus: true,
    schema: podSchema,
    behaviour: workloads.podBehaviour,
    fields: POD_FIELDS,
  },
  {
    group: 'apps',
    version: 'v1',
    kind: 'Deployment',
    shortNames: ['deploy'],
    categories: ['all'],
    hasStatus: true,
    scale: SCALE,
    schema: deploymentSchema,
    behaviour: workloads.deploymentBehaviour,
  },
  {
    group: 'apps',
    version: 'v1',
    kind: 'ReplicaSet',
    shortNames: ['rs'],
    categories: ['all'],
    hasStatus: true,
    scale: SCALE,
    schema: replicaSetSchema,
    behaviour: workloads.replicaSetBehaviour,
    fields: ['status.replicas'],
  },
  {
    group: 'discovery.k8s.io',
    version: 'v1',
    kind: 'EndpointSlice',
    schema: endpointSliceSchema,
    behaviour: simple.endpointSliceBehaviour,
  },
  {
    group: 'coordination.k8s.io',
    version: 'v1',
    kind: 'Lease',
    schema: data.leaseSchema,
    behaviour: simple.leaseBehaviour,
  },
  {
    group: 'apiextensions.k8s.io',
    version: 'v1',
    kind: 'CustomResourceDefinition',
    shortNames: ['crd', 'crds'],
    categories: ['api-extensions'],
    clusterWide: true,
    hasStatus: true,
    schema: crdSchema,
    behaviour: crdBehaviour,
  },
];

const compiled = new WeakMap<SchemaNode, CompiledSchema>();

/** Servers come and go in their thousands in a simulation; the schemas stay. */
function compileOnce(node: SchemaNode): CompiledSchema {
  let schema = compiled.get(node);
  if (schema === undefined) compiled.set(node, (schema = compileSchema(node)));
  return schema;
}

function definitionOf(builtin: Builtin): ResourceDefinition {
  const { kind } = builtin;
  const columns: readonly Column[] = columnsOf(kind);
  const readers = (builtin.fields ?? []).map((path): [string, FieldReader] => [
    path,
    fieldAt(path),
  ]);
  if (kind === 'Event') readers.push(['source', fieldAt('source.component')]);
  return {
    group: builtin.group,
    version: builtin.version,
    kind,
    listKind: `${kind}List`,
    singular: kind.toLowerCase(),
    plural: builtin.plural ?? `${kind.toLowerCase()}s`,
    namespaced: builtin.clusterWide !== true,
    shortNames: builtin.shortNames ?? [],
    categories: builtin.categories ?? [],
    custom: false,
    hasStatus: builtin.hasStatus === true,
    scale: builtin.scale,
    behaviour: builtin.behaviour,
    columns,
    fields: Object.fromEntries(readers),
    schema: compileOnce(builtin.schema),
  };
}

export function registerBuiltins(registry: Registry): void {
  for (const builtin of BUILTINS) registry.register(definitionOf(builtin), builtin.version);
  registry.register(
    definitionOf({
      group: '',
      version: 'v1',
      kind: 'Service',
      shortNames: ['svc'],
      categories: ['all'],
      hasStatus: true,
      schema: serviceSchema,
      behaviour: serviceBehaviour(addressPool()),
    }),
    'v1',
  );
}

/** 10.96.0.1 is taken, as in a cluster. */
function addressPool(): () => string {
  let last = 1;
  return () => {
    last++;
    return `10.96.${(last >> 8) % 256}.${last % 256}`;
  };
}
