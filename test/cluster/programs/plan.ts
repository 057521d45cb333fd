/** Which source each wanted program comes from on this machine. */
import { assertSameMinor, assetOf, assetsOf, etcdOf } from './assets.ts';
import { reasonOf } from './command.ts';
import {
  etcd,
  type KubernetesComponent,
  kubernetes,
  kubernetesComponents,
  kubernetesVersion,
} from './components.ts';
import { debianProgram, libfaketime } from './debian.ts';
import { contour, contourCrds, gatewayApiCrds, kwok, kwokStages } from './go-modules.ts';
import { kubectl } from './kubectl.ts';
import type { Name } from './names.ts';
import type { Source } from './source.ts';
import { envoy, traefik } from './wheels.ts';
import type { World } from './world.ts';

export interface Plan {
  readonly sources: readonly Source[];
  /** What cannot be had whatever one does, with the reason. */
  readonly refused: readonly { readonly names: readonly Name[]; readonly why: string }[];
}

export async function plan(wanted: readonly Name[], world: World): Promise<Plan> {
  const core = await planCore(
    coreNames.filter((name) => wanted.includes(name)),
    world,
  );
  return { sources: [...core.sources, ...otherSources(wanted, world)], refused: core.refused };
}

type CoreName = KubernetesComponent | 'etcd' | 'kubectl';
const coreNames: readonly CoreName[] = [...kubernetesComponents, 'etcd', 'kubectl'];

/** What KUBEBUILDER_ASSETS has a say in. */
async function planCore(names: readonly CoreName[], world: World): Promise<Plan> {
  if (names.length === 0) return { sources: [], refused: [] };
  try {
    return { sources: await coreSources(names, world), refused: [] };
  } catch (error) {
    return { sources: [], refused: [{ names, why: reasonOf(error) }] };
  }
}

async function coreSources(names: readonly CoreName[], world: World): Promise<readonly Source[]> {
  const assets = assetsOf(world);
  const apiServer = assets['kube-apiserver'];
  const built = kubernetesComponents.filter(
    (name) => names.includes(name) && !(name === 'kube-apiserver' && apiServer !== undefined),
  );
  const sources: Source[] = [];
  if (apiServer !== undefined) {
    await assertSameMinor(world, apiServer, kubernetesVersion(world));
    if (names.includes('kube-apiserver')) {
      sources.push(assetOf(world, 'kube-apiserver', apiServer));
    }
  }
  if (built.length > 0) sources.push(kubernetes(world, built));
  if (names.includes('etcd')) {
    sources.push(assets.etcd === undefined ? etcd(world) : etcdOf(world, assets.etcd));
  }
  if (names.includes('kubectl')) {
    const held = assets.kubectl;
    sources.push(held === undefined ? kubectl(world) : assetOf(world, 'kubectl', held));
  }
  return sources;
}

type OtherName = Exclude<Name, CoreName>;

/** The order is that in which the sources of one lane are made: what takes long comes last. */
function otherSources(wanted: readonly Name[], world: World): readonly Source[] {
  const byName: Readonly<Record<OtherName, (world: World) => Source>> = {
    'gateway-api-crds': gatewayApiCrds,
    'contour-crds': contourCrds,
    'kwok-stages': kwokStages,
    nft: (machine) => debianProgram(machine, 'nft'),
    ip: (machine) => debianProgram(machine, 'ip'),
    unshare: (machine) => debianProgram(machine, 'unshare'),
    nsenter: (machine) => debianProgram(machine, 'nsenter'),
    setpriv: (machine) => debianProgram(machine, 'setpriv'),
    libfaketime,
    prometheus: (machine) => debianProgram(machine, 'prometheus'),
    traefik,
    envoy,
    contour,
    kwok,
  };
  return Object.entries(byName)
    .filter(([name]) => wanted.some((each) => each === name))
    .map(([, source]) => source(world));
}
