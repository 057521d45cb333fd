import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { equal } from '../../../src/core/owners.ts';
import { configCopies, revisionOf, sameAsPrimary } from '../../../src/core/revision.ts';

const label = { key: 'app', value: 'cart' };

function aTemplate(
  annotations: Record<string, string> = {},
  labels: Record<string, string> = {},
  spec = {},
) {
  return {
    metadata: { labels: { app: 'cart', ...labels }, annotations },
    spec: { containers: [{ name: 'cart', image: 'cart:1' }], ...spec },
  };
}

/** The same value with the keys of every object in another order. */
function turned(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(turned);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .toReversed()
      .map(([key, item]) => [key, turned(item)]),
  );
}

const listed = (containers: readonly unknown[]) => revisionOf(aTemplate({}, {}, { containers }));

describe('a revision', () => {
  it('names its algorithm', () => {
    expect(revisionOf(aTemplate())).toMatch(/^sha256:[0-9a-f]{64}$/);
  });

  it('stays what it was when it was first written down', () => {
    // Stored in the status of every Canary, so that another text here would be seen in every cluster.
    // The hash is that of the sorted JSON, as `sha256sum` prints it.
    expect(revisionOf(aTemplate({ v: '1' }))).toBe(
      'sha256:a4861301cc9337d3cef8f12c3443699b2ad9cbcf101c573ee512c66fece8cbaa',
    );
  });

  it('does not depend on the order of keys, but on the order of lists', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (spec) => {
        const template = { ...aTemplate(), spec };
        expect(revisionOf(turned(template))).toBe(revisionOf(template));
      }),
    );
    expect(listed(['a', 'b'])).not.toBe(listed(['b', 'a']));
  });

  it('differs for different templates', () => {
    fc.assert(
      fc.property(
        fc.dictionary(fc.string(), fc.string()),
        fc.dictionary(fc.string(), fc.string()),
        (left, right) => {
          const [ours, theirs] = [aTemplate({}, {}, { left }), aTemplate({}, {}, { left: right })];
          const same = equal(left, right);
          expect(revisionOf(ours) === revisionOf(theirs)).toBe(same);
        },
      ),
    );
  });

  it('leaves out our notes, Flagger’s and Flux’s, and the hash of a ReplicaSet', () => {
    const plain = revisionOf(aTemplate());
    expect(revisionOf(aTemplate({ 'serin.dev/applied': 'x', 'flagger-id': 'y' }))).toBe(plain);
    expect(revisionOf(aTemplate({ 'kustomize.toolkit.fluxcd.io/checksum': 'x' }))).toBe(plain);
    expect(revisionOf(aTemplate({}, { 'pod-template-hash': 'x' }))).toBe(plain);
    const { annotations: _, ...metadata } = aTemplate().metadata;
    expect(revisionOf({ ...aTemplate(), metadata: { ...metadata, creationTimestamp: null } })).toBe(
      plain,
    );
  });

  it('counts everything else, a restart too', () => {
    const plain = revisionOf(aTemplate());
    expect(revisionOf(aTemplate({ 'kubectl.kubernetes.io/restartedAt': 'now' }))).not.toBe(plain);
    expect(revisionOf(aTemplate({}, { version: '2' }))).not.toBe(plain);
    expect(revisionOf(aTemplate({ other: 'serin.dev/applied' }))).not.toBe(plain);
  });

  it('is defined for what is no template', () => {
    for (const odd of [undefined, null, 'text', 7, [], {}])
      expect(revisionOf(odd)).toMatch(/^sha256:/);
  });
});

const selector = (value: string) => ({
  labelSelector: { matchLabels: { name: value } },
  topologyKey: 'zone',
});

const spec = (suffix: string) => ({
  containers: [
    {
      name: 'cart',
      image: 'cart:1',
      env: [{ name: 'A', valueFrom: { configMapKeyRef: { name: `env${suffix}`, key: 'a' } } }],
      envFrom: [{ secretRef: { name: `secret${suffix}` } }],
    },
  ],
  initContainers: [{ name: 'init', envFrom: [{ configMapRef: { name: `init${suffix}` } }] }],
  volumes: [
    { name: 'a', configMap: { name: `files${suffix}` } },
    { name: 'b', secret: { secretName: `certs${suffix}` } },
    { name: 'c', projected: { sources: [{ configMap: { name: `env${suffix}` } }] } },
  ],
  affinity: {
    podAntiAffinity: {
      requiredDuringSchedulingIgnoredDuringExecution: [selector(`cart${suffix}`)],
    },
  },
  topologySpreadConstraints: [
    {
      topologyKey: 'zone',
      labelSelector: {
        matchExpressions: [{ key: 'app', operator: 'In', values: [`cart${suffix}`] }],
      },
    },
  ],
});

describe('a primary that Flagger made', () => {
  const target = aTemplate({ v: '1' }, {}, spec(''));
  const primary = aTemplate(
    { v: '1', 'flagger-id': 'x' },
    { app: 'cart-primary' },
    spec('-primary'),
  );

  it('is the same as its target once its own changes are undone', () => {
    expect(sameAsPrimary(target, primary, label)).toEqual({
      same: true,
      configCopies: [
        'certs-primary',
        'env-primary',
        'files-primary',
        'init-primary',
        'secret-primary',
      ],
    });
  });

  it('is the same without config copies', () => {
    const { metadata } = primary;
    expect(sameAsPrimary(target, { metadata, spec: target.spec }, label)).toEqual({
      same: true,
      configCopies: [],
    });
  });

  it('differs by anything that Flagger does not change', () => {
    const suffixed = { ...primary.spec, serviceAccountName: 'cart-primary' };
    const original = { ...target.spec, serviceAccountName: 'cart' };
    expect(
      sameAsPrimary({ ...target, spec: original }, { ...primary, spec: suffixed }, label).same,
    ).toBe(false);
    const labels = { ...primary.metadata, labels: { app: 'cart-primary', team: 'x-primary' } };
    const team = { ...target.metadata, labels: { app: 'cart', team: 'x' } };
    expect(
      sameAsPrimary({ ...target, metadata: team }, { ...primary, metadata: labels }, label).same,
    ).toBe(false);
    const image = aTemplate(
      { v: '1' },
      {},
      { ...spec(''), containers: [{ name: 'cart', image: 'cart:2' }] },
    );
    expect(sameAsPrimary(image, primary, label).same).toBe(false);
    expect(sameAsPrimary(undefined, primary, label).same).toBe(false);
  });

  it('still names its copies when the target has moved on', () => {
    expect(configCopies(aTemplate(), primary)).toHaveLength(5);
  });

  it('shares a ConfigMap whose own name ends like a copy', () => {
    const own = aTemplate({}, {}, { volumes: [{ configMap: { name: 'files-primary' } }] });
    expect(configCopies(own, { ...own, metadata: primary.metadata })).toEqual([]);
  });

  it('has no copies once we have written it', () => {
    const { 'flagger-id': _, ...annotations } = primary.metadata.annotations;
    expect(configCopies(target, { ...primary, metadata: { annotations } })).toEqual([]);
  });
});
