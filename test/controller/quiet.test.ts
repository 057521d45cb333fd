/**
 * What the operator costs the API server: nothing while nothing happens, and little while something does.
 */
import { describe, expect, it } from 'vitest';

import type { RequestRecord } from '../../src/sandbox/api-server/server.ts';
import type { WebhookAnswer } from '../../src/ports/webhook-client.ts';
import { canary, deployment, Stage, type StageOptions } from './stage.ts';

const quarter = 15 * 60_000;

async function initialised(analysis: object = {}, options: StageOptions = {}): Promise<Stage> {
  const stage = new Stage(options);
  stage.create(deployment('demo:1'));
  stage.create(canary(analysis));
  stage.start();
  await stage.untilPhase('Initialized');
  return stage;
}

const told = (requests: readonly RequestRecord[]): string[] =>
  requests.map(({ method, resource, subresource, body }) =>
    `${method} ${resource}${subresource === '' ? '' : `/${subresource}`} ${JSON.stringify(body)}`.slice(
      0,
      400,
    ),
  );

const gate = (type: string): object => ({ name: type, type, url: `http://gates/${type}` });
const closed: WebhookAnswer = { kind: 'no', status: 403, text: 'closed' };

describe('an operator with nothing to do', () => {
  it('sends no request in 15 minutes', async () => {
    const stage = await initialised();
    await stage.pass(60_000);
    stage.mark();
    await stage.pass(quarter);
    expect(told(stage.requests())).toEqual([]);
    await stage.end();
  });

  it('sends none after a promotion, and none after an abort', async () => {
    const state = { rate: 100 };
    const stage = await initialised(
      {},
      { metric: () => ({ kind: 'sample', sample: { kind: 'value', value: state.rate } }) },
    );
    stage.push('demo:2');
    await stage.untilPhase('Succeeded');
    await stage.pass(60_000);
    stage.mark();
    await stage.pass(quarter);
    expect(told(stage.requests())).toEqual([]);

    state.rate = 50;
    stage.push('demo:3');
    await stage.untilPhase('Failed');
    await stage.pass(60_000);
    stage.mark();
    await stage.pass(quarter);
    expect(told(stage.requests())).toEqual([]);
    await stage.end();
  });

  it('sends none for a Canary that is refused', async () => {
    const stage = new Stage();
    stage.create(deployment('demo:1'));
    stage.create(canary({ mirror: true }));
    stage.start();
    await stage.pass(60_000);
    stage.mark();
    await stage.pass(quarter);
    expect(told(stage.requests())).toEqual([]);
    await stage.end();
  });

  it.each(['confirm-rollout', 'confirm-traffic-increase', 'confirm-promotion'])(
    'sends none while a run waits at %s, whose gate is asked each interval',
    async (type) => {
      let calls = 0;
      const stage = await initialised(
        { webhooks: [gate(type)] },
        {
          webhook() {
            calls += 1;
            return closed;
          },
        },
      );
      stage.push('demo:2');
      await stage.until('the gate', () => calls > 0);
      await stage.pass(3 * 60_000);
      stage.mark();
      calls = 0;
      await stage.pass(quarter);
      expect(told(stage.requests())).toEqual([]);
      expect(calls).toBeGreaterThanOrEqual(80);
      expect(calls).toBeLessThanOrEqual(95);
      await stage.end();
    },
  );
});

describe('an operator that releases', () => {
  it('sends at most one route write, one status patch and one Event for a step', async () => {
    const stage = await initialised({ stepWeight: 10, maxWeight: 50 });
    stage.push('demo:2');
    await stage.until('weight 10', () => stage.routeWeight() === 10);
    await stage.pass(100);
    for (const weight of [20, 30, 40, 50]) {
      stage.mark();
      await stage.until(`weight ${weight}`, () => stage.routeWeight() === weight);
      await stage.pass(5_000);
      const sent = stage
        .requests()
        .map(({ method, resource, subresource }) => `${method} ${resource}/${subresource}`);
      expect(sent).toEqual(['PATCH httproutes/', 'PATCH canaries/status', 'POST events/']);
    }
    await stage.end();
  });

  it.each(['10s', '1m'])(
    'needs at most 30 requests for a whole promotion of 5 steps with two alerts, at an interval of %s',
    async (interval) => {
      const stage = await initialised({ stepWeight: 10, maxWeight: 50, interval });
      await stage.pass(60_000);
      const alertsBefore = stage.world.messages.length;
      stage.mark();
      stage.push('demo:2');
      await stage.untilPhase('Succeeded');
      await stage.pass(60_000);
      expect(stage.world.messages.length - alertsBefore).toBe(2);
      const sent = told(stage.requests());
      expect(sent.length, sent.join('\n')).toBeLessThanOrEqual(30);
      await stage.end();
    },
  );

  it('does not say an alert again after a restart in the middle of a long interval', async () => {
    const stage = await initialised({ interval: '10m' });
    stage.push('demo:2');
    await stage.until('weight 20', () => stage.routeWeight() === 20);
    await stage.pass(60_000);
    const said = stage.world.messages.length;
    await stage.restart();
    await stage.pass(60_000);
    expect(stage.world.messages.length).toBe(said);
    await stage.end();
  });

  it('counts what it says again instead of saying it again', async () => {
    const stage = await initialised(
      { threshold: 50 },
      { metric: () => ({ kind: 'unavailable', why: 'connection refused' }) },
    );
    stage.push('demo:2');
    await stage.pass(30 * 60_000);
    const warnings = stage.events().filter(({ type }) => type === 'Warning');
    expect(warnings.length).toBeGreaterThan(0);
    expect(warnings.length).toBeLessThanOrEqual(3);
    await stage.end();
  });

  it('keeps the Events of a Canary bounded, however often a check fails', async () => {
    const stage = await initialised(
      { threshold: 1_000 },
      { metric: () => ({ kind: 'sample', sample: { kind: 'value', value: 50 } }) },
    );
    stage.push('demo:2');
    await stage.until('weight 20', () => stage.routeWeight() === 20);
    stage.mark();
    await stage.pass(60 * 60_000);
    const events = stage.requests().filter(({ resource }) => resource === 'events');
    // One failed check in 10 s is 360 in an hour.
    expect(events.length).toBeLessThanOrEqual(180);
    await stage.end();
  });
});
