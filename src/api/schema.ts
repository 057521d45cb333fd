/**
 * The bricks our schemas are made of.
 *
 * Each carries its description, because `kubectl explain` shows it, and its bounds, because the API server
 * refuses rules whose cost it cannot limit. What zod cannot say in a structural schema travels as `x-kubernetes-*`
 * metadata, which `crd.ts` keeps.
 */

import * as z from 'zod';

import { durationPattern } from './duration.ts';

/** A rule that the API server evaluates at admission; `self` is the value it is put on. */
export interface Rule {
  readonly rule: string;
  readonly message: string;
}

/** Metadata that puts CEL rules on a schema. */
export function rules(...all: readonly Rule[]): { readonly 'x-kubernetes-validations': Rule[] } {
  return { 'x-kubernetes-validations': [...all] };
}

/** A value that the API server fills in when it is absent. Parsing does not: `resolved.ts` applies defaults. */
export function filledIn<T>(value: T): { readonly default: T } {
  return { default: value };
}

const longest = { name: 253, text: 4096, url: 4096, query: 65_536 } as const;

/** A text in an object; `maximum` bytes of it at most. */
export function text(description: string, maximum: number = longest.text) {
  return z.string().max(maximum).meta({ description });
}

/** The name of an object. */
export function objectName(description: string) {
  return z.string().max(longest.name).meta({ description });
}

export function url(description: string) {
  return z.string().max(longest.url).meta({ description });
}

export function query(description: string) {
  return z.string().max(longest.query).meta({ description });
}

/** A duration as Go reads it, not negative. */
export function duration(description: string) {
  return z.string().max(64).regex(new RegExp(durationPattern)).meta({ description });
}

export function flag(description: string) {
  return z.boolean().meta({ description });
}

/** A whole number between two bounds, both allowed. */
export function whole(description: string, minimum: number, maximum: number) {
  return z.int().min(minimum).max(maximum).meta({ description });
}

export function number(description: string) {
  return z.number().meta({ description });
}

/** Largest 32-bit number: the bound of counts that have no better one. */
export const most = 2 ** 31 - 1;

export function oneOf<const T extends readonly string[]>(description: string, values: T) {
  return z.enum(values).meta({ description });
}

/** Labels, annotations, variables: texts by name. */
export function texts(description: string, maximum = 256) {
  return z.record(z.string(), text('The value.')).meta({ description, maxProperties: maximum });
}

export function list<T extends z.ZodType>(description: string, item: T, maximum: number) {
  return z.array(item).max(maximum).meta({ description });
}

export function portOrName(description: string) {
  return z.union([z.int(), z.string()]).meta({ description, 'x-kubernetes-int-or-string': true });
}
