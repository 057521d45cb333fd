import { describe, expect, it } from 'vitest';

import { deletePrimary, primaryBecomes, push } from '../../machine/moves.ts';
import { unit } from '../../machine/settings.ts';
import { ModelCanary } from './model-canary.ts';

const promoting = (): ModelCanary => ModelCanary.initialised().make(push('v2')).until('Promoting');

describe('a promotion that is not written yet', () => {
  it('waits for a primary without pods, moves no traffic, and fails with it held in the end', () => {
    const canary = promoting().make(primaryBecomes('none'));
    const { effects } = canary.pass();
    expect(effects).toEqual([]);
    expect(canary.status).toMatchObject({
      phase: 'Promoting',
      canaryWeight: 50,
      waiting: { reason: 'PrimaryNotReady' },
    });
    for (const ms of [unit, unit]) canary.later(ms).pass();
    expect(canary.status).toMatchObject({ phase: 'Failed', canaryWeight: 50 });
    expect(canary.run?.reason).toBe('PrimaryNotReady');
  });

  it('makes a primary again that is gone, as it was, and is written to it then', () => {
    const canary = promoting().make(deletePrimary);
    const { effects } = canary.pass({ mood: { template: 'replicaSet' } });
    expect(effects).toContainEqual({ type: 'createPrimary', revision: 'v1', from: 'replicaSet' });
    expect(canary.status.phase).toBe('Promoting');
    canary.make(primaryBecomes('all'));
    expect(canary.pass().effects).toContainEqual({ type: 'promote', revision: 'v2' });
    canary.until('Succeeded');
  });
});
