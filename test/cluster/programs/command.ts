/** Runs a tool to its end; when that fails, the error says in its own last words why. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

import type { World } from './world.ts';

const run = promisify(execFile);

const minute = 60_000;
const lastLines = 6;

/** Why something cannot be had, in words for the user. */
export class NotProvided extends Error {
  override readonly name = 'NotProvided';
}

export interface Call {
  readonly cwd?: string;
  /** Set on top of the world's environment. */
  readonly env?: Readonly<Record<string, string>>;
  readonly limitMs?: number;
}

/** What a tool wrote to its standard output. */
export async function output(
  world: World,
  program: string,
  args: readonly string[],
  call: Call = {},
): Promise<string> {
  return (await outputs(world, program, args, call)).stdout;
}

/** What a tool wrote, by where it wrote it. */
export async function outputs(
  world: World,
  program: string,
  args: readonly string[],
  { cwd, env = {}, limitMs = 10 * minute }: Call = {},
): Promise<{ readonly stdout: string; readonly stderr: string }> {
  try {
    return await run(program, args, {
      ...(cwd === undefined ? {} : { cwd }),
      // Their words are read, by us or in an error: always the same ones.
      env: { ...world.env, LC_ALL: 'C', ...env },
      timeout: limitMs,
      maxBuffer: 64 * 1024 * 1024,
    });
  } catch (error) {
    throw new NotProvided(describe([program, ...args.slice(0, 1)].join(' '), error), {
      cause: error,
    });
  }
}

function describe(command: string, error: unknown): string {
  if (!(error instanceof Error)) return `${command}: ${String(error)}`;
  if ('code' in error && error.code === 'ENOENT') return `${command}: there is no such program`;
  const said = [wordsOf(error, 'stderr'), wordsOf(error, 'stdout')].find((text) => text !== '');
  if ('killed' in error && error.killed === true) return `${command} took too long and was stopped`;
  return `${command} failed: ${said ?? error.message}`;
}

function wordsOf(error: object, stream: 'stdout' | 'stderr'): string {
  const text: unknown = Reflect.get(error, stream);
  return typeof text === 'string' ? text.trim().split('\n').slice(-lastLines).join('\n') : '';
}

/** Why something failed, for the user. What is our own mistake keeps its kind. */
export function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error instanceof NotProvided ? error.message : `${error.name}: ${error.message}`;
}
