/** What the files of a volume hold: from ConfigMaps, Secrets, the pod itself and tokens. */

import { ConfigError, fieldOf, type FindKeys, type Placement } from './environment.ts';
import type { DownwardItem, KeysKind, KeysSource, Pod, TokenSource, Volume } from './types.ts';

export interface VolumeFile {
  readonly data: Buffer;
  readonly mode: number;
  /** Only for whoever runs the pod. */
  readonly isToken?: boolean;
}

/** By path within the volume. */
export type Payload = ReadonlyMap<string, VolumeFile>;

export interface PayloadInput {
  readonly pod: Pod;
  readonly placement: Placement;
  readonly find: FindKeys;
  readonly token: (source: TokenSource) => Promise<string>;
}

type Entry = readonly [string, VolumeFile];

const defaultMode = 0o644;

/** `undefined` for a volume without content of its own (emptyDir). Throws `ConfigError` for what is not there. */
export async function payloadOf(volume: Volume, input: PayloadInput): Promise<Payload | undefined> {
  const { configMap, secret, downwardAPI, projected } = volume;
  if (configMap !== undefined) {
    return new Map(await fromKeys('ConfigMap', configMap, configMap.defaultMode, input));
  }
  if (secret !== undefined) {
    return new Map(await fromKeys('Secret', secret, secret.defaultMode, input));
  }
  if (downwardAPI !== undefined) {
    return new Map(fromPod(downwardAPI.items ?? [], downwardAPI.defaultMode, input));
  }
  if (projected === undefined) return undefined;
  const mode = projected.defaultMode;
  const entries: Entry[] = [];
  for (const source of projected.sources ?? []) {
    if (source.configMap)
      entries.push(...(await fromKeys('ConfigMap', source.configMap, mode, input)));
    if (source.secret) entries.push(...(await fromKeys('Secret', source.secret, mode, input)));
    if (source.downwardAPI) entries.push(...fromPod(source.downwardAPI.items ?? [], mode, input));
    if (source.serviceAccountToken)
      entries.push(await fromToken(source.serviceAccountToken, mode, input));
  }
  return new Map(entries);
}

/** The ConfigMaps and Secrets whose change changes the volume. */
export function referencesOf(volume: Volume): readonly { kind: KeysKind; name: string }[] {
  const sources = [volume, ...(volume.projected?.sources ?? [])];
  return sources.flatMap(({ configMap, secret }) => [
    ...(configMap === undefined ? [] : [{ kind: 'ConfigMap' as const, name: nameOf(configMap) }]),
    ...(secret === undefined ? [] : [{ kind: 'Secret' as const, name: nameOf(secret) }]),
  ]);
}

const nameOf = ({ name, secretName }: KeysSource): string => secretName ?? name ?? '';

async function fromKeys(
  kind: KeysKind,
  source: KeysSource,
  mode = defaultMode,
  { find, pod }: PayloadInput,
): Promise<Entry[]> {
  const name = nameOf(source);
  const object = await find(kind, name);
  const isOptional = source.optional === true;
  if (object === undefined && !isOptional) {
    throw new ConfigError(`${kind.toLowerCase()} "${name}" not found`);
  }
  const encoding = kind === 'Secret' ? 'base64' : 'utf8';
  const content = new Map<string, Buffer>();
  for (const [key, text] of Object.entries(object?.data ?? {})) {
    content.set(key, Buffer.from(text, encoding));
  }
  for (const [key, text] of Object.entries(object?.binaryData ?? {})) {
    content.set(key, Buffer.from(text, 'base64'));
  }
  const items = source.items ?? [...content.keys()].map((key) => ({ key, path: key }));
  return items.flatMap(
    ({ key, path, mode: own = mode }: { key: string; path: string; mode?: number }) => {
      const data = content.get(key);
      if (data !== undefined) return [[path, { data, mode: own }] as const];
      if (isOptional) return [];
      throw new ConfigError(
        `${kind.toLowerCase()} ${pod.metadata.namespace}/${name} references non-existent key: ${key}`,
      );
    },
  );
}

function fromPod(
  items: readonly DownwardItem[],
  mode = defaultMode,
  { pod, placement }: PayloadInput,
): Entry[] {
  return items.map(({ path, fieldRef, mode: own = mode }) => {
    const text = fieldOf(pod, fieldRef.fieldPath, placement);
    if (text === undefined) throw new ConfigError(`unsupported fieldPath: ${fieldRef.fieldPath}`);
    return [path, { data: Buffer.from(text), mode: own }];
  });
}

async function fromToken(
  source: TokenSource,
  mode = defaultMode,
  { token }: PayloadInput,
): Promise<Entry> {
  return [source.path, { data: Buffer.from(await token(source)), mode, isToken: true }];
}
