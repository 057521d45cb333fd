import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { PassThrough } from 'node:stream';

import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { readyWithoutProcess } from './live.ts';
import { LogFile, selectLines } from './logs.ts';
import { payloadOf, referencesOf } from './payload.ts';
import { prepareRoot } from './root.ts';
import { aPod } from './samples.ts';
import type { Volume } from './types.ts';

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'node-files-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

const bind = (source: string, target: string, canGrow: boolean) => ({
  source,
  target,
  readOnly: !canGrow,
  canGrow,
});

describe('the content of a volume', () => {
  const input = {
    pod: aPod({}, { labels: { app: 'cart' } }),
    placement: { podIP: '10.244.0.7', hostIP: '10.99.0.1' },
    token: async () => 'a.b.c',
    find: async (kind: string, name: string) =>
      name === 'none'
        ? undefined
        : { metadata: { name }, data: { a: kind === 'Secret' ? 'YWE=' : 'aa', b: 'YmI=' } },
  };
  const contentOf = async (volume: Omit<Volume, 'name'>) => {
    const payload = await payloadOf({ name: 'v', ...volume }, input);
    const entries = [...(payload ?? [])].map(([name, { data, mode }]) => [
      name,
      `${data.toString()} ${mode.toString(8)}`,
    ]);
    return Object.fromEntries(entries) as Record<string, string>;
  };

  it('is every key, or the chosen ones under their paths', async () => {
    expect(await contentOf({ configMap: { name: 'c' } })).toEqual({ a: 'aa 644', b: 'YmI= 644' });
    const items = [{ key: 'b', path: 'deep/b', mode: 0o600 }];
    expect(await contentOf({ secret: { secretName: 's', items, defaultMode: 0o400 } })).toEqual({
      'deep/b': 'bb 600',
    });
  });

  it('is put together from several sources, with the token marked as private', async () => {
    const sources = [
      { configMap: { name: 'c', items: [{ key: 'a', path: 'a' }] } },
      { downwardAPI: { items: [{ path: 'l', fieldRef: { fieldPath: 'metadata.labels' } }] } },
      { serviceAccountToken: { path: 'token' } },
    ];
    expect(await contentOf({ projected: { sources, defaultMode: 0o440 } })).toEqual({
      a: 'aa 440',
      l: 'app="cart" 440',
      token: 'a.b.c 440',
    });
    const payload = await payloadOf({ name: 'v', projected: { sources } }, input);
    expect(payload?.get('token')?.isToken).toBe(true);
  });

  it('is nothing for what is optional, and a refusal for what is not', async () => {
    expect(await contentOf({ configMap: { name: 'none', optional: true } })).toEqual({});
    await expect(contentOf({ configMap: { name: 'none' } })).rejects.toThrow('"none" not found');
    const items = [{ key: 'z', path: 'z' }];
    await expect(contentOf({ configMap: { name: 'c', items } })).rejects.toThrow(
      'non-existent key',
    );
  });

  it('depends on the objects that it names', () => {
    const sources = [{ secret: { name: 's' } }, { configMap: { name: 'c' } }];
    expect(referencesOf({ name: 'v', projected: { sources } })).toEqual([
      { kind: 'Secret', name: 's' },
      { kind: 'ConfigMap', name: 'c' },
    ]);
  });
});

describe('the root of a container', () => {
  const image = { entrypoint: ['/a'], args: [], env: {} };
  it('has a place for each mount, the outer ones mounted first', () => {
    const root = path.join(folder, 'root');
    for (const name of ['root', 'data', 'inner']) mkdirSync(path.join(folder, name));
    const file = path.join(folder, 'with space');
    writeFileSync(file, '');
    const fstab = prepareRoot({
      root,
      skeleton: '',
      image: { ...image, files: { '/app/run': file } },
      binds: [
        bind(`${folder}/inner`, '/data/deep/in', false),
        bind(`${folder}/data`, '/data', true),
      ],
      workingDir: '/data',
    });
    expect(existsSync(`${root}/app/run`)).toBe(true);
    expect(existsSync(`${root}/data`)).toBe(true);
    // What lies in a volume is made in the volume, or the mount would hide it.
    expect(existsSync(`${folder}/data/deep/in`)).toBe(true);
    expect(fstab).toContain(`${folder}/with\\040space ${root}/app/run none bind,ro 0 0\n`);
    expect(fstab.indexOf(`${root}/data none bind 0 0`)).toBeLessThan(
      fstab.indexOf(`${root}/data/deep/in none bind,ro`),
    );
  });

  it('refuses a mount in what cannot be written', () => {
    mkdirSync(`${folder}/files`);
    const make = () =>
      prepareRoot({
        root: `${folder}/root`,
        skeleton: '',
        image: { ...image, files: { '/app': `${folder}/files` } },
        binds: [bind(folder, '/app/new', false)],
        workingDir: '/',
      });
    expect(make).toThrow('/app/new cannot be made within /app');
    expect(existsSync(`${folder}/files/new`)).toBe(false);
  });
});

describe('the log of a container', () => {
  it('gives back what was said, the end without a line end too', async () => {
    const log = new LogFile(`${folder}/log`);
    const stream = new PassThrough();
    log.take(stream);
    const heard: string[] = [];
    log.follow(
      (lines) => heard.push(lines),
      () => heard.push('end'),
    );
    stream.write('one\ntw');
    stream.write('o\nrest');
    stream.end();
    await log.ended;
    expect(selectLines(log.read(), { timestamps: false })).toBe('one\ntwo\nrest');
    expect(selectLines(log.read(), { timestamps: false, tailLines: 2 })).toBe('two\nrest');
    expect(selectLines(log.read(), { timestamps: false, tailLines: 0 })).toBe('');
    expect(selectLines(log.read(), { timestamps: true })).toMatch(/^\S+Z one\n\S+Z two\n/);
    expect(selectLines(log.read(), { timestamps: false, sinceMs: Date.now() + 60_000 })).toBe('');
    expect(heard.at(-1)).toBe('end');
    expect(selectLines(heard.slice(0, -1).join(''), { timestamps: false })).toBe('one\ntwo\nrest');
  });

  it('is bounded', async () => {
    const log = new LogFile(`${folder}/log`);
    const stream = new PassThrough();
    log.take(stream);
    const line = `${'x'.repeat(1_023)}\n`;
    for (let megabyte = 0; megabyte < 20; megabyte += 1) stream.write(line.repeat(1_024));
    stream.end('last\n');
    await log.ended;
    expect(log.read().length).toBeLessThan(20 * 1_024 * 1_024);
    expect(log.read().endsWith('last\n')).toBe(true);
    log.remove();
    expect(existsSync(`${folder}/log`)).toBe(false);
    expect(() => readFileSync(`${folder}/log.old`)).toThrow();
  });
});

describe('Ready pods without a process', () => {
  const ready = { ...aPod(), status: { conditions: [{ type: 'Ready', status: 'True' }] } };
  const report = { uid: 'u-1', namespace: 'shop', pod: 'cart-1', container: 'main', pid: 7 };

  it('are named, and others are not', () => {
    expect(readyWithoutProcess([ready], [])).toEqual(['shop/cart-1/main']);
    expect(readyWithoutProcess([ready], [{ ...report, alive: false }])).toHaveLength(1);
    expect(readyWithoutProcess([ready], [{ ...report, alive: true }])).toEqual([]);
    expect(readyWithoutProcess([aPod()], [])).toEqual([]);
  });
});
