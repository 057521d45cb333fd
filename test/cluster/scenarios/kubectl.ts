/** kubectl, as a person or a tool would use it. */
import { execFile, spawn } from 'node:child_process';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** Standard output; throws with standard error when it fails. */
export async function kubectl(...args: readonly string[]): Promise<string> {
  const { stdout } = await run('kubectl', [...args], { maxBuffer: 64 << 20 });
  return stdout;
}

/** With manifests as JSON on standard input; answers with what it said on both outputs. */
export function kubectlWith(
  manifests: readonly object[],
  ...args: readonly string[]
): Promise<string> {
  const list = { apiVersion: 'v1', kind: 'List', items: manifests };
  return new Promise((resolve, reject) => {
    const child = spawn('kubectl', [...args, '-f', '-'], { stdio: 'pipe' });
    let said = '';
    const hear = (chunk: Buffer) => {
      said += chunk.toString();
    };
    child.stdout.on('data', hear);
    child.stderr.on('data', hear);
    child.once('error', reject);
    child.once('close', (code) => {
      if (code === 0) resolve(said);
      else reject(new Error(`kubectl ${args.join(' ')}: exit code ${code}: ${said}`));
    });
    child.stdin.end(JSON.stringify(list));
  });
}

export interface KubectlRun {
  /** Lines of standard output so far, with the time of their arrival. */
  readonly lines: readonly { readonly at: number; readonly text: string }[];
  /** Resolves with the exit code, and when that was. */
  readonly ended: Promise<{ readonly at: number; readonly code: number | null }>;
  stop(): void;
}

/** One that goes on beside the scenario. */
export function startKubectl(...args: readonly string[]): KubectlRun {
  const child = spawn('kubectl', [...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  const lines: { at: number; text: string }[] = [];
  let rest = '';
  child.stdout.on('data', (chunk: Buffer) => {
    const parts = (rest + chunk.toString()).split('\n');
    rest = parts.pop() ?? '';
    lines.push(...parts.map((text) => ({ at: Date.now(), text })));
  });
  const ended = new Promise<{ at: number; code: number | null }>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => resolve({ at: Date.now(), code }));
  });
  return { lines, ended, stop: () => child.kill() };
}
