/** Runs the tools of the system, by absolute path so that no PATH decides which. */

import { execFile } from 'node:child_process';

export const tools = {
  ip: '/usr/sbin/ip',
  nsenter: '/usr/bin/nsenter',
  setpriv: '/usr/bin/setpriv',
  sh: '/bin/sh',
  unshare: '/usr/bin/unshare',
} as const;

/** Rejects with what the tool said on standard error. */
export function run(file: string, args: readonly string[], input = ''): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = execFile(file, args, (error, stdout, stderr) => {
      if (error === null) return resolve(stdout);
      reject(new Error(`${file}: ${stderr.trim() || error.message}`, { cause: error }));
    });
    // A tool that ends before it has read everything says why by its exit code.
    child.stdin?.on('error', () => {});
    child.stdin?.end(input);
  });
}
