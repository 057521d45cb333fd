/**
 * A status that somebody edited, a clock that jumps, a route that somebody changes: read, told, and survived.
 */
import { describe, expect, it } from 'vitest';

import { canary, deployment, Stage, type StageOptions } from './stage.ts';

async function initialised(analysis: object = {}, options: StageOptions = {}): Promise<Stage> {
  const stage = new Stage(options);
  stage.create(deployment('demo:1'));
  stage.create(canary(analysis));
  stage.start();
  await stage.untilPhase('Initialized');
  return stage;
}

async function midRun(analysis: object = {}, options: StageOptions = {}): Promise<Stage> {
  const stage = await initialised(analysis, options);
  stage.push('demo:2');
  await stage.until('weight 40', () => stage.routeWeight() === 40);
  await stage.pass(100);
  return stage;
}

const image = (stage: Stage, name: string): string | undefined => {
  const { template } = (stage.get('Deployment', name)?.['spec'] ?? {}) as {
    template?: { spec?: { containers?: readonly { image?: string }[] } };
  };
  return template?.spec?.containers?.[0]?.image;
};

describe('a status', () => {
  const garbage: readonly (readonly [string, object])[] = [
    ['without our record', { run: null }],
    ['whose record is garbage', { run: { id: 7, outbox: 'no', target: [] } }],
    ['whose clocks are garbage', { run: { raisedAt: 'yesterday', roundSince: 'soon' } }],
    ['that says another weight', { canaryWeight: 90 }],
    ['whose run claims another weight', { run: { weight: 60 } }],
    ['that claims 0 failed checks and a round that passed', { failedChecks: 0 }],
  ];

  it.each(garbage)(
    '%s never gives the canary more than its rounds have earned',
    async (_what, status) => {
      const stage = await midRun();
      stage.mark();
      stage.patch('Canary', 'cart', { status }, 'status');
      await stage.pass(9_000);
      expect(Math.max(0, ...stage.weights())).toBeLessThanOrEqual(40);
      await stage.untilPhase('Succeeded', 240_000);
      expect(image(stage, 'cart-primary')).toBe('demo:2');
      await stage.end();
    },
  );

  it('whose record vanished mid-run is told of, and the run starts over at weight 0', async () => {
    const stage = await midRun();
    stage.mark();
    stage.patch('Canary', 'cart', { status: { run: null } }, 'status');
    await stage.pass(500);
    expect(stage.weights()[0]).toBe(0);
    expect(stage.events().find(({ reason }) => reason === 'StatusRebuilt')?.type).toBe('Warning');
    await stage.untilPhase('Succeeded', 240_000);
    await stage.end();
  });

  it('whose record vanished while idle starts no run', async () => {
    const stage = await initialised();
    stage.mark();
    stage.patch('Canary', 'cart', { status: { run: null } }, 'status');
    await stage.pass(60_000);
    expect(stage.weights()).toEqual([]);
    expect(stage.status().phase).toBe('Initialized');
    expect(stage.get('Deployment', 'cart')?.['spec']).toMatchObject({ replicas: 0 });
    stage.push('demo:2');
    await stage.untilPhase('Succeeded', 240_000);
    await stage.end();
  });

  it('whose record vanished together with the primary has it made again from what was promoted', async () => {
    const stage = await initialised();
    await stage.end();
    stage.patch('Canary', 'cart', { status: { run: null } }, 'status');
    stage.push('demo:2');
    stage.delete('Deployment', 'cart-primary');
    await stage.restart();
    await stage.until('a primary', () => stage.get('Deployment', 'cart-primary') !== undefined);
    expect(image(stage, 'cart-primary')).toBe('demo:1');
    await stage.untilPhase('Succeeded', 240_000);
    expect(image(stage, 'cart-primary')).toBe('demo:2');
    await stage.end();
  });

  it('that was emptied is rebuilt from the live objects, and users stay served', async () => {
    const stage = await midRun();
    stage.mark();
    const live = stage.get('Canary', 'cart');
    const emptied = Object.fromEntries(
      Object.keys(live?.['status'] ?? {}).map((key) => [key, null]),
    );
    stage.patch('Canary', 'cart', { status: emptied }, 'status');
    await stage.pass(500);
    expect(stage.weights()[0]).toBe(0);
    await stage.pass(15_000);
    expect(image(stage, 'cart-primary')).toBe('demo:1');
    await stage.untilPhase('Succeeded', 240_000);
    expect(stage.weights()).toEqual([0, 20, 40, 60, 0]);
    await stage.end();
  });

  it('with a phase set by hand to Succeeded promotes nothing without a whole analysis', async () => {
    const stage = await midRun();
    stage.mark();
    stage.patch('Canary', 'cart', { status: { phase: 'Succeeded' } }, 'status');
    await stage.pass(15_000);
    expect(image(stage, 'cart-primary')).toBe('demo:1');
    await stage.untilPhase('Succeeded', 240_000);
    expect(stage.weights()).toEqual([0, 20, 40, 60, 0]);
    await stage.end();
  });

  it('with a phase set by hand to Promoting promotes nothing that was not analysed', async () => {
    const stage = await initialised(
      { threshold: 1 },
      {
        metric: () => ({ kind: 'sample', sample: { kind: 'value', value: 50 } }),
      },
    );
    stage.push('demo:2');
    await stage.until('weight 20', () => stage.routeWeight() === 20);
    stage.patch('Canary', 'cart', { status: { phase: 'Promoting' } }, 'status');
    await stage.pass(60_000);
    expect(image(stage, 'cart-primary')).toBe('demo:1');
    await stage.end();
  });
});

