import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';

import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import type { Deployment, KubernetesObject, PodTemplate } from '../../../src/api/object.ts';
import { deployment } from '../../../src/adapters/workloads/deployment/deployment.ts';
import { workloadKindName, workloadKinds } from '../../../src/adapters/workloads/registry.ts';
import { withRevision } from '../../../src/core/owners.ts';
import { configCopies, revisionOf, sameAsPrimary } from '../../../src/core/revision.ts';
import { asDeployment } from '../../../src/api/narrow.ts';

const label = { key: 'app', value: 'cart' };
const selectorLabels = ['app', 'name', 'app.kubernetes.io/name'];
const options = { includeLabelPrefixes: ['app.kubernetes.io', 'owner'], selectorLabels };

type Spec = Partial<Deployment['spec']>;

function aTarget(
  spec: Spec = {},
  metadata: Partial<KubernetesObject['metadata']> = {},
): Deployment {
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: 'cart', namespace: 'shop', uid: 'uid-of-target', generation: 4, ...metadata },
    spec: {
      replicas: 2,
      selector: { matchLabels: { app: 'cart' } },
      template: aTemplate(),
      ...spec,
    },
  };
}

function aTemplate(spec: PodTemplate['spec'] = {}, annotations = {}): PodTemplate {
  return {
    metadata: { labels: { app: 'cart', team: 'shop' }, annotations },
    spec: { containers: [{ name: 'cart', image: 'cart:1' }], ...spec },
  };
}

const create = (target: Deployment) =>
  asDeployment(deployment.createPrimary(target, label, options));
const promote = (primary: Deployment, target: Deployment) => {
  const { object, safer } = deployment.promote(primary, target, label, options);
  return { primary: asDeployment(object), safer };
};
const heldBy = (primary: Deployment) =>
  revisionOf(deployment.templateOf(primary, label, 'primary', options));

/** Values as they appear in selectors: our two names, and others. */
const someValue = fc.constantFrom('cart', 'cart-primary', 'cart-primary-primary', 'other', '');
const someKey = fc.constantFrom(...selectorLabels, 'tier', 'zone');
const labelSelector = fc.record(
  {
    matchLabels: fc.dictionary(someKey, someValue),
    matchExpressions: fc.array(
      fc.record(
        {
          key: someKey,
          operator: fc.constantFrom('In', 'NotIn', 'Exists'),
          values: fc.array(someValue),
        },
        { requiredKeys: ['key', 'operator'] },
      ),
    ),
  },
  { requiredKeys: [] },
);
const term = fc.record(
  { labelSelector, topologyKey: fc.constant('zone'), namespaces: fc.array(fc.string()) },
  { requiredKeys: ['topologyKey'] },
);
const podSpec = fc.record(
  {
    containers: fc.array(
      fc.record(
        { name: fc.string(), image: fc.string(), env: fc.array(fc.jsonValue()) },
        { requiredKeys: ['name'] },
      ),
    ),
    affinity: fc.record(
      {
        nodeAffinity: fc.jsonValue(),
        podAffinity: fc.jsonValue(),
        podAntiAffinity: fc.record(
          {
            requiredDuringSchedulingIgnoredDuringExecution: fc.array(term),
            preferredDuringSchedulingIgnoredDuringExecution: fc.array(
              fc.record({ weight: fc.nat(100), podAffinityTerm: term }),
            ),
          },
          { requiredKeys: [] },
        ),
      },
      { requiredKeys: [] },
    ),
    topologySpreadConstraints: fc.array(term),
    nodeSelector: fc.dictionary(fc.string(), fc.string()),
  },
  { requiredKeys: ['containers'] },
);
const annotationKey = fc.oneof(
  fc.string(),
  fc.constantFrom(
    'serin.dev/x',
    'kustomize.toolkit.fluxcd.io/checksum',
    'flagger-id',
    'prometheus.io/scrape',
  ),
);
const someTemplate: fc.Arbitrary<PodTemplate> = fc
  .record({
    labels: fc.dictionary(fc.constantFrom('team', 'name', 'version'), someValue),
    annotations: fc.option(fc.dictionary(annotationKey, fc.string()), { nil: undefined }),
    spec: podSpec,
  })
  .map(({ labels, annotations, spec }) => ({
    metadata: { labels: { ...labels, app: 'cart' }, ...(annotations && { annotations }) },
    spec,
  }));

