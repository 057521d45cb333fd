import { expect, it } from 'vitest';

import {
  at,
  causes,
  DEFINITIONS,
  GROUP,
  json,
  text,
  WIDGETS,
  widget,
  widgets,
  type Room,
} from './room.ts';

export function definesKinds(room: Room): void {
  const created = async (spec: object) => {
    const namespace = await room.namespace();
    return room.create(widgets(namespace), widget('a', { ...spec }));
  };

  it('prunes what the schema does not name and fills in its defaults', async () => {
    const { status, body } = await created({
      unknown: 1,
      nested: { other: 1 },
      free: { any: { thing: 1 } },
      parts: [{ name: 'x', y: 1 }],
    });
    expect(status).toBe(201);
    expect(json(body)['spec']).toEqual({
      size: 3,
      colour: 'red',
      nested: { deep: true },
      free: { any: { thing: 1 } },
      parts: [{ name: 'x', count: 1 }],
    });
  });

  it('drops null where it is not allowed, keeps it where it is', async () => {
    const { body } = await created({ colour: null, note: null, plain: null });
    expect(json(body)['spec']).toEqual({
      size: 3,
      colour: 'red',
      note: null,
      nested: { deep: true },
    });
  });

  it.each([
    ['a missing field', { size: undefined }, ['spec.size: FieldValueRequired']],
    ['a wrong type', { size: 'three' }, ['spec.size: FieldValueTypeInvalid']],
    ['a number too low', { size: 0 }, ['spec.size: FieldValueInvalid']],
    ['a number too high', { size: 101 }, ['spec.size: FieldValueInvalid']],
    ['a text that does not match', { label: 'A1' }, ['spec.label: FieldValueInvalid']],
    ['a value that is not offered', { colour: 'blue' }, ['spec.colour: FieldValueNotSupported']],
    [
      'an item twice in a map',
      { parts: [{ name: 'x' }, { name: 'x' }] },
      ['spec.parts[1]: FieldValueDuplicate'],
    ],
    ['an item twice in a set', { tags: ['x', 'x'] }, ['spec.tags[1]: FieldValueDuplicate']],
    ['a field missing in an item', { parts: [{}] }, ['spec.parts[0].name: FieldValueRequired']],
    ['a date that is none', { at: 'yesterday' }, ['spec.at: FieldValueTypeInvalid']],
    ['two that exclude each other', { one: 'a', other: 'b' }, ['<nil>: FieldValueInvalid']],
    ['a rule between fields', { low: 3, high: 2 }, ['spec: FieldValueInvalid']],
  ])('refuses %s', async (_what, spec, expected) => {
    const { status, body } = await created(spec);
    expect({ status, reason: at(body, 'reason') }).toEqual({ status: 422, reason: 'Invalid' });
    expect(causes(body)).toEqual(expect.arrayContaining(expected));
  });

  it('refuses what is too long or too many', async () => {
    const long = await created({ label: 'abcdefghi' });
    expect(causes(long.body)).toContain('spec.label: FieldValueTooLong');
    const many = await created({ parts: ['a', 'b', 'c', 'd'].map((name) => ({ name })) });
    expect(causes(many.body)).toContain('spec.parts: FieldValueTooMany');
  });

  it('tells all problems at once, in words that name them', async () => {
    const { body } = await created({ size: 0, label: 'A' });
    expect(causes(body)).toEqual(['spec.label: FieldValueInvalid', 'spec.size: FieldValueInvalid']);
    const message = text(body, 'message');
    expect(message).toContain(`Widget.${GROUP} "a" is invalid: [`);
    expect(message).toContain(
      'spec.size: Invalid value: 0: spec.size in body should be greater than or equal to 1',
    );
    expect(message).toContain(
      `spec.label: Invalid value: "A": spec.label in body should match '^[a-z]+$'`,
    );
  });

  it('names the values an enumeration offers', async () => {
    const { body } = await created({ colour: 'blue' });
    expect(text(body, 'message')).toContain(
      'spec.colour: Unsupported value: "blue": supported values: "red", "green"',
    );
  });

  it('takes numbers and texts where both are allowed', async () => {
    expect(await created({ port: 80 })).toMatchObject({ status: 201 });
    expect(await created({ port: 'http' })).toMatchObject({ status: 201 });
    expect(await created({ port: true })).toMatchObject({ status: 422 });
  });

  it('computes with integers in rules, and words their messages', async () => {
    expect(await created({ low: 1, high: 2 })).toMatchObject({ status: 201 });
    const low = await created({ low: 5, high: 4 });
    expect(text(low.body, 'message')).toContain('low must not exceed high');
    const odd = await created({ high: 3 });
    expect(text(odd.body, 'message')).toContain('high is odd and not small');
  });

  it('holds rules that compare with the old value on updates only', async () => {
    const namespace = await room.namespace();
    await room.create(widgets(namespace), widget('a', { fixed: 'x' }));
    const path = `${widgets(namespace)}/a`;
    expect(await room.patch('merge', path, { spec: { size: 4 } })).toMatchObject({ status: 200 });
    const reply = await room.patch('merge', path, { spec: { fixed: 'y' } });
    expect(reply.status).toBe(422);
    expect(causes(reply.body)).toEqual(['spec.fixed: FieldValueInvalid']);
  });

  it('serves an object in every version', async () => {
    const namespace = await room.namespace();
    await room.create(widgets(namespace), widget('a'));
    const other = await room.get(`${widgets(namespace, 'v1beta1')}/a`);
    expect(other.body).toMatchObject({
      apiVersion: `${GROUP}/v1beta1`,
      kind: 'Widget',
      spec: { size: 3 },
    });
    const changed = await room.put(`${widgets(namespace, 'v1beta1')}/a`, {
      ...json(other.body),
      spec: { size: 5 },
    });
    expect(changed).toMatchObject({ status: 200, body: { apiVersion: `${GROUP}/v1beta1` } });
    expect((await room.get(`${widgets(namespace)}/a`)).body).toMatchObject({
      apiVersion: `${GROUP}/v1`,
      spec: { size: 5 },
    });
  });

  it('says that a definition is established', async () => {
    const { body } = await room.get(`${DEFINITIONS}/widgets.${GROUP}`);
    expect(body).toMatchObject({
      status: { acceptedNames: { kind: 'Widget', plural: 'widgets' }, storedVersions: ['v1'] },
    });
  });

  it('refuses a definition without a structural schema', async () => {
    const spec = json(WIDGETS['spec']);
    const define = (openAPIV3Schema: unknown) => ({
      ...WIDGETS,
      metadata: { name: `gadgets.${GROUP}` },
      spec: {
        ...spec,
        names: { kind: 'Gadget', plural: 'gadgets' },
        versions: [
          {
            name: 'v1',
            served: true,
            storage: true,
            ...(openAPIV3Schema === undefined ? {} : { schema: { openAPIV3Schema } }),
          },
        ],
      },
    });
    for (const schema of [
      undefined,
      { type: 'string' },
      { type: 'object', properties: { spec: {} } },
      { type: 'object', properties: { spec: { type: 'array' } } },
      { type: 'object', properties: { metadata: { type: 'object', description: 'Ours.' } } },
      { type: 'object', properties: { apiVersion: { type: 'integer' } } },
      { type: 'object', properties: { a: { type: 'integer', minimum: 1, default: 0 } } },
    ])
      expect(await room.create(DEFINITIONS, define(schema))).toMatchObject({
        status: 422,
        body: { reason: 'Invalid' },
      });
  });

  it('refuses a definition whose name does not fit', async () => {
    const body = { ...WIDGETS, metadata: { name: `others.${GROUP}` } };
    const reply = await room.create(DEFINITIONS, body);
    expect(reply.status).toBe(422);
    expect(causes(reply.body)).toContain('metadata.name: FieldValueInvalid');
  });

  it('takes its objects along when a definition goes', async () => {
    const definition = {
      ...WIDGETS,
      metadata: { name: `gizmos.${GROUP}` },
      spec: {
        ...json(WIDGETS['spec']),
        names: { kind: 'Gizmo', plural: 'gizmos', listKind: 'GizmoList', singular: 'gizmo' },
      },
    };
    await room.install(definition);
    const namespace = await room.namespace();
    const path = `/apis/${GROUP}/v1/namespaces/${namespace}/gizmos`;
    const gizmo = { ...widget('a'), kind: 'Gizmo' };
    await room.eventually(async () => expect((await room.create(path, gizmo)).status).toBe(201));
    await room.call('DELETE', `${DEFINITIONS}/gizmos.${GROUP}`);
    await room.eventually(async () => {
      expect(await room.get(`${DEFINITIONS}/gizmos.${GROUP}`)).toMatchObject({ status: 404 });
      expect(await room.get(`${path}/a`)).toMatchObject({ status: 404 });
    });
  });
}
