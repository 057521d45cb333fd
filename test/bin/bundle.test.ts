import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import manifest from '../../package.json' with { type: 'json' };

const folder = mkdtempSync(path.join(os.tmpdir(), 'serin-bundle-'));
const bundle = path.join(folder, 'serin.mjs');

beforeAll(() => {
  execFileSync(process.execPath, ['bin/build.mjs', bundle]);
});

afterAll(() => rmSync(folder, { recursive: true }));

function run(...args: string[]) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [bundle, ...args], {
    cwd: folder,
    encoding: 'utf8',
  });
  return { code: status, out: stdout, err: stderr };
}

describe('the bundle', () => {
  it('runs where nothing else of the repository is', () => {
    expect(run('version')).toMatchObject({ code: 0, err: '' });
    expect(run('version').out).toContain(`serin ${manifest.version} `);
    expect(run('--no-such-flag').code).toBe(2);
  });

  it('says where the sandbox is, which it does not hold', () => {
    const { code, out, err } = run('sandbox', '--demo');
    expect(code).toBe(1);
    expect(out).toBe('');
    expect(err).toBe(
      'serin: "sandbox" is not part of the production bundle; run it from a checkout of the repository\n',
    );
    expect(run('--help').out).toContain('sandbox');
  });

  it('has a source map', () => {
    expect(existsSync(`${bundle}.map`)).toBe(true);
    expect(readFileSync(bundle, 'utf8')).toMatch(/sourceMappingURL=serin\.mjs\.map\s*$/);
  });
});

describe('the launcher', () => {
  const launcher = path.resolve('bin/serin.mjs');
  const launch = (...args: string[]) =>
    spawnSync(process.execPath, [launcher, ...args], { cwd: folder, encoding: 'utf8' });

  it('starts the sources from any folder and passes the exit code on', () => {
    expect(launch('version').stdout).toContain(`serin ${manifest.version} `);
    expect(launch('version').status).toBe(0);
    expect(launch('--no-such-flag').status).toBe(2);
  });
});
