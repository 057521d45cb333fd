/** A machine for tests: an empty cache, and a PATH that holds nothing but fake commands. */
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

import type { World } from './world.ts';

export class Machine implements Disposable {
  readonly folder = mkdtempSync(path.join(tmpdir(), 'serin-programs-'));
  readonly world: World;

  constructor(env: Readonly<Record<string, string>> = {}) {
    this.world = {
      env: { PATH: path.join(this.folder, 'bin'), ...env },
      cache: path.join(this.folder, 'cache'),
      module: path.join(this.folder, 'components'),
      platform: 'linux-x64',
    };
    this.write('bin/.keep', '');
  }

  /** Puts a shell script on the PATH. Its `PATH` is the fake one: it names other tools absolutely. */
  command(name: string, script: string): string {
    return this.program(`bin/${name}`, script);
  }

  program(file: string, script: string): string {
    const target = this.write(file, `#!/bin/sh\n${script}\n`);
    chmodSync(target, 0o755);
    return target;
  }

  write(file: string, text: string): string {
    const target = path.join(this.folder, file);
    mkdirSync(path.dirname(target), { recursive: true });
    writeFileSync(target, text);
    return target;
  }

  remove(file: string): void {
    rmSync(path.join(this.folder, file));
  }

  [Symbol.dispose](): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}
