import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';

import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import type { Canary } from '../../../src/api/canary.ts';
import { asService } from '../../../src/api/narrow.ts';
import type { KubernetesObject, Service, ServicePort } from '../../../src/api/object.ts';
import { resolveSpec } from '../../../src/api/resolved.ts';
import { giveBack } from '../../../src/core/service-adoption.ts';
import type { DesiredServices, ServicePlan } from '../../../src/core/service-plan.ts';
import { portChanges, withMissing, withoutChanges } from '../../../src/core/service-ports.ts';
import { desiredServices, madeRouteMetadata } from '../../../src/core/services.ts';

type Spec = NonNullable<Canary['spec']['service']>;

const flux = {
  'helm.toolkit.fluxcd.io/driftDetection': 'disabled',
  'kustomize.toolkit.fluxcd.io/reconcile': 'disabled',
};

function aPlan(service: Partial<Spec> = {}, more: Partial<ServicePlan> = {}): ServicePlan {
  const canary: Canary = {
    apiVersion: 'serin.dev/v1beta1',
    kind: 'Canary',
    metadata: { name: 'cart', namespace: 'shop', uid: 'uid-of-canary', generation: 1 },
    spec: {
      targetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'cart' },
      service: { port: 80, targetPort: 8080, ...service },
      analysis: { interval: '10s', threshold: 1, stepWeights: [10] },
    },
  };
  return {
    namespace: 'shop',
    service: resolveSpec(canary, 'serin.dev').service,
    label: { key: 'app', value: 'cart' },
    discovered: [],
    podLabels: { app: 'cart', team: 'checkout' },
    canary: { apiVersion: 'serin.dev/v1beta1', kind: 'Canary', name: 'cart', uid: 'uid-of-canary' },
    target: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'cart', uid: 'uid-of-target' },
    keptByTarget: true,
    side: 'primary',
    running: false,
    adoptsOtherServices: true,
    ...more,
  };
}

function aService(
  name: string,
  spec: Partial<Service['spec']> = {},
  metadata: Partial<KubernetesObject['metadata']> = {},
): Service {
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name, namespace: 'shop', uid: `uid-of-${name}`, resourceVersion: '1', ...metadata },
    spec: {
      type: 'ClusterIP',
      clusterIP: '10.0.0.1',
      selector: { app: 'cart' },
      ports: [{ name: 'http', protocol: 'TCP', port: 80, targetPort: 8080 }],
      ...spec,
    },
  };
}

/** The Services after all that was due has been written. */
function settle(plan: ServicePlan, seen: readonly KubernetesObject[]): readonly KubernetesObject[] {
  const { changes, refusals } = desiredServices(plan, seen);
  expect(refusals).toEqual([]);
  const names = new Set(changes.map(({ after }) => after.metadata.name));
  const others = seen.filter(({ metadata }) => !names.has(metadata.name));
  return [...others, ...changes.map(({ after }) => after)];
}

function named(services: readonly KubernetesObject[], name: string): Service {
  const found = services.find(({ metadata }) => metadata.name === name);
  if (found === undefined) throw new Error(`no Service ${name}`);
  return asService(found);
}

const roles = ({ changes }: DesiredServices) =>
  changes.map(({ role, before }) => `${before === undefined ? 'create' : 'update'} ${role}`);

