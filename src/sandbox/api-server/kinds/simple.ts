/** How Namespaces, ConfigMaps, Secrets, Events, Leases and EndpointSlices behave. */

import type { Cause } from '../faults.ts';
import { equalJson, isObject, withKeys, type JsonObject } from '../json.ts';
import type { KubeObject } from '../object.ts';
import type { Behaviour } from '../resource-type.ts';
import { forbiddenField, invalidValue, required } from '../schema/field-errors.ts';

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
  onDelete: (object) => {
    const status = isObject(object['status']) ? object['status'] : {};
    return withKeys(object, { status: { ...status, phase: 'Terminating' } });
  },
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

const CONFIG_KEY = /^[-._a-zA-Z0-9]+$/;

/** Keys become file names. */
function keyCauses(object: KubeObject): readonly Cause[] {
  const causes: Cause[] = [];
  const binary: JsonObject = isObject(object['binaryData']) ? object['binaryData'] : {};
  for (const part of ['data', 'binaryData']) {
    const entries: JsonObject = isObject(object[part]) ? object[part] : {};
    for (const key in entries) {
      const field = `${part}[${key}]`;
      if (!CONFIG_KEY.test(key))
        causes.push(
          invalidValue(
            field,
            key,
            "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or 'KEY_NAME',  or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')",
          ),
        );
      if (part === 'data' && binary[key] !== undefined)
        causes.push(invalidValue(field, key, 'duplicate of key present in binaryData'));
    }
  }
  return causes;
}

function dataCauses(object: KubeObject, previous: KubeObject | undefined): readonly Cause[] {
  if (object['data'] === previous?.['data'] && object['binaryData'] === previous?.['binaryData'])
    return immutability(object, previous);
  return [...keyCauses(object), ...immutability(object, previous)];
}

export const configMapBehaviour: Behaviour = {
  unconditionalUpdate: true,
  validate: dataCauses,
};

export const secretBehaviour: Behaviour = {
  unconditionalUpdate: true,
  prepareCreate: joinStringData,
  prepareUpdate: joinStringData,
  validate: (object, previous) => {
    const causes = [...dataCauses(object, previous)];
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
  prepareCreate: withTimes,
  prepareUpdate: withTimes,
  validate: (object) => {
    const involved = object['involvedObject'];
    const namespace = isObject(involved) ? (involved['namespace'] ?? '') : '';
    const own = object.metadata.namespace ?? '';
    if (namespace !== own && !(namespace === '' && own === 'default'))
      return [
        invalidValue('involvedObject.namespace', namespace, 'does not match event.namespace'),
      ];
    return newStyleCauses(object);
  },
};

/** Times that are not known are shown as null. */
function withTimes(object: KubeObject): KubeObject {
  const { firstTimestamp = null, lastTimestamp = null, eventTime = null } = object;
  return withKeys(object, { firstTimestamp, lastTimestamp, eventTime });
}

/** An Event with an `eventTime` is one of the newer form, which has to be complete. */
function newStyleCauses(object: KubeObject): readonly Cause[] {
  if (object['eventTime'] === null) return [];
  const needed = ['reportingComponent', 'reportingInstance', 'action', 'reason'];
  const causes: Cause[] = [];
  for (const key of needed)
    if (object[key] === undefined || object[key] === '') causes.push(required(key));
  return causes;
}

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
