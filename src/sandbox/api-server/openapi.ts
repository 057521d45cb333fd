/** OpenAPI v3 documents, one per group and version: what `kubectl explain` and `kubectl apply` read. */

import type { ServerContext } from './context.ts';
import type { JsonObject } from './json.ts';
import { metadataSchema, METADATA_REF } from './openapi-metadata.ts';
import { apiVersionOf, type ResourceDefinition } from './resource-type.ts';
import { text } from './schema/describe.ts';
import type { SchemaNode } from './schema/schema-node.ts';

const REF = '#/components/schemas/';

/** `/openapi/v3`: where the documents are. */
export function openApiIndex({ registry }: ServerContext): JsonObject {
  const names = new Set(registry.types.map(({ definition }) => documentName(definition)));
  const entries = [...names].map((name) => {
    const hash = `${registry.generation}`;
    return [name, { serverRelativeURL: `/openapi/v3/${name}?hash=${hash}` }] as const;
  });
  return { paths: Object.fromEntries(entries) };
}

function documentName({ group, version }: ResourceDefinition): string {
  return group === '' ? `api/${version}` : `apis/${group}/${version}`;
}

/** `/openapi/v3/<name>`. */
export function openApiDocument({ registry }: ServerContext, name: string): JsonObject | undefined {
  const definitions = registry.types
    .map(({ definition }) => definition)
    .filter((definition) => documentName(definition) === name);
  if (definitions.length === 0) return undefined;
  const schemas = definitions.map((definition) => [
    schemaName(definition),
    resourceSchema(definition),
  ]);
  const lists = definitions.map((definition) => [listName(definition), listSchema(definition)]);
  return {
    openapi: '3.0.0',
    info: { title: 'Kubernetes', version: 'v1.36.3' },
    paths: Object.fromEntries(definitions.flatMap(pathsOf)),
    components: {
      schemas: {
        ...Object.fromEntries(schemas),
        ...Object.fromEntries(lists),
        [METADATA_REF]: metadataSchema,
      },
    },
  };
}

/** `io.k8s.api.apps.v1.Deployment`, `dev.serin.v1beta1.Canary`. */
function schemaName({ group, version, kind, custom }: ResourceDefinition): string {
  if (custom) return `${group.split('.').reverse().join('.')}.${version}.${kind}`;
  if (group === 'apiextensions.k8s.io')
    return `io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.${version}.${kind}`;
  return `io.k8s.api.${group === '' ? 'core' : (group.split('.')[0] ?? '')}.${version}.${kind}`;
}

function listName(definition: ResourceDefinition): string {
  return `${schemaName(definition)}List`;
}

function kindMark({ group, version }: ResourceDefinition, kind: string): readonly JsonObject[] {
  return [{ group, version, kind }];
}

const typeFields = {
  apiVersion: text('Group and version of this form of the object.'),
  kind: text('Name of the kind.'),
};

function resourceSchema(definition: ResourceDefinition): JsonObject {
  const { node } = definition.schema;
  const metadata = {
    description: 'Name, labels and what else every object has.',
    default: {},
    allOf: [{ $ref: REF + METADATA_REF }],
  };
  const own = Object.entries(node.properties ?? {}).map(([key, child]) => [key, publish(child)]);
  return {
    ...publish(node),
    // CRD authors describe apiVersion and kind in many ways; here they always read the same.
    properties: { ...Object.fromEntries(own), ...typeFields, metadata },
    'x-kubernetes-group-version-kind': kindMark(definition, definition.kind),
  };
}

function listSchema(definition: ResourceDefinition): JsonObject {
  return {
    description: `A list of ${definition.plural}.`,
    type: 'object',
    required: ['items'],
    properties: {
      ...typeFields,
      metadata: { type: 'object', description: 'Version of the list and where it goes on.' },
      items: {
        type: 'array',
        items: { $ref: REF + schemaName(definition) },
        description: 'The objects.',
      },
    },
    'x-kubernetes-group-version-kind': kindMark(definition, definition.listKind),
  };
}

/** OpenAPI has its own way to say "number or text"; the rest is published as it is. */
function publish(node: SchemaNode): JsonObject {
  const { properties, items, additionalProperties, ...rest } = node;
  const published: Record<string, unknown> = { ...rest };
  if (node['x-kubernetes-int-or-string'] === true)
    Object.assign(published, {
      format: 'int-or-string',
      oneOf: [{ type: 'integer' }, { type: 'string' }],
    });
  if (properties !== undefined)
    published['properties'] = Object.fromEntries(
      Object.entries(properties).map(([key, child]) => [key, publish(child)]),
    );
  if (items !== undefined) published['items'] = publish(items);
  if (additionalProperties !== undefined)
    published['additionalProperties'] =
      typeof additionalProperties === 'object'
        ? publish(additionalProperties)
        : additionalProperties;
  return published;
}

function query(name: string, description: string): JsonObject {
  return { name, in: 'query', description, schema: { type: 'string' } };
}

const writeParameters = [
  query('dryRun', 'All: everything is checked, nothing is stored.'),
  query('fieldManager', 'Name under which changed fields are recorded.'),
  query('fieldValidation', 'What unknown fields lead to: Strict, Warn or Ignore.'),
];

function operation(definition: ResourceDefinition, action: string, writes: boolean): JsonObject {
  return {
    'x-kubernetes-action': action,
    'x-kubernetes-group-version-kind': kindMark(definition, definition.kind)[0],
    ...(writes ? { parameters: writeParameters } : {}),
    responses: { 200: { description: 'OK' } },
  };
}

function pathsOf(definition: ResourceDefinition): readonly (readonly [string, JsonObject])[] {
  const { group, version, plural, namespaced } = definition;
  const root = `${group === '' ? '/api/' : '/apis/'}${apiVersionOf(group, version)}`;
  const collection = `${root}${namespaced ? '/namespaces/{namespace}' : ''}/${plural}`;
  return [
    [
      collection,
      {
        get: operation(definition, 'list', false),
        post: operation(definition, 'post', true),
        delete: operation(definition, 'deletecollection', false),
      },
    ],
    [
      `${collection}/{name}`,
      {
        get: operation(definition, 'get', false),
        put: operation(definition, 'put', true),
        patch: operation(definition, 'patch', true),
        delete: operation(definition, 'delete', false),
      },
    ],
  ];
}
