/**
 * The ports of the three Services.
 */

import type { ServicePort } from '../api/object.ts';
import type { ResolvedService } from '../api/resolved.ts';
import { equal } from './owners.ts';

/** A port that a container of the target declares. */
export interface ContainerPortName {
  readonly name: string;
  readonly port: number;
}

/** What we did to the ports of an adopted Service, to be undone when it is given back. */
export interface PortChanges {
  /** `<number>/<protocol>` */
  readonly added: readonly string[];
  readonly named: readonly string[];
}

type PortSpec = Pick<
  ResolvedService,
  'port' | 'portName' | 'targetPort' | 'appProtocol' | 'portDiscovery'
>;

/** The ports that the spec asks for: its own first, then those discovered that it does not name already. */
export function wantedPorts(
  service: PortSpec,
  discovered: readonly ContainerPortName[],
): readonly ServicePort[] {
  const { port, portName, targetPort, appProtocol, portDiscovery } = service;
  const first: ServicePort = {
    name: portName,
    protocol: 'TCP',
    port,
    targetPort,
    ...(appProtocol === undefined ? {} : { appProtocol }),
  };
  const others = discovered
    .filter(
      (found) => found.port !== port && found.port !== targetPort && found.name !== targetPort,
    )
    .map((found) => ({
      name: found.name,
      protocol: 'TCP',
      port: found.port,
      targetPort: found.port,
    }));
  return portDiscovery ? withMissing([first], others) : [first];
}

/**
 * The ports of an adopted Service with those that are missing: none is removed or changed, except that an unnamed
 * one gets a name where a second one comes, because Kubernetes wants that. The same list when none is missing.
 */
export function withMissing(
  existing: readonly ServicePort[],
  wanted: readonly ServicePort[],
): readonly ServicePort[] {
  const known = new Set(existing.map(portKey));
  const missing = wanted.filter((port) => {
    const isNew = !known.has(portKey(port));
    known.add(portKey(port));
    return isNew;
  });
  if (missing.length === 0) return existing;
  const ports = existing.map((port) =>
    port.name === undefined || port.name === '' ? { ...port, name: givenName(port) } : port,
  );
  const names = new Set(ports.map(({ name }) => name));
  for (const port of missing) {
    const name = freeName(names, port);
    names.add(name);
    ports.push({ ...port, name });
  }
  return ports;
}

/** What `withMissing` did, or will do. */
export function portChanges(
  before: readonly ServicePort[],
  after: readonly ServicePort[],
): PortChanges {
  const former = new Map(before.map((port) => [portKey(port), port]));
  return {
    added: after.map(portKey).filter((key) => !former.has(key)),
    named: after
      .filter((port) => former.has(portKey(port)) && former.get(portKey(port))?.name !== port.name)
      .map(portKey),
  };
}

/** The reverse of `withMissing`, on ports that may have changed since. */
export function withoutChanges(
  ports: readonly ServicePort[],
  { added, named }: PortChanges,
): readonly ServicePort[] {
  const kept = ports.filter((port) => !added.includes(portKey(port)));
  const [only] = kept;
  if (kept.length !== 1 || only === undefined) return kept;
  const isOurs = named.includes(portKey(only)) && only.name === givenName(only);
  const { name: _, ...unnamed } = only;
  return isOurs ? [unnamed] : kept;
}

/** The ports of `-primary` and `-canary`: those of the apex, without what only the apex can have. */
export function sidePorts(apex: readonly ServicePort[]): readonly ServicePort[] {
  return apex.map((port) => {
    const { nodePort: _, ...own } = port;
    return { ...own, protocol: port.protocol ?? 'TCP', targetPort: port.targetPort ?? port.port };
  });
}

/**
 * The ports that replace those of a Service of ours: the live list where only its order differs, and node ports,
 * which the cluster chose, where they are.
 */
export function settledPorts(
  live: readonly ServicePort[],
  wanted: readonly ServicePort[],
): readonly ServicePort[] {
  const former = new Map(live.map((port) => [portKey(port), port]));
  const settled = wanted.map((port) => {
    const nodePort = former.get(portKey(port))?.nodePort;
    return nodePort === undefined ? port : { ...port, nodePort };
  });
  return equal(sorted(live), sorted(settled)) ? live : settled;
}

function sorted(ports: readonly ServicePort[]): readonly ServicePort[] {
  return ports.toSorted((left, right) => (portKey(left) < portKey(right) ? -1 : 1));
}

function freeName(taken: ReadonlySet<string | undefined>, port: ServicePort): string {
  const ours = `serin-${port.port}`;
  const { name = ours, protocol = 'TCP' } = port;
  // The same number comes twice only with two protocols.
  const last = `${ours}-${protocol.toLowerCase()}`;
  return [name, ours].find((each) => !taken.has(each)) ?? last;
}

function portKey({ port, protocol = 'TCP' }: ServicePort): string {
  return `${port}/${protocol}`;
}

function givenName({ port }: ServicePort): string {
  return `port-${port}`;
}