const rule = (value: string) => ({
  topologyKey: 'zone',
  labelSelector: {
    matchLabels: { app: value },
    matchExpressions: [{ key: 'app', operator: 'In', values: [value, 'other'] }],
  },
});

const neighbours = (value: string) => ({
  affinity: {
    podAffinity: rule('cart'),
    podAntiAffinity: {
      requiredDuringSchedulingIgnoredDuringExecution: [rule(value)],
      preferredDuringSchedulingIgnoredDuringExecution: [
        { weight: 1, podAffinityTerm: rule(value) },
      ],
    },
  },
  topologySpreadConstraints: [rule(value)],
});

describe('the primary of a Deployment', () => {
  it('holds the revision of the template it was made from, whatever that template is', () => {
    fc.assert(
      fc.property(someTemplate, someTemplate, (first, second) => {
        const primary = create(aTarget({ template: first }));
        expect(heldBy(primary)).toBe(revisionOf(first));
        const promoted = promote(primary, aTarget({ template: second })).primary;
        expect(heldBy(promoted)).toBe(revisionOf(second));
        expect(
          sameAsPrimary(second, deployment.templateOf(promoted, label, 'primary', options), label)
            .same,
        ).toBe(true);
      }),
      { numRuns: 300 },
    );
  });

  it('holds another revision as soon as anybody has edited it', () => {
    const primary = create(aTarget());
    const template = aTemplate({ containers: [{ name: 'cart', image: 'cart:9' }] });
    const labels = { app: 'somebody', team: 'shop' };
    for (const edited of [
      { ...template, metadata: primary.spec.template.metadata },
      { ...primary.spec.template, metadata: { labels } },
    ]) {
      const spec = { ...primary.spec, template: edited };
      expect(heldBy({ ...primary, spec })).not.toBe(revisionOf(aTemplate()));
    }
  });

  it('has at least one replica, its own selector, and no owners yet', () => {
    expect(create(aTarget({ replicas: 0 })).spec.replicas).toBe(1);
    const primary = create(
      aTarget({ replicas: 7, selector: { matchLabels: { app: 'cart', tier: 'web' } } }),
    );
    expect(primary.spec.replicas).toBe(7);
    expect(primary.spec.selector).toEqual({ matchLabels: { app: 'cart-primary' } });
    expect(primary.spec.template.metadata?.labels).toEqual({ app: 'cart-primary', team: 'shop' });
    expect(primary.metadata.name).toBe('cart-primary');
    expect(primary.metadata).not.toHaveProperty('uid');
    expect(primary.metadata).not.toHaveProperty('ownerReferences');
  });

  it('takes over labels by prefix, and no notes that controllers keep about the target', () => {
    const metadata = {
      labels: { app: 'cart', 'app.kubernetes.io/name': 'cart', team: 'shop' },
      annotations: {
        owner: 'shop',
        note: 'x',
        'deployment.kubernetes.io/revision': '4',
        'kubectl.kubernetes.io/last-applied-configuration': '{}',
        'kustomize.toolkit.fluxcd.io/reconcile': 'disabled',
        'serin.dev/anything': 'x',
      },
    };
    const { labels, annotations } = create(aTarget({}, metadata)).metadata;
    expect(labels).toEqual({ app: 'cart-primary', 'app.kubernetes.io/name': 'cart' });
    expect(annotations).toEqual({ owner: 'shop', note: 'x' });
  });

  it('has none of the notes that Flux and Flagger keep on pods', () => {
    const notes = { 'kustomize.toolkit.fluxcd.io/checksum': 'x', 'flagger-id': 'y' };
    const primary = create(aTarget({ template: aTemplate({}, { ...notes, v: '1' }) }));
    expect(primary.spec.template.metadata?.annotations).toEqual({ v: '1' });
  });

  it('turns rules about neighbours around, and leaves rules about others alone', () => {
    const { template } = create(aTarget({ template: aTemplate(neighbours('cart')) })).spec;
    expect(template.spec).toMatchObject(neighbours('cart-primary'));
  });
});