describe('the Services of a new canary', () => {
  it('are made sides first, each selecting its own side', () => {
    const desired = desiredServices(aPlan(), []);
    expect(roles(desired)).toEqual(['create canary', 'create primary', 'create apex']);
    const selectors = desired.changes.map(({ after }) => asService(after).spec.selector);
    expect(selectors).toEqual([{ app: 'cart' }, { app: 'cart-primary' }, { app: 'cart-primary' }]);
  });

  it('belong to the Canary, and to the target unless nothing is to be reverted', () => {
    const [made] = desiredServices(aPlan(), []).changes;
    expect(made?.after.metadata.ownerReferences).toEqual([
      expect.objectContaining({ uid: 'uid-of-canary', controller: true, blockOwnerDeletion: true }),
      { apiVersion: 'apps/v1', kind: 'Deployment', name: 'cart', uid: 'uid-of-target' },
    ]);
    const [kept] = desiredServices(aPlan({}, { keptByTarget: false }), []).changes;
    expect(kept?.after.metadata.ownerReferences).toHaveLength(1);
  });

  it('carry the metadata their user wants, and say to Flux that they are not its', () => {
    const apex = { labels: { tier: 'front', app: 'overwritten' }, annotations: { note: 'x' } };
    const services = settle(aPlan({ apex, primary: { labels: { side: 'p' } } }), []);
    expect(named(services, 'cart').metadata).toMatchObject({
      labels: { tier: 'front', app: 'cart' },
      annotations: { note: 'x', ...flux },
    });
    expect(named(services, 'cart-primary').metadata.labels).toEqual({
      side: 'p',
      app: 'cart-primary',
    });
    expect(named(services, 'cart-canary').metadata.labels).toEqual({ app: 'cart-canary' });
  });

  it('have discovered ports beside their own', () => {
    const discovered = [
      { name: 'http', port: 8080 },
      { name: 'grpc', port: 9999 },
      { name: 'grpc', port: 9998 },
      { name: 'again', port: 9999 },
    ];
    const plan = aPlan(
      { portDiscovery: true, portName: 'web', appProtocol: 'http' },
      { discovered },
    );
    const ports = named(settle(plan, []), 'cart').spec.ports;
    expect(ports).toEqual([
      { name: 'web', protocol: 'TCP', port: 80, targetPort: 8080, appProtocol: 'http' },
      { name: 'grpc', protocol: 'TCP', port: 9999, targetPort: 9999 },
      { name: 'serin-9998', protocol: 'TCP', port: 9998, targetPort: 9998 },
    ]);
    expect(named(settle(aPlan({}, { discovered }), []), 'cart').spec.ports).toHaveLength(1);
    const byName = aPlan(
      { portDiscovery: true, targetPort: 'grpc' },
      { discovered: discovered.slice(0, 2) },
    );
    expect(named(settle(byName, []), 'cart').spec.ports?.map(({ port }) => port)).toEqual([
      80, 8080,
    ]);
  });

  it('are headless and prefer near endpoints only from their creation on', () => {
    const plan = aPlan({ headless: true, trafficDistribution: 'PreferClose' });
    const services = settle(plan, []);
    expect(named(services, 'cart-primary').spec).toMatchObject({
      clusterIP: 'None',
      trafficDistribution: 'PreferClose',
    });
    expect(desiredServices(plan, settle(aPlan(), [])).changes).toEqual([]);
  });

  it('are left alone once they are as they should be', () => {
    for (const side of ['primary', 'canary'] as const) {
      const plan = aPlan({}, { side });
      expect(desiredServices(plan, settle(plan, [])).changes).toEqual([]);
    }
  });
});

describe('Services of ours that somebody has changed', () => {
  const plan = aPlan({ unmanagedMetadata: { annotations: ['cloud/neg'], labels: ['zone'] } });
  const services = settle(plan, []);
  const apex = named(services, 'cart');
  const edited = (metadata: object, spec: object = {}) =>
    services.map((service) =>
      service === apex
        ? { ...apex, metadata: { ...apex.metadata, ...metadata }, spec: { ...apex.spec, ...spec } }
        : service,
    );

  it('are put back: selector, ports, labels and annotations', () => {
    for (const seen of [
      edited({}, { selector: { app: 'cart' } }),
      edited({}, { selector: undefined }),
      edited({}, { ports: [{ port: 81 }] }),
      edited({ labels: { app: 'cart', more: 'x' } }),
      edited({ annotations: {} }),
      edited({ ownerReferences: apex.metadata.ownerReferences?.slice(0, 1) }),
    ]) {
      expect(roles(desiredServices(plan, seen))).toEqual(['update apex']);
      expect(named(settle(plan, seen), 'cart')).toEqual(apex);
    }
  });

  it('keep what is reserved, what the cluster chose, and the order of ports', () => {
    const annotations = {
      ...apex.metadata.annotations,
      'cloud/neg': 'x',
      'serin.dev/applied': '{}',
    };
    const labels = { ...apex.metadata.labels, zone: 'a' };
    expect(desiredServices(plan, edited({ annotations, labels })).changes).toEqual([]);
    const ports = [{ ...apex.spec.ports?.[0], nodePort: 30_000 }];
    const assigned = { type: 'NodePort', clusterIP: '10.0.0.9', sessionAffinity: 'None', ports };
    expect(desiredServices(plan, edited({}, assigned)).changes).toEqual([]);
    const discovered = [{ name: 'a', port: 1 }];
    const two = aPlan({ portDiscovery: true }, { discovered });
    const settled = settle(two, []);
    const turned = settled.map((service) => ({
      ...service,
      spec: { ...asService(service).spec, ports: asService(service).spec.ports?.toReversed() },
    }));
    expect(desiredServices(two, turned).changes).toEqual([]);
  });
});

