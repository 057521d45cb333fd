/** Kubernetes and etcd, built from our own Go module. */
import { readdirSync, readFileSync, symlinkSync } from 'node:fs';
import path from 'node:path';

import { output } from './command.ts';
import { buildLimitMs, findGo, goEnvironment, neededGo, requiredVersion } from './go-toolchain.ts';
import { minorOf, assertVersion } from './version.ts';
import type { Source } from './source.ts';
import type { World } from './world.ts';

/** The components that one binary is, by the name that it is called with. */
export const kubernetesComponents = [
  'kube-apiserver',
  'kube-controller-manager',
  'kube-scheduler',
  'kube-proxy',
] as const;
export type KubernetesComponent = (typeof kubernetesComponents)[number];

/** The version of Kubernetes that is built here. */
export function kubernetesVersion(world: World): string {
  return requiredVersion(world, 'k8s.io/kubernetes');
}

export function kubernetes(world: World, gives: readonly KubernetesComponent[]): Source {
  const version = kubernetesVersion(world);
  const ldflags = kubernetesLdflags(version);
  return {
    gives,
    lane: 'go',
    announcement: `building kubernetes ${version} (4 min, once)`,
    recipe: {
      name: `kubernetes-${version}`,
      inputs: buildInputs(world, 'kubernetes', ldflags),
      make: async (folder) => {
        await build(world, 'kubernetes', ldflags, folder);
        // All of them, whatever is wanted now: the entry is the same for whoever wants the others.
        for (const name of kubernetesComponents) symlinkSync('kubernetes', path.join(folder, name));
        await assertVersion(world, 'kube-apiserver', path.join(folder, 'kube-apiserver'), version);
        const items = kubernetesComponents.map(
          (name) => [name, { files: [name], version }] as const,
        );
        return {
          origin: `Go module k8s.io/kubernetes v${version}`,
          items: Object.fromEntries(items),
        };
      },
    },
  };
}

/** Without these `/version` says v0.0.0, and clients complain. */
function kubernetesLdflags(version: string): string {
  const [major, minor] = minorOf(version).split('.');
  const values = { gitVersion: `v${version}`, gitMajor: major, gitMinor: minor };
  return Object.entries(values)
    .map(([name, value]) => `-X k8s.io/component-base/version.${name}=${value}`)
    .join(' ');
}

export function etcd(world: World): Source {
  const version = requiredVersion(world, 'go.etcd.io/etcd/server/v3');
  return {
    gives: ['etcd'],
    lane: 'go',
    announcement: `building etcd ${version} (30 s, once)`,
    recipe: {
      name: `etcd-${version}`,
      inputs: buildInputs(world, 'etcd', ''),
      make: async (folder) => {
        await build(world, 'etcd', '', folder);
        await assertVersion(world, 'etcd', path.join(folder, 'etcd'), version);
        return {
          origin: `Go module go.etcd.io/etcd/server/v3 v${version}`,
          items: { etcd: { files: ['etcd'], version } },
        };
      },
    },
  };
}

/** The flags of `go build`; nothing on the checkout, which git may refuse to tell. */
function flags(ldflags: string): readonly string[] {
  return ['-trimpath', '-buildvcs=false', '-ldflags', `-s -w ${ldflags}`.trim()];
}

async function build(world: World, command: string, ldflags: string, folder: string) {
  const args = ['build', ...flags(ldflags), '-o', path.join(folder, command), `./${command}`];
  const call = { cwd: world.module, env: goEnvironment, limitMs: buildLimitMs };
  await output(world, await findGo(world), args, call);
}

/**
 * All that makes another binary: the sources, the modules (go.sum stands for their content), the flags
 * and the machine. Of Go it is the version that go.mod asks for, because asking `go` itself takes
 * longer than everything else that is done for a warm start, and its patch release changes no behaviour
 * that a cluster is tested for.
 */
function buildInputs(world: World, command: string, ldflags: string): readonly string[] {
  const own = readdirSync(path.join(world.module, command))
    .filter((name) => name.endsWith('.go'))
    .sort()
    .map((name) => path.join(command, name));
  const contents = ['go.mod', 'go.sum', ...own].flatMap((file) => [
    file,
    readFileSync(path.join(world.module, file), 'utf8'),
  ]);
  return [world.platform, neededGo(world), ...flags(ldflags), ...contents];
}
