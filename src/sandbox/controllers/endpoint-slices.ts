/**
 * Service → EndpointSlices: which addresses answer for a Service, and whether they still should.
 *
 * A pod that has been asked to end stays listed as terminating, but is no longer ready: that is what takes
 * it out of rotation before it stops answering.
 */
import { ENDPOINT_SLICES } from './api.ts';
import { SERVICE_NAME } from './cluster-view.ts';
import { canonical, suffix } from './hash.ts';
import {
  type Endpoint,
  type EndpointPort,
  type EndpointSlice,
  isPodReady,
  keyOf,
  type Pod,
  type Service,
} from './objects.ts';
import type { Round } from './round.ts';

const MANAGED_BY = 'endpointslice.kubernetes.io/managed-by';
const US = 'endpointslice-controller.k8s.io';

export class EndpointSliceController {
  sync(key: string, round: Round): void {
    const service = round.view.services.get(key);
    // Without a selector somebody else keeps the slices; a deleted Service's go by garbage collection.
    if (service === undefined || Object.keys(service.spec.selector ?? {}).length === 0) return;
    const wanted = slicesFor(service, round.view.podsSelectedBy(service));
    for (const slice of wanted) {
      const existing = round.view.slices.get(keyOf(slice));
      if (existing === undefined) round.create(round.view.slices, ENDPOINT_SLICES, slice);
      else if (!isSame(existing, slice)) this.#replace(existing, slice, round);
    }
    const names = new Set(wanted.map(keyOf));
    for (const slice of round.view.slicesOf(service)) {
      const ours = slice.metadata.labels?.[MANAGED_BY] === US;
      if (ours && !names.has(keyOf(slice))) round.remove(round.view.slices, ENDPOINT_SLICES, slice);
    }
  }

  #replace(existing: EndpointSlice, slice: EndpointSlice, round: Round): void {
    round.replace(round.view.slices, ENDPOINT_SLICES, {
      ...existing,
      metadata: { ...existing.metadata, ...slice.metadata },
      endpoints: slice.endpoints,
      ports: slice.ports ?? [],
    });
  }
}

/** One slice for each set of port numbers; there is always one, so that clients see "none" as an answer. */
export function slicesFor(service: Service, pods: readonly Pod[]): readonly EndpointSlice[] {
  const groups = new Map<string, { ports: readonly EndpointPort[]; endpoints: Endpoint[] }>();
  for (const pod of pods.toSorted(byName)) {
    const endpoint = endpointOf(service, pod);
    if (endpoint === undefined) continue;
    const ports = portsOf(service, pod);
    const key = canonical(ports);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, { ports, endpoints: [endpoint] });
    else group.endpoints.push(endpoint);
  }
  if (groups.size === 0) groups.set('', { ports: portsOf(service, undefined), endpoints: [] });
  return [...groups.values()].map(({ ports, endpoints }, index) =>
    sliceOf(service, index, ports, endpoints),
  );
}

function sliceOf(
  { metadata }: Service,
  index: number,
  ports: readonly EndpointPort[],
  endpoints: readonly Endpoint[],
): EndpointSlice {
  return {
    apiVersion: ENDPOINT_SLICES.apiVersion,
    kind: ENDPOINT_SLICES.kind,
    metadata: {
      name: `${metadata.name}-${suffix(`${metadata.uid ?? ''}/${index}`)}`,
      namespace: metadata.namespace ?? '',
      labels: { ...metadata.labels, [SERVICE_NAME]: metadata.name, [MANAGED_BY]: US },
      ownerReferences: [
        {
          apiVersion: 'v1',
          kind: 'Service',
          name: metadata.name,
          uid: metadata.uid ?? '',
          controller: true,
          blockOwnerDeletion: true,
        },
      ],
    },
    addressType: 'IPv4',
    endpoints,
    ports,
  };
}

function endpointOf(service: Service, pod: Pod): Endpoint | undefined {
  const { podIP, phase } = pod.status ?? {};
  if (podIP === undefined || phase === 'Succeeded' || phase === 'Failed') return undefined;
  const { name, namespace = '', uid = '', deletionTimestamp } = pod.metadata;
  const serving = isPodReady(pod);
  const terminating = deletionTimestamp !== undefined;
  const ready = service.spec.publishNotReadyAddresses === true || (serving && !terminating);
  return {
    addresses: [podIP],
    conditions: { ready, serving, terminating },
    ...(pod.spec.nodeName === undefined ? {} : { nodeName: pod.spec.nodeName }),
    targetRef: { kind: 'Pod', namespace, name, uid },
  };
}

/** A named target port is looked up in the pod; without a pod, or without that name, it stays open. */
function portsOf({ spec }: Service, pod: Pod | undefined): readonly EndpointPort[] {
  return (spec.ports ?? []).flatMap(({ name, port, targetPort = port, protocol, appProtocol }) => {
    const number = typeof targetPort === 'number' ? targetPort : namedPort(pod, targetPort);
    if (number === undefined) return [];
    return [
      {
        name: name ?? '',
        port: number,
        protocol: protocol ?? 'TCP',
        ...(appProtocol === undefined ? {} : { appProtocol }),
      },
    ];
  });
}

function namedPort(pod: Pod | undefined, name: string): number | undefined {
  const all = pod?.spec.containers.flatMap(({ ports = [] }) => ports);
  return all?.find((port) => port.name === name)?.containerPort;
}

function isSame(existing: EndpointSlice, wanted: EndpointSlice): boolean {
  return (
    canonical(existing.endpoints) === canonical(wanted.endpoints) &&
    canonical(existing.ports ?? []) === canonical(wanted.ports ?? []) &&
    canonical(existing.metadata.labels ?? {}) === canonical(wanted.metadata.labels ?? {})
  );
}

function byName(a: Pod, b: Pod): number {
  return a.metadata.name < b.metadata.name ? -1 : 1;
}
