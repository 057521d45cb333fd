import { readFileSync } from 'node:fs';
import path from 'node:path';

import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { Machine } from './fixture.ts';
import { isAtLeast } from './go-toolchain.ts';
import { filesOf, pathOf, type Provided, provide } from './programs.ts';

const goMod = `module test

go 1.26.0

require (
	go.etcd.io/etcd/server/v3 v3.6.8
	k8s.io/kubernetes v1.36.3
)

replace k8s.io/kubernetes v1.0.0 => ./elsewhere
`;

/** A `go` that writes down how it was called, and builds scripts that say the right version. */
const fakeGo = `
echo "$CGO_ENABLED $*" >> "$LOG"
say() { printf '#!/bin/sh\\necho "%s"\\n' "$2" > "$1"; /bin/chmod 755 "$1"; }
case "$1 $2" in
  'env GOVERSION') echo "$GO" ;;
  'mod download') printf '{"Path": "x", "Dir": "%s"}' "$MODULES/\${4##*/}" ;;
  install*) for last; do :; done
    case "$last" in
      */contour@*) say "$GOBIN/contour" 'version: v1.33.8' ;;
      *) say "$GOBIN/kwok" 'kwok version v0.8.0 go1.26' ;;
    esac ;;
  *) case "$8" in
      ./etcd) say "$7" 'etcd Version: 3.6.8' ;;
      *) say "$7" 'Kubernetes v1.36.3' ;;
    esac ;;
esac`;

const why = ({ missing }: Provided) => missing.map((each) => each.why).join('\n');
const names = (files: readonly string[]) => files.map((file) => path.basename(file));