describe('a promotion', () => {
  const primary = withRevision(create(aTarget()), 'sha256:old');
  const live = asDeployment({
    ...primary,
    metadata: {
      ...primary.metadata,
      resourceVersion: '7',
      labels: { ...primary.metadata.labels, mine: 'yes' },
      annotations: {
        ...primary.metadata.annotations,
        'deployment.kubernetes.io/revision': '3',
        owner: 'old',
      },
    },
  });

  it('copies what Flagger copies and touches nothing else', () => {
    const target = aTarget(
      { minReadySeconds: 5, progressDeadlineSeconds: 60, revisionHistoryLimit: 3, paused: true },
      {
        annotations: { owner: 'new', other: 'x' },
        labels: { 'app.kubernetes.io/part-of': 'shop' },
      },
    );
    const { primary: promoted } = promote(live, target);
    expect(promoted.spec).toMatchObject({
      minReadySeconds: 5,
      progressDeadlineSeconds: 60,
      revisionHistoryLimit: 3,
    });
    expect(promoted.spec).not.toHaveProperty('paused');
    expect(promoted.spec.selector).toEqual(live.spec.selector);
    expect(promoted.metadata).toEqual({
      ...live.metadata,
      labels: { app: 'cart-primary', mine: 'yes', 'app.kubernetes.io/part-of': 'shop' },
      annotations: {
        'deployment.kubernetes.io/revision': '3',
        'serin.dev/revision': 'sha256:old',
        owner: 'new',
      },
    });
  });

  it('unsets what the target no longer sets', () => {
    const { primary: before } = promote(live, aTarget({ minReadySeconds: 5 }));
    expect(promote(before, aTarget()).primary.spec).not.toHaveProperty('minReadySeconds');
  });

  it('is the same when it is done twice', () => {
    fc.assert(
      fc.property(someTemplate, fc.nat(5), (template, replicas) => {
        const target = aTarget({ template, replicas });
        const once = promote(live, target).primary;
        expect(promote(once, target).primary).toEqual(once);
      }),
    );
  });

  it('never lowers the number of replicas', () => {
    fc.assert(
      fc.property(fc.nat(20), fc.nat(20), (has, wants) => {
        const primaryOf = asDeployment({ ...live, spec: { ...live.spec, replicas: has } });
        const { replicas } = promote(primaryOf, aTarget({ replicas: wants })).primary.spec;
        expect(replicas).toBe(Math.max(has, wants));
      }),
    );
  });

  it('leaves pods standing, whatever the target’s strategy is', () => {
    const amount = fc.oneof(
      fc.nat(12),
      fc.nat(100).map((percent) => `${percent}%`),
    );
    fc.assert(
      fc.property(
        amount,
        amount,
        fc.integer({ min: 1, max: 10 }),
        (maxUnavailable, maxSurge, replicas) => {
          const strategy = { type: 'RollingUpdate', rollingUpdate: { maxUnavailable, maxSurge } };
          const primaryOf = asDeployment({ ...live, spec: { ...live.spec, replicas } });
          const promoted = promote(primaryOf, aTarget({ strategy, replicas: 1 }));
          const most = unavailable(promoted.primary.spec.strategy, replicas);
          expect(most).toBeLessThan(replicas);
          expect(promoted.safer === undefined).toBe(unavailable(strategy, replicas) < replicas);
          if (promoted.safer === undefined)
            expect(promoted.primary.spec.strategy).toEqual(strategy);
        },
      ),
    );
  });

  it.each([
    [{ type: 'Recreate' }, 3, 'Recreate'],
    [{ rollingUpdate: { maxUnavailable: 1 } }, 1, 'maxUnavailable 1 may take away all of 1 pods'],
    [
      { rollingUpdate: { maxUnavailable: '100%' } },
      4,
      'maxUnavailable 100% may take away all of 4',
    ],
    [{ rollingUpdate: { maxUnavailable: '50%', maxSurge: 0 } }, 1, 'all of 1 pods'],
  ])('replaces %j on %i replicas by 25 %%/25 %% and says why', (strategy, replicas, words) => {
    const primaryOf = asDeployment({ ...live, spec: { ...live.spec, replicas } });
    const { primary: promoted, safer } = promote(primaryOf, aTarget({ strategy, replicas }));
    expect(safer).toContain(words);
    expect(promoted.spec.strategy).toEqual({
      type: 'RollingUpdate',
      rollingUpdate: { maxUnavailable: '25%', maxSurge: '25%' },
    });
  });

  it('looks at the number of pods before the promotion, too', () => {
    const strategy = { rollingUpdate: { maxUnavailable: 2 } };
    expect(promote(live, aTarget({ strategy, replicas: 4 })).safer).toContain('all of 2 pods');
  });

  it('keeps a strategy that is safe for the primary’s number', () => {
    const strategy = {
      type: 'RollingUpdate',
      rollingUpdate: { maxUnavailable: '50%', maxSurge: 0 },
    };
    expect(promote(live, aTarget({ strategy })).safer).toBeUndefined();
    expect(promote(live, aTarget()).safer).toBeUndefined();
  });
});

