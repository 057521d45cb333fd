import { execFile } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';

import { afterEach, beforeEach, describe, expect, it } from 'vitest';

let checkout: string;
let programs: string;

beforeEach(() => {
  checkout = mkdtempSync(path.join(os.tmpdir(), 'serin-setup-'));
  programs = path.join(checkout, 'programs');
  mkdirSync(path.join(checkout, 'bin'));
  mkdirSync(programs);
  copyFileSync('bin/setup.mjs', path.join(checkout, 'bin', 'setup.mjs'));
  writeFileSync(path.join(checkout, 'package-lock.json'), '{}');
  writeFileSync(path.join(checkout, 'npm.log'), '');
});

afterEach(() => rmSync(checkout, { recursive: true }));

/** A stand-in for npm: notes how it was called and does what the script says. */
function npmDoes(script: string): void {
  const lines = ['#!/bin/sh', `echo "$@" >> '${checkout}/npm.log'`, script];
  writeFileSync(path.join(programs, 'npm'), lines.join('\n'), { mode: 0o755 });
}

const installs = 'mkdir -p node_modules/.bin && touch node_modules/.bin/node';

function npmCalls(): readonly string[] {
  return readFileSync(path.join(checkout, 'npm.log'), 'utf8').split('\n').filter(Boolean);
}

function setup(): Promise<{ readonly code: number; readonly output: string }> {
  // The tools that the stand-in calls, and no real npm.
  const env = { PATH: `${programs}:/nowhere/node_modules/.bin` };
  writeFileSync(path.join(programs, 'mkdir'), '#!/bin/sh\nexec /bin/mkdir "$@"', { mode: 0o755 });
  writeFileSync(path.join(programs, 'touch'), '#!/bin/sh\nexec /bin/touch "$@"', { mode: 0o755 });
  writeFileSync(path.join(programs, 'sleep'), '#!/bin/sh\nexec /bin/sleep "$@"', { mode: 0o755 });
  return new Promise((resolve) => {
    const child = execFile(
      process.execPath,
      [path.join(checkout, 'bin', 'setup.mjs')],
      { env },
      (_error, stdout, stderr) => {
        resolve({ code: child.exitCode ?? -1, output: `${stdout}${stderr}` });
      },
    );
  });
}

describe('the set-up', () => {
  it('installs exactly what the lock file names, and is silent when that is there', async () => {
    npmDoes(installs);
    expect(await setup()).toMatchObject({ code: 0 });
    expect(npmCalls()).toEqual([expect.stringMatching(/^ci .*--ignore-scripts.*--include=dev/)]);
    expect(await setup()).toEqual({ code: 0, output: '' });
    expect(npmCalls()).toHaveLength(1);
  });

  it('installs again when the lock file has changed', async () => {
    npmDoes(installs);
    await setup();
    writeFileSync(path.join(checkout, 'package-lock.json'), '{"changed":true}');
    expect(await setup()).toMatchObject({ code: 0 });
    expect(npmCalls()).toHaveLength(2);
  });

  it('installs again after an installation that broke off', async () => {
    npmDoes(`${installs} && exit 1`);
    expect(await setup()).toMatchObject({ code: 1 });
    npmDoes(installs);
    expect(await setup()).toMatchObject({ code: 0 });
    expect(npmCalls()).toHaveLength(2);
  });

  it('installs once when it is started several times at once', async () => {
    npmDoes(`sleep 0.3; ${installs}`);
    const all = await Promise.all([setup(), setup(), setup()]);
    expect(all.map(({ code }) => code)).toEqual([0, 0, 0]);
    expect(npmCalls()).toHaveLength(1);
  });

  it('says that npm is missing', async () => {
    const { code, output } = await setup();
    expect(code).toBe(1);
    expect(output).toContain('npm was not found on the PATH');
  });

  it('says that the network is missing, and what npm said', async () => {
    npmDoes('echo "npm error code EAI_AGAIN" >&2; exit 1');
    const { code, output } = await setup();
    expect(code).toBe(1);
    expect(output).toContain('could not reach its package server');
    expect(output).toContain('EAI_AGAIN');
  });

  it('does not believe an installation without the Node.js of the repository', async () => {
    npmDoes('mkdir -p node_modules/.bin');
    const { code, output } = await setup();
    expect(code).toBe(1);
    expect(output).toContain('did not install the Node.js 24 package');
  });
});
