/** The metadata every object has: which fields clients may set, and what is wrong with what they set. */

import { badRequest, type Cause } from './faults.ts';
import { isArray, isObject, type Draft, type JsonObject } from './json.ts';
import type { Metadata } from './object.ts';
import type { Behaviour } from './resource-type.ts';
import { duplicate, forbiddenField, invalidValue, required } from './schema/field-errors.ts';

const TEXTS = ['name', 'namespace', 'generateName', 'uid', 'resourceVersion', 'selfLink'];
const TIMES = ['creationTimestamp', 'deletionTimestamp'];
const NUMBERS = ['generation', 'deletionGracePeriodSeconds'];
const MAPS = ['labels', 'annotations'];
const LISTS = ['finalizers', 'ownerReferences', 'managedFields'];
const KNOWN = new Set([...TEXTS, ...TIMES, ...NUMBERS, ...MAPS, ...LISTS]);

const LABEL = '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?';
const SUBDOMAIN = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;
const DNS_LABEL = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/;
const DNS1035 = /^[a-z]([-a-z0-9]*[a-z0-9])?$/;
const QUALIFIED = /^([a-z0-9]([-a-z0-9.]*[a-z0-9])?\/)?([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]$/;
const LABEL_VALUE = new RegExp(`^${LABEL}$`);

/** Metadata without unknown fields; throws 400 where Go could not decode it. */
export function decodeMetadata(value: unknown, unknown: string[]): Draft {
  if (value === undefined || value === null) return {};
  if (!isObject(value)) throw undecodable('metadata', value, 'v1.ObjectMeta');
  const metadata: Draft = {};
  for (const key in value) {
    const part = value[key];
    if (!KNOWN.has(key)) {
      unknown.push(`metadata.${key}`);
      continue;
    }
    if (part === null || part === '') continue;
    checkType(key, part);
    if (isObject(part) && Object.keys(part).length === 0) continue;
    if (isArray(part) && part.length === 0 && key !== 'managedFields') continue;
    metadata[key] = part;
  }
  return metadata;
}

function checkType(key: string, part: unknown): void {
  const isText = TEXTS.includes(key) || TIMES.includes(key);
  if (isText && typeof part !== 'string') throw undecodable(`metadata.${key}`, part, 'string');
  if (NUMBERS.includes(key) && typeof part !== 'number')
    throw undecodable(`metadata.${key}`, part, 'int64');
  if (LISTS.includes(key) && !isArray(part)) throw undecodable(`metadata.${key}`, part, 'list');
  if (!MAPS.includes(key)) return;
  if (!isObject(part)) throw undecodable(`metadata.${key}`, part, 'map[string]string');
  for (const name in part)
    if (typeof part[name] !== 'string') throw undecodable(`metadata.${key}`, part[name], 'string');
}

function undecodable(field: string, value: unknown, type: string) {
  const actual = isArray(value) ? 'array' : value === null ? 'null' : typeof value;
  const from = actual === 'boolean' ? 'bool' : actual;
  return badRequest(
    `json: cannot unmarshal ${from} into Go struct field ObjectMeta.${field} of type ${type}`,
  );
}

/** Fields only the server sets; a client's values for them are dropped on creation. */
export function dropSystemFields(metadata: Draft): Draft {
  for (const key of [...TIMES, ...NUMBERS, 'uid', 'resourceVersion', 'selfLink', 'managedFields'])
    delete metadata[key];
  return metadata;
}

export function checkMetadata(
  metadata: Metadata,
  previous: Metadata | undefined,
  names: Behaviour['names'],
): readonly Cause[] {
  const causes: Cause[] = [];
  if (previous === undefined) checkName(metadata.name, names ?? 'subdomain', causes);
  if (metadata.labels !== previous?.labels) checkLabels(metadata.labels ?? {}, causes);
  if (metadata.annotations !== previous?.annotations)
    checkAnnotations(metadata.annotations ?? {}, causes);
  if (metadata.finalizers !== previous?.finalizers) checkFinalizers(metadata, previous, causes);
  if (metadata.ownerReferences !== previous?.ownerReferences)
    checkOwners(metadata.ownerReferences ?? [], causes);
  return causes;
}

function checkName(name: string, form: NonNullable<Behaviour['names']>, causes: Cause[]): void {
  const problem = nameProblem(name, form);
  if (problem !== undefined) causes.push(invalidValue('metadata.name', name, problem));
}

/** Also used where a spec names another object. */
export function nameProblem(
  name: string,
  form: NonNullable<Behaviour['names']>,
): string | undefined {
  if (form === 'any') return /[/%]/.test(name) ? "may not contain '/' or '%'" : undefined;
  if (form === 'dns1035') {
    if (name.length > 63) return 'must be no more than 63 bytes';
    if (DNS1035.test(name)) return undefined;
    return "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for validation is '[a-z]([-a-z0-9]*[a-z0-9])?')";
  }
  if (form === 'label') {
    if (name.length > 63) return 'must be no more than 63 bytes';
    if (DNS_LABEL.test(name)) return undefined;
    return "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')";
  }
  if (name.length > 253) return 'must be no more than 253 bytes';
  if (SUBDOMAIN.test(name)) return undefined;
  return "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";
}

export function labelCauses(field: string, labels: JsonObject): readonly Cause[] {
  const causes: Cause[] = [];
  for (const [key, value] of Object.entries(labels)) {
    checkQualifiedName(field, key, causes);
    const text = String(value);
    if (text.length > 63) causes.push(invalidValue(field, text, 'must be no more than 63 bytes'));
    else if (!LABEL_VALUE.test(text))
      causes.push(
        invalidValue(
          field,
          text,
          "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')",
        ),
      );
  }
  return causes;
}

function checkLabels(labels: JsonObject, causes: Cause[]): void {
  causes.push(...labelCauses('metadata.labels', labels));
}

function checkQualifiedName(field: string, key: string, causes: Cause[]): void {
  const name = key.slice(key.indexOf('/') + 1);
  if (name.length > 63)
    causes.push(invalidValue(field, key, 'name part must be no more than 63 bytes'));
  else if (!QUALIFIED.test(key))
    causes.push(
      invalidValue(
        field,
        key,
        "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')",
      ),
    );
}

const ANNOTATION_LIMIT = 256 * 1024;

function checkAnnotations(annotations: JsonObject, causes: Cause[]): void {
  let size = 0;
  for (const [key, value] of Object.entries(annotations)) {
    checkQualifiedName('metadata.annotations', key.toLowerCase(), causes);
    size += key.length + String(value).length;
  }
  if (size > ANNOTATION_LIMIT)
    causes.push({
      reason: 'FieldValueTooLong',
      message: `Too long: may not be more than ${ANNOTATION_LIMIT} bytes`,
      field: 'metadata.annotations',
    });
}

function checkFinalizers(metadata: Metadata, previous: Metadata | undefined, causes: Cause[]) {
  for (const finalizer of metadata.finalizers ?? [])
    if (typeof finalizer !== 'string' || !QUALIFIED.test(finalizer))
      causes.push(invalidValue('metadata.finalizers', finalizer, 'name part must be non-empty'));
  if (previous?.deletionTimestamp === undefined) return;
  const old = previous.finalizers ?? [];
  const added = (metadata.finalizers ?? []).filter((finalizer) => !old.includes(finalizer));
  if (added.length === 0) return;
  const list = added.map((name) => JSON.stringify(name)).join(', ');
  causes.push(
    forbiddenField(
      'metadata.finalizers',
      `no new finalizers can be added if the object is being deleted, found new finalizers []string{${list}}`,
    ),
  );
}

function checkOwners(owners: readonly unknown[], causes: Cause[]): void {
  const controllers: string[] = [];
  for (const [index, owner] of owners.entries()) {
    const field = `metadata.ownerReferences[${index}]`;
    if (!isObject(owner)) continue;
    for (const key of ['apiVersion', 'kind', 'name', 'uid'])
      if (typeof owner[key] !== 'string' || owner[key] === '')
        causes.push(required(`${field}.${key}`, 'must not be empty'));
    if (owner['controller'] === true) controllers.push(String(owner['kind']));
  }
  if (controllers.length > 1)
    causes.push(
      invalidValue(
        'metadata.ownerReferences',
        owners,
        `Only one reference can have Controller set to true. Found "true" in references for ${controllers.join(' and ')}`,
      ),
    );
  const uids = owners.map((owner) => (isObject(owner) ? owner['uid'] : undefined));
  for (const [index, uid] of uids.entries())
    if (uids.indexOf(uid) !== index)
      causes.push(duplicate(`metadata.ownerReferences[${index}].uid`, uid));
}
