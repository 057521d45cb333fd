/** The metadata every object has: which fields clients may set, and what is wrong with what they set. */

import type { Cause } from './faults.ts';
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
const QUALIFIED = /^([a-z0-9]([-a-z0-9.]*[a-z0-9])?\/)?([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]$/;
const LABEL_VALUE = new RegExp(`^${LABEL}$`);

/** Called with the reason where Go could not decode what it got. */
type Refuse = (why: string) => never;

/** Metadata without unknown fields. */
export function decodeMetadata(value: unknown, unknown: string[], refuse: Refuse): Draft {
  if (value === undefined || value === null) return {};
  if (!isObject(value)) return refuse(mismatch('metadata', value, 'v1.ObjectMeta'));
  const metadata: Draft = {};
  for (const key in value) {
    const part = value[key];
    if (!KNOWN.has(key)) {
      unknown.push(`metadata.${key}`);
      continue;
    }
    if (part === null || part === '') continue;
    const wrong = typeProblem(key, part);
    if (wrong !== undefined) refuse(wrong);
    if (isObject(part) && Object.keys(part).length === 0) continue;
    if (isArray(part) && part.length === 0 && key !== 'managedFields') continue;
    metadata[key] = part;
  }
  return metadata;
}

function typeProblem(key: string, part: unknown): string | undefined {
  const field = `metadata.${key}`;
  const isText = TEXTS.includes(key) || TIMES.includes(key);
  if (isText && typeof part !== 'string') return mismatch(field, part, 'string');
  if (NUMBERS.includes(key) && typeof part !== 'number') return mismatch(field, part, 'int64');
  if (LISTS.includes(key) && !isArray(part)) return mismatch(field, part, 'list');
  if (!MAPS.includes(key)) return undefined;
  if (!isObject(part)) return mismatch(field, part, 'map[string]string');
  const wrong = Object.values(part).find((one) => typeof one !== 'string');
  return wrong === undefined ? undefined : mismatch(field, wrong, 'string');
}

function mismatch(field: string, value: unknown, type: string): string {
  const actual = isArray(value) ? 'array' : value === null ? 'null' : typeof value;
  const from = actual === 'boolean' ? 'bool' : actual;
  return `json: cannot unmarshal ${from} into Go struct field ObjectMeta.${field} of type ${type}`;
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
  { names, custom }: { readonly names: Behaviour['names']; readonly custom: boolean },
): readonly Cause[] {
  const causes: Cause[] = [];
  if (previous === undefined) checkName(metadata.name, names ?? 'subdomain', causes);
  if (metadata.labels !== previous?.labels) checkLabels(metadata.labels ?? {}, causes);
  if (metadata.annotations !== previous?.annotations)
    checkAnnotations(metadata.annotations ?? {}, causes);
  if (metadata.finalizers !== previous?.finalizers)
    checkFinalizers(metadata, previous, custom, causes);
  if (metadata.ownerReferences !== previous?.ownerReferences)
    checkOwners(metadata.ownerReferences ?? [], causes);
  return causes;
}

function checkName(name: string, form: NonNullable<Behaviour['names']>, causes: Cause[]): void {
  if (name === '') {
    causes.push(required('metadata.name', 'name or generateName is required'));
    return;
  }
  const problem = nameProblem(name, form);
  if (problem !== undefined) causes.push(invalidValue('metadata.name', name, problem));
}

/** Also used where a spec names another object. */
export function nameProblem(
  name: string,
  form: NonNullable<Behaviour['names']>,
): string | undefined {
  if (form === 'any') return /[/%]/.test(name) ? "may not contain '/' or '%'" : undefined;
  if (form === 'dotless' && name.includes('.')) return 'must not contain dots';
  if (form === 'label' || form === 'dotless') {
    if (name.length > 63) return 'must be no more than 63 bytes';
    if (DNS_LABEL.test(name)) return undefined;
    return "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')";
  }
  if (name.length > 253) return 'must be no more than 253 characters';
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

/** Those without a domain, from before there were domains. Custom kinds may have others. */
const STANDARD_FINALIZERS = ['foregroundDeletion', 'orphan', 'kubernetes'];

function checkFinalizers(
  metadata: Metadata,
  previous: Metadata | undefined,
  custom: boolean,
  causes: Cause[],
): void {
  for (const [index, finalizer] of (metadata.finalizers ?? []).entries()) {
    if (typeof finalizer !== 'string' || !QUALIFIED.test(finalizer))
      causes.push(invalidValue('metadata.finalizers', finalizer, 'name part must be non-empty'));
    else if (!custom && !finalizer.includes('/') && !STANDARD_FINALIZERS.includes(finalizer))
      causes.push(
        invalidValue(
          `metadata.finalizers[${index}]`,
          finalizer,
          'name is neither a standard finalizer name nor is it fully qualified',
        ),
      );
  }
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
  for (const owner of owners) {
    if (!isObject(owner)) continue;
    for (const key of ['apiVersion', 'kind', 'name', 'uid'])
      if (typeof owner[key] !== 'string' || owner[key] === '') {
        const detail = key === 'apiVersion' ? 'version must not be empty' : 'must not be empty';
        causes.push(invalidValue(`metadata.ownerReferences.${key}`, '', detail));
      }
    if (owner['controller'] === true)
      controllers.push(`${String(owner['kind'])}/${String(owner['name'])}`);
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
