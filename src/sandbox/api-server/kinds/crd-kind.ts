/** The CustomResourceDefinition kind itself: its schema, and what is checked before one is stored. */

import type { Cause } from '../faults.ts';
import { equalJson, isArray, isObject, withKeys, type JsonObject, textOf } from '../json.ts';
import type { KubeObject } from '../object.ts';
import type { Behaviour } from '../resource-type.ts';
import { conditions, fields, flag, int, list, open, text, texts } from '../schema/describe.ts';
import { invalidValue, required } from '../schema/field-errors.ts';
import type { SchemaNode } from '../schema/schema-node.ts';
import { structuralProblems } from '../schema/structural.ts';

export const CRD_CLEANUP = 'customresourcecleanup.apiextensions.k8s.io';

const names = (description: string) =>
  fields(description, {
    plural: text('Name in paths.'),
    singular: text('Name for one of them.'),
    kind: text('Name in manifests.'),
    listKind: text('Kind of lists.'),
    shortNames: texts('Short names for the command line.'),
    categories: texts('Groups of kinds it is listed with.'),
  });

const version = fields(
  'One version of the kind.',
  {
    name: text('Its name.'),
    served: flag('Whether clients may use it.'),
    storage: flag('Whether objects are stored in it; exactly one is.'),
    deprecated: flag('Whether clients are warned.'),
    deprecationWarning: text('The words of the warning.'),
    schema: fields('What its objects look like.', {
      openAPIV3Schema: open('A structural schema.'),
    }),
    subresources: fields('Parts with a path of their own.', {
      status: open('Separates status from spec.'),
      scale: fields('Makes it scalable.', {
        specReplicasPath: text('Path of the wanted number.'),
        statusReplicasPath: text('Path of the present number.'),
        labelSelectorPath: text('Path of the selector, as text.'),
      }),
    }),
    additionalPrinterColumns: list(
      'Columns of `kubectl get`.',
      fields('One column.', {
        name: text('Heading.'),
        type: text('Type of the value.'),
        format: text('Format of the value.'),
        description: text('What it shows.'),
        priority: int('Above 0: only with -o wide.'),
        jsonPath: text('Where the value is.'),
      }),
    ),
    selectableFields: list(
      'Fields that selectors may use.',
      fields('One field.', { jsonPath: text('Its path.') }),
    ),
  },
  { required: ['name', 'served', 'storage'] },
);

export const crdSchema: SchemaNode = fields('Adds a kind to the API.', {
  spec: fields(
    'The kind.',
    {
      group: text('Group of the kind.'),
      names: names('Names of the kind.'),
      scope: text('Namespaced or Cluster.'),
      versions: list('Its versions.', version),
      conversion: open('How versions are converted.', { default: { strategy: 'None' } }),
      preserveUnknownFields: flag('Must be false.'),
    },
    { required: ['group', 'names', 'scope', 'versions'] },
  ),
  status: fields('Whether it is served.', {
    conditions: {
      ...conditions('Established, NamesAccepted, Terminating and the like.'),
      nullable: true,
    },
    acceptedNames: names('Names that are served.'),
    storedVersions: texts('Versions in which objects may be stored.'),
    observedGeneration: { type: 'integer', format: 'int64', description: 'Generation seen.' },
  }),
});

export const crdBehaviour: Behaviour = {
  generation: 'spec',
  unconditionalUpdate: true,
  finalizersOnDelete: [CRD_CLEANUP],
  onDelete: withTerminating,
  prepareCreate: (object) =>
    withKeys(complete(object), {
      status: {
        conditions: null,
        acceptedNames: { kind: '', plural: '' },
        storedVersions: storage(object),
      },
    }),
  prepareUpdate: complete,
  validate: (object, previous) =>
    object['spec'] === previous?.['spec'] ? [] : crdCauses(object, previous),
};