/** As the Deployment controller resolves the two limits. */
function unavailable(strategy: Deployment['spec']['strategy'], replicas: number): number {
  const { maxUnavailable = '25%', maxSurge = '25%' } = strategy?.rollingUpdate ?? {};
  const share = (value: string | number, round: (share: number) => number) =>
    typeof value === 'number' ? value : round((Number(value.replace('%', '')) / 100) * replicas);
  const fewer = share(maxUnavailable, Math.floor);
  return fewer === 0 && share(maxSurge, Math.ceil) === 0 ? 1 : fewer;
}

describe('a target Deployment', () => {
  it('can never be rolled out safely with strategy Recreate', () => {
    expect(deployment.unsafe(aTarget({ strategy: { type: 'Recreate' } }))).toContain('Recreate');
    expect(deployment.unsafe(aTarget())).toBeUndefined();
  });

  it('is split by the first known label of its selector', () => {
    const found = (matchLabels: Record<string, string>) =>
      deployment.selectorLabel(aTarget({ selector: { matchLabels } }), selectorLabels);
    expect(found({ name: 'b', app: 'a' })).toEqual({ key: 'app', value: 'a' });
    expect(found({ tier: 'web', 'app.kubernetes.io/name': 'c' })?.value).toBe('c');
    expect(found({ tier: 'web' })).toBeUndefined();
    expect(deployment.selectorLabel(aTarget({ selector: {} }), selectorLabels)).toBeUndefined();
  });

  it('shows the ports of its own containers', () => {
    const containers = [
      {
        name: 'web',
        ports: [
          { name: 'http', containerPort: 80 },
          { containerPort: 81, protocol: 'TCP' },
        ],
      },
      { name: 'dns', ports: [{ containerPort: 53, protocol: 'UDP' }] },
      { name: 'envoy', ports: [{ containerPort: 15_000 }] },
      { name: 'quiet' },
    ];
    expect(deployment.ports(aTarget({ template: aTemplate({ containers }) }))).toEqual([
      { name: 'http', port: 80 },
      { name: 'tcp-web-1', port: 81 },
    ]);
  });

  it('is read as the core wants it, absent fields as Kubernetes means them', () => {
    const target = aTarget({ replicas: undefined });
    expect(deployment.view(target, revisionOf)).toEqual({
      name: 'cart',
      uid: 'uid-of-target',
      generation: 4,
      observedGeneration: 0,
      revision: revisionOf(target.spec.template),
      replicas: 1,
      status: { replicas: 0, updated: 0, available: 0 },
      paused: false,
      progressDeadlineExceeded: false,
      deleting: false,
      annotations: {},
    });
    const status = {
      observedGeneration: 4,
      replicas: 3,
      updatedReplicas: 2,
      availableReplicas: 1,
      conditions: [
        { type: 'Progressing', status: 'False' as const, reason: 'ProgressDeadlineExceeded' },
      ],
    };
    const seen = deployment.view({ ...aTarget({ paused: true }), status }, revisionOf);
    expect(seen).toMatchObject({
      observedGeneration: 4,
      status: { replicas: 3, updated: 2, available: 1 },
      paused: true,
      progressDeadlineExceeded: true,
    });
  });

  it('is what the registry knows it as', () => {
    expect(workloadKinds.get(workloadKindName(aTarget())).kind).toBe('Deployment');
    expect(() => workloadKinds.get('apps/v1/DaemonSet')).toThrow('known: apps/v1/Deployment');
  });

  it('has the same template object at each look, so that its hash is computed once', () => {
    const primary = create(aTarget());
    const look = () => deployment.templateOf(primary, label, 'primary', options);
    expect(look()).toBe(look());
    const target = aTarget();
    expect(deployment.templateOf(target, label, 'target', options)).toBe(target.spec.template);
  });
});

