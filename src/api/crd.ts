/**
 * Builds the CustomResourceDefinitions in `crds/` from the schemas.
 *
 * Both groups get the same schema; they differ in names and columns only. `flagger.app` keeps Flagger's columns
 * in Flagger's places, because people's scripts count them.
 */

import { AlertProvider } from './alert-provider.ts';
import { Canary } from './canary.ts';
import { apiVersionName, type ApiGroup } from './group.ts';
import { MetricTemplate } from './metric-template.ts';
import { structural, type StructuralSchema } from './structural.ts';

export interface PrinterColumn {
  readonly name: string;
  readonly type: 'string' | 'integer' | 'boolean' | 'date';
  readonly jsonPath: string;
  readonly description?: string;
  /** Above 0: shown with `-o wide` only. */
  readonly priority?: number;
}

interface Resource {
  readonly kind: string;
  readonly plural: string;
  readonly singular: string;
  readonly shortName: string;
  readonly schema: StructuralSchema;
  readonly columns: Readonly<Record<ApiGroup, readonly PrinterColumn[]>>;
}

/** A CustomResourceDefinition, as far as we fill it in. */
export interface CustomResourceDefinition {
  readonly apiVersion: 'apiextensions.k8s.io/v1';
  readonly kind: 'CustomResourceDefinition';
  readonly metadata: {
    readonly name: string;
    readonly annotations: Readonly<Record<string, string>>;
    readonly labels: Readonly<Record<string, string>>;
  };
  readonly spec: {
    readonly group: string;
    readonly scope: 'Namespaced';
    readonly names: {
      readonly kind: string;
      readonly listKind: string;
      readonly plural: string;
      readonly singular: string;
      readonly shortNames?: readonly string[];
      readonly categories: readonly string[];
    };
    readonly versions: readonly {
      readonly name: string;
      readonly served: boolean;
      readonly storage: boolean;
      readonly schema: { readonly openAPIV3Schema: StructuralSchema };
      readonly subresources: { readonly status: Readonly<Record<string, never>> };
      readonly additionalPrinterColumns: readonly PrinterColumn[];
    }[];
  };
}

const column = (
  name: string,
  type: PrinterColumn['type'],
  jsonPath: string,
  description?: string,
): PrinterColumn => ({ name, type, jsonPath, ...(description ? { description } : {}) });

const wide = (shown: PrinterColumn): PrinterColumn => ({ ...shown, priority: 1 });

const target = column('Target', 'string', '.spec.targetRef.name', 'Workload that is rolled out.');
const weight = column(
  'Weight',
  'integer',
  '.status.canaryWeight',
  'Share of the requests that the canary gets, in percent.',
);
const revision = column(
  'Revision',
  'string',
  '.status.revision',
  'Revision that is being rolled out, or was last.',
);
const message = column('Message', 'string', '.status.message', 'What is going on.');
const age = column('Age', 'date', '.metadata.creationTimestamp');
const provider = column('Provider', 'string', '.status.provider', 'What splits the traffic.');
const failedChecks = column('FailedChecks', 'integer', '.status.failedChecks');
const interval = column('Interval', 'string', '.spec.analysis.interval');
const suspended = column('Suspended', 'boolean', '.spec.suspend');

const resources: readonly Resource[] = [
  {
    kind: 'Canary',
    plural: 'canaries',
    singular: 'canary',
    shortName: 'cny',
    schema: structural(Canary),
    columns: {
      'serin.dev': [
        target,
        column('Phase', 'string', '.status.phase', 'Where the rollout stands.'),
        weight,
        revision,
        message,
        age,
        ...[provider, failedChecks, interval, suspended].map(wide),
      ],
      'flagger.app': [
        column('Status', 'string', '.status.phase', 'Where the rollout stands.'),
        weight,
        ...[
          suspended,
          failedChecks,
          interval,
          column('Mirror', 'boolean', '.spec.analysis.mirror'),
          column('StepWeight', 'integer', '.spec.analysis.stepWeight'),
          column('StepWeights', 'string', '.spec.analysis.stepWeights'),
          column('MaxWeight', 'integer', '.spec.analysis.maxWeight'),
        ].map(wide),
        column('LastTransitionTime', 'string', '.status.lastTransitionTime'),
        target,
        revision,
        message,
        age,
        wide(provider),
      ],
    },
  },
  {
    kind: 'MetricTemplate',
    plural: 'metrictemplates',
    singular: 'metrictemplate',
    shortName: 'mt',
    schema: structural(MetricTemplate),
    columns: sameForBoth(column('Provider', 'string', '.spec.provider.type'), age),
  },
  {
    kind: 'AlertProvider',
    plural: 'alertproviders',
    singular: 'alertprovider',
    shortName: 'ap',
    schema: structural(AlertProvider),
    columns: sameForBoth(column('Type', 'string', '.spec.type'), age),
  },
];

/** The kinds that users write, in the order in which the documentation shows them. */
export const servedKinds = resources.map(({ kind, plural, schema }) => ({
  kind,
  plural,
  schema: rooted(schema, kind),
}));

/** All definitions of one group. */
export function customResourceDefinitions(group: ApiGroup): readonly CustomResourceDefinition[] {
  return resources.map((resource) => definition(group, resource));
}

function definition(group: ApiGroup, resource: Resource): CustomResourceDefinition {
  const { kind, plural, singular, shortName, schema, columns } = resource;
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: {
      name: `${plural}.${group}`,
      // Removing the chart must not remove everybody's Canaries.
      annotations: { 'helm.sh/resource-policy': 'keep' },
      labels: { 'app.kubernetes.io/name': 'serin' },
    },
    spec: {
      group,
      scope: 'Namespaced',
      names: {
        kind,
        listKind: `${kind}List`,
        plural,
        singular,
        // With both groups installed `kubectl get canaries` can mean either; the short name always means ours.
        ...(group === 'serin.dev' ? { shortNames: [shortName] } : {}),
        categories: ['all', 'serin'],
      },
      versions: [
        {
          name: apiVersionName,
          served: true,
          storage: true,
          schema: { openAPIV3Schema: rooted(schema, kind) },
          subresources: { status: {} },
          additionalPrinterColumns: columns[group],
        },
      ],
    },
  };
}

/** At the top of a definition the API server itself says what `apiVersion`, `kind` and `metadata` are. */
function rooted(schema: StructuralSchema, kind: string): StructuralSchema {
  const { spec, status } = schema.properties ?? {};
  return {
    ...schema,
    required: ['spec'],
    properties: {
      apiVersion: { type: 'string', description: 'API group and version of this object.' },
      kind: { type: 'string', description: `Always \`${kind}\`.` },
      // Not a word more: the API server refuses to have its own fields described.
      metadata: { type: 'object' },
      ...(spec ? { spec } : {}),
      ...(status ? { status } : {}),
    },
  };
}

function sameForBoth(...columns: readonly PrinterColumn[]): Resource['columns'] {
  return { 'serin.dev': columns, 'flagger.app': columns };
}
