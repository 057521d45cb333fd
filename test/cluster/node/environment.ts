/** The environment and the command line of a container, from what the pod says and what it refers to. */

import type { Image } from './image.ts';
import type { EnvSource, EnvVar } from '../../../src/sandbox/controllers/objects.ts';
import type { ContainerSpec, KeysKind, KeysObject, Pod } from './types.ts';

/** A ConfigMap or a Secret of the pod's namespace as it is now; `undefined` when it is not there. */
export type FindKeys = (kind: KeysKind, name: string) => Promise<KeysObject | undefined>;

/** What is known about a pod once it has its addresses. */
export interface Placement {
  readonly podIP: string;
  readonly hostIP: string;
}

/** A reference leads nowhere: the container waits with `CreateContainerConfigError`. */
export class ConfigError extends Error {}

export interface EnvironmentInput {
  readonly pod: Pod;
  readonly container: ContainerSpec;
  readonly image: Image;
  readonly placement: Placement;
  /** Where the API server is, by its Service. */
  readonly apiServer: { readonly host: string; readonly port: number };
  readonly find: FindKeys;
}

const defaultPath = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/** Later ones win: the node's, the image's, `envFrom`, `env`. */
export async function environmentOf(input: EnvironmentInput): Promise<Record<string, string>> {
  const { container, image, pod, apiServer } = input;
  const port = String(apiServer.port);
  const all: Record<string, string> = {
    PATH: defaultPath,
    HOME: '/',
    HOSTNAME: hostnameOf(pod),
    KUBERNETES_SERVICE_HOST: apiServer.host,
    KUBERNETES_SERVICE_PORT: port,
    KUBERNETES_SERVICE_PORT_HTTPS: port,
    KUBERNETES_PORT: `tcp://${apiServer.host}:${port}`,
    ...image.env,
  };
  for (const source of container.envFrom ?? []) Object.assign(all, await fromObject(source, input));
  for (const variable of container.env ?? []) {
    const value = await valueOf(variable, input, all);
    if (value !== undefined) all[variable.name] = value;
  }
  return all;
}

/** `command` replaces the entry point and, when set, the image's arguments too. */
export function commandLine(
  { command = [], args = [] }: ContainerSpec,
  image: Image,
  environment: Readonly<Record<string, string>>,
): readonly string[] {
  const own = [...command, ...args].map((text) => expand(text, environment));
  if (command.length > 0) return own;
  return [...image.entrypoint, ...(args.length > 0 ? own : image.args)];
}

/** `$(NAME)` becomes the value of a variable that is set, `$$(NAME)` the text `$(NAME)`; the rest stays. */
export function expand(text: string, values: Readonly<Record<string, string>>): string {
  return text.replaceAll(/\$\$|\$\(([^)]*)\)/g, (found, name: string | undefined) => {
    if (found === '$$') return '$';
    if (name === undefined || !Object.hasOwn(values, name)) return found;
    return values[name] ?? found;
  });
}

export function hostnameOf({ metadata, spec }: Pod): string {
  return (spec.hostname ?? metadata.name).slice(0, 63).replace(/[-.]+$/, '');
}

/** What `fieldRef` names; `undefined` for a path that pods do not have. */
export function fieldOf(pod: Pod, path: string, { podIP, hostIP }: Placement): string | undefined {
  const { metadata, spec } = pod;
  const subscript = /^metadata\.(labels|annotations)\['(.+)'\]$/.exec(path);
  if (subscript !== null) {
    const [, map = '', key = ''] = subscript;
    return (map === 'labels' ? metadata.labels : metadata.annotations)?.[key] ?? '';
  }
  const values: Record<string, string> = {
    'metadata.name': metadata.name,
    'metadata.namespace': metadata.namespace ?? '',
    'metadata.uid': metadata.uid ?? '',
    'metadata.labels': mapText(metadata.labels),
    'metadata.annotations': mapText(metadata.annotations),
    'spec.nodeName': spec.nodeName ?? '',
    'spec.serviceAccountName': spec.serviceAccountName ?? '',
    'status.hostIP': hostIP,
    'status.hostIPs': hostIP,
    'status.podIP': podIP,
    'status.podIPs': podIP,
  };
  return values[path];
}

function mapText(map: Readonly<Record<string, string>> = {}): string {
  const names = Object.keys(map).sort();
  return names.map((name) => `${name}=${JSON.stringify(map[name])}`).join('\n');
}

async function fromObject(source: EnvSource, { find }: EnvironmentInput) {
  const { prefix = '', configMapRef, secretRef } = source;
  const kind = secretRef === undefined ? 'ConfigMap' : 'Secret';
  const reference = secretRef ?? configMapRef;
  if (reference === undefined) return {};
  const object = await find(kind, reference.name);
  if (object === undefined && reference.optional !== true) throw missing(kind, reference.name);
  const entries = Object.entries(object?.data ?? {}).map(([key, value]) => [
    `${prefix}${key}`,
    plain(kind, value),
  ]);
  return Object.fromEntries(entries) as Record<string, string>;
}

async function valueOf(
  { value = '', valueFrom }: EnvVar,
  input: EnvironmentInput,
  sofar: Readonly<Record<string, string>>,
): Promise<string | undefined> {
  if (valueFrom === undefined) return expand(value, sofar);
  const { fieldRef, secretKeyRef, configMapKeyRef } = valueFrom;
  if (fieldRef !== undefined) {
    const field = fieldOf(input.pod, fieldRef.fieldPath, input.placement);
    if (field === undefined) throw new ConfigError(`unsupported fieldPath: ${fieldRef.fieldPath}`);
    return field;
  }
  const kind = secretKeyRef === undefined ? 'ConfigMap' : 'Secret';
  const reference = secretKeyRef ?? configMapKeyRef;
  if (reference === undefined) return undefined;
  const object = await input.find(kind, reference.name);
  const found = object?.data?.[reference.key];
  if (found !== undefined) return plain(kind, found);
  if (reference.optional === true) return undefined;
  if (object === undefined) throw missing(kind, reference.name);
  throw new ConfigError(
    `couldn't find key ${reference.key} in ${kind} ${input.pod.metadata.namespace}/${reference.name}`,
  );
}

function plain(kind: KeysKind, value: string): string {
  return kind === 'Secret' ? Buffer.from(value, 'base64').toString('utf8') : value;
}

function missing(kind: KeysKind, name: string): ConfigError {
  return new ConfigError(`${kind.toLowerCase()} "${name}" not found`);
}
