import { spawn } from 'node:child_process';
import { once } from 'node:events';

import { describe, expect, it } from 'vitest';

import { Machine } from './fixture.ts';
import { inLane } from './lanes.ts';

const quiet = () => {};
const failing = () => Promise.reject(new Error('no'));

describe('a lane', () => {
  it('lets one in at a time, and tells the other once that it waits', async () => {
    using machine = new Machine();
    const { cache } = machine.world;
    const [started, gate] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    const told = Promise.withResolvers<void>();
    const steps: string[] = [];
    const first = inLane(
      cache,
      'go',
      async () => {
        started.resolve();
        await gate.promise;
        steps.push('first');
      },
      quiet,
    );
    await started.promise;
    const second = inLane(
      cache,
      'go',
      async () => void steps.push('second'),
      () => {
        steps.push('waiting');
        told.resolve();
      },
    );
    await told.promise;
    gate.resolve();
    await Promise.all([first, second]);
    expect(steps).toEqual(['waiting', 'first', 'second']);
  });

  it('is free again after work that failed', async () => {
    using machine = new Machine();
    const { cache } = machine.world;
    await expect(inLane(cache, 'go', failing, quiet)).rejects.toThrow('no');
    expect(await inLane(cache, 'go', async () => 'in', quiet)).toBe('in');
  });

  it('does not hinder other lanes, nor those of another cache', async () => {
    using machine = new Machine();
    const { cache } = machine.world;
    const inside = await inLane(
      cache,
      'go',
      () =>
        Promise.all([
          inLane(cache, 'debian', async () => 'debian', quiet),
          inLane(`${cache}-2`, 'go', async () => 'go', quiet),
        ]),
      quiet,
    );
    expect(inside).toEqual(['debian', 'go']);
  });

  it('is free again when the process in it was killed', async () => {
    using machine = new Machine();
    const { cache } = machine.world;
    const script = `
      const { inLane } = await import(${JSON.stringify(new URL('lanes.ts', import.meta.url).href)});
      const stay = () => new Promise((resolve) => { console.log('in'); setTimeout(resolve, 600_000); });
      await inLane(${JSON.stringify(cache)}, 'go', stay, () => {});
    `;
    const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    await once(child.stdout, 'data');
    const told = Promise.withResolvers<void>();
    const entered = inLane(cache, 'go', async () => 'in', told.resolve);
    await told.promise;
    child.kill('SIGKILL');
    expect(await entered).toBe('in');
  });
});
