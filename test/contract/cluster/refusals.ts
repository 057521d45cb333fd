/** The words and forms of refusals that clients read or that people are shown. */

import { expect, it } from 'vitest';

import {
  at,
  causes,
  configMap,
  configMaps,
  deployment,
  deployments,
  GROUP,
  text,
  widget,
  widgets,
  type Room,
} from './room.ts';

const named = (name: string) => ({ metadata: { name }, spec: { ports: [{ port: 80 }] } });

export function refusals(room: Room): void {
  it('answers for custom kinds that are not served in plain text', async () => {
    for (const path of ['/apis/nobody.test/v1/things', `/apis/${GROUP}/v1/things`])
      expect(await room.get(path)).toMatchObject({
        status: 404,
        headers: { 'content-type': 'text/plain; charset=utf-8' },
        body: '404 page not found\n',
      });
  });

  it('answers for kinds that a built-in group does not have with a Status', async () => {
    for (const path of ['/api/v1/things', '/apis/apps/v1/things'])
      expect(await room.get(path)).toMatchObject({
        status: 404,
        body: {
          kind: 'Status',
          reason: 'NotFound',
          message: 'the server could not find the requested resource',
        },
      });
  });

  it('does not do everything everywhere', async () => {
    const namespace = await room.namespace();
    await room.configMap(namespace, 'a');
    const body = configMap('a');
    for (const reply of [
      await room.create(`${configMaps(namespace)}/a`, body),
      await room.put(configMaps(namespace), body),
      await room.patch('merge', configMaps(namespace), {}),
      await room.call('DELETE', '/api/v1/namespaces', { query: { dryRun: 'All' } }),
    ])
      expect(reply).toMatchObject({
        status: 405,
        body: {
          reason: 'MethodNotAllowed',
          message: 'the server does not allow this method on the requested resource',
        },
      });
  });

  it('says of which kind a body was meant to be', async () => {
    const namespace = await room.namespace();
    const strict = { fieldValidation: 'Strict' };
    const built = await room.create(configMaps(namespace), { ...configMap('a'), x: 1 }, strict);
    expect(text(built.body, 'message')).toBe(
      'ConfigMap in version "v1" cannot be handled as a ConfigMap: strict decoding error: unknown field "x"',
    );
    const custom = await room.create(widgets(namespace), widget('a', { z: 1, b: 2 }), strict);
    expect(text(custom.body, 'message')).toBe(
      'Widget in version "v1" cannot be handled as a Widget: strict decoding error: unknown field "spec.b", unknown field "spec.z"',
    );
  });

  it('refuses a patch that makes an object unreadable as a patch', async () => {
    const namespace = await room.namespace();
    await room.configMap(namespace, 'a');
    const path = `${configMaps(namespace)}/a`;
    const reply = await room.patch('merge', path, { data: { k: 1 } });
    expect(reply.status).toBe(422);
    expect(causes(reply.body)).toEqual(['patch: FieldValueInvalid']);
    const unknown = await room.patch('merge', path, { x: 1 }, { fieldValidation: 'Strict' });
    expect(unknown.status).toBe(422);
    expect(text(unknown.body, 'message')).toContain('strict decoding error: unknown field "x"');
  });

  it('warns of every unknown field of a custom kind, by the alphabet', async () => {
    const namespace = await room.namespace();
    const spec = { zeta: 1, alpha: 2, nested: { other: 1 } };
    const { headers } = await room.create(widgets(namespace), widget('a', spec));
    const words = ['spec.alpha', 'spec.nested.other', 'spec.zeta'];
    expect(headers['warning']).toBe(
      words.map((field) => `299 - "unknown field \\"${field}\\""`).join(', '),
    );
  });

  it('shows a scalar that breaks a rule, and of an object only what is wrong', async () => {
    const namespace = await room.namespace();
    const broken = await room.create(widgets(namespace), widget('a', { low: 5, high: 3 }));
    expect(text(broken.body, 'message')).toBe(
      `Widget.${GROUP} "a" is invalid: [spec: Invalid value: low must not exceed high, spec: Invalid value: high is odd and not small]`,
    );
    await room.create(widgets(namespace), widget('b', { fixed: 'x' }));
    const changed = await room.patch('merge', `${widgets(namespace)}/b`, { spec: { fixed: 'y' } });
    expect(text(changed.body, 'message')).toBe(
      `Widget.${GROUP} "b" is invalid: spec.fixed: Invalid value: "y": fixed is fixed`,
    );
  });

  it('judges rules only of what is sound, and says that it did not', async () => {
    const namespace = await room.namespace();
    const unchecked =
      '<nil>: Invalid value: null: some validation rules were not checked because the object was invalid; correct the existing errors to complete validation';
    const typed = await room.create(
      widgets(namespace),
      widget('a', { size: 'x', low: 3, high: 2 }),
    );
    expect(text(typed.body, 'message')).toBe(
      `Widget.${GROUP} "a" is invalid: [spec.size: Invalid value: "string": spec.size in body must be of type integer: "string", ${unchecked}]`,
    );
    const both = await room.create(widgets(namespace), widget('a', { size: 0, low: 3, high: 2 }));
    expect(text(both.body, 'message')).toBe(
      `Widget.${GROUP} "a" is invalid: [spec.size: Invalid value: 0: spec.size in body should be greater than or equal to 1, spec: Invalid value: low must not exceed high]`,
    );
    const port = await room.create(widgets(namespace), widget('a', { port: true }));
    expect(text(port.body, 'message')).toBe(
      `Widget.${GROUP} "a" is invalid: [spec.port: Invalid value: "boolean": spec.port in body must be of type integer,string: "boolean", <nil>: Invalid value: "": "spec.port" must validate at least one schema (anyOf), spec.port: Invalid value: "boolean": spec.port in body must be of type integer: "boolean", ${unchecked}]`,
    );
  });

  it('says of a text that is too long nothing more', async () => {
    const namespace = await room.namespace();
    const { body } = await room.create(widgets(namespace), widget('a', { label: 'ABCDEFGHIJ' }));
    expect(causes(body)).toEqual(['<nil>: FieldValueInvalid', 'spec.label: FieldValueTooLong']);
  });

  it('wants finalizers with a domain on built-in kinds', async () => {
    const namespace = await room.namespace();
    const body = configMap('a', {}, { finalizers: ['plain'] });
    const reply = await room.create(configMaps(namespace), body);
    expect(causes(reply.body)).toEqual(['metadata.finalizers[0]: FieldValueInvalid']);
  });

  it('wants keys of data that could be file names', async () => {
    const namespace = await room.namespace();
    const body = configMap('a', { data: { 'a/b': 'x' } });
    expect(causes((await room.create(configMaps(namespace), body)).body)).toEqual([
      'data[a/b]: FieldValueInvalid',
    ]);
    const secret = { metadata: { name: 'a' }, data: { 'a/b': 'eA==' } };
    const reply = await room.create(`/api/v1/namespaces/${namespace}/secrets`, secret);
    expect(causes(reply.body)).toEqual(['data[a/b]: FieldValueInvalid']);
  });

  it('takes Service names that begin with a digit, none with a dot', async () => {
    const namespace = await room.namespace();
    const path = `/api/v1/namespaces/${namespace}/services`;
    expect(await room.create(path, named('1a'))).toMatchObject({ status: 201 });
    const reply = await room.create(path, named('a.b'));
    expect(text(reply.body, 'message')).toContain('must not contain dots');
  });

  it('matches a Deployment by the expressions of its selector too', async () => {
    const namespace = await room.namespace();
    const selector = { matchExpressions: [{ key: 'app', operator: 'In', values: ['other'] }] };
    const reply = await room.create(deployments(namespace), deployment('a', { selector }));
    expect(causes(reply.body)).toEqual(['spec.template.metadata.labels: FieldValueInvalid']);
  });

  it('wants everything in an Event of the newer form', async () => {
    const namespace = await room.namespace();
    const path = `/api/v1/namespaces/${namespace}/events`;
    const event = {
      metadata: { name: 'a.1' },
      involvedObject: { kind: 'ConfigMap', name: 'a', namespace },
      reason: 'Tested',
      reportingComponent: 'contract.test/suite',
      reportingInstance: 'one',
    };
    const older = await room.create(path, event);
    expect(older.body).toMatchObject({ firstTimestamp: null, eventTime: null });
    const counted = await room.patch('merge', `${path}/a.1`, { count: 2 });
    expect(counted).toMatchObject({ status: 200, body: { count: 2 } });
    const eventTime = '2026-01-01T00:00:00.000000Z';
    const newer = await room.create(path, { ...event, metadata: { name: 'a.2' }, eventTime });
    expect(newer.status).toBe(422);
    expect(causes(newer.body)).toContain('action: FieldValueRequired');
  });

  it('refuses names of managers that are too long', async () => {
    const namespace = await room.namespace();
    const query = { fieldManager: 'x'.repeat(129) };
    const reply = await room.create(configMaps(namespace), configMap('a'), query);
    expect(causes(reply.body)).toEqual(['fieldManager: FieldValueTooLong']);
  });

  it('gives what is only tried no version', async () => {
    const namespace = await room.namespace();
    const reply = await room.create(configMaps(namespace), configMap('a'), { dryRun: 'All' });
    expect(at(reply.body, 'metadata.uid')).toBeTypeOf('string');
    expect(at(reply.body, 'metadata.resourceVersion')).toBeUndefined();
  });
}
