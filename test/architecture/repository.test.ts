import { execFileSync } from 'node:child_process';
import { existsSync, globSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';

import { describe, expect, it } from 'vitest';

import lock from '../../package-lock.json' with { type: 'json' };
import manifest from '../../package.json' with { type: 'json' };

const folders = ['bin', 'crds', 'deploy', 'docs', 'examples', 'src', 'test'];
const files = [
  'CHANGELOG.md',
  'CONTRIBUTING.md',
  'LICENSE',
  'README.md',
  'SECURITY.md',
  'biome.json',
  'package-lock.json',
  'package.json',
  'tsconfig.json',
  'vitest.config.ts',
];
const hidden = ['.ci', '.dockerignore', '.editorconfig', '.gitignore', '.npmrc', '.oxlintrc.json'];
/** Made on the spot and never committed. */
const unversioned = ['.cache', '.git', 'coverage', 'dist', 'node_modules'];

describe('the repository', () => {
  it('has nothing at its top level but what everybody knows the place of', () => {
    const known = [...folders, ...files, ...hidden, ...unversioned];
    const strays = readdirSync('.').filter((name) => !known.includes(name));
    expect(strays.filter((name) => !name.endsWith('.log'))).toEqual([]);
  });

  it.each([...files, ...hidden])('has %s', (name) => {
    expect(existsSync(name)).toBe(true);
  });

  it('runs every test it has', () => {
    const muted = /\b(it|test|describe|suite)(\.[a-z]+)*\.(only|skip|todo)\b|\bx(it|describe)\(/;
    expect(globSync('test/**/*.ts').filter((file) => muted.test(readText(file)))).toEqual([]);
  });
});

type Locked = (typeof lock.packages)[keyof typeof lock.packages] & {
  readonly version?: string;
  readonly integrity?: string;
  readonly optional?: boolean;
  readonly os?: string | readonly string[];
  readonly libc?: readonly string[];
  readonly optionalDependencies?: Readonly<Record<string, string>>;
};

const packages: readonly (readonly [string, Locked])[] = Object.entries(lock.packages).filter(
  ([place]) => place !== '',
);

describe('the packages', () => {
  it('are asked for in exact versions', () => {
    const { dependencies, devDependencies, optionalDependencies } = manifest;
    const versions = Object.entries({
      ...dependencies,
      ...devDependencies,
      ...optionalDependencies,
    });
    expect(versions.length).toBeGreaterThan(10);
    expect(versions.filter(([, version]) => !/^\d+\.\d+\.\d+$/.test(version))).toEqual([]);
  });

  it('are locked in the versions that are asked for', () => {
    const { dependencies, devDependencies, optionalDependencies } = lock.packages[''];
    expect({ dependencies, devDependencies, optionalDependencies }).toEqual({
      dependencies: manifest.dependencies,
      devDependencies: manifest.devDependencies,
      optionalDependencies: manifest.optionalDependencies,
    });
  });

  it('are locked without naming where they were downloaded from', () => {
    expect(readText('package-lock.json')).not.toMatch(/"resolved"|\.tgz\b/);
  });

  it('have a checksum wherever one of our machines installs them', () => {
    const ours = packages.filter(([, locked]) => isOurs(locked));
    expect(ours.length).toBeGreaterThan(100);
    // The other processors' builds that our processors never install have none.
    const unchecked = ours.filter(
      ([place, { integrity }]) =>
        integrity === undefined && !/-(arm|ppc64|riscv64|s390x)/.test(place),
    );
    expect(unchecked.map(([place]) => place)).toEqual([]);
  });

  it('are locked for every platform, because npm refuses a lock file that leaves one out', () => {
    const names = new Set(packages.map(([place]) => place.replace(/^.*node_modules\//, '')));
    const missing = packages.flatMap(([place, { optionalDependencies = {} }]) =>
      Object.keys(optionalDependencies)
        .filter((name) => !names.has(name))
        .map((name) => `${place} wants ${name}`),
    );
    expect(missing).toEqual([]);
  });
});

const house = path.resolve('..', 'shared', 'tools', 'house.mjs');

describe.skipIf(!existsSync(house))('a look round the house (../shared is not here)', () => {
  it('finds nothing that must not be there', () => {
    // Its exit code says the same as its list, and the list says more.
    const script = `await import(${JSON.stringify(house)}); process.exitCode = 0;`;
    const output = execFileSync(
      process.execPath,
      ['--input-type=module', '--eval', script, '--', '--json'],
      { encoding: 'utf8', maxBuffer: 64 * 1024 * 1024 },
    );
    expect(JSON.parse(output)).toMatchObject({ forbidden: [] });
  });
});

/** Whether a Linux machine with the usual C library installs it, on one processor or another. */
function isOurs({ os = 'linux', libc = ['glibc'] }: Locked): boolean {
  return [os].flat().includes('linux') && libc.includes('glibc');
}

function readText(file: string): string {
  return readFileSync(file, 'utf8');
}
