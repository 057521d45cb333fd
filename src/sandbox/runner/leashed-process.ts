/** Starts a Node.js program that cannot outlive us: see `leash.ts`. */
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

export interface LeashedOptions {
  readonly module: URL;
  readonly args?: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly stdout?: 'inherit' | 'pipe' | 'ignore';
  readonly stderr?: 'inherit' | 'pipe' | 'ignore';
  /** With a channel for messages. */
  readonly messages?: boolean;
  /** Keeps compiled code there: the second start takes half the time of the first. */
  readonly cacheDir?: string;
}

const LEASH = new URL('./leash.ts', import.meta.url);

export function startLeashed(options: LeashedOptions): ChildProcess {
  const { module, args = [], env, stdout = 'pipe', stderr = 'pipe', cacheDir } = options;
  if (!existsSync(module)) {
    throw new Error(`${fileURLToPath(module)} is missing: the sandbox runs from the sources`);
  }
  const [leash, program] = [LEASH, module].map((url) => fileURLToPath(url));
  return spawn(process.execPath, ['--import', String(leash), String(program), ...args], {
    stdio: [
      'ignore',
      stdout,
      stderr,
      'pipe',
      ...(options.messages === true ? ['ipc' as const] : []),
    ],
    env: {
      ...inherited(),
      ...env,
      ...(cacheDir === undefined ? {} : { NODE_COMPILE_CACHE: cacheDir }),
    },
  });
}

/** Asks it to end, then makes it; resolves when it has ended. */
export async function end(child: ChildProcess, graceMs: number): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = new Promise<void>((resolve) => {
    child.once('exit', () => resolve());
  });
  child.kill('SIGTERM');
  const timer = setTimeout(() => child.kill('SIGKILL'), graceMs);
  await ended;
  clearTimeout(timer);
}

/** Enough to run; nothing of the person's environment that a container would not have. */
function inherited(): Record<string, string> {
  const { PATH } = process.env;
  return PATH === undefined ? {} : { PATH };
}