describe('a clock that jumps', () => {
  it.each([
    ['an hour back', -3_600_000],
    ['a day back', -86_400_000],
    ['an hour ahead', 3_600_000],
  ])('by %s makes no round earlier than one interval, and ends nothing', async (_what, ms) => {
    const rounds: number[] = [];
    let clock: { monotonic(): number } | undefined;
    const stage = await midRun(
      {},
      {
        metric() {
          rounds.push(clock?.monotonic() ?? 0);
          return { kind: 'sample', sample: { kind: 'value', value: 100 } };
        },
      },
    );
    clock = stage.world.clock;
    rounds.length = 0;
    stage.world.clock.jumpWall(ms);
    await stage.untilPhase('Succeeded', 120_000);
    const gaps = rounds.slice(1).map((at, index) => at - (rounds[index] ?? 0));
    expect(gaps.length).toBeGreaterThan(0);
    expect(Math.min(...gaps)).toBeGreaterThanOrEqual(10_000);
    await stage.end();
  });

  it.each([
    ['back', -86_400_000],
    ['ahead', 86_400_000],
  ])('%s neither shortens nor prolongs a deadline', async (_what, ms) => {
    const stage = await initialised(
      {},
      {
        behave: ({ spec }) =>
          spec?.containers?.[0]?.image === 'demo:2'
            ? {}
            : { readyAfterMs: 1_000, stopAfterMs: 500 },
      },
    );
    stage.push('demo:2');
    await stage.pass(20_000);
    stage.world.clock.jumpWall(ms);
    await stage.pass(30_000);
    expect(stage.status().phase).toBe('Progressing');
    await stage.untilPhase('Failed', 15_000);
    expect(stage.condition('Stalled')?.reason).toBe('CanaryNotReady');
    await stage.end();
  });

  it('back across a restart does not hang a run', async () => {
    const stage = await midRun();
    stage.world.clock.jumpWall(-86_400_000);
    await stage.restart();
    await stage.untilPhase('Succeeded', 240_000);
    await stage.end();
  });
});

