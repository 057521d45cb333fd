/**
 * A folder for as long as we live. Nobody can clean up after a process that is killed, so each sandbox
 * removes, when it starts, the folders of those that are no more.
 */
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

const PREFIX = 'serin-sandbox-';

export function makeTemporaryDir(parent = tmpdir()): string {
  for (const name of readdirSync(parent)) {
    const pid = Number(/^serin-sandbox-(\d+)-/.exec(name)?.[1]);
    if (pid > 0 && !isAlive(pid)) removeDir(path.join(parent, name));
  }
  return mkdtempSync(path.join(parent, `${PREFIX}${process.pid}-`));
}

export function removeDir(dir: string): void {
  rmSync(dir, { recursive: true, force: true, maxRetries: 3 });
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // Somebody else's process is alive too, and its folder none of our business.
    return !(error instanceof Error && 'code' in error && error.code === 'ESRCH');
  }
}
