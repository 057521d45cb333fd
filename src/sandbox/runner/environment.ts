/** The environment of a container: what its spec says, with references looked up. */
import type { Container, EnvVar, KeyRef, Labels, Pod } from '../controllers/objects.ts';

export type ConfigKind = 'ConfigMap' | 'Secret';

/** The text values of a ConfigMap or Secret, or nothing when there is none. */
export type ReadConfig = (kind: ConfigKind, namespace: string, name: string) => Labels | undefined;

/** Why a container cannot be made yet; it can as soon as the missing thing is there. */
export class MissingConfig extends Error {}

export function environmentOf(
  pod: Pod,
  container: Container,
  ip: string,
  read: ReadConfig,
): Record<string, string> {
  const env: Record<string, string> = {};
  const namespace = pod.metadata.namespace ?? '';
  for (const { prefix = '', configMapRef, secretRef } of container.envFrom ?? []) {
    const all = {
      ...(configMapRef === undefined ? {} : whole('ConfigMap', configMapRef, namespace, read)),
      ...(secretRef === undefined ? {} : whole('Secret', secretRef, namespace, read)),
    };
    for (const [key, value] of Object.entries(all)) env[prefix + key] = value;
  }
  for (const variable of container.env ?? []) {
    const value = valueOf(variable, pod, ip, read);
    if (value !== undefined) env[variable.name] = expand(value, env);
  }
  return env;
}

function valueOf(
  { value, valueFrom }: EnvVar,
  pod: Pod,
  ip: string,
  read: ReadConfig,
): string | undefined {
  if (valueFrom === undefined) return value ?? '';
  const { fieldRef, configMapKeyRef, secretKeyRef } = valueFrom;
  const namespace = pod.metadata.namespace ?? '';
  if (fieldRef !== undefined) return fieldOf(pod, ip, fieldRef.fieldPath);
  if (configMapKeyRef !== undefined) return single('ConfigMap', configMapKeyRef, namespace, read);
  if (secretKeyRef !== undefined) return single('Secret', secretKeyRef, namespace, read);
  throw new MissingConfig('the sandbox knows fieldRef, configMapKeyRef and secretKeyRef only');
}

function fieldOf(pod: Pod, ip: string, path: string): string {
  const { name, namespace = '', uid = '', labels, annotations } = pod.metadata;
  const known: Record<string, string> = {
    'metadata.name': name,
    'metadata.namespace': namespace,
    'metadata.uid': uid,
    'spec.nodeName': pod.spec.nodeName ?? '',
    'status.podIP': ip,
    'status.hostIP': '127.0.0.1',
  };
  const [, map, key = ''] = /^metadata\.(labels|annotations)\['(.+)'\]$/.exec(path) ?? [];
  if (map !== undefined) return (map === 'labels' ? labels : annotations)?.[key] ?? '';
  const value = known[path];
  if (value === undefined) throw new MissingConfig(`unknown fieldPath "${path}"`);
  return value;
}

function single(
  kind: ConfigKind,
  { name, key, optional }: KeyRef,
  namespace: string,
  read: ReadConfig,
): string | undefined {
  const value = read(kind, namespace, name)?.[key];
  if (value === undefined && optional !== true) {
    throw new MissingConfig(`couldn't find key ${key} in ${kind} ${namespace}/${name}`);
  }
  return value;
}

function whole(
  kind: ConfigKind,
  { name, optional }: { readonly name: string; readonly optional?: boolean },
  namespace: string,
  read: ReadConfig,
): Labels {
  const data = read(kind, namespace, name);
  if (data === undefined && optional !== true) {
    throw new MissingConfig(`${kind} "${namespace}/${name}" not found`);
  }
  return data ?? {};
}

/** `$(NAME)` stands for a variable set before; `$$` for a dollar. */
function expand(value: string, env: Readonly<Record<string, string>>): string {
  return value.replaceAll(/\$\$|\$\(([^)]+)\)/g, (text, name: string | undefined) =>
    name === undefined ? '$' : (env[name] ?? text),
  );
}
