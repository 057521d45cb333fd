/** The CEL environment of validation rules: the language, plus the functions Kubernetes adds that rules here use. */

import { isIP } from 'node:net';

import { Environment } from '@marcbachmann/cel-js';

import { isObject } from '../json.ts';

export type CelProgram = (variables: Readonly<Record<string, unknown>>) => unknown;

type Ordered = bigint | number | string | boolean;

const environment = new Environment({ unlistedVariablesAreDyn: true, enableOptionalTypes: true });

function listOf(value: unknown): readonly Ordered[] {
  return Array.isArray(value) ? value : [];
}

function extreme(value: unknown, better: (a: Ordered, b: Ordered) => boolean): Ordered {
  const [first, ...rest] = listOf(value);
  if (first === undefined) throw new Error('min/max called on an empty list');
  return rest.reduce((best, next) => (better(next, best) ? next : best), first);
}

function sum(value: unknown): bigint | number {
  const items = listOf(value);
  if (items.every((item) => typeof item === 'bigint')) return items.reduce((a, b) => a + b, 0n);
  return items.reduce<number>((total, item) => total + Number(item), 0);
}

environment
  .registerFunction('list.isSorted(): bool', (list: unknown) =>
    listOf(list).every((item, index, all) => index === 0 || (all[index - 1] ?? item) <= item),
  )
  .registerFunction('list.sum(): dyn', sum)
  .registerFunction('list.min(): dyn', (list: unknown) => extreme(list, (a, b) => a < b))
  .registerFunction('list.max(): dyn', (list: unknown) => extreme(list, (a, b) => a > b))
  .registerFunction('list.indexOf(dyn): int', (list: unknown, item: Ordered) =>
    BigInt(listOf(list).indexOf(item)),
  )
  .registerFunction('list.lastIndexOf(dyn): int', (list: unknown, item: Ordered) =>
    BigInt(listOf(list).lastIndexOf(item)),
  )
  .registerFunction('string.find(string): string', (text: string, pattern: string) => {
    return new RegExp(pattern, 'u').exec(text)?.[0] ?? '';
  })
  .registerFunction('string.findAll(string): list<string>', (text: string, pattern: string) => {
    return [...text.matchAll(new RegExp(pattern, 'gu'))].map(([match]) => match);
  })
  .registerFunction('string.charAt(int): string', (text: string, at: bigint) => {
    return Array.from(text)[Number(at)] ?? '';
  })
  .registerFunction(
    'string.replace(string, string): string',
    (text: string, from: string, to: string) => text.replaceAll(from, to),
  )
  .registerFunction('hasField(dyn, string): bool', (object: unknown, key: string) => {
    return isObject(object) && object[key] !== undefined;
  })
  .registerFunction('isURL(string): bool', (text: string) => URL.canParse(text))
  .registerFunction('isIP(string): bool', (text: string) => isIP(text) !== 0);

/** The library's `has` takes only a chain of names; `has(list[0].name)` is legal CEL too. */
const INDEXED_HAS = /\bhas\(\s*([^()]*\][^()]*?)\s*\.\s*([A-Za-z_]\w*)\s*\)/g;

/** Throws when the text is no expression. */
export function compileCel(expression: string): CelProgram {
  return environment.parse(expression.replace(INDEXED_HAS, 'hasField($1, "$2")'));
}
