/** Work that several test files need done, and that one of them does. */
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

interface Result<T> {
  readonly value?: T;
  readonly why?: string;
}

/**
 * Runs `work` in the first process that asks, and gives its result, or its failure, to all. What came of it is kept in
 * `folder`, which goes with the cluster.
 */
export async function once<T>(folder: string, name: string, work: () => Promise<T>): Promise<T> {
  const done = path.join(folder, `${name}.json`);
  if (isFirst(path.join(folder, name))) {
    const result = await work().then(
      (value): Result<T> => ({ value }),
      (error: unknown): Result<T> => ({ why: error instanceof Error ? error.message : 'unknown' }),
    );
    writeFileSync(`${done}.new`, JSON.stringify(result));
    renameSync(`${done}.new`, done);
  }
  while (!existsSync(done)) await sleep(200);
  const { value, why } = JSON.parse(readFileSync(done, 'utf8')) as Result<T>;
  if (why !== undefined) throw new Error(`${name}: ${why}`);
  return value as T;
}

function isFirst(claim: string): boolean {
  try {
    mkdirSync(claim);
    return true;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EEXIST') return false;
    throw error;
  }
}
