/** How Namespaces, ConfigMaps, Secrets, Events, Leases and EndpointSlices behave. */

import type { Cause } from '../faults.ts';
import { equalJson, isObject, withKeys } from '../json.ts';
import type { KubeObject } from '../object.ts';
import type { Behaviour } from '../resource-type.ts';
import { forbiddenField, invalidValue } from '../schema/field-errors.ts';

export const namespaceBehaviour: Behaviour = {
  names: 'label',
  unconditionalUpdate: true,
  prepareCreate: (object) =>
    withKeys(object, {
      metadata: withNameLabel(object),
      spec: { finalizers: ['kubernetes'] },
      status: { phase: 'Active' },
    }),
  // Only `/finalize` may let go.
  prepareUpdate: (object, previous) =>
    withKeys(object, { metadata: withNameLabel(object), spec: previous['spec'] }),
};

function withNameLabel({ metadata }: KubeObject): KubeObject['metadata'] {
  const label = 'kubernetes.io/metadata.name';
  if (metadata.labels?.[label] === metadata.name) return metadata;
  return { ...metadata, labels: { ...metadata.labels, [label]: metadata.name } };
}

function immutability(object: KubeObject, previous: KubeObject | undefined): readonly Cause[] {
  if (previous?.['immutable'] !== true) return [];
  const causes: Cause[] = [];
  const detail = 'field is immutable when `immutable` is set';
  if (object['immutable'] !== true) causes.push(forbiddenField('immutable', detail));
  for (const key of ['data', 'binaryData'])
    if (!equalJson(object[key], previous[key])) causes.push(forbiddenField(key, detail));
  return causes;
}

export const configMapBehaviour: Behaviour = {
  unconditionalUpdate: true,
  validate: immutability,
};

export const secretBehaviour: Behaviour = {
  unconditionalUpdate: true,
  prepareCreate: joinStringData,
  prepareUpdate: joinStringData,
  validate: (object, previous) => {
    const causes = [...immutability(object, previous)];
    if (previous !== undefined && object['type'] !== previous['type'])
      causes.push(invalidValue('type', object['type'], 'field is immutable'));
    return causes;
  },
};

function joinStringData(object: KubeObject): KubeObject {
  const { stringData } = object;
  if (!isObject(stringData)) return object;
  const joined = Object.entries(stringData).map(
    ([key, text]) => [key, Buffer.from(String(text)).toString('base64')] as const,
  );
  const data = isObject(object['data']) ? object['data'] : {};
  return withKeys(object, {
    stringData: undefined,
    data: { ...data, ...Object.fromEntries(joined) },
  });
}

export const eventBehaviour: Behaviour = {
  unconditionalUpdate: true,
  createOnPut: true,
  names: 'any',
  validate: (object) => {
    const involved = object['involvedObject'];
    const namespace = isObject(involved) ? (involved['namespace'] ?? '') : '';
    const own = object.metadata.namespace ?? '';
    if (namespace === own || (namespace === '' && own === 'default')) return [];
    return [invalidValue('involvedObject.namespace', namespace, 'does not match event.namespace')];
  },
};

export const leaseBehaviour: Behaviour = { createOnPut: true };

export const endpointSliceBehaviour: Behaviour = {
  generation: 'allButMetadata',
  unconditionalUpdate: true,
  validate: (object, previous) =>
    previous !== undefined && object['addressType'] !== previous['addressType']
      ? [invalidValue('addressType', object['addressType'], 'field is immutable')]
      : [],
};

export const serviceAccountBehaviour: Behaviour = { unconditionalUpdate: true };
