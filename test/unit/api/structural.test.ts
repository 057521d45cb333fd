import { describe, expect, it } from 'vitest';
import * as z from 'zod';

import { structural } from '../../../src/api/structural.ts';
import { duration, portOrName, texts, whole } from '../../../src/api/schema.ts';

describe('a structural schema', () => {
  it('has neither the bounds of JavaScript nor closed objects', () => {
    expect(structural(z.strictObject({ count: z.int(), small: z.int32().optional() }))).toEqual({
      type: 'object',
      required: ['count'],
      properties: {
        count: { type: 'integer', format: 'int64' },
        small: { type: 'integer', format: 'int32' },
      },
    });
  });

  it('keeps descriptions, bounds and rules', () => {
    const rules = [{ rule: 'self > 1', message: 'more' }];
    expect(structural(whole('Share.', 0, 100).meta({ 'x-kubernetes-validations': rules }))).toEqual(
      {
        type: 'integer',
        format: 'int32',
        description: 'Share.',
        minimum: 0,
        maximum: 100,
        'x-kubernetes-validations': rules,
      },
    );
  });

  it.each([
    ['a union', z.union([z.string(), z.int()]), 'unions are not structural'],
    ['a keyword that it does not know', z.string().meta({ title: 'Name' }), '"title"'],
    ['a value of any type', z.unknown(), 'no type'],
  ])('is none for %s', (_what, schema, why) => {
    expect(() => structural(schema)).toThrow(why);
  });

  it('marks a port by number or name', () => {
    expect(structural(portOrName('Port.'))).toEqual({
      description: 'Port.',
      'x-kubernetes-int-or-string': true,
    });
  });

  it('bounds maps', () => {
    expect(structural(texts('Labels.', 3))).toMatchObject({
      type: 'object',
      maxProperties: 3,
      additionalProperties: { type: 'string' },
    });
  });

  it('leaves times to the API server', () => {
    expect(structural(z.iso.datetime())).toEqual({ type: 'string', format: 'date-time' });
  });

  it('knows a duration by its pattern', () => {
    expect(structural(duration('Time.'))).toMatchObject({
      type: 'string',
      pattern: expect.stringContaining('ns|us'),
    });
  });

  it.each([
    ['a union', z.object({ a: z.union([z.string(), z.boolean()]) })],
    ['a tuple', z.object({ a: z.tuple([z.string(), z.int()]) })],
    ['anything', z.object({ a: z.unknown() })],
    ['a value that may be null', z.object({ a: z.string().nullable() })],
    [
      'a recursive object',
      (() => {
        const node: z.ZodType = z.object({
          get child() {
            return node.optional();
          },
        });
        return node;
      })(),
    ],
  ])('cannot say %s', (_, schema) => {
    expect(() => structural(schema)).toThrow();
  });
});
