import { spawnSync } from 'node:child_process';

import type { Outcome } from './outcome.ts';

/** What is checked without running anything. Each check counts as one test. */
export const checks = {
  types: ['tsc', '-p', '.'],
  lint: ['oxlint', '--type-aware', '--deny-warnings'],
  format: ['biome', 'format', '.'],
} as const;

export type CheckName = keyof typeof checks;

/** Runs one check and shows its output when it fails. */
export function runCheck(name: CheckName): Outcome {
  const [command, ...args] = checks[name];
  const startedAt = performance.now();
  const { status, stdout, stderr, error } = spawnSync(command, args, { encoding: 'utf8' });
  const seconds = ((performance.now() - startedAt) / 1000).toFixed(1);
  const ok = status === 0;
  process.stdout.write(
    `${ok ? '✓' : '✗'} ${name} (${[command, ...args].join(' ')}) ${seconds} s\n`,
  );
  if (ok) return { passed: 1, failed: [], skipped: [] };
  process.stdout.write(`${error?.message ?? `${stdout}${stderr}`.trim()}\n`);
  return { passed: 0, failed: [name], skipped: [] };
}
