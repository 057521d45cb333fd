/** The `go` command, and what the go.mod of our components says. */
import { readFileSync } from 'node:fs';
import path from 'node:path';

import { NotProvided, output } from './command.ts';
import { onPath, type World } from './world.ts';

/** One process, no C library: the binaries run wherever the kernel does. */
export const goEnvironment = { CGO_ENABLED: '0' };
/** A build of Kubernetes on a slow machine with nothing to start from. */
export const buildLimitMs = 45 * 60_000;

function fromGoMod(world: World, pattern: RegExp, what: string): string {
  const file = path.join(world.module, 'go.mod');
  const found = pattern.exec(readFileSync(file, 'utf8'))?.[1];
  if (found === undefined) throw new Error(`${file} does not say ${what}`);
  return found;
}

/** The oldest Go that builds the components. */
export function neededGo(world: World): string {
  return fromGoMod(world, /^go (\S+)$/m, 'which Go it needs');
}

/** The version of a module that the components are built with, without its `v`. */
export function requiredVersion(world: World, module: string): string {
  const literally = module.replaceAll('.', String.raw`\.`);
  return fromGoMod(world, new RegExp(`^\\s*(?:require )?${literally} v(\\S+)`, 'm'), module);
}

/** The `go` command, once it is known to be new enough for everything that we build. */
export async function findGo(world: World): Promise<string> {
  const needed = neededGo(world);
  const remedy = `install Go ${needed} or newer`;
  const go = onPath('go', world);
  if (go === undefined) throw new NotProvided(`go is not on the PATH: ${remedy}`);
  const found = await goVersion(world, go).catch((error: unknown) => {
    const why = error instanceof Error ? error.message : String(error);
    throw new NotProvided(`${why}\n${remedy}`, { cause: error });
  });
  if (isAtLeast(found, needed)) return go;
  throw new NotProvided(`${go} is Go ${found}: ${remedy}`);
}

/** Asked in the module's folder, an older go fetches the newer one by itself where it may and can. */
async function goVersion(world: World, go: string): Promise<string> {
  const said = await output(world, go, ['env', 'GOVERSION'], { cwd: world.module });
  return said.trim().replace(/^go/, '');
}

/** Whether one Go version is not before another; what follows the numbers is ignored. */
export function isAtLeast(found: string, needed: string): boolean {
  const ours = numbers(found);
  for (const [index, least] of numbers(needed).entries()) {
    const difference = (ours[index] ?? 0) - least;
    if (difference !== 0) return difference > 0;
  }
  return true;
}

function numbers(version: string): readonly number[] {
  return version.split('.').map((part) => Number.parseInt(part, 10));
}
