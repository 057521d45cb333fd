/** Volumes as folders of the node: made, filled, and brought up to date behind one symbolic link, so that no reader sees half of a change. */

import { randomBytes } from 'node:crypto';
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';

import type { Payload, VolumeFile } from './payload.ts';

/** Who may read what is only for the pod. */
export interface Ownership {
  /** The one user that all containers run as; `undefined` when they differ or do not say. */
  readonly user: number | undefined;
  readonly fsGroup: number | undefined;
}

const current = '..data';

/** A folder that everybody may write to. With an `fsGroup` what is made in it belongs to that group. */
export function makeEmptyDir(folder: string, { fsGroup }: Ownership): void {
  mkdirSync(folder, { recursive: true });
  if (fsGroup !== undefined) chownSync(folder, 0, fsGroup);
  chmodSync(folder, fsGroup === undefined ? 0o777 : 0o2777);
}

/** Returns whether anything had to be written. */
export function writePayload(folder: string, payload: Payload, ownership: Ownership): boolean {
  mkdirSync(folder, { recursive: true, mode: 0o755 });
  if (holds(folder, payload)) return false;
  const version = `..${new Date().toISOString().replaceAll(':', '_')}.${randomBytes(4).toString('hex')}`;
  for (const [name, file] of payload) {
    writeOne(path.join(folder, version, name), file, ownership);
  }
  mkdirSync(path.join(folder, version), { recursive: true });
  switchTo(folder, version, payload);
  return true;
}

function switchTo(folder: string, version: string, payload: Payload): void {
  const link = path.join(folder, current);
  const old = existsSync(link) ? readlinkSync(link) : undefined;
  symlinkSync(version, `${link}_tmp`);
  renameSync(`${link}_tmp`, link);
  const wanted = new Set([...payload.keys()].map((name) => name.split('/')[0] ?? name));
  const present = new Set(readdirSync(folder).filter((name) => !name.startsWith('..')));
  for (const name of wanted) {
    if (!present.has(name)) symlinkSync(`${current}/${name}`, path.join(folder, name));
  }
  for (const name of present) {
    if (!wanted.has(name)) rmSync(path.join(folder, name));
  }
  if (old !== undefined) rmSync(path.join(folder, old), { recursive: true });
}

function writeOne(target: string, { data, mode, isToken }: VolumeFile, owner: Ownership): void {
  const { user, fsGroup } = owner;
  mkdirSync(path.dirname(target), { recursive: true, mode: 0o755 });
  writeFileSync(target, data);
  // As the kubelet: a token is for its user and group alone as soon as one of them is known.
  const isPrivate = isToken === true && (user !== undefined || fsGroup !== undefined);
  const base = isPrivate ? 0o600 : mode;
  chownSync(target, isPrivate ? (user ?? 0) : 0, fsGroup ?? 0);
  chmodSync(target, fsGroup === undefined ? base : base | 0o440);
}

function holds(folder: string, payload: Payload): boolean {
  const link = path.join(folder, current);
  if (!existsSync(link)) return false;
  const files = readdirSync(link, { recursive: true, withFileTypes: true }).filter((entry) =>
    entry.isFile(),
  );
  if (files.length !== payload.size) return false;
  return [...payload].every(([name, { data }]) => {
    const file = path.join(link, name);
    return existsSync(file) && readFileSync(file).equals(data);
  });
}
