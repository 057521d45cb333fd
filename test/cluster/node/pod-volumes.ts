/** The volumes of one pod: made before its containers, kept up to date while it lives. */

import { existsSync, mkdirSync, realpathSync } from 'node:fs';
import path from 'node:path';

import type { Api } from './api.ts';
import { ConfigError, type FindKeys, type Placement } from './environment.ts';
import { commonUser } from './identity.ts';
import { payloadOf, referencesOf } from './payload.ts';
import type { Bind } from './root.ts';
import type { ContainerSpec, KeysKind, Pod, TokenSource, Volume, VolumeMount } from './types.ts';
import { makeEmptyDir, writePayload, type Ownership } from './volumes.ts';

export interface PodVolumesOptions {
  readonly api: Api;
  readonly find: FindKeys;
  readonly placement: Placement;
  /** A folder of the pod. */
  readonly folder: string;
  readonly now: () => number;
  readonly warn: (message: string) => void;
}

interface Token {
  readonly text: string;
  /** Epoch milliseconds. */
  readonly refreshAt: number;
}

const defaultTokenSeconds = 3_600;
const retryMs = 2_000;

export class PodVolumes {
  readonly #options: PodVolumesOptions;
  readonly #tokens = new Map<TokenSource, Token>();
  readonly #ownership: Ownership;
  readonly #volumes: readonly Volume[];
  #pod: Pod;
  /** One change after the other. */
  #queue: Promise<void> = Promise.resolve();
  #timer: NodeJS.Timeout | undefined;
  #isClosed = false;

  constructor(pod: Pod, options: PodVolumesOptions) {
    this.#pod = pod;
    this.#options = options;
    this.#volumes = pod.spec.volumes ?? [];
    const fsGroup = pod.spec.securityContext?.fsGroup;
    this.#ownership = { user: commonUser(pod.spec), fsGroup };
  }

  /** Throws `ConfigError` while something that a volume needs is not there. */
  async make(): Promise<void> {
    for (const volume of this.#volumes) await this.#write(volume);
    this.#planTokens();
  }

  /** The pod's own labels and annotations may be shown in files. */
  updatePod(pod: Pod): void {
    const before = shownOf(this.#pod);
    this.#pod = pod;
    // Most changes are of the status, which no file shows.
    if (shownOf(pod) === before) return;
    this.#refresh((volume) => volume.downwardAPI !== undefined || volume.projected !== undefined);
  }

  keysChanged(kind: KeysKind, name: string): void {
    this.#refresh((volume) =>
      referencesOf(volume).some((reference) => reference.kind === kind && reference.name === name),
    );
  }

  bindsOf({ volumeMounts = [] }: ContainerSpec): readonly Bind[] {
    return volumeMounts.map((mount) => {
      const volume = this.#volumes.find(({ name }) => name === mount.name);
      if (volume === undefined) throw new ConfigError(`volume ${mount.name} is not in the pod`);
      const isOwn = volume.emptyDir !== undefined;
      const readOnly = mount.readOnly === true || !isOwn;
      const source = this.#sourceOf(mount, isOwn);
      return { source, target: mount.mountPath, readOnly, canGrow: isOwn };
    });
  }

  close(): void {
    this.#isClosed = true;
    clearTimeout(this.#timer);
  }

  #sourceOf({ name, subPath = '' }: VolumeMount, isOwn: boolean): string {
    const source = path.join(this.#folderOf(name), subPath);
    if (isOwn) mkdirSync(source, { recursive: true });
    if (!existsSync(source)) throw new ConfigError(`subPath ${subPath} is not in volume ${name}`);
    // A part of a volume stays what it was when the container was started.
    return realpathSync(source);
  }

  #refresh(isMeant: (volume: Volume) => boolean): void {
    const meant = this.#volumes.filter(isMeant);
    if (meant.length === 0) return;
    const before = this.#queue;
    this.#queue = this.#writeAfter(before, meant);
  }

  async #writeAfter(before: Promise<void>, volumes: readonly Volume[]): Promise<void> {
    await before;
    for (const volume of volumes) {
      if (this.#isClosed) return;
      await this.#write(volume).catch((error: unknown) => {
        // What was there stays, as with the kubelet.
        this.#options.warn(`volume ${volume.name} of ${this.#pod.metadata.name}: ${String(error)}`);
      });
    }
    this.#planTokens();
  }

  async #write(volume: Volume): Promise<void> {
    const folder = this.#folderOf(volume.name);
    const { find, placement } = this.#options;
    const token = (source: TokenSource): Promise<string> => this.#token(source);
    const payload = await payloadOf(volume, { pod: this.#pod, placement, find, token });
    if (this.#isClosed) return;
    if (payload === undefined) makeEmptyDir(folder, this.#ownership);
    else writePayload(folder, payload, this.#ownership);
  }

  async #token(source: TokenSource): Promise<string> {
    const known = this.#tokens.get(source);
    if (known !== undefined && known.refreshAt > this.#options.now()) return known.text;
    const { metadata, spec } = this.#pod;
    const { audience, expirationSeconds = defaultTokenSeconds } = source;
    const account = `/api/v1/namespaces/${metadata.namespace}/serviceaccounts/${spec.serviceAccountName ?? 'default'}`;
    const answer = await this.#options.api.create(`${account}/token`, {
      apiVersion: 'authentication.k8s.io/v1',
      kind: 'TokenRequest',
      spec: {
        ...(audience === undefined ? {} : { audiences: [audience] }),
        expirationSeconds,
        boundObjectRef: { apiVersion: 'v1', kind: 'Pod', name: metadata.name, uid: metadata.uid },
      },
    });
    const { token: text, expirationTimestamp } = answer['status'] as Record<string, string>;
    if (text === undefined) throw new Error('the API server gave no token');
    const now = this.#options.now();
    const endsAt = Date.parse(expirationTimestamp ?? '');
    // As the kubelet: with a fifth of its life left.
    this.#tokens.set(source, { text, refreshAt: now + (endsAt - now) * 0.8 });
    return text;
  }

  #planTokens(): void {
    clearTimeout(this.#timer);
    if (this.#tokens.size === 0 || this.#isClosed) return;
    const next = Math.min(...[...this.#tokens.values()].map(({ refreshAt }) => refreshAt));
    const refresh = (): void => this.#refresh((volume) => volume.projected !== undefined);
    this.#timer = setTimeout(refresh, Math.max(retryMs, next - this.#options.now()));
  }

  #folderOf(name: string): string {
    return path.join(this.#options.folder, 'volumes', name);
  }
}

function shownOf({ metadata: { labels, annotations } }: Pod): string {
  return JSON.stringify([labels, annotations]);
}
