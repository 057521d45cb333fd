/**
 * `KUBEBUILDER_ASSETS`: a folder with a kube-apiserver, an etcd and a kubectl, as other projects'
 * tests use it. What it holds is taken from there.
 */
import { chmodSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';

import { create, lookUp } from './cache.ts';
import { NotProvided } from './command.ts';
import { installed } from './installed.ts';
import type { Source } from './source.ts';
import { minorOf, versionOf } from './version.ts';
import { isProgram, type World } from './world.ts';

const origin = 'KUBEBUILDER_ASSETS';
const assetNames = ['kube-apiserver', 'etcd', 'kubectl'] as const;
type AssetName = (typeof assetNames)[number];
export type Assets = Partial<Readonly<Record<AssetName, string>>>;

/** The files of the folder, by program; nothing when the variable is not set. */
export function assetsOf({ env }: World): Assets {
  const folder = env['KUBEBUILDER_ASSETS'] ?? '';
  if (folder === '') return {};
  if (statSync(folder, { throwIfNoEntry: false })?.isDirectory() !== true) {
    throw new NotProvided(`KUBEBUILDER_ASSETS names ${folder}, and that is no folder`);
  }
  const held = assetNames
    .map((name) => [name, path.resolve(folder, name)] as const)
    .filter(([, file]) => isProgram(file));
  return Object.fromEntries(held);
}

/** A program of the folder that is called as it is. */
export function assetOf(world: World, name: 'kube-apiserver' | 'kubectl', file: string): Source {
  return installed(world, name, file, origin);
}

/** Throws unless the API server of the folder goes with the components that are built here. */
export async function assertSameMinor(world: World, file: string, built: string): Promise<void> {
  const { recipe } = assetOf(world, 'kube-apiserver', file);
  const { items } = lookUp(world.cache, recipe) ?? (await create(world.cache, recipe));
  const found = items['kube-apiserver']?.version ?? '';
  if (minorOf(found) === minorOf(built)) return;
  throw new NotProvided(
    `KUBEBUILDER_ASSETS holds kube-apiserver ${found}, and the other components are built at ` +
      `${built}; they must be of one minor version: let it name binaries of ${minorOf(built)}, or unset it`,
  );
}

/** A full etcd, to be called as ours is: DATA-DIR CLIENT-URL PEER-URL, or `--version`. */
export function etcdOf(world: World, file: string): Source {
  const { size, mtimeMs } = statSync(file);
  const script = etcdScript(file);
  return {
    gives: ['etcd'],
    lane: 'installed',
    recipe: {
      name: 'installed-etcd',
      inputs: [script, String(size), String(mtimeMs)],
      make: async (folder) => {
        writeFileSync(path.join(folder, 'etcd'), script);
        chmodSync(path.join(folder, 'etcd'), 0o755);
        const version = await versionOf(world, 'etcd', file);
        return { origin, items: { etcd: { files: ['etcd'], version } } };
      },
    },
  };
}

function etcdScript(file: string): string {
  const program = `'${file.replaceAll("'", `'\\''`)}'`;
  return `#!/bin/sh
[ "$1" = --version ] && exec ${program} --version
exec ${program} --data-dir "$1" \\
  --listen-client-urls "$2" --advertise-client-urls "$2" \\
  --listen-peer-urls "$3" --initial-advertise-peer-urls "$3" --initial-cluster "default=$3" \\
  --unsafe-no-fsync --log-level error
`;
}
