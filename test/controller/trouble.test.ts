/**
 * An error that a person has to deal with, shown on the Canary until a pass gets through.
 */
import { describe, expect, it } from 'vitest';

import type { ApiAnswer } from '../../src/sandbox/api-server/call.ts';
import { canary, deployment, forbidden, Stage } from './stage.ts';

const refusal = (message: string): ApiAnswer => ({
  kind: 'object',
  status: 422,
  body: {
    kind: 'Status',
    apiVersion: 'v1',
    status: 'Failure',
    reason: 'Invalid',
    code: 422,
    message,
  },
});

async function midRun(): Promise<Stage> {
  const stage = new Stage();
  stage.create(deployment('demo:1'));
  stage.create(canary());
  stage.start();
  await stage.untilPhase('Initialized');
  stage.push('demo:2');
  await stage.until('weight 20', () => stage.routeWeight() === 20);
  await stage.pass(100);
  return stage;
}

describe('a write that is refused in the middle of a run', () => {
  it.each([
    [
      'a missing role',
      () => forbidden('patch', 'httproutes'),
      'Forbidden',
      '"patch" on "httproutes"',
    ],
    [
      'an admission policy',
      () =>
        refusal('admission webhook "routes.example.com" denied the request: ask the platform team'),
      'RefusedByServer',
      'ask the platform team',
    ],
  ])(
    'by %s stalls the Canary, and is gone when it goes through',
    async (_what, answer, reason, words) => {
      const stage = await midRun();
      stage.intercept((call) =>
        call.headers['user-agent']?.startsWith('serin') === true &&
        call.method === 'PATCH' &&
        call.path.includes('/httproutes/')
          ? answer()
          : undefined,
      );
      await stage.pass(60_000);
      expect(stage.condition('Stalled')).toMatchObject({ status: 'True', reason });
      expect(stage.condition('Stalled')?.message).toContain(words);
      expect(stage.condition('Ready')).toMatchObject({ status: 'False', reason });
      expect(stage.condition('Reconciling')).toBeUndefined();
      expect(stage.status().phase).toBe('Progressing');
      stage.intercept(() => undefined);
      await stage.untilPhase('Succeeded', 240_000);
      expect(stage.condition('Stalled')).toBeUndefined();
      await stage.end();
    },
  );

  it('is written once, however often it is tried', async () => {
    const stage = await midRun();
    stage.intercept((call) =>
      call.headers['user-agent']?.startsWith('serin') === true &&
      call.method === 'PATCH' &&
      call.path.includes('/httproutes/')
        ? forbidden('patch', 'httproutes')
        : undefined,
    );
    await stage.pass(60_000);
    stage.mark();
    await stage.pass(10 * 60_000);
    const patches = stage.requests().filter(({ subresource }) => subresource === 'status');
    expect(patches.length).toBeLessThanOrEqual(1);
    const tries = stage.requests().filter(({ resource }) => resource === 'httproutes');
    expect(tries.length).toBeLessThan(40);
    await stage.end();
  });
});
