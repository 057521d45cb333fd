/** Commands and manifests of public Go modules. */
import { cpSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';

import { z } from 'zod';

import { output } from './command.ts';
import { buildLimitMs, findGo, goEnvironment } from './go-toolchain.ts';
import type { ManifestName } from './names.ts';
import type { Source } from './source.ts';
import { assertVersion } from './version.ts';
import type { World } from './world.ts';

interface GoModule {
  readonly path: string;
  readonly version: string;
}

const kwokModule: GoModule = { path: 'sigs.k8s.io/kwok', version: '0.8.0' };
const contourModule: GoModule = { path: 'github.com/projectcontour/contour', version: '1.33.8' };
const gatewayApiModule: GoModule = { path: 'sigs.k8s.io/gateway-api', version: '1.5.1' };

interface Command {
  readonly name: 'kwok' | 'contour';
  readonly module: GoModule;
  /** Of the linker; a module built by its version does not always know it. */
  readonly ldflags: string;
  /** How long the build takes from nothing, for the one who waits. */
  readonly takes: string;
}

export const kwok = (world: World) =>
  commandOf(world, { name: 'kwok', module: kwokModule, ldflags: '-s -w', takes: '2 min' });

export const contour = (world: World) =>
  commandOf(world, {
    name: 'contour',
    module: contourModule,
    ldflags: `-s -w -X ${contourModule.path}/internal/build.Version=v${contourModule.version}`,
    takes: '2 min',
  });

function commandOf(world: World, { name, module, ldflags, takes }: Command): Source {
  const { version } = module;
  const wanted = `${module.path}/cmd/${name}@v${version}`;
  const args = ['install', '-trimpath', '-ldflags', ldflags, wanted];
  return {
    gives: [name],
    lane: 'go',
    announcement: `building ${name} ${version} (${takes}, once)`,
    recipe: {
      name: `${name}-${version}`,
      inputs: [world.platform, ...args],
      make: async (folder) => {
        const go = await findGo(world);
        const env = { ...goEnvironment, GOBIN: folder };
        await output(world, go, args, { cwd: folder, env, limitMs: buildLimitMs });
        await assertVersion(world, name, path.join(folder, name), version);
        return {
          origin: `Go module ${module.path} v${version}`,
          items: { [name]: { files: [name], version } },
        };
      },
    },
  };
}

/** The kinds of Gateway API's experimental channel. */
export const gatewayApiCrds = (world: World) =>
  manifestsOf(world, {
    name: 'gateway-api-crds',
    module: gatewayApiModule,
    from: ['config/crd/experimental'],
    // The admission policy beside them guards clusters that mix channels; ours is new each time.
    kind: 'CustomResourceDefinition',
  });

/** Contour's own kinds: it does not start unless all of them are there. */
export const contourCrds = (world: World) =>
  manifestsOf(world, {
    name: 'contour-crds',
    module: contourModule,
    from: ['examples/contour/01-crds.yaml'],
    kind: 'CustomResourceDefinition',
  });

/** What becomes of pods and nodes that KWOK plays. */
export const kwokStages = (world: World) =>
  manifestsOf(world, {
    name: 'kwok-stages',
    module: kwokModule,
    from: ['kustomize/stage/node/fast', 'kustomize/stage/pod/fast'],
    kind: 'Stage',
  });

interface Manifests {
  readonly name: ManifestName;
  readonly module: GoModule;
  /** Files and folders, by their path in the module. */
  readonly from: readonly string[];
  /** Only files with objects of this kind are taken. */
  readonly kind: string;
}

/** Paths in the module's folder, in a stable order. */
function manifestsIn(folder: string, { from, kind }: Manifests): readonly string[] {
  const ofKind = new RegExp(`^kind: ${kind}$`, 'm');
  return from
    .flatMap((place) => (place.endsWith('.yaml') ? [place] : filesIn(folder, place)))
    .filter((file) => ofKind.test(readFileSync(path.join(folder, file), 'utf8')));
}

function filesIn(folder: string, place: string): readonly string[] {
  return readdirSync(path.join(folder, place))
    .filter((name) => name.endsWith('.yaml'))
    .sort()
    .map((name) => path.join(place, name));
}

function manifestsOf(world: World, manifests: Manifests): Source {
  const { name, module, from, kind } = manifests;
  const { version } = module;
  return {
    gives: [name],
    lane: 'go',
    announcement: `fetching ${name} ${version}`,
    recipe: {
      name: `${name}-${version}`,
      inputs: [module.path, version, kind, ...from],
      make: async (folder) => {
        const source = await download(world, module, folder);
        const files = manifestsIn(source, manifests);
        for (const file of files) {
          const target = path.join(folder, file);
          mkdirSync(path.dirname(target), { recursive: true });
          cpSync(path.join(source, file), target);
        }
        return {
          origin: `Go module ${module.path} v${version}`,
          items: { [name]: { files: [...files], version } },
        };
      },
    },
  };
}

const Downloaded = z.object({ Dir: z.string() });

/** The folder of Go's module cache that holds the module. */
async function download(world: World, module: GoModule, cwd: string): Promise<string> {
  const go = await findGo(world);
  const args = ['mod', 'download', '-json', `${module.path}@v${module.version}`];
  return Downloaded.parse(JSON.parse(await output(world, go, args, { cwd }))).Dir;
}
