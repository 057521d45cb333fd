import { spawnSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';

import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { create, lookUp, placeOf, type Recipe } from './cache.ts';
import { Machine } from './fixture.ts';

/** Makes a file of one program that says `text`. */
function recipe(text: string, before: () => Promise<void> = async () => {}): Recipe {
  return {
    name: 'tool-1.0',
    inputs: ['linux-x64', 'source'],
    make: async (folder) => {
      writeFileSync(path.join(folder, 'half'), 'not yet');
      await before();
      writeFileSync(path.join(folder, 'tool'), text);
      return { origin: 'a test', items: { tool: { files: ['tool'], version: '1.0' } } };
    },
  };
}

function textOf(cache: string, wanted: Recipe): string | undefined {
  const [file] = lookUp(cache, wanted)?.items['tool']?.files ?? [];
  return file === undefined ? undefined : readFileSync(file, 'utf8');
}

describe('the cache', () => {
  let machine: Machine;
  let cache: string;

  beforeEach(() => {
    machine = new Machine();
    cache = machine.world.cache;
  });
  afterEach(() => machine[Symbol.dispose]());

  it('finds what was made, with absolute paths', async () => {
    expect(lookUp(cache, recipe('one'))).toBeUndefined();
    const made = await create(cache, recipe('one'));
    expect(made).toEqual({
      origin: 'a test',
      items: { tool: { files: [path.join(placeOf(cache, recipe('')), 'tool')], version: '1.0' } },
    });
    expect(lookUp(cache, recipe('one'))).toEqual(made);
  });

  it('knows another entry for each other input', async () => {
    await create(cache, recipe('one'));
    for (const inputs of [['linux-arm64', 'source'], ['linux-x64', 'other'], ['linux-x64source']]) {
      expect(lookUp(cache, { ...recipe('one'), inputs })).toBeUndefined();
    }
  });

  it('leaves nothing behind when making fails', async () => {
    const broken = recipe('one', () => Promise.reject(new Error('the disk is full')));
    await expect(create(cache, broken)).rejects.toThrow('the disk is full');
    expect(readdirSync(cache)).toEqual([]);
    expect(lookUp(cache, broken)).toBeUndefined();
  });

  it('takes nothing for whole that a killed process has left', async () => {
    const script = `
      import { writeFileSync } from 'node:fs';
      const { create } = await import(${JSON.stringify(new URL('cache.ts', import.meta.url).href)});
      await create(${JSON.stringify(cache)}, {
        name: 'tool-1.0',
        inputs: ['linux-x64', 'source'],
        make: async (folder) => {
          writeFileSync(folder + '/tool', 'half of');
          process.kill(process.pid, 'SIGKILL');
        },
      });
    `;
    const { signal } = spawnSync(process.execPath, ['--input-type=module', '-e', script]);
    expect(signal).toBe('SIGKILL');
    expect(readdirSync(cache)).toHaveLength(1);
    expect(textOf(cache, recipe(''))).toBeUndefined();
    await create(cache, recipe('whole'));
    expect(textOf(cache, recipe(''))).toBe('whole');
  });

  it('keeps the first of two that are made at once, and both find it', async () => {
    const [first, second] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    const early = create(
      cache,
      recipe('early', () => first.promise),
    );
    const late = create(
      cache,
      recipe('late', () => second.promise),
    );
    first.resolve();
    const made = await early;
    second.resolve();
    expect(await late).toEqual(made);
    expect(textOf(cache, recipe(''))).toBe('early');
    expect(readdirSync(cache)).toEqual([path.basename(placeOf(cache, recipe('')))]);
  });

  it('makes an entry again that has lost a file', async () => {
    await create(cache, recipe('one'));
    rmSync(path.join(placeOf(cache, recipe('')), 'tool'));
    expect(lookUp(cache, recipe(''))).toBeUndefined();
    await create(cache, recipe('again'));
    expect(textOf(cache, recipe(''))).toBe('again');
  });

  it('refuses an entry whose maker has not made what it names', async () => {
    const items = { tool: { files: ['elsewhere'], version: '1.0' } };
    const liar = { ...recipe(''), make: async () => ({ origin: 'a test', items }) };
    await expect(create(cache, liar)).rejects.toThrow('lacks files that it should hold');
  });

  it('removes what was abandoned hours ago, and nothing that may still be in use', async () => {
    const [old, young] = ['.tool-0.9-abc.1', '.tool-0.9-abc.2'].map((name) =>
      path.join(cache, name),
    );
    for (const folder of [old, young]) mkdirSync(folder ?? '', { recursive: true });
    const yesterday = Date.now() / 1000 - 86_400;
    utimesSync(old ?? '', yesterday, yesterday);
    await create(cache, recipe('one'));
    expect([old, young].map((folder) => existsSync(folder ?? ''))).toEqual([false, true]);
  });
});
