/**
 * Programs of the distribution: where they are installed, else unpacked from its packages into the
 * cache. Nothing is installed. Their versions are recorded and not pinned, because the distribution
 * drops old ones.
 */
import { chmodSync, existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';

import { NotProvided, output } from './command.ts';
import { installed } from './installed.ts';
import type { ProgramName } from './names.ts';
import type { Source } from './source.ts';
import { versionOf } from './version.ts';
import { onPath, type World } from './world.ts';

type DebianProgram = Extract<
  ProgramName,
  'prometheus' | 'nft' | 'ip' | 'unshare' | 'nsenter' | 'setpriv'
>;

interface Packaged {
  readonly package: string;
  /** The program's file in the package. */
  readonly file: string;
}

const packages: Readonly<Record<DebianProgram, Packaged>> = {
  prometheus: { package: 'prometheus', file: 'usr/bin/prometheus' },
  nft: { package: 'nftables', file: 'usr/sbin/nft' },
  ip: { package: 'iproute2', file: 'bin/ip' },
  unshare: { package: 'util-linux', file: 'usr/bin/unshare' },
  nsenter: { package: 'util-linux', file: 'usr/bin/nsenter' },
  setpriv: { package: 'util-linux', file: 'usr/bin/setpriv' },
};

export function debianProgram(world: World, name: DebianProgram): Source {
  const present = onPath(name, world);
  return present === undefined ? unpacked(world, name) : installed(world, name, present);
}

function unpacked(world: World, name: DebianProgram): Source {
  const { package: wanted, file } = packages[name];
  return {
    gives: [name],
    lane: 'debian',
    announcement: `fetching ${name} from the distribution`,
    recipe: {
      name: `debian-${name}`,
      inputs: [world.platform, wanted, file],
      make: async (folder, place) => {
        const [own = ''] = await unpack(world, wanted, folder);
        const binary = path.join(folder, file);
        const libraries = librariesIn(folder);
        const env = { LD_LIBRARY_PATH: libraries.join(':') };
        const version = await versionOf(world, name, binary, env);
        const inPlace = libraries.map((each) => path.join(place, path.relative(folder, each)));
        writeWrapper(path.join(folder, name), path.join(place, file), inPlace);
        return { origin: `Debian ${own}`, items: { [name]: { files: [name, file], version } } };
      },
    },
  };
}

const libfaketimeFile = 'faketime/libfaketime.so.1';

/** The library that, preloaded into one process, moves that process's clock. */
export function libfaketime(world: World): Source {
  return {
    gives: ['libfaketime'],
    lane: 'debian',
    announcement: 'fetching libfaketime from the distribution',
    recipe: {
      name: 'debian-libfaketime',
      inputs: [world.platform],
      make: async (folder) => {
        const [own = ''] = await unpack(world, 'libfaketime', folder);
        const library = librariesIn(folder)
          .map((each) => path.join(each, libfaketimeFile))
          .find((each) => existsSync(each));
        if (library === undefined) throw new NotProvided(`${own} does not hold ${libfaketimeFile}`);
        await assertItMovesTheClock(world, library);
        const version = own.split('_')[1] ?? '';
        const files = [path.relative(folder, library)];
        return { origin: `Debian ${own}`, items: { libfaketime: { files, version } } };
      },
    },
  };
}

async function assertItMovesTheClock(world: World, library: string): Promise<void> {
  const env = { LD_PRELOAD: library, FAKETIME: '@2001-02-03 04:05:06' };
  const year = await output(world, 'date', ['+%Y'], { env });
  if (year.trim() !== '2001') throw new NotProvided(`${library} does not move the clock of date`);
}

/**
 * Unpacks a package and the libraries that it needs and that are not installed; says the names of the
 * package files without their endings, its own first.
 */
async function unpack(world: World, wanted: string, folder: string): Promise<readonly string[]> {
  for (const tool of ['apt-get', 'dpkg']) {
    if (onPath(tool, world) !== undefined) continue;
    throw new NotProvided(
      `it is not installed, and without ${tool} the package ${wanted} cannot be fetched`,
    );
  }
  try {
    return await fetch(world, wanted, folder);
  } catch (error) {
    if (!(error instanceof NotProvided)) throw error;
    // The lists are missing, or so old that the distribution has dropped what they name.
    await output(world, 'apt-get', ['update', '-q']);
    return await fetch(world, wanted, folder);
  }
}

async function fetch(world: World, wanted: string, folder: string): Promise<readonly string[]> {
  const names = [wanted, ...(await missingLibraries(world, wanted))];
  const archives = path.join(folder, 'archives');
  rmSync(archives, { recursive: true, force: true });
  mkdirSync(archives);
  await output(world, 'apt-get', ['download', '-q', ...names], { cwd: archives });
  const files = readdirSync(archives).sort(
    (one, other) => Number(isOf(other, wanted)) - Number(isOf(one, wanted)),
  );
  for (const file of files) {
    await output(world, 'dpkg', ['-x', path.join(archives, file), folder]);
  }
  rmSync(archives, { recursive: true });
  // apt-get writes the colon of an epoch as %3a.
  return files.map((file) => decodeURIComponent(file.replace(/\.deb$/, '')));
}

const isOf = (file: string, name: string) => file.startsWith(`${name}_`);

/** The libraries below a package, at any depth, that this machine lacks. */
async function missingLibraries(world: World, wanted: string): Promise<readonly string[]> {
  const present = new Set(
    (await output(world, 'dpkg-query', ['-W', '-f', '${db:Status-Status} ${Package}\n']))
      .split('\n')
      .filter((line) => line.startsWith('installed '))
      .map((line) => line.slice('installed '.length)),
  );
  const missing = new Set<string>();
  const rest = [wanted];
  for (let next = rest.pop(); next !== undefined; next = rest.pop()) {
    const below = dependenciesIn(await output(world, 'apt-cache', ['depends', next]));
    const fresh = below.filter(
      (name) => isLibrary(name) && !present.has(name) && !missing.has(name),
    );
    for (const name of fresh) missing.add(name);
    rest.push(...fresh);
  }
  return [...missing];
}

/** The names that `apt-cache depends` lists as needed; virtual packages are in angle brackets. */
export function dependenciesIn(listing: string): readonly string[] {
  return [...listing.matchAll(/^ [ |](?:Pre)?Depends: ([^<\s]+)$/gm)].flatMap(
    ([, name]) => name ?? [],
  );
}

/** Shared libraries are called `lib…` there; so are scripts for browsers and some tools. */
export function isLibrary(name: string): boolean {
  return /^lib(?!js-)/.test(name) && !name.endsWith('-bin');
}

/** The folders of an unpacked package that hold shared libraries. */
function librariesIn(folder: string): readonly string[] {
  return ['usr/lib', 'lib']
    .map((name) => path.join(folder, name))
    .filter((name) => existsSync(name))
    .flatMap((name) =>
      readdirSync(name)
        .filter((each) => each.endsWith('-linux-gnu'))
        .map((each) => path.join(name, each)),
    );
}

/** A program that finds its libraries beside itself, under the plain name in the entry's folder. */
function writeWrapper(file: string, program: string, libraries: readonly string[]): void {
  const search = libraries.length > 0 ? `LD_LIBRARY_PATH=${quoted(libraries.join(':'))} ` : '';
  writeFileSync(file, `#!/bin/sh\n${search}exec ${quoted(program)} "$@"\n`);
  chmodSync(file, 0o755);
}

const quoted = (text: string) => `'${text.replaceAll("'", `'\\''`)}'`;
