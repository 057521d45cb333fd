import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { once } from './once.ts';

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'once-'));
});

afterEach(() => rmSync(folder, { recursive: true }));

const refuse = () => Promise.reject(new Error('no'));

describe('work for all', () => {
  it('is done once, and everybody gets its result', async () => {
    let count = 0;
    const work = () => Promise.resolve({ count: ++count });
    const results = await Promise.all([1, 2, 3].map(() => once(folder, 'work', work)));
    expect(results).toEqual([{ count: 1 }, { count: 1 }, { count: 1 }]);
  });

  it('fails for everybody', async () => {
    await expect(once(folder, 'work', refuse)).rejects.toThrow('work: no');
    await expect(once(folder, 'work', () => Promise.resolve(1))).rejects.toThrow('work: no');
  });
});
