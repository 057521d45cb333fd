/**
 * Plants one defect at a time in a copy of the sources, and tells whether the checks notice.
 */
import { spawn } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

import type { Mutant } from './mutants.ts';

const root = path.resolve(import.meta.dirname, '../..');
const copied = ['src', 'test', 'package.json', 'tsconfig.json', 'vitest.config.ts'];
/** A check that does not end has noticed too: a defect that makes the checks run in circles is no secret. */
const limitMs = 120_000;

export interface Verdict {
  readonly mutant: Mutant;
  readonly killed: boolean;
  /** The first line that tells of it. */
  readonly by: string;
}

/** A copy of the sources that mutants are planted in, one after another. */
export class Plot {
  readonly #folder = mkdtempSync(path.join(tmpdir(), 'serin-mutant-'));

  constructor() {
    for (const name of copied)
      cpSync(path.join(root, name), path.join(this.#folder, name), { recursive: true });
    symlinkSync(path.join(root, 'node_modules'), path.join(this.#folder, 'node_modules'));
  }

  /** Without a defect every check has to pass, or no kill means anything. */
  async isSound(): Promise<string> {
    return (await this.#check(['test/mutants/check.ts'])) ?? '';
  }

  async try(mutant: Mutant): Promise<Verdict> {
    const file = path.join(this.#folder, mutant.file);
    const sound = readFileSync(file, 'utf8');
    writeFileSync(file, planted(mutant, sound));
    try {
      const by = await this.#judge(mutant);
      return { mutant, killed: by !== undefined, by: by ?? '' };
    } finally {
      writeFileSync(file, sound);
    }
  }

  async #judge({ tests, plan }: Mutant): Promise<string | undefined> {
    if (tests === undefined)
      return this.#check(['test/mutants/check.ts', ...(plan === undefined ? [] : [plan])]);
    const vitest = path.join(root, 'node_modules/vitest/vitest.mjs');
    return this.#check([vitest, 'run', '--bail', '1', ...tests]);
  }

  /** What the program says when it fails; `undefined`: it found nothing. */
  async #check(args: readonly string[]): Promise<string | undefined> {
    const child = spawn(process.execPath, args, {
      cwd: this.#folder,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, VITEST: undefined, VITEST_WORKER_ID: undefined, NO_COLOR: '1' },
      timeout: limitMs,
    });
    let said = '';
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', (chunk: Buffer) => {
        said += chunk.toString();
      });
    const code = await new Promise<number | null>((resolve) => child.on('close', resolve));
    if (code === 0) return undefined;
    return (/^.*(is broken|FAIL|Error|no end).*$/m.exec(said)?.[0] ?? said.slice(0, 200)).trim();
  }

  remove(): void {
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

function planted({ name, file, find, replace }: Mutant, sound: string): string {
  const places = sound.split(find).length - 1;
  if (places !== 1)
    throw new Error(
      `mutant "${name}" fits ${places} places of ${file}: bring it along with the code`,
    );
  return sound.replace(find, () => replace);
}
