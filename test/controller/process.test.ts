import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { StubServer } from '../adapters/http/stub-server.ts';
import { eventually, RealCluster, RealOperator } from './real-process.ts';
import { canary, deployment, pathOf } from './stage.ts';
import { newImage } from '../simulate/world.ts';

const limitMs = 90_000;

let cluster: RealCluster;
let prometheus: StubServer;
const running: RealOperator[] = [];

beforeEach(async () => {
  cluster = new RealCluster();
  await cluster.start();
  prometheus = await StubServer.start();
  prometheus.answers(
    200,
    '{"status":"success","data":{"resultType":"vector","result":[{"metric":{},"value":[1,"100"]}]}}',
    { 'content-type': 'application/json' },
  );
});

afterEach(async () => {
  for (const operator of running.splice(0)) operator.kill('SIGKILL');
  await prometheus[Symbol.asyncDispose]();
  await cluster.close();
});

function start(name: string, ...more: readonly string[]): RealOperator {
  const operator = RealOperator.for(cluster, name, prometheus.url, more);
  running.push(operator);
  return operator;
}

async function until(phase: string): Promise<void> {
  await eventually(
    () =>
      `phase ${phase}: ${JSON.stringify(cluster.status())}\n${running.map(({ lines }) => lines.join('\n')).join('\n\n')}`,
    () => cluster.status().phase === phase,
    40_000,
  );
}

const push = (image: string): unknown =>
  cluster.call('PATCH', pathOf('apps/v1', 'Deployment', 'cart'), newImage(image));

const ok = async (url: string): Promise<boolean> =>
  fetch(url).then(
    (response) => response.ok,
    () => false,
  );

async function initialised(...more: readonly string[]): Promise<RealOperator> {
  cluster.create(deployment('demo:1'));
  cluster.create(canary({ interval: '1s' }));
  const first = start('first', ...more);
  await first.started();
  await until('Initialized');
  return first;
}

async function midRun(): Promise<RealOperator> {
  const first = await initialised();
  push('demo:2');
  await eventually(
    () => `weight 20: ${JSON.stringify(cluster.status())}`,
    () => cluster.status().canaryWeight === 20,
  );
  return first;
}

const imageIn = (of: unknown): string => /"image":"([^"]+)"/.exec(JSON.stringify(of))?.[1] ?? '';

/** What the primary's image became, write by write. */
function promotions(): { readonly images: string[] } {
  const images: string[] = [];
  cluster.server.onRequest(({ resource, name, object, previous, userAgent }) => {
    if (resource !== 'deployments' || name !== 'cart-primary' || !userAgent.startsWith('serin'))
      return;
    if (imageIn(object) !== imageIn(previous)) images.push(imageIn(object));
  });
  return { images };
}

describe('the operator as a process', { timeout: limitMs }, () => {
  it('becomes ready, promotes, and writes logs that can be parsed', async () => {
    const operator = start('first');
    const url = await operator.started();
    await eventually(
      () => 'ready',
      () => ok(`${url}/readyz`),
    );
    expect(await ok(`${url}/healthz`)).toBe(true);
    cluster.create(deployment('demo:1'));
    cluster.create(canary({ interval: '1s' }));
    await until('Initialized');
    push('demo:2');
    await until('Succeeded');
    const page = await (await fetch(`${url}/metrics`)).text();
    expect(page).toContain('serin_canary_weight');
    const phases = operator.logs().filter(({ msg }) => msg === 'phase changed');
    expect(phases.map(({ to }) => to)).toEqual([
      'Initializing',
      'Initialized',
      'Progressing',
      'Promoting',
      'Finalising',
      'Succeeded',
    ]);
    expect(operator.logs().every(({ level }) => typeof level === 'string')).toBe(true);
  });

  it('ends with 0 on SIGTERM in the middle of a run and gives the Lease back at once', async () => {
    const { images } = promotions();
    const first = await midRun();
    const second = start('second');
    await second.started();
    const holders: string[] = [];
    cluster.server.onRequest(({ resource, method }) => {
      const holder = cluster.holder().split('_')[0] ?? '';
      if (resource === 'leases' && method !== 'GET' && holders.at(-1) !== holder)
        holders.push(holder);
    });
    first.kill('SIGTERM');
    expect(await first.exit()).toBe(0);
    await until('Succeeded');
    // On a busy machine the first may have finished the run before it heard the signal.
    await eventually(
      () => `the second to lead, not ${holders.at(-1)}`,
      () => holders.at(-1) === 'second',
    );
    // It was given back, not waited for.
    expect(holders.filter((holder) => holder !== 'first')).toEqual(['', 'second']);
    expect(images).toEqual(['demo:1', 'demo:2']);
  });

  it('ends promptly on SIGTERM although an event receiver never answers', async () => {
    await using deaf = await StubServer.start();
    deaf.does({ kind: 'hang' });
    const first = await initialised(`--event-webhook=${deaf.url}`);
    await eventually(
      () => 'an event for the receiver',
      () => deaf.received.length > 0,
    );
    const toldAt = performance.now();
    first.kill('SIGTERM');
    expect(await first.exit()).toBe(0);
    expect(performance.now() - toldAt).toBeLessThan(3_000);
  });

  it('loses nothing on SIGKILL in the middle of a run: a second process goes on', async () => {
    const { images } = promotions();
    const first = await midRun();
    first.kill('SIGKILL');
    expect(await first.exit()).toBe('SIGKILL');
    const weights: number[] = [];
    cluster.server.onRequest(({ resource, object, userAgent }) => {
      if (resource !== 'httproutes' || !userAgent.startsWith('serin')) return;
      const found = /"name":"cart-canary"[^}]*"weight":(\d+)/.exec(JSON.stringify(object));
      if (found !== null) weights.push(Number(found[1]));
    });
    start('second');
    await until('Succeeded');
    expect(images).toEqual(['demo:1', 'demo:2']);
    expect([...new Set(weights)]).toEqual([40, 60, 0]);
  });

  it('ends with 2 and names the flag that it does not know', async () => {
    const operator = new RealOperator(['--colour=blue']);
    running.push(operator);
    expect(await operator.exit()).toBe(2);
    expect(operator.lines.join('\n')).toContain('--colour');
  });
});
