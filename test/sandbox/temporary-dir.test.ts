import { existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { spawnSync } from 'node:child_process';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { makeTemporaryDir } from '../../src/sandbox/temporary-dir.ts';

let parent: string;

beforeEach(() => {
  parent = mkdtempSync(path.join(tmpdir(), 'serin-test-'));
});

afterEach(() => rmSync(parent, { recursive: true }));

describe('temporary folder', () => {
  it('removes those of sandboxes that were killed, and no others', () => {
    const { pid } = spawnSync(process.execPath, ['--version']);
    const [dead, alive, foreign] = [
      `serin-sandbox-${pid}-abc`,
      `serin-sandbox-${process.pid}-abc`,
      'serin-sandbox-notes',
    ].map((name) => path.join(parent, name));
    for (const dir of [dead, alive, foreign]) mkdirSync(String(dir));
    const made = makeTemporaryDir(parent);
    const left = [dead, alive, foreign, made].map((dir) => existsSync(String(dir)));
    expect(left).toEqual([false, true, true, true]);
  });
});