describe('an apex Service that its user made', () => {
  const former = { app: 'cart', tier: 'web' };
  const apex = aService(
    'cart',
    {
      selector: former,
      type: 'LoadBalancer',
      ports: [{ port: 80, targetPort: 'web', nodePort: 30_080 }],
    },
    {
      labels: { monitored: 'yes', app: 'cart', 'kustomize.toolkit.fluxcd.io/name': 'shop' },
      annotations: { note: 'mine' },
    },
  );
  const services = settle(aPlan(), [apex]);
  const adopted = named(services, 'cart');

  it('only has its selector changed, with a note of what it was', () => {
    expect(adopted.spec).toEqual({ ...apex.spec, selector: { app: 'cart-primary' } });
    expect(adopted.metadata).toEqual({
      ...apex.metadata,
      annotations: {
        note: 'mine',
        'serin.dev/adopted-by': 'uid-of-canary',
        'serin.dev/former-selector': JSON.stringify(former),
      },
    });
  });

  it('lends its ports and labels to the sides, so that routes and monitors find them', () => {
    const primary = named(services, 'cart-primary');
    expect(primary.spec.ports).toEqual([{ port: 80, protocol: 'TCP', targetPort: 'web' }]);
    expect(primary.metadata.labels).toEqual({ monitored: 'yes', app: 'cart' });
    expect(named(services, 'cart-canary').metadata.labels).toEqual({
      monitored: 'yes',
      app: 'cart',
    });
  });

  it('comes back as it was', () => {
    const { label } = aPlan();
    expect(giveBack(adopted, label)).toEqual(apex);
    expect(giveBack(apex, label)).toBe(apex);
  });

  it('is adopted once, and put back when its selector is taken back', () => {
    expect(desiredServices(aPlan(), services).changes).toEqual([]);
    const taken = services.map((service) =>
      service === adopted ? { ...adopted, spec: { ...adopted.spec, selector: former } } : service,
    );
    expect(named(settle(aPlan(), taken), 'cart')).toEqual(adopted);
  });

  it('selects the canary when that is the side that is left', () => {
    const moved = named(settle(aPlan({}, { side: 'canary' }), services), 'cart');
    expect(moved.spec.selector).toEqual({ app: 'cart' });
    expect(giveBack(moved, aPlan().label)).toEqual(apex);
  });

  it('is hidden from Flux only while a run is under way, and keeps what its user told Flux', () => {
    const running = named(settle(aPlan({}, { running: true }), services), 'cart');
    expect(running.metadata.annotations).toMatchObject(flux);
    expect(
      named(settle(aPlan(), [...services.filter((s) => s !== adopted), running]), 'cart'),
    ).toEqual(adopted);
    expect(giveBack(running, aPlan().label)).toEqual(apex);
    const told = {
      'kustomize.toolkit.fluxcd.io/reconcile': 'enabled',
      'helm.toolkit.fluxcd.io/driftDetection': 'disabled',
    };
    const own = aService('cart', {}, { annotations: told });
    const quiet = named(settle(aPlan({}, { running: true }), [own]), 'cart');
    expect(quiet.metadata.annotations).toMatchObject(told);
    expect(giveBack(quiet, aPlan().label)).toEqual(own);
  });

  it('gets a port that is missing, under a name that is free, and gives it back', () => {
    const own = aService('cart', {
      ports: [{ port: 8000 }, { name: 'http', port: 81 }].slice(0, 1),
    });
    const more = named(settle(aPlan(), [own]), 'cart');
    expect(more.spec.ports).toEqual([
      { port: 8000, name: 'port-8000' },
      { name: 'http', protocol: 'TCP', port: 80, targetPort: 8080 },
    ]);
    expect(giveBack(more, aPlan().label)).toEqual(own);
    const taken = aService('cart', { ports: [{ name: 'http', port: 81 }] });
    expect(named(settle(aPlan(), [taken]), 'cart').spec.ports?.[1]?.name).toBe('serin-80');
    const udp = aService('cart', { ports: [{ name: 'dns', port: 80, protocol: 'UDP' }] });
    expect(named(settle(aPlan(), [udp]), 'cart').spec.ports).toHaveLength(2);
  });

  it('that selects the primary already is given back to what its user applied, or to the target', () => {
    const moved = aService('cart', { selector: { app: 'cart-primary' } });
    const { label } = aPlan();
    const back = (service: Service) =>
      asService(giveBack(named(settle(aPlan(), [service]), 'cart'), label)).spec.selector;
    expect(back(moved)).toEqual({ app: 'cart' });
    const applied = JSON.stringify({ spec: { selector: { app: 'cart', tier: 'web' } } });
    const annotations = { 'kubectl.kubernetes.io/last-applied-configuration': applied };
    expect(back(aService('cart', { selector: { app: 'cart-primary' } }, { annotations }))).toEqual(
      former,
    );
  });

  it('is given back to the target when the note was lost', () => {
    const annotations = {
      'serin.dev/adopted-by': 'uid-of-canary',
      'serin.dev/former-selector': 'odd',
    };
    const service = aService('cart', { selector: { app: 'cart-primary' } }, { annotations });
    expect(asService(giveBack(service, aPlan().label)).spec.selector).toEqual({ app: 'cart' });
  });

  it.each([
    [
      'owned by another',
      aService(
        'cart',
        {},
        {
          ownerReferences: [
            { apiVersion: 'v', kind: 'Other', name: 'o', uid: 'x', controller: true },
          ],
        },
      ),
      'NotOurs',
    ],
    [
      'adopted by another',
      aService('cart', {}, { annotations: { 'serin.dev/adopted-by': 'other' } }),
      'NotOurs',
    ],
    [
      'only a name',
      aService('cart', { type: 'ExternalName', selector: undefined }),
      'ServiceNotSplittable',
    ],
    ['without selector', aService('cart', { selector: undefined }), 'ServiceNotSplittable'],
    [
      'a side of somebody else',
      aService('cart-primary', {}, { annotations: { 'serin.dev/adopted-by': 'other' } }),
      'NotOurs',
    ],
  ])('is refused when it is %s, and nothing is written', (_what, service, reason) => {
    const { changes, refusals } = desiredServices(aPlan(), [service]);
    expect(changes).toEqual([]);
    expect(refusals).toEqual([expect.objectContaining({ reason, service: service.metadata.name })]);
    expect(refusals[0]?.message).toContain(service.metadata.name);
  });
});