describe('programs built by Go', () => {
  let machine: Machine;
  let said: string[];

  beforeEach(() => {
    machine = new Machine({ GO: 'go1.26.8' });
    said = [];
    machine.write('components/go.mod', goMod);
    machine.write('components/go.sum', 'sums');
    machine.write('components/kubernetes/main.go', 'package main');
    machine.write('components/etcd/main.go', 'package main');
    machine.command('go', fakeGo);
  });
  afterEach(() => machine[Symbol.dispose]());

  function get(env: Readonly<Record<string, string>>, ...wanted: Parameters<typeof provide>[0]) {
    const paths = {
      LOG: path.join(machine.folder, 'log'),
      MODULES: path.join(machine.folder, 'mod'),
    };
    const world = { ...machine.world, env: { ...machine.world.env, ...paths, ...env } };
    return provide(wanted, (line) => said.push(line), world);
  }
  const calls = () => readFileSync(path.join(machine.folder, 'log'), 'utf8').trim().split('\n');
  const builds = () => calls().filter((call) => call.includes('build'));

  it('are the components at the version of go.mod, one binary under four names', async () => {
    const provided = await get({}, 'kube-apiserver', 'kube-proxy', 'etcd');
    expect(provided.missing).toEqual([]);
    expect(provided.versions).toEqual({
      'kube-apiserver': '1.36.3',
      'kube-proxy': '1.36.3',
      etcd: '3.6.8',
    });
    expect(path.basename(pathOf(provided, 'kube-proxy'))).toBe('kube-proxy');
    expect(said).toEqual([
      'building kubernetes 1.36.3 (4 min, once)',
      'building etcd 3.6.8 (30 s, once)',
    ]);
    const [kubernetes] = builds();
    expect(kubernetes).toMatch(/^0 build -trimpath -buildvcs=false -ldflags -s -w /);
    for (const value of ['gitVersion=v1.36.3', 'gitMajor=1', 'gitMinor=36']) {
      expect(kubernetes).toContain(`-X k8s.io/component-base/version.${value}`);
    }
  });

  it('are found without any call to go when they are in the cache', async () => {
    const first = await get({}, 'kube-scheduler', 'etcd', 'kwok', 'contour');
    const before = calls();
    machine.remove('bin/go');
    said = [];
    expect(await get({}, 'kube-scheduler', 'etcd', 'kwok', 'contour')).toEqual(first);
    expect([said, calls()]).toEqual([[], before]);
  });

  it.each(['go.mod', 'go.sum', 'kubernetes/main.go', 'kubernetes/other.go'])(
    'are built again when %s changes, and others are not',
    async (file) => {
      await get({}, 'kube-apiserver');
      machine.write('components/etcd/main.go', 'package main // more');
      await get({}, 'kube-apiserver');
      expect(builds()).toHaveLength(1);
      machine.write(`components/${file}`, `${goMod}// more`);
      await get({}, 'kube-apiserver');
      expect(builds()).toHaveLength(2);
    },
  );

  it('are missing by name where there is no go', async () => {
    machine.remove('bin/go');
    const provided = await get({}, 'etcd', 'kwok', 'kube-proxy');
    expect(provided.missing.map(({ name }) => name).toSorted()).toEqual([
      'etcd',
      'kube-proxy',
      'kwok',
    ]);
    expect(why(provided)).toContain('go is not on the PATH: install Go 1.26.0 or newer');
    expect(() => pathOf(provided, 'etcd')).toThrow('etcd is missing: go is not on the PATH');
  });

  it('are missing where go is too old, with both versions', async () => {
    const provided = await get({ GO: 'go1.22.12' }, 'etcd');
    expect(why(provided)).toMatch(/bin\/go is Go 1\.22\.12: install Go 1\.26\.0 or newer$/);
  });

  it('are missing where go cannot fetch its successor, with the words of go', async () => {
    machine.command(
      'go',
      'echo "go: download go1.26.0 for linux/amd64: toolchain not available" >&2; exit 1',
    );
    const provided = await get({}, 'etcd');
    expect(why(provided)).toMatch(/toolchain not available\ninstall Go 1\.26\.0 or newer$/);
  });

  it('are missing with the last words of a build that failed, and tried again', async () => {
    machine.command(
      'go',
      `[ "$1" = env ] && echo go1.26.8 && exit; echo 'main.go:3: undefined: x' >&2; exit 1`,
    );
    expect(why(await get({}, 'etcd'))).toMatch(/bin\/go build failed: main\.go:3: undefined: x$/);
    machine.command('go', fakeGo);
    expect((await get({}, 'etcd')).missing).toEqual([]);
  });

  it('are missing when another version comes than was asked for', async () => {
    machine.command('go', fakeGo.replace('v0.8.0', 'v0.7.0'));
    expect(why(await get({}, 'kwok'))).toBe('kwok 0.8.0 was asked for, and 0.7.0 came');
  });

  it('come with the manifests of their modules, the kinds only', async () => {
    const folder = 'mod/gateway-api@v1.5.1/config/crd/experimental';
    machine.write(`${folder}/b.yaml`, 'apiVersion: x\nkind: CustomResourceDefinition\n');
    machine.write(`${folder}/a.yaml`, 'kind: CustomResourceDefinition\n');
    machine.write(`${folder}/policy.yaml`, 'kind: ValidatingAdmissionPolicy\n');
    machine.write(`${folder}/kustomization.yaml`, 'resources: []\n');
    for (const file of ['node/fast/one', 'pod/fast/three', 'pod/fast/two', 'pod/slow/four']) {
      machine.write(`mod/kwok@v0.8.0/kustomize/stage/${file}.yaml`, 'kind: Stage\n');
    }
    const provided = await get({}, 'gateway-api-crds', 'kwok-stages');
    expect(names(filesOf(provided, 'gateway-api-crds'))).toEqual(['a.yaml', 'b.yaml']);
    expect(names(filesOf(provided, 'kwok-stages'))).toEqual(['one.yaml', 'three.yaml', 'two.yaml']);
    expect(filesOf(provided, 'kwok-stages')[0]).toContain(machine.world.cache);
  });
});

describe('versions of Go', () => {
  it.each([
    ['1.26.0', '1.26.0', true],
    ['1.26.8', '1.26.0', true],
    ['1.27rc1', '1.26.0', true],
    ['2.0', '1.26.5', true],
    ['1.26', '1.26.1', false],
    ['1.9.9', '1.26.0', false],
  ])('%s is at least %s: %s', (found, needed, expected) => {
    expect(isAtLeast(found, needed)).toBe(expected);
  });
});
