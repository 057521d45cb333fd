import { describe, expect, it } from 'vitest';

import { commandLine, environmentOf, expand, fieldOf, hostnameOf } from './environment.ts';
import type { Image } from './image.ts';
import { aContainer, aPod } from './samples.ts';
import type { ContainerSpec, KeysObject } from './types.ts';

const image: Image = {
  entrypoint: ['/cart'],
  args: ['--serve'],
  env: { FROM: 'image' },
  files: {},
};
const placement = { podIP: '10.244.0.7', hostIP: '10.99.0.1' };
const objects: Readonly<Record<string, KeysObject>> = {
  'ConfigMap/settings': { metadata: { name: 'settings' }, data: { colour: 'blue' } },
  'Secret/keys': { metadata: { name: 'keys' }, data: { word: 'aHVudGVyMg==' } },
};

const variablesOf = (parts: Partial<ContainerSpec>) =>
  environmentOf({
    pod: aPod(),
    container: aContainer(parts),
    image,
    placement,
    apiServer: { host: '10.0.0.1', port: 443 },
    find: async (kind, name) => objects[`${kind}/${name}`],
  });

describe('expansion', () => {
  it.each([
    ['$(A)', 'one'],
    ['x$(A)y$(A)', 'xoneyone'],
    ['$(B)', '$(B)'],
    ['$$(A)', '$(A)'],
    ['$$$(A)', '$one'],
    ['$A ${A} $', '$A ${A} $'],
    ['$(toString)', '$(toString)'],
  ])('makes %s into %s', (text, expanded) => {
    expect(expand(text, { A: 'one' })).toBe(expanded);
  });
});

describe('the environment', () => {
  it('lets the container win over its image, and the image over the node', async () => {
    const env = [
      { name: 'FROM', value: 'pod' },
      { name: 'KUBERNETES_SERVICE_HOST', value: '192.0.2.1' },
    ];
    expect(await variablesOf({ env })).toMatchObject({
      FROM: 'pod',
      HOSTNAME: 'cart-1',
      KUBERNETES_SERVICE_HOST: '192.0.2.1',
      KUBERNETES_SERVICE_PORT: '443',
    });
  });

  it('expands what stands before, not what comes after', async () => {
    const env = [
      { name: 'EARLY', value: '$(LATE)' },
      { name: 'LATE', value: '$(FROM)' },
    ];
    expect(await variablesOf({ env })).toMatchObject({ EARLY: '$(LATE)', LATE: 'image' });
  });

  it('takes whole objects under a prefix, and single keys', async () => {
    const variables = await variablesOf({
      envFrom: [
        { prefix: 'S_', configMapRef: { name: 'settings' } },
        { secretRef: { name: 'keys' } },
      ],
      env: [{ name: 'ONE', valueFrom: { secretKeyRef: { name: 'keys', key: 'word' } } }],
    });
    expect(variables).toMatchObject({ S_colour: 'blue', word: 'hunter2', ONE: 'hunter2' });
  });

  it('leaves out what is optional and not there', async () => {
    const configMapKeyRef = { name: 'none', key: 'x', optional: true };
    const variables = await variablesOf({
      envFrom: [{ secretRef: { name: 'none', optional: true } }],
      env: [{ name: 'X', valueFrom: { configMapKeyRef } }],
    });
    expect(variables).not.toHaveProperty('X');
  });

  it.each([
    [{ configMapKeyRef: { name: 'none', key: 'x' } }, 'configmap "none" not found'],
    [{ secretKeyRef: { name: 'keys', key: 'x' } }, "couldn't find key x in Secret shop/keys"],
  ])('refuses %j', async (valueFrom, message) => {
    await expect(variablesOf({ env: [{ name: 'X', valueFrom }] })).rejects.toThrow(message);
  });
});

describe('the command line', () => {
  it.each([
    [{}, ['/cart', '--serve']],
    [{ args: ['--once', '$(A)'] }, ['/cart', '--once', 'one']],
    [{ command: ['/other'] }, ['/other']],
    [{ command: ['/other'], args: ['x'] }, ['/other', 'x']],
  ])('of %j is %j', (parts, words) => {
    expect(commandLine(aContainer(parts), image, { A: 'one' })).toEqual(words);
  });
});

describe('what a pod says of itself', () => {
  const pod = aPod({}, { labels: { 'app.kubernetes.io/name': 'cart', b: 'a"b' } });

  it.each([
    ['metadata.name', 'cart-1'],
    ["metadata.labels['app.kubernetes.io/name']", 'cart'],
    ["metadata.annotations['none']", ''],
    ['metadata.labels', 'app.kubernetes.io/name="cart"\nb="a\\"b"'],
    ['status.podIP', '10.244.0.7'],
    ['spec.replicas', undefined],
  ])('%s is %j', (path, value) => {
    expect(fieldOf(pod, path, placement)).toBe(value);
  });

  it('is a host name that fits', () => {
    const name = `${'a'.repeat(62)}-b`;
    expect(hostnameOf(aPod({}, { name }))).toBe('a'.repeat(62));
    expect(hostnameOf(aPod({ hostname: 'own' }))).toBe('own');
  });
});
