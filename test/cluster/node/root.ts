/**
 * The file system of a container: a folder of its own with the machine's shared libraries, the image's files and the
 * pod's volumes bound into it.
 *
 * All mounts are made in a mount namespace of the container and go with it. What the agent itself does here is make
 * folders and files to mount on, and write down the mounts for one call of `mount --all`.
 */

import {
  chmodSync,
  copyFileSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readlinkSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';

import { run } from './commands.ts';
import { ConfigError } from './environment.ts';
import type { Image } from './image.ts';

/** A file or folder of the node shown in the container. */
export interface Bind {
  readonly source: string;
  readonly target: string;
  readonly readOnly: boolean;
  /** Whether a place for another mount may be made in it. */
  readonly canGrow: boolean;
}

const libraries = [
  '/lib',
  '/lib32',
  '/lib64',
  '/libx32',
  '/usr/lib',
  '/usr/lib32',
  '/usr/lib64',
  '/usr/libx32',
];
const shared = [...libraries, '/usr/share/zoneinfo'];
/** On merged systems these are links; programs name their interpreter and libraries by them. */
const linked = [...libraries, '/bin', '/sbin'];
const devices: Readonly<Record<string, readonly [number, number]>> = {
  null: [1, 3],
  zero: [1, 5],
  full: [1, 7],
  random: [1, 8],
  urandom: [1, 9],
};
const texts: Readonly<Record<string, string>> = {
  'etc/passwd':
    'root:x:0:0:root:/:/sbin/nologin\nnobody:x:65534:65534:nobody:/nonexistent:/sbin/nologin\nnonroot:x:65532:65532:nonroot:/home/nonroot:/sbin/nologin\n',
  'etc/group': 'root:x:0:\nnogroup:x:65534:\nnonroot:x:65532:\n',
  'etc/nsswitch.conf': 'passwd: files\ngroup: files\nhosts: files\n',
  'etc/resolv.conf': '',
};
const copied = ['/etc/ld.so.cache', '/etc/ssl/certs/ca-certificates.crt'];

/** What every root starts as. Made once. */
export async function makeSkeleton(folder: string): Promise<void> {
  for (const name of ['dev/shm', 'etc/ssl/certs', 'proc', 'run', 'tmp', 'usr', 'var']) {
    mkdirSync(path.join(folder, name), { recursive: true });
  }
  chmodSync(path.join(folder, 'tmp'), 0o1777);
  for (const [name, text] of Object.entries(texts)) writeFileSync(path.join(folder, name), text);
  for (const file of copied) if (existsSync(file)) copyFileSync(file, path.join(folder, file));
  for (const name of linked)
    if (isLink(name)) symlinkSync(readlinkSync(name), path.join(folder, name));
  for (const [name, to] of Object.entries({ fd: '', stdin: '/0', stdout: '/1', stderr: '/2' })) {
    symlinkSync(`/proc/self/fd${to}`, path.join(folder, 'dev', name));
  }
  for (const [name, [major, minor]] of Object.entries(devices)) {
    const node = path.join(folder, 'dev', name);
    await run('/usr/bin/mknod', ['-m', '666', node, 'c', String(major), String(minor)]);
  }
}

export interface RootInput {
  /** An empty folder; the container's `/`. */
  readonly root: string;
  readonly skeleton: string;
  readonly image: Image;
  /** Volumes and the like. */
  readonly binds: readonly Bind[];
  readonly workingDir: string;
}

/** Makes the places to mount on; returns the mounts, as a file for `mount --all`. */
export function prepareRoot({ root, image, binds, workingDir }: RootInput): string {
  const all = inOrder([...baseBinds(), ...imageBinds(image), ...binds]);
  const lines = all.map((bind, index) => {
    makePlace(bind, all.slice(0, index), root);
    const options = bind.readOnly ? 'bind,ro' : 'bind';
    return fstabLine(bind.source, path.join(root, bind.target), 'none', options);
  });
  const folder = { source: '', target: followLinks(workingDir), readOnly: false, canGrow: true };
  makePlace(folder, all, root);
  return [
    fstabLine('proc', path.join(root, 'proc'), 'proc', 'nosuid,nodev,noexec'),
    ...lines,
    fstabLine('shm', path.join(root, 'dev/shm'), 'tmpfs', 'nosuid,nodev,noexec,mode=1777,size=64m'),
    '',
  ].join('\n');
}

/**
 * Runs as the first process of the container, as root and in its namespaces: `sh -c SCRIPT name ROOT SKELETON FSTAB
 * READONLY command…`. It says on descriptor 4 when only the command is left to do.
 */
export const rootScript = `set -e
root=$1 skeleton=$2 fstab=$3 readonly=$4
shift 4
cp -a "$skeleton/." "$root/"
mount -o bind "$root" "$root"
mount --all --fstab "$fstab"
[ -z "$readonly" ] || mount -o remount,bind,ro "$root"
echo ready >&4
exec 4>&-
exec env -i "$@"`;

function baseBinds(): readonly Bind[] {
  return shared
    .filter((name) => existsSync(name) && !isLink(name))
    .map((name) => ({ source: name, target: name, readOnly: true, canGrow: false }));
}

function imageBinds({ files }: Image): readonly Bind[] {
  return Object.entries(files).map(([target, source]) => ({
    source,
    target,
    readOnly: true,
    canGrow: false,
  }));
}

/** Outer ones first. */
function inOrder(binds: readonly Bind[]): readonly Bind[] {
  return binds
    .map((bind) => ({ ...bind, target: followLinks(path.posix.normalize(bind.target)) }))
    .toSorted((a, b) => depth(a.target) - depth(b.target));
}

const depth = (target: string): number => target.split('/').filter((part) => part !== '').length;

/** A bind may lie within another: then its place is in the source of that one. */
function makePlace(bind: Bind, outer: readonly Bind[], root: string): void {
  const around = outer.findLast(({ target }) => bind.target.startsWith(`${target}/`));
  const place =
    around === undefined
      ? path.join(root, bind.target)
      : path.join(around.source, bind.target.slice(around.target.length));
  if (existsSync(place)) return;
  if (around !== undefined && !around.canGrow) {
    throw new ConfigError(
      `${bind.target} cannot be made within ${around.target}, which is read-only`,
    );
  }
  const isFile = bind.source !== '' && !statSync(bind.source).isDirectory();
  mkdirSync(isFile ? path.dirname(place) : place, { recursive: true });
  if (isFile) writeFileSync(place, '');
}

function followLinks(target: string): string {
  const link = linked.find((name) => target === name || target.startsWith(`${name}/`));
  if (link === undefined || !isLink(link)) return target;
  return path.posix.join(
    '/',
    path.posix.dirname(link),
    readlinkSync(link),
    target.slice(link.length),
  );
}

function isLink(name: string): boolean {
  return lstatSync(name, { throwIfNoEntry: false })?.isSymbolicLink() === true;
}

function fstabLine(source: string, target: string, type: string, options: string): string {
  return [source, target, type, options, '0', '0'].map(escape).join(' ');
}

/** As fstab wants it. */
function escape(text: string): string {
  return text.replaceAll(
    /[\\ \t\n#]/g,
    (found) => `\\${found.charCodeAt(0).toString(8).padStart(3, '0')}`,
  );
}