interface Recording {
  readonly manifests: readonly KubernetesObject[];
  readonly timeline: readonly {
    readonly resource?: string;
    readonly name?: string;
    readonly write?: string;
    readonly object: KubernetesObject;
  }[];
}

const recordings = resolve(import.meta.dirname, '../../../../shared/testdata/flagger-recordings');

describe.skipIf(!existsSync(recordings))(
  'beside what Flagger wrote (skipped without ../shared/testdata/flagger-recordings)',
  () => {
    const { manifests, timeline }: Recording = JSON.parse(
      readFileSync(join(recordings, 'kubernetes-bluegreen.json'), 'utf8'),
    );
    const podinfo = { key: 'app', value: 'podinfo' };
    const written = timeline
      .filter(({ resource, name }) => resource === 'deployments' && name === 'podinfo-primary')
      .map(({ object }) => asDeployment(object));
    const manifest = manifests.find(({ kind }) => kind === 'Deployment');

    it('recognises a primary as the copy of its target, and names its config copies', () => {
      expect(written).toHaveLength(2);
      for (const primary of written) {
        const target = targetOf(primary);
        expect(sameAsPrimary(target, primary.spec.template, podinfo)).toEqual({
          same: true,
          configCopies: ['podinfo-env-primary', 'podinfo-secret-primary'],
        });
        const [container] = target.spec?.containers ?? [];
        const other = {
          ...target,
          spec: { containers: [{ ...container, name: 'x', image: 'podinfo:9' }] },
        };
        expect(sameAsPrimary(other, primary.spec.template, podinfo).same).toBe(false);
        expect(configCopies(other, primary.spec.template)).toHaveLength(2);
      }
    });

    it('writes the same primary, but for the random id, the config copies and notes about the target', () => {
      const [created, promoted] = written;
      if (created === undefined || promoted === undefined) throw new Error('two writes expected');
      const target = asDeployment({
        ...created,
        metadata: { ...manifest?.metadata, name: 'podinfo', namespace: 'kubernetes-bluegreen' },
        spec: {
          ...created.spec,
          selector: { matchLabels: { app: 'podinfo' } },
          template: targetOf(created),
        },
      });
      const made = asDeployment(deployment.createPrimary(target, podinfo, options));
      const { ownerReferences: _, annotations = {}, ...metadata } = created.metadata;
      const { 'deployment.kubernetes.io/revision': __, ...kept } = annotations;
      expect(made.metadata).toEqual({ ...metadata, annotations: kept });
      expect({ ...made.spec, template: heldBySpec(made) }).toEqual({
        ...created.spec,
        template: heldBySpec(created),
      });
      const next = asDeployment({
        ...target,
        spec: { ...target.spec, template: targetOf(promoted) },
      });
      const after = asDeployment(deployment.promote(made, next, podinfo, options).object);
      expect(after.metadata.labels).toEqual(promoted.metadata.labels);
      expect({ ...after.spec, template: heldBySpec(after) }).toEqual({
        ...promoted.spec,
        template: heldBySpec(promoted),
      });
    });
  },
);

/** The target's template that a recorded primary was made from. */
function targetOf(primary: Deployment): PodTemplate {
  const text = JSON.stringify(primary.spec.template).replaceAll(/(podinfo[a-z-]*?)-primary/g, '$1');
  const { metadata, ...template }: PodTemplate = JSON.parse(text);
  const { 'flagger-id': _, ...annotations } = metadata?.annotations ?? {};
  return { ...template, metadata: { ...metadata, annotations } };
}

/** A primary's template as text in which neither id nor names of copies count. */
function heldBySpec(primary: Deployment): string {
  return revisionOf(targetOf(primary));
}
