import { spawnSync } from 'node:child_process';
import path from 'node:path';

import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { Machine } from './fixture.ts';
import { pathOf, provide } from './programs.ts';

describe('KUBEBUILDER_ASSETS', () => {
  let machine: Machine;
  let assets: string;

  beforeEach(() => {
    machine = new Machine();
    assets = path.join(machine.folder, 'the assets');
    machine.write('components/go.mod', 'go 1.26.0\nrequire k8s.io/kubernetes v1.36.3\n');
    machine.write('components/go.sum', 'sums');
    machine.write('components/kubernetes/main.go', 'package main');
    machine.program('the assets/kube-apiserver', 'echo Kubernetes v1.36.1');
    machine.command(
      'go',
      `[ "$1" = env ] && echo go1.26.8 && exit
       printf '#!/bin/sh\\necho Kubernetes v1.36.3\\n' > "$7"; /bin/chmod 755 "$7"`,
    );
  });
  afterEach(() => machine[Symbol.dispose]());

  function get(...names: Parameters<typeof provide>[0]) {
    const env = { ...machine.world.env, KUBEBUILDER_ASSETS: assets };
    return provide(names, () => {}, { ...machine.world, env });
  }

  it('is used for what it holds, and the rest is built', async () => {
    const provided = await get('kube-apiserver', 'kube-scheduler');
    expect(provided.missing).toEqual([]);
    expect(provided.versions).toEqual({ 'kube-apiserver': '1.36.1', 'kube-scheduler': '1.36.3' });
    expect(pathOf(provided, 'kube-apiserver')).toBe(path.join(assets, 'kube-apiserver'));
    expect(pathOf(provided, 'kube-scheduler')).toContain(machine.world.cache);
  });

  it('of another minor version is refused, naming both and the remedy', async () => {
    machine.program('the assets/kube-apiserver', 'echo Kubernetes v1.35.4');
    const { missing } = await get('kube-apiserver', 'kube-scheduler', 'etcd');
    expect(missing.map(({ name }) => name)).toEqual(['kube-apiserver', 'kube-scheduler', 'etcd']);
    expect(missing[0]?.why).toBe(
      'KUBEBUILDER_ASSETS holds kube-apiserver 1.35.4, and the other components are built at 1.36.3; ' +
        'they must be of one minor version: let it name binaries of 1.36, or unset it',
    );
  });

  it('is looked at again when the file has changed', async () => {
    await get('kube-apiserver');
    machine.program('the assets/kube-apiserver', 'echo Kubernetes v1.36.10 # a longer file');
    expect((await get('kube-apiserver')).versions).toEqual({ 'kube-apiserver': '1.36.10' });
  });

  it('that is no folder is refused', async () => {
    assets = path.join(machine.folder, 'nowhere');
    const { missing } = await get('kubectl');
    expect(missing).toEqual([
      { name: 'kubectl', why: `KUBEBUILDER_ASSETS names ${assets}, and that is no folder` },
    ]);
  });

  it('has its etcd called as ours is', async () => {
    machine.program(
      'the assets/etcd',
      '[ "$1" = --version ] && echo "etcd Version: 3.6.4" && exit; for each; do echo "$each"; done',
    );
    const provided = await get('etcd');
    expect(provided.versions).toEqual({ etcd: '3.6.4' });
    const etcd = pathOf(provided, 'etcd');
    const said = (...args: string[]) => spawnSync(etcd, args, { encoding: 'utf8' }).stdout.trim();
    expect(said('--version')).toBe('etcd Version: 3.6.4');
    const args = said('/data dir', 'http://c:1', 'http://p:2').split('\n');
    const valueOf = (flag: string) => args[args.indexOf(flag) + 1];
    expect(valueOf('--data-dir')).toBe('/data dir');
    expect(valueOf('--listen-client-urls')).toBe('http://c:1');
    expect(valueOf('--initial-cluster')).toBe('default=http://p:2');
  });
});