const weigh = (stage: Stage, weight: number): void => {
  const { rules = [] } = (stage.get('HTTPRoute', 'cart')?.['spec'] ?? {}) as {
    rules?: readonly { backendRefs: readonly { name: string }[] }[];
  };
  const changed = rules.map((rule) => ({
    ...rule,
    backendRefs: rule.backendRefs.map((ref) => ({
      ...ref,
      weight: ref.name === 'cart-canary' ? weight : 100 - weight,
    })),
  }));
  stage.patch('HTTPRoute', 'cart', { spec: { rules: changed } });
};

describe('a route that somebody changes mid-run', () => {
  it('is lowered at once when it is higher than ours, with a Warning', async () => {
    const stage = await midRun();
    weigh(stage, 95);
    await stage.pass(100);
    expect(stage.routeWeight()).toBe(40);
    expect(stage.events().filter(({ reason }) => reason === 'ChangedByOthers')).toMatchObject([
      { type: 'Warning' },
    ]);
    await stage.untilPhase('Succeeded', 120_000);
    await stage.end();
  });

  it('is left until the next passed round when it is lower', async () => {
    const stage = await midRun();
    weigh(stage, 5);
    await stage.pass(5_000);
    expect(stage.routeWeight()).toBe(5);
    await stage.until('a raise', () => (stage.routeWeight() ?? 0) > 5, 10_000);
    expect(stage.routeWeight()).toBe(20);
    await stage.pass(100);
    expect(stage.events().map(({ reason }) => reason)).toContain('ChangedByOthers');
    await stage.untilPhase('Succeeded', 120_000);
    await stage.end();
  });

  it('is made again without the canary when it is deleted', async () => {
    const stage = await midRun();
    stage.mark();
    stage.delete('HTTPRoute', 'cart');
    await stage.pass(500);
    expect(stage.weights()[0]).toBe(0);
    await stage.untilPhase('Succeeded', 240_000);
    await stage.end();
  });

  it('rolls the run back the third time, and names what to leave to us', async () => {
    const stage = await midRun({ interval: '60s' });
    for (let times = 0; times < 3; times += 1) {
      weigh(stage, 95);
      await stage.pass(1_000);
    }
    expect(stage.status().phase).toBe('Failed');
    expect(stage.condition('Stalled')?.reason).toBe('RouteContested');
    expect(stage.condition('Stalled')?.message).toContain('spec.rules');
    expect(stage.condition('Stalled')?.message).toContain('kubectl');
    await stage.end();
  });
});

const routeTo = (backendRefs: readonly object[]) => ({
  spec: { parentRefs: [{ name: 'public' }], rules: [{ backendRefs }] },
});

describe('an adopted route', () => {
  const theirs = routeTo([{ name: 'cart', port: 80 }]);

  async function adopted(): Promise<Stage> {
    const stage = new Stage({ webhook: () => ({ kind: 'no', status: 403, text: 'closed' }) });
    stage.create(deployment('demo:1'));
    stage.create({
      apiVersion: 'gateway.networking.k8s.io/v1',
      kind: 'HTTPRoute',
      metadata: { name: 'front', namespace: 'shop' },
      ...theirs,
    });
    const gate = { name: 'gate', type: 'confirm-traffic-increase', url: 'http://gate.shop/' };
    stage.create(canary({ webhooks: [gate] }));
    stage.start();
    await stage.untilPhase('Initialized', 120_000);
    stage.mark();
    stage.push('demo:2');
    await stage.pass(10_000);
    return stage;
  }

  it('names both sides beside the apex before the first step', async () => {
    const stage = await adopted();
    expect(stage.get('HTTPRoute', 'front')).toMatchObject(
      routeTo([
        { name: 'cart-primary', port: 80, weight: 0 },
        { name: 'cart-canary', port: 80, weight: 0 },
        { name: 'cart', port: 80, weight: 100 },
      ]),
    );
    await stage.end();
  });

  it('that goes back to the apex alone before the first step is contested like any other', async () => {
    const stage = await adopted();
    for (let times = 0; times < 3; times += 1) {
      stage.patch('HTTPRoute', 'front', theirs);
      await stage.pass(1_000);
    }
    expect(stage.status().phase).toBe('Failed');
    expect(stage.condition('Stalled')?.message).toContain('spec.rules');
    await stage.end();
  });
});