const key = ({ port, protocol = 'TCP' }: ServicePort) => `${port}/${protocol}`;

describe('ports of an adopted Service', () => {
  const port: fc.Arbitrary<ServicePort> = fc.record(
    {
      port: fc.integer({ min: 1, max: 6 }),
      protocol: fc.constantFrom('TCP', 'UDP'),
      name: fc.constantFrom('http', 'grpc', 'a', 'b'),
      targetPort: fc.constantFrom(80, 'web'),
    },
    { requiredKeys: ['port', 'name'] },
  );
  const ports = fc.oneof(
    fc
      .uniqueArray(port, { selector: key })
      .filter((list) => new Set(list.map(({ name }) => name)).size === list.length),
    fc.integer({ min: 1, max: 6 }).map((number): ServicePort[] => [{ port: number }]),
  );

  it('are all kept, all named where there are several, and come back', () => {
    fc.assert(
      fc.property(ports, fc.array(port), (before, wanted) => {
        const after = withMissing(before, wanted);
        expect(
          after
            .slice(0, before.length)
            .map((each, index) => ({ ...each, name: before[index]?.name })),
        ).toEqual(before.map((each) => ({ ...each, name: each.name })));
        expect(new Set(after.map(key))).toEqual(new Set([...before, ...wanted].map(key)));
        const names = after.map(({ name }) => name);
        if (after.length > 1) expect(names).not.toContain(undefined);
        expect(new Set(names).size).toBe(after.length);
        expect(withMissing(after, wanted)).toBe(after);
        expect(withoutChanges(after, portChanges(before, after))).toEqual(before);
      }),
    );
  });
});

const both = (spec: object) =>
  desiredServices(aPlan(), [aService('team', { selector: { team: 'checkout' }, ...spec })]);

