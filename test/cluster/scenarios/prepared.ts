/**
 * What all scenarios stand on: the planes, Prometheus, the receiver, and Serin as it is shipped. The first test file
 * that asks sets it up; Serin is installed while requests go to live applications, and what became of those is kept.
 */
import path from 'node:path';
import { fileURLToPath } from 'node:url';

import type { RequestRecord } from '../../../src/sandbox/demo/request-record.ts';
import { receiver } from '../apps/receiver-manifest.ts';
import { contourAndEnvoy } from '../planes/contour.ts';
import { type Manifest, namespaceOf } from '../planes/manifest.ts';
import { prometheus } from '../planes/prometheus.ts';
import { traefik as traefikManifests } from '../planes/traefik.ts';
import { filesOf, provide } from '../programs/programs.ts';
import { Api } from './api.ts';
import { kubectl } from './kubectl.ts';
import { Load } from './load.ts';
import { APP, application, hostOf, route, service } from './manifests.ts';
import { once } from './once.ts';
import { addressOf, contour, kubernetes, type PlaneInUse, traefik } from './plane.ts';

const RATE = 50;
const repository = fileURLToPath(new URL('../../../', import.meta.url));

export interface Installed {
  /** What became of the requests that were sent while Serin was installed, by plane. */
  readonly requests: readonly {
    readonly plane: string;
    readonly records: readonly RequestRecord[];
  }[];
}

export function prepared(): Promise<Installed> {
  const { KUBECONFIG } = process.env;
  if (KUBECONFIG === undefined) throw new Error('KUBECONFIG is not set: npm run cluster -- exec …');
  return once(path.dirname(KUBECONFIG), 'scenarios', prepare);
}

async function prepare(): Promise<Installed> {
  const api = new Api();
  try {
    await createKinds();
    const planes = [...traefikManifests, ...contourAndEnvoy, ...prometheus, ...receiver];
    await createAll(api, planes);
    await Promise.all(
      planes
        .filter(({ kind }) => kind === 'Deployment')
        .map(({ metadata }) => untilAvailable(metadata)),
    );
    return await installBesideTraffic(api);
  } finally {
    await api.close();
  }
}

/** The kinds that controllers insist on; `kubectl apply` would not take some of them for their size. */
async function createKinds(): Promise<void> {
  const provided = await provide(['gateway-api-crds', 'contour-crds'], () => {});
  const files = [...filesOf(provided, 'gateway-api-crds'), ...filesOf(provided, 'contour-crds')];
  const named = files.flatMap((file) => ['-f', file]);
  await kubectl('apply', '--server-side', ...named);
  await kubectl('wait', '--for=condition=Established', 'crd', '--all', '--timeout=60s');
}

export async function createAll(api: Api, manifests: readonly Manifest[]): Promise<void> {
  for (const manifest of manifests) await api.create(manifest);
}

async function untilAvailable({
  name,
  namespace: space = '',
}: Manifest['metadata']): Promise<void> {
  await kubectl('rollout', 'status', `deployment/${name}`, '-n', space, '--timeout=90s');
}

async function installBesideTraffic(api: Api): Promise<Installed> {
  const loads = await Promise.all([traefik, contour, kubernetes].map((plane) => live(api, plane)));
  await kubectl('apply', '-f', path.join(repository, 'crds/flagger.app_canaries.yaml'));
  await kubectl('apply', '-f', path.join(repository, 'crds/flagger.app_metrictemplates.yaml'));
  await kubectl('apply', '-f', path.join(repository, 'crds/flagger.app_alertproviders.yaml'));
  await kubectl('apply', '-k', path.join(repository, 'deploy/flagger-api'));
  await untilAvailable({ name: 'serin', namespace: 'serin-system' });
  await Promise.all(loads.map(({ load }) => load.close()));
  await Promise.all(loads.map(({ space }) => api.deleteNamespace(space)));
  return { requests: loads.map(({ plane, load }) => ({ plane, records: load.records })) };
}

/** An application that serves users already. */
async function live(
  api: Api,
  plane: PlaneInUse,
): Promise<{ plane: string; space: string; load: Load }> {
  const space = `live-${plane.name}`;
  await createAll(api, [
    namespaceOf(space),
    application(space, { image: 'serin.dev/demo:1.0.0', replicas: 2 }),
    service(space),
    ...(plane.gateway === undefined ? [] : [route(space, plane)]),
  ]);
  await untilAvailable({ name: APP, namespace: space });
  const { namespace: at, name } = plane.entrance ?? { namespace: space, name: APP };
  const url = await addressOf(api, at, name);
  await untilServed(url, hostOf(space));
  const load = Load.start({ url, host: hostOf(space), rate: RATE, app: APP });
  return { plane: plane.name, space, load };
}

/** A gateway takes a moment to follow a new route. */
export async function untilServed(url: string, host: string): Promise<void> {
  const { request } = await import('undici');
  const end = Date.now() + 60_000;
  for (;;) {
    const status = await request(url, { headers: { host } }).then(
      async ({ statusCode, body }) => {
        await body.dump();
        return statusCode;
      },
      () => 0,
    );
    if (status === 200) return;
    if (Date.now() > end) throw new Error(`${host} at ${url} is not served: ${status}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}