describe('an adopted Service whose selector somebody keeps taking back', () => {
  const service = {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: 'cart', namespace: 'shop' },
    spec: { selector: { app: 'cart' }, ports: [{ name: 'http', port: 80, targetPort: 8080 }] },
  };
  const applied = { spec: { selector: { app: 'cart' } } };

  it('from the very start keeps its Canary initialising, with users on the target, until it is left alone', async () => {
    const stage = new Stage({});
    stage.create(deployment('demo:1'));
    stage.create(service);
    stage.create(canary());
    stage.start();
    await stage.pass(10_000);
    for (let taken = 0; taken < 30; taken++) {
      stage.patch('Service', 'cart', applied);
      await stage.pass(2_000);
    }
    stage.mark();
    for (let taken = 0; taken < 60; taken++) {
      stage.patch('Service', 'cart', applied);
      await stage.pass(2_000);
    }
    const writes = stage.requests().filter(({ method }) => method !== 'GET');
    expect(writes.length).toBeLessThanOrEqual(6);
    expect(stage.status().phase).toBe('Initializing');
    expect(stage.get('Deployment', 'cart')?.['spec']).toMatchObject({ replicas: 2 });
    const stalled = stage.condition('Stalled');
    expect(stalled?.reason).toBe('ServiceContested');
    expect(stalled?.message).toMatch(
      /^"[^"]+" keeps changing spec\.selector of Service cart; until nobody does, cart serves users too .* take the Service out of the manifests$/,
    );
    await stage.untilPhase('Initialized', 300_000);
    expect(stage.get('Service', 'cart')?.['spec']).toMatchObject({
      selector: { app: 'cart-primary' },
    });
    expect(stage.get('Deployment', 'cart')?.['spec']).toMatchObject({ replicas: 2 });
    await stage.end();
  });

  it('is told of with object, field, manager and remedy, and the target is kept running', async () => {
    const stage = new Stage({});
    stage.create(deployment('demo:1'));
    stage.create(service);
    stage.create(canary());
    stage.start();
    await stage.untilPhase('Initialized', 120_000);
    for (let taken = 0; taken < 3; taken++) {
      stage.patch('Service', 'cart', applied);
      await stage.pass(2_000);
    }
    const stalled = stage.condition('Stalled');
    expect(stalled?.reason).toBe('ServiceContested');
    expect(stalled?.message).toMatch(
      /^"[^"]+" keeps changing spec\.selector of Service cart; .* take the Service out of the manifests$/,
    );
    expect(stage.get('Deployment', 'cart')?.['spec']).toMatchObject({ replicas: 2 });
    // While both sides answer right it is put back now and then, and when nobody takes it any more, for good.
    stage.mark();
    for (let taken = 0; taken < 60; taken++) {
      stage.patch('Service', 'cart', applied);
      await stage.pass(2_000);
    }
    const writes = stage.requests().filter(({ method }) => method !== 'GET');
    expect(writes.length).toBeGreaterThan(0);
    expect(writes.length).toBeLessThanOrEqual(6);
    expect(stage.condition('Stalled')?.reason).toBe('ServiceContested');
    // One that selects nobody is not waited for.
    stage.patch('Service', 'cart', { spec: { selector: { app: 'nobody' } } });
    await stage.pass(100);
    expect(stage.get('Service', 'cart')?.['spec']).toMatchObject({
      selector: { app: 'cart-primary' },
    });
    stage.patch('Service', 'cart', { spec: { selector: { app: 'cart' } } });
    await stage.pass(120_000);
    expect(stage.get('Service', 'cart')?.['spec']).toMatchObject({
      selector: { app: 'cart-primary' },
    });
    await stage.end();
  });
});
