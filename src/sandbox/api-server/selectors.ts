/** Label and field selectors, parsed from their text form into predicates. */

import { badRequest } from './faults.ts';
import { isObject } from './json.ts';
import type { KubeObject } from './object.ts';

export type Selector = (object: KubeObject) => boolean;

/** How a kind's selectable fields are read; `undefined` when the kind has no such field. */
export type FieldReader = (object: KubeObject) => string;

type LabelTest = (labels: Readonly<Record<string, string>>) => boolean;

const NO_LABELS: Readonly<Record<string, string>> = {};
const LABEL_KEY = /^([a-z0-9]([-a-z0-9.]*[a-z0-9])?\/)?[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?$/;
const LABEL_VALUE = /^([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?$/;

/** The grammar of `labelSelector=`: `a=b,c!=d,e in (f,g),h notin (i),j,!k,n>1`. */
export function parseLabelSelector(text: string): Selector {
  const tests = splitRequirements(text).map((part) => parseRequirement(part, text));
  return ({ metadata }) => {
    const labels = metadata.labels ?? NO_LABELS;
    return tests.every((test) => test(labels));
  };
}

function splitRequirements(text: string): readonly string[] {
  const parts: string[] = [];
  let depth = 0;
  let current = '';
  for (const char of text) {
    if (char === '(') depth++;
    if (char === ')') depth--;
    if (char === ',' && depth === 0) {
      parts.push(current);
      current = '';
    } else current += char;
  }
  parts.push(current);
  return parts.length === 1 && current.trim() === '' ? [] : parts.map((part) => part.trim());
}

function parseRequirement(part: string, whole: string): LabelTest {
  const set = /^(\S+)\s+(in|notin)\s*\(([^()]*)\)$/.exec(part);
  if (set) {
    const key = labelKey(set[1] ?? '', whole);
    const values = new Set(
      (set[3] ?? '').split(',').map((value) => labelValue(value.trim(), whole)),
    );
    return set[2] === 'in'
      ? (labels) => labels[key] !== undefined && values.has(labels[key])
      : (labels) => labels[key] === undefined || !values.has(labels[key]);
  }
  const compared = /^([^=!<>\s]+)\s*(==|=|!=|<|>)\s*(.*)$/.exec(part);
  if (compared) return parseComparison(compared, whole);
  const exists = /^(!?)\s*([^=!<>\s]+)$/.exec(part);
  if (!exists) throw unparsable(whole, `unexpected "${part}"`);
  const key = labelKey(exists[2] ?? '', whole);
  return exists[1] === '!'
    ? (labels) => labels[key] === undefined
    : (labels) => labels[key] !== undefined;
}

function parseComparison(match: RegExpExecArray, whole: string): LabelTest {
  const key = labelKey(match[1] ?? '', whole);
  const value = labelValue((match[3] ?? '').trim(), whole);
  if (match[2] === '!=') return (labels) => labels[key] !== value;
  if (match[2] === '=' || match[2] === '==') return (labels) => labels[key] === value;
  if (!/^-?\d+$/.test(value)) throw unparsable(whole, 'for > and < the value must be an integer');
  const bound = Number(value);
  const above = match[2] === '>';
  return (labels) => {
    const number = Number(labels[key] ?? Number.NaN);
    return above ? number > bound : number < bound;
  };
}

function labelKey(key: string, whole: string): string {
  if (!LABEL_KEY.test(key)) throw unparsable(whole, `"${key}" is no label key`);
  return key;
}

function labelValue(value: string, whole: string): string {
  if (!LABEL_VALUE.test(value)) throw unparsable(whole, `"${value}" is no label value`);
  return value;
}

function unparsable(whole: string, why: string) {
  return badRequest(`unable to parse requirement: ${why} in ${JSON.stringify(whole)}`);
}

interface Selectable {
  readonly fields: Readonly<Record<string, FieldReader>>;
  readonly custom: boolean;
}

/** The grammar of `fieldSelector=`: `a=b,c!=d`, on the fields that the kind offers. */
export function parseFieldSelector(text: string, kind: Selectable): Selector {
  const fields = { ...metadataFields, ...kind.fields };
  const tests = text
    .split(',')
    .filter((part) => part !== '')
    .map((part) => {
      const match = /^([^=!]+?)(==|=|!=)(.*)$/.exec(part);
      if (!match) throw badRequest(`invalid selector: '${part}'; can't understand '${part}'`);
      const [, name = '', operator = '', value = ''] = match;
      const read = fields[name];
      if (read === undefined) throw noSuchField(name, kind);
      return (object: KubeObject) => (read(object) === value) === (operator !== '!=');
    });
  return (object) => tests.every((test) => test(object));
}

function noSuchField(name: string, { fields, custom }: Selectable) {
  if (custom || Object.keys(fields).length > 0)
    return badRequest(`field label not supported: ${name}`);
  return badRequest(
    `${JSON.stringify(name)} is not a known field selector: only "metadata.name", "metadata.namespace"`,
  );
}

const metadataFields: Readonly<Record<string, FieldReader>> = {
  'metadata.name': ({ metadata }) => metadata.name,
  'metadata.namespace': ({ metadata }) => metadata.namespace ?? '',
};

/** Reads `a.b.c` as text, an absent field as the empty text. */
export function fieldAt(path: string): FieldReader {
  const keys = path.split('.');
  return (object) => {
    let value: unknown = object;
    for (const key of keys) value = isObject(value) ? value[key] : undefined;
    return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean'
      ? String(value)
      : '';
  };
}
