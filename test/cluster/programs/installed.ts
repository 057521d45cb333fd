/** A program that is there already: only its version is kept in the cache, until the file changes. */
import { statSync } from 'node:fs';

import type { ProgramName } from './names.ts';
import type { Source } from './source.ts';
import { versionOf } from './version.ts';
import type { World } from './world.ts';

export function installed(
  world: World,
  name: Exclude<ProgramName, 'libfaketime'>,
  file: string,
  origin = 'this machine',
): Source {
  const { size, mtimeMs } = statSync(file);
  return {
    gives: [name],
    lane: 'installed',
    recipe: {
      name: `installed-${name}`,
      inputs: [origin, file, String(size), String(mtimeMs)],
      make: async () => ({
        origin,
        items: { [name]: { files: [file], version: await versionOf(world, name, file) } },
      }),
    },
  };
}