describe('another Service on the target’s pods', () => {
  const other = aService('cart-internal', { selector: { app: 'cart', team: 'checkout' } });
  const services = settle(aPlan(), [other]);

  it('follows the apex, with a warning that names the way out, and is given back', () => {
    const desired = desiredServices(aPlan(), [other]);
    expect(roles(desired).at(-1)).toBe('update follower');
    expect(desired.warnings).toEqual([
      expect.objectContaining({ reason: 'ServiceFollowsApex', service: 'cart-internal' }),
    ]);
    expect(desired.warnings[0]?.message).toContain('serin.dev/follow: none');
    const follower = named(services, 'cart-internal');
    expect(follower.spec.selector).toEqual({ app: 'cart-primary', team: 'checkout' });
    expect(giveBack(follower, aPlan().label)).toEqual(other);
    expect(desiredServices(aPlan(), services)).toEqual({ changes: [], warnings: [], refusals: [] });
    const moved = named(settle(aPlan({}, { side: 'canary' }), services), 'cart-internal');
    expect(moved.spec.selector).toEqual(other.spec.selector);
  });

  it('is left alone when its user says so, before and after', () => {
    const annotations = { 'serin.dev/follow': 'none' };
    const told = aService('cart-internal', {}, { annotations });
    expect(desiredServices(aPlan(), settle(aPlan(), [told]))).toEqual({
      changes: [],
      warnings: [],
      refusals: [],
    });
    const follower = named(services, 'cart-internal');
    const later = {
      ...follower,
      metadata: {
        ...follower.metadata,
        annotations: { ...follower.metadata.annotations, ...annotations },
      },
    };
    const back = named(
      settle(aPlan(), [...services.filter((s) => s !== follower), later]),
      'cart-internal',
    );
    expect(back.spec.selector).toEqual(other.spec.selector);
    expect(back.metadata.annotations).toEqual(annotations);
  });

  it('is left alone with a warning where others are not adopted', () => {
    const plan = aPlan({}, { adoptsOtherServices: false });
    const { changes, warnings } = desiredServices(plan, settle(plan, [other]));
    expect(changes).toEqual([]);
    expect(warnings).toEqual([expect.objectContaining({ reason: 'TargetSharedByService' })]);
  });

  it('is refused when somebody else has it', () => {
    const theirs = aService(
      'cart-internal',
      {},
      { annotations: { 'serin.dev/adopted-by': 'other' } },
    );
    const { changes, refusals } = desiredServices(aPlan(), [theirs]);
    expect(changes).toEqual([]);
    expect(refusals).toEqual([expect.objectContaining({ reason: 'TargetSharedByService' })]);
  });

  it('gets a warning when it selects both sides and has an address', () => {
    expect(both({}).warnings).toEqual([
      expect.objectContaining({ reason: 'ServiceBypassesWeights' }),
    ]);
    expect(both({ clusterIP: 'None' }).warnings).toEqual([]);
  });

  it('is none of our business when it selects other pods, none, or lives elsewhere', () => {
    const strangers = [
      aService('a', { selector: { app: 'pay' } }),
      aService('b', { selector: undefined }),
      aService('c', { selector: { app: 'cart', team: 'other' } }),
      aService('d', {}, { namespace: 'elsewhere' }),
      aService('cart', {}, { namespace: 'elsewhere' }),
      aService('cart-primary', { selector: { app: 'cart-primary' } }, { namespace: 'elsewhere' }),
    ];
    expect(roles(desiredServices(aPlan(), strangers))).toEqual([
      'create canary',
      'create primary',
      'create apex',
    ]);
  });
});

interface Recording {
  readonly manifests: readonly {
    readonly kind: string;
    readonly spec: { readonly service: Spec };
  }[];
  readonly timeline: readonly {
    readonly resource?: string;
    readonly write?: string;
    readonly object: KubernetesObject;
  }[];
}

const recordings = resolve(import.meta.dirname, '../../../../shared/testdata/flagger-recordings');

describe.skipIf(!existsSync(recordings))(
  'beside what Flagger wrote (skipped without ../shared/testdata/flagger-recordings)',
  () => {
    it.each(['kubernetes-bluegreen', 'gatewayapi-weights'])(
      'makes the same Services: %s',
      (scenario) => {
        const { manifests, timeline }: Recording = JSON.parse(
          readFileSync(join(recordings, `${scenario}.json`), 'utf8'),
        );
        const service = manifests.find(({ kind }) => kind === 'Canary')?.spec.service;
        const plan = aPlan(
          { name: 'podinfo', ...service },
          {
            namespace: scenario,
            label: { key: 'app', value: 'podinfo' },
            discovered: [
              { name: 'http', port: 9898 },
              { name: 'grpc', port: 9999 },
            ],
          },
        );
        const recorded = timeline.filter(({ resource }) => resource === 'services');
        const made = desiredServices(plan, []).changes.map(({ after }) => asService(after));
        expect(recorded.map(({ object }) => object.metadata.name)).toEqual(
          made.map(({ metadata }) => metadata.name),
        );
        for (const [index, { object }] of recorded.entries()) {
          const { ownerReferences: _, ...metadata } = made[index]?.metadata ?? { name: '' };
          const { ownerReferences: __, ...theirs } = object.metadata;
          expect(metadata).toEqual(theirs);
          // What the API server fills in on its own is not ours to send.
          expect(asService(object).spec).toMatchObject(made[index]?.spec ?? {});
        }
        const route = timeline.find(({ resource }) => resource === 'httproutes')?.object;
        if (route === undefined) return;
        const { labels, annotations } = madeRouteMetadata(plan);
        expect({ labels, annotations }).toEqual({
          labels: route.metadata.labels,
          annotations: route.metadata.annotations,
        });
      },
    );
  },
);
