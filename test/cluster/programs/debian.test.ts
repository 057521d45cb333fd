import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';

import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { dependenciesIn, isLibrary } from './debian.ts';
import { Machine } from './fixture.ts';
import { pathOf, provide } from './programs.ts';

/** Writes down what is asked for, and leaves a file for each package where it is called. */
const aptGet = `
echo "$*" >> "$LOG"
[ "$1" = update ] && exec /usr/bin/touch "$LOG.updated"
[ -z "$STALE" ] || [ -e "$LOG.updated" ] || { echo 'E: Unable to locate package' >&2; exit 100; }
shift 2
for each; do echo > "$each"_1%3a2.0-1_amd64.deb; done`;

const aptCache = `
case "$2" in
  nftables) printf 'nftables\\n  Depends: libnftables1\\n  Depends: libc6\\n  Depends: libjs-jquery\\n' ;;
  libnftables1) printf 'libnftables1\\n  Depends: libmnl0\\n  Depends: libnftables1\\n' ;;
  *) echo "$2" ;;
esac`;

/** Unpacks a program that says where it would look for libraries. */
const dpkg = `
into="$3"
case "$2" in
  */nftables_*) /bin/mkdir -p "$into/usr/sbin"
    printf '#!/bin/sh\\necho "nftables v1.0.6 $LD_LIBRARY_PATH"\\n' > "$into/usr/sbin/nft"
    /bin/chmod 755 "$into/usr/sbin/nft" ;;
  *) /bin/mkdir -p "$into/usr/lib/x86_64-linux-gnu" ;;
esac`;

describe('programs of the distribution', () => {
  let machine: Machine;
  let said: string[];

  beforeEach(() => {
    machine = new Machine();
    said = [];
    machine.command('apt-get', aptGet);
    machine.command('apt-cache', aptCache);
    machine.command('dpkg', dpkg);
    machine.command('dpkg-query', "echo 'installed libc6'; echo 'not-installed libmnl0'");
  });
  afterEach(() => machine[Symbol.dispose]());

  const log = () => path.join(machine.folder, 'log');
  const asked = () => readFileSync(log(), 'utf8').trim().split('\n');

  function get(names: Parameters<typeof provide>[0], env: Readonly<Record<string, string>> = {}) {
    const world = { ...machine.world, env: { ...machine.world.env, LOG: log(), ...env } };
    return provide(names, (line) => said.push(line), world);
  }

  it('are used where they are installed, and nothing is fetched', async () => {
    const file = machine.command('nft', 'echo nftables v1.0.9');
    const provided = await get(['nft']);
    expect(provided.paths).toEqual({ nft: file });
    expect(provided.versions).toEqual({ nft: '1.0.9' });
    expect([said, existsSync(log())]).toEqual([[], false]);
  });

  it('are unpacked with the libraries that are not installed, and find them', async () => {
    const provided = await get(['nft']);
    expect(provided.missing).toEqual([]);
    expect(asked()).toEqual(['download -q nftables libnftables1 libmnl0']);
    expect(provided.versions).toEqual({ nft: '1.0.6' });
    expect(provided.origins).toEqual({ nft: 'Debian nftables_1:2.0-1_amd64' });
    const nft = pathOf(provided, 'nft');
    const { stdout } = spawnSync(nft, { encoding: 'utf8', env: {} });
    const libraries = path.join(path.dirname(nft), 'usr/lib/x86_64-linux-gnu');
    expect(stdout.trim()).toBe(`nftables v1.0.6 ${libraries}`);
    expect(existsSync(libraries)).toBe(true);
  });

  it('are fetched again after the lists were, when they were unknown', async () => {
    expect((await get(['nft'], { STALE: 'yes' })).missing).toEqual([]);
    expect(asked().map((line) => line.split(' ')[0])).toEqual(['download', 'update', 'download']);
  });

  it('are missing with the words of apt-get when they cannot be fetched', async () => {
    machine.command('apt-get', 'echo "E: Temporary failure resolving" >&2; exit 100');
    const { missing } = await get(['nft']);
    expect(missing).toEqual([
      { name: 'nft', why: 'apt-get update failed: E: Temporary failure resolving' },
    ]);
  });

  it('are missing by name where there is no apt-get', async () => {
    machine.remove('bin/apt-get');
    const { missing } = await get(['prometheus', 'libfaketime']);
    expect(missing).toEqual(
      ['libfaketime', 'prometheus'].map((name) => ({
        name,
        why: `it is not installed, and without apt-get the package ${name} cannot be fetched`,
      })),
    );
  });
});

describe('the dependencies of a package', () => {
  it('are read from what apt-cache lists', () => {
    const listing = `iproute2
 |Depends: debconf
  Depends: <debconf-2.0>
    cdebconf
  PreDepends: libc6
  Depends: libbpf1
  Recommends: libatm1
`;
    expect(dependenciesIn(listing)).toEqual(['debconf', 'libc6', 'libbpf1']);
  });

  it.each([
    ['libmnl0', true],
    ['libdb5.3', true],
    ['libjs-jquery', false],
    ['libcap2-bin', false],
    ['adduser', false],
  ])('%s is a library: %s', (name, expected) => {
    expect(isLibrary(name)).toBe(expected);
  });
});
