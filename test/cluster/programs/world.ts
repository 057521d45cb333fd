/**
 * What finding, building and fetching programs depends on outside of this folder: a value, so that a
 * test can hand in another PATH, another cache and another machine.
 */
import { accessSync, constants, statSync } from 'node:fs';
import { homedir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

export interface World {
  /** The environment that every command gets. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** The folder that keeps what was built and fetched; made when it is first needed. */
  readonly cache: string;
  /** The Go module of the Kubernetes components and etcd. */
  readonly module: string;
  /** As Node.js says it: `linux-x64`. */
  readonly platform: string;
}

/** Administrators' programs (`ip`, `nft`) lie in folders that not every user's PATH has. */
const administrators = ['/usr/sbin', '/sbin'];

/** This machine, with the cache in the user's cache folder. */
export function thisMachine(): World {
  const { XDG_CACHE_HOME: given = '' } = process.env;
  // The XDG specification has relative paths ignored.
  const root = path.isAbsolute(given) ? given : path.join(homedir(), '.cache');
  return {
    env: { ...process.env, PATH: [process.env['PATH'], ...administrators].join(path.delimiter) },
    cache: path.join(root, 'serin', 'cluster'),
    module: fileURLToPath(new URL('../components', import.meta.url)),
    platform: `${process.platform}-${process.arch}`,
  };
}

/** The absolute path of a program that is installed; `undefined` when there is none. */
export function onPath(name: string, { env }: World): string | undefined {
  return (env['PATH'] ?? '')
    .split(path.delimiter)
    .filter((folder) => path.isAbsolute(folder))
    .map((folder) => path.join(folder, name))
    .find((candidate) => isProgram(candidate));
}

/** Whether there is a file that we may run. */
export function isProgram(file: string): boolean {
  if (statSync(file, { throwIfNoEntry: false })?.isFile() !== true) return false;
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
