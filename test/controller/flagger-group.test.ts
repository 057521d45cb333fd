/**
 * Where the group flagger.app means something else than serin.dev: Flagger's answers to bad input, each told once.
 */
import { describe, expect, it } from 'vitest';

import type { KubernetesObject } from '../../src/api/object.ts';
import type { CheckAnswer, Sample } from '../../src/core/analysis.ts';
import { canary, deployment, namespace, Stage, type Condition, type Status } from './stage.ts';

const group = 'flagger.app/v1beta1';

const flaggers = (object: KubernetesObject): KubernetesObject => ({ ...object, apiVersion: group });

interface Play {
  readonly stage: Stage;
  status(): Status;
  condition(type: string): Condition | undefined;
  until(phase: string, limitMs?: number): Promise<void>;
}

async function initialised(
  object: KubernetesObject,
  metric: () => CheckAnswer = () => value(100),
  target = deployment('demo:1'),
): Promise<Play> {
  const stage = new Stage({
    parts: {
      metrics: {
        get: () => ({
          name: 'prometheus',
          create: () => ({
            async query(): Promise<Sample> {
              const answer = metric();
              if (answer.kind === 'sample') return answer.sample;
              throw new TypeError(answer.why);
            },
          }),
        }),
      },
    },
  });
  stage.create(target);
  stage.create(flaggers(object));
  stage.start();
  const status = (): Status => stage.status('cart', group);
  const until = async (phase: string, limitMs = 600_000): Promise<void> => {
    const reached = await stage.world.clock.advanceUntil(() => status().phase === phase, limitMs);
    expect(reached, `${phase}: ${JSON.stringify(status(), null, 1)}`).toBe(true);
    await stage.pass(50);
  };
  const condition = (type: string): Condition | undefined => stage.condition(type, 'cart', group);
  await until('Initialized');
  return { stage, status, condition, until };
}

function value(number: number): CheckAnswer {
  return { kind: 'sample', sample: { kind: 'value', value: number } };
}

const warnings = ({ stage }: Play): readonly string[] =>
  stage
    .events()
    .filter(({ type }) => type === 'Warning')
    .map(({ message }) => message);

describe('a Canary of Flagger', () => {
  it.each([
    ['no data', { kind: 'sample', sample: { kind: 'noData', why: 'nothing' } }],
    ['an error', { kind: 'unavailable', why: 'connection refused' }],
  ] satisfies [string, CheckAnswer][])('counts %s as a failed check', async (_what, answer) => {
    let now: CheckAnswer = value(100);
    const play = await initialised(canary(), () => now);
    play.stage.push('demo:2');
    await play.stage.until('weight 20', () => play.stage.routeWeight() === 20);
    now = answer;
    await play.until('Failed', 30_000);
    expect(play.status().run?.['reason']).toBe('FailedChecks');
    await play.stage.end();
  });

  it('holds without data when it says so itself', async () => {
    let now: CheckAnswer = value(100);
    const play = await initialised(canary({ onNoData: 'hold' }), () => now);
    play.stage.push('demo:2');
    await play.stage.until('weight 20', () => play.stage.routeWeight() === 20);
    now = { kind: 'sample', sample: { kind: 'noData', why: 'nothing' } };
    await play.stage.pass(60_000);
    expect(play.status()).toMatchObject({ phase: 'Progressing', failedChecks: 0 });
    expect(play.condition('Reconciling')?.reason).toBe('NoData');
    await play.stage.end();
  });

  it('takes the last of several series, with one Warning', async () => {
    const play = await initialised(canary(), () => ({
      kind: 'sample',
      sample: { kind: 'manySeries', values: [10, 100] },
    }));
    play.stage.push('demo:2');
    await play.until('Succeeded', 120_000);
    const told = warnings(play).filter((message) => message.includes('series'));
    expect(told).toHaveLength(1);
    expect(told[0]).toContain('request-success-rate');
    await play.stage.end();
  });

  it('with weights and provider kubernetes has 10 iterations, and a Warning', async () => {
    const play = await initialised(canary({ interval: '1s' }, { provider: 'kubernetes' }));
    play.stage.push('demo:2');
    await play.until('Progressing');
    await play.until('Succeeded', 120_000);
    const steps = play.stage.events().filter(({ reason }) => reason === 'Advanced');
    expect(steps).toHaveLength(10);
    const told = warnings(play).filter((message) =>
      message.includes('cannot split traffic by weight'),
    );
    expect(told).toHaveLength(1);
    expect(told[0]).toContain('10 rounds');
    await play.stage.end();
  });

  it('with the strategy Recreate gets a primary that rolls, and a Warning', async () => {
    const plain = deployment('demo:1');
    const spec = { ...(plain['spec'] as object), strategy: { type: 'Recreate' } };
    const play = await initialised(canary(), undefined, { ...plain, spec });
    play.stage.push('demo:2');
    await play.until('Succeeded', 120_000);
    expect(play.stage.get('Deployment', 'cart-primary')?.['spec']).toMatchObject({
      strategy: {
        type: 'RollingUpdate',
        rollingUpdate: { maxUnavailable: '25%', maxSurge: '25%' },
      },
    });
    expect(warnings(play).some((message) => message.includes('25'))).toBe(true);
    await play.stage.end();
  });

  it('leaves another Service of the target alone, and warns of it', async () => {
    const other: KubernetesObject = {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: 'cart-metrics', namespace },
      spec: { selector: { app: 'cart' }, ports: [{ port: 9090 }] },
    };
    const stage = new Stage();
    stage.create(other);
    stage.create(deployment('demo:1'));
    stage.create(flaggers(canary()));
    stage.start();
    await stage.until('init', () => stage.status('cart', group).phase === 'Initialized');
    await stage.pass(1_000);
    expect(stage.get('Service', 'cart-metrics')?.['spec']).toMatchObject({
      selector: { app: 'cart' },
    });
    const told = stage.events().filter(({ type }) => type === 'Warning');
    expect(told.map(({ message }) => message).join()).toContain('cart-metrics');
    await stage.end();
  });

  it('is refused when a Canary of the other group had its target first', async () => {
    const stage = new Stage();
    stage.create(deployment('demo:1'));
    stage.create(canary());
    await stage.pass(2_000);
    stage.create({ ...flaggers(canary()), metadata: { name: 'second', namespace } });
    stage.start();
    await stage.untilPhase('Initialized');
    await stage.pass(1_000);
    expect(stage.condition('Stalled', 'second', group)).toMatchObject({ reason: 'TargetInUse' });
    expect(stage.condition('Stalled', 'second', group)?.message).toContain('serin.dev');
    await stage.end();
  });
});
