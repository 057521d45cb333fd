/** From stored CustomResourceDefinitions to kinds that are served. */

import { put } from './commit.ts';
import type { ServerContext } from './context.ts';
import { ageOf } from './durations.ts';
import {
  equalJson,
  isArray,
  isObject,
  valueAt,
  withKeys,
  type JsonObject,
  textOf,
} from './json.ts';
import { compileJsonPath } from './json-path.ts';
import { AGE, NAME } from './kinds/columns.ts';
import { versionsOf } from './kinds/crd-kind.ts';
import { timestamp, type KubeObject } from './object.ts';
import {
  resourceName,
  type Column,
  type ResourceDefinition,
  type ScalePaths,
} from './resource-type.ts';
import { compileSchema, type CompiledSchema } from './schema/compiled-schema.ts';
import type { FieldReader } from './selectors.ts';

/** The same definition is in thousands of servers (`install.ts`): compiled once per object. */
const compiled = new WeakMap<JsonObject, CompiledSchema>();

function compileOnce(schema: JsonObject): CompiledSchema {
  let known = compiled.get(schema);
  if (known === undefined) compiled.set(schema, (known = compileSchema(schema)));
  return known;
}

function textsOf(value: unknown): readonly string[] {
  return isArray(value) ? value.map(String) : [];
}

function pathOf(value: unknown): readonly string[] | undefined {
  return typeof value === 'string' ? value.split('.').filter((part) => part !== '') : undefined;
}

function scaleOf(version: JsonObject): ScalePaths | undefined {
  const scale = valueAt(version, ['subresources', 'scale']);
  const specReplicas = pathOf(valueAt(scale, ['specReplicasPath']));
  const statusReplicas = pathOf(valueAt(scale, ['statusReplicasPath']));
  if (specReplicas === undefined || statusReplicas === undefined) return undefined;
  return { specReplicas, statusReplicas, selector: pathOf(valueAt(scale, ['labelSelectorPath'])) };
}

function columnsOf(version: JsonObject): readonly Column[] {
  const asked = version['additionalPrinterColumns'];
  if (!isArray(asked) || asked.length === 0) return [NAME, AGE];
  return [NAME, ...asked.filter(isObject).map(columnOf)];
}

function columnOf(column: JsonObject): Column {
  const read = compileJsonPath(textOf(column['jsonPath']));
  const type = textOf(column['type'], 'string');
  return {
    name: String(column['name']),
    type,
    ...(typeof column['format'] === 'string' ? { format: column['format'] } : {}),
    description: textOf(column['description']),
    priority: Number(column['priority'] ?? 0),
    cell: (object, now) => cellOf(read?.(object) ?? [], type, now),
  };
}

function cellOf(values: readonly unknown[], type: string, now: number): ReturnType<Column['cell']> {
  const [first] = values;
  if (first === undefined || first === null) return type === 'date' ? '<unknown>' : null;
  if (type === 'date') return ageOf(textOf(first), now);
  if (typeof first === 'number' || typeof first === 'boolean')
    return type === 'string' ? String(first) : first;
  if (typeof first !== 'string') return JSON.stringify(first);
  return values.length === 1 ? first : values.map(String).join(',');
}

function selectableFields(version: JsonObject): Readonly<Record<string, FieldReader>> {
  const asked = version['selectableFields'];
  const paths = isArray(asked) ? asked.filter(isObject).map((one) => String(one['jsonPath'])) : [];
  return Object.fromEntries(
    paths.map((path) => {
      const read = compileJsonPath(path);
      const reader: FieldReader = (object) => {
        const [value] = read?.(object) ?? [];
        return textOf(value);
      };
      return [path.replace(/^\./, ''), reader];
    }),
  );
}

function definitionOf(spec: JsonObject, version: JsonObject): ResourceDefinition {
  const names: JsonObject = isObject(spec['names']) ? spec['names'] : {};
  const schema = valueAt(version, ['schema', 'openAPIV3Schema']);
  const hasStatus = isObject(valueAt(version, ['subresources', 'status']));
  const kind = String(names['kind']);
  const group = String(spec['group']);
  const converts = valueAt(spec, ['conversion', 'strategy']) === 'Webhook';
  const isStored = version['storage'] === true;
  const warning = version['deprecationWarning'];
  return {
    group,
    version: String(version['name']),
    kind,
    listKind: textOf(names['listKind'], `${kind}List`),
    plural: String(names['plural']),
    singular: textOf(names['singular'], kind.toLowerCase()),
    namespaced: spec['scope'] === 'Namespaced',
    shortNames: textsOf(names['shortNames']),
    categories: textsOf(names['categories']),
    custom: true,
    hasStatus,
    scale: scaleOf(version),
    columns: columnsOf(version),
    fields: selectableFields(version),
    schema: compileOnce(isObject(schema) ? schema : { type: 'object' }),
    behaviour: { generation: hasStatus ? 'allButMetadataAndStatus' : 'allButMetadata' },
    ...(converts && !isStored
      ? {
          unavailable: `conversion webhook for ${group}/${String(version['name'])}, Kind=${kind} failed: webhooks are not called by this server`,
        }
      : {}),
    ...(version['deprecated'] === true
      ? {
          deprecationWarning:
            typeof warning === 'string'
              ? warning
              : `${group}/${String(version['name'])} ${kind} is deprecated`,
        }
      : {}),
  };
}

/** Serves what a definition says now, in place of what it said before. */
export function serve({ registry }: ServerContext, crd: KubeObject): void {
  const spec = isObject(crd['spec']) ? crd['spec'] : {};
  const versions = versionsOf(spec);
  const stored = versions.find((one) => one['storage'] === true);
  registry.unregister(crd.metadata.name);
  for (const version of versions)
    if (version['served'] === true)
      registry.register(definitionOf(spec, version), String(stored?.['name']));
}

/** What the apiextensions controllers do after a definition was written. */
export function establish(context: ServerContext, crd: KubeObject): void {
  const spec: JsonObject = isObject(crd['spec']) ? crd['spec'] : {};
  const old: JsonObject = isObject(crd['status']) ? crd['status'] : {};
  const stored = versionsOf(spec)
    .filter((one) => one['storage'] === true)
    .map(({ name }) => String(name));
  const status = {
    ...old,
    conditions: withConditions(old['conditions'], timestamp(context.now())),
    acceptedNames: spec['names'],
    storedVersions: [...new Set([...textsOf(old['storedVersions']), ...stored])],
  };
  if (equalJson(status, old)) return;
  const type = context.registry.ofResource('customresourcedefinitions.apiextensions.k8s.io');
  if (type !== undefined) put(context, type, withKeys(crd, { status }), crd);
}

function withConditions(conditions: unknown, now: string): readonly unknown[] {
  if (isArray(conditions) && conditions.length > 0) return conditions;
  return [
    {
      type: 'NamesAccepted',
      status: 'True',
      lastTransitionTime: now,
      reason: 'NoConflicts',
      message: 'no conflicts found',
    },
    {
      type: 'Established',
      status: 'True',
      lastTransitionTime: now,
      reason: 'InitialNamesAccepted',
      message: 'the initial names have been accepted',
    },
  ];
}

export function resourceOf(crd: KubeObject): string {
  return resourceName(
    String(valueAt(crd, ['spec', 'names', 'plural'])),
    String(valueAt(crd, ['spec', 'group'])),
  );
}
