/**
 * What a body goes through on its way in: decoded, pruned, defaulted, validated.
 *
 * Nothing here reads or writes the store.
 */

import { ApiFault, badRequest, invalid, UndecodableFault, type Cause } from './faults.ts';
import { copyReusing, isObject, withKeys, type JsonObject, textOf } from './json.ts';
import { checkMetadata, decodeMetadata } from './metadata.ts';
import { asKubeObject, type KubeObject, type Metadata } from './object.ts';
import { kindOf, type Request } from './request.ts';
import type { ResourceType } from './resource-type.ts';
import { invalidValue } from './schema/field-errors.ts';

/** A body before the server has completed its metadata. */
export interface Incoming extends JsonObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: JsonObject;
}

/** Copies a body, reusing what equals `previous`, and drops or refuses what the kind does not know. */
export function decode(
  request: Request,
  body: unknown,
  previous: KubeObject | undefined,
): Incoming {
  const { type } = request;
  const copy = copyReusing(body, previous);
  if (!isObject(copy)) throw badRequest('the body of the request is not an object');
  const unknown: string[] = [];
  const metadata = decodeMetadata(copy['metadata'], unknown, (why) => {
    throw new UndecodableFault(type.definition.kind, type.definition.version, why);
  });
  const named = withKeys(copy, { ...typeMeta(type, copy), metadata });
  const normalized = type.definition.schema.normalize(named, previous, unknown);
  reportUnknown(request, unknown);
  return incomingOf(normalized);
}

function incomingOf(value: unknown): Incoming {
  if (isIncoming(value)) return value;
  throw badRequest('the body of the request is not an object');
}

function isIncoming(value: unknown): value is Incoming {
  return isObject(value) && isObject(value['metadata']);
}

function typeMeta(type: ResourceType, body: JsonObject): { apiVersion: string; kind: string } {
  const { kind, custom } = type.definition;
  const given = { apiVersion: body['apiVersion'], kind: body['kind'] };
  if (custom && given.kind === undefined) throw badRequest("Object 'Kind' is missing in the body");
  if (custom && given.apiVersion === undefined)
    throw badRequest("Object 'apiVersion' is missing in the body");
  const apiVersion = given.apiVersion ?? type.apiVersion;
  if (apiVersion !== type.apiVersion)
    throw badRequest(
      `the API version in the data (${textOf(apiVersion)}) does not match the expected API version (${type.apiVersion})`,
    );
  if ((given.kind ?? kind) !== kind) throw otherKind(type, body);
  return { apiVersion: type.apiVersion, kind };
}

/** Built-in kinds are Go structures that do not convert; custom ones are looked at as what they say they are. */
function otherKind(type: ResourceType, body: JsonObject): ApiFault {
  const { kind: wanted, version, group, custom } = type.definition;
  const kind = textOf(body['kind']);
  if (!custom)
    return badRequest(
      `${kind} in version ${JSON.stringify(version)} cannot be handled as a ${wanted}: converting (${version}.${kind}) to (core.${wanted}): unknown conversion`,
    );
  const metadata = isObject(body['metadata']) ? body['metadata'] : {};
  return invalid({ group, kind, name: textOf(metadata['name']) }, [
    invalidValue('kind', kind, `must be ${wanted}`),
  ]);
}

function reportUnknown({ type, strictness, warnings }: Request, unknown: readonly string[]): void {
  if (unknown.length === 0 || strictness === 'Ignore') return;
  const { kind, version, custom } = type.definition;
  // Go reads its structures in the order of the body, and walks a free-form object by the alphabet.
  const words = (custom ? unknown.toSorted() : unknown).map(
    (path) => `unknown field ${JSON.stringify(path)}`,
  );
  if (strictness === 'Strict')
    throw new UndecodableFault(kind, version, `strict decoding error: ${words.join(', ')}`);
  warnings.push(...words);
}

/** Throws 422 with every cause, or 400 where a built-in kind could not even be decoded. */
export function validate(
  type: ResourceType,
  object: KubeObject,
  previous: KubeObject | undefined,
): void {
  const { schema, behaviour, custom } = type.definition;
  const causes: Cause[] = [
    ...checkMetadata(object.metadata, previous?.metadata, { names: behaviour.names, custom }),
    ...schema.validate(object, previous),
  ];
  if (!custom) refuseUndecodable(type, causes);
  causes.push(...(behaviour.validate?.(object, previous) ?? []));
  if (causes.length > 0) throw invalid(kindOf(type, object.metadata.name), causes);
}

/** Built-in kinds are Go structures: a value of the wrong type fails before validation. */
function refuseUndecodable(type: ResourceType, causes: readonly Cause[]): void {
  const wrong = causes.find(({ reason }) => reason === 'FieldValueTypeInvalid');
  if (wrong === undefined) return;
  const { kind, version } = type.definition;
  const [, actual = '', expected = ''] =
    /^Invalid value: "(.*?)".*must be of type (.*?):/.exec(wrong.message) ?? [];
  if (expected === 'micro-time')
    throw new UndecodableFault(
      kind,
      version,
      `parsing time ${JSON.stringify(actual)} as "2006-01-02T15:04:05.000000Z07:00": cannot parse it`,
    );
  if (expected === 'byte')
    throw new UndecodableFault(kind, version, 'illegal base64 data at input byte 0');
  const field = wrong.field.replaceAll(/\[\d+\]/g, '');
  const from = actual === 'integer' ? 'number' : actual === 'boolean' ? 'bool' : actual;
  throw new UndecodableFault(
    kind,
    version,
    `json: cannot unmarshal ${from} into Go struct field ${kind}.${field} of type ${expected}`,
  );
}

/** Completed by the caller; the type says that it is. */
export function withMetadata(incoming: JsonObject, metadata: Metadata): KubeObject {
  return asKubeObject(withKeys(incoming, { metadata }));
}

export function tooLarge(limitBytes: number): ApiFault {
  const message = `the request is too large: limit is ${limitBytes}`;
  return new ApiFault(413, 'RequestEntityTooLarge', message);
}