function withTerminating(object: KubeObject, now: string): KubeObject {
  const status = isObject(object['status']) ? object['status'] : {};
  const before = isArray(status['conditions']) ? status['conditions'] : [];
  const terminating = {
    type: 'Terminating',
    status: 'True',
    lastTransitionTime: now,
    reason: 'InstanceDeletionPending',
    message:
      'CustomResourceDefinition marked for deletion; CustomResource deletion will begin soon',
  };
  return withKeys(object, { status: { ...status, conditions: [...before, terminating] } });
}

function specOf(object: KubeObject): JsonObject {
  return isObject(object['spec']) ? object['spec'] : {};
}

export function versionsOf(spec: JsonObject): readonly JsonObject[] {
  return isArray(spec['versions']) ? spec['versions'].filter(isObject) : [];
}

function storage(object: KubeObject): readonly unknown[] {
  return versionsOf(specOf(object))
    .filter((one) => one['storage'] === true)
    .map((one) => one['name']);
}

function complete(object: KubeObject): KubeObject {
  const spec = specOf(object);
  const given = isObject(spec['names']) ? spec['names'] : {};
  if (given['singular'] !== undefined && given['listKind'] !== undefined) return object;
  const kind = textOf(given['kind']);
  const named = { singular: kind.toLowerCase(), listKind: `${kind}List`, ...given };
  return withKeys(object, { spec: withKeys(spec, { names: named }) });
}

function crdCauses(object: KubeObject, previous: KubeObject | undefined): readonly Cause[] {
  const spec = specOf(object);
  const given = isObject(spec['names']) ? spec['names'] : {};
  const causes: Cause[] = [];
  for (const key of ['plural', 'kind'])
    if (typeof given[key] !== 'string' || given[key] === '')
      causes.push(required(`spec.names.${key}`));
  const wanted = `${String(given['plural'])}.${String(spec['group'])}`;
  if (object.metadata.name !== wanted)
    causes.push(
      invalidValue(
        'metadata.name',
        object.metadata.name,
        'must be spec.names.plural+"."+spec.group',
      ),
    );
  if (spec['scope'] !== 'Namespaced' && spec['scope'] !== 'Cluster')
    causes.push({
      reason: 'FieldValueNotSupported',
      message: `Unsupported value: ${JSON.stringify(spec['scope'] ?? '')}: supported values: "Cluster", "Namespaced"`,
      field: 'spec.scope',
    });
  if (spec['preserveUnknownFields'] === true)
    causes.push(
      invalidValue(
        'spec.preserveUnknownFields',
        true,
        'cannot set to true, set x-kubernetes-preserve-unknown-fields to true in spec.versions[*].schema instead',
      ),
    );
  causes.push(...versionCauses(spec), ...immutableCauses(spec, previous));
  return causes;
}

function versionCauses(spec: JsonObject): readonly Cause[] {
  const causes: Cause[] = [];
  const versions = versionsOf(spec);
  const stored = versions.filter((one) => one['storage'] === true);
  if (stored.length !== 1)
    causes.push(
      invalidValue(
        'spec.versions',
        versions.map(({ name }) => name),
        'must have exactly one version marked as storage version',
      ),
    );
  const isShared = versions.every((one) => equalJson(one['schema'], versions[0]?.['schema']));
  for (const [index, one] of versions.entries()) {
    const at = `spec.versions[${index}].schema.openAPIV3Schema`;
    // When all versions have the same schema, it is spoken of as the one that it is.
    const walked = isShared ? 'spec.validation.openAPIV3Schema' : at;
    const schema = isObject(one['schema']) ? one['schema']['openAPIV3Schema'] : undefined;
    if (!isObject(schema)) causes.push(required(at));
    else if (!isShared || index === 0) causes.push(...structuralProblems(schema, walked));
  }
  return causes;
}

function immutableCauses(spec: JsonObject, previous: KubeObject | undefined): readonly Cause[] {
  if (previous === undefined) return [];
  const old = specOf(previous);
  const causes: Cause[] = [];
  for (const key of ['group', 'scope'])
    if (spec[key] !== old[key])
      causes.push(invalidValue(`spec.${key}`, spec[key], 'field is immutable'));
  return causes;
}
