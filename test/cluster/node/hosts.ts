/** Names without a name server: each pod's `/etc/hosts` holds every Service that has an address. */

import { closeSync, ftruncateSync, openSync, writeSync } from 'node:fs';

import type { HostAlias } from './types.ts';

export interface NamedService {
  readonly namespace: string;
  readonly name: string;
  readonly clusterIP: string;
  /** RFC 3339. */
  readonly createdAt: string;
}

export interface HostsInput {
  readonly namespace: string;
  readonly hostname: string;
  readonly podIP: string;
  readonly aliases: readonly HostAlias[];
  readonly services: readonly NamedService[];
}

/** The oldest Service first, so that a new one only adds to the end and no reader sees lines move. */
export function hostsText(input: HostsInput): string {
  const { namespace, hostname, podIP, aliases, services } = input;
  const sorted = services.toSorted(
    (a, b) => compare(a.createdAt, b.createdAt) || compare(keyOf(a), keyOf(b)),
  );
  const lines = [
    '127.0.0.1 localhost',
    `${podIP} ${hostname}`,
    ...aliases.map(({ ip, hostnames = [] }) => [ip, ...hostnames].join(' ')),
    ...sorted.map((service) => [service.clusterIP, ...namesOf(service, namespace)].join(' ')),
  ];
  return `${lines.join('\n')}\n`;
}

/** How a pod of `namespace` may call a Service. */
export function namesOf(service: NamedService, namespace: string): readonly string[] {
  const full = `${service.name}.${service.namespace}`;
  const short = service.namespace === namespace ? [service.name] : [];
  return [...short, full, `${full}.svc`, `${full}.svc.cluster.local`];
}

/** In place and in one write: a renamed file would leave the bind mounts on the old one. */
export function rewrite(file: string, text: string): void {
  const bytes = Buffer.from(text);
  const descriptor = openSync(file, 'r+');
  try {
    writeSync(descriptor, bytes, 0, bytes.length, 0);
    ftruncateSync(descriptor, bytes.length);
  } finally {
    closeSync(descriptor);
  }
}

const keyOf = ({ namespace, name }: NamedService): string => `${namespace}/${name}`;
const compare = (a: string, b: string): number => (a < b ? -1 : Number(a > b));
