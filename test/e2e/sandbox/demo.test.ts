import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';

import { runDemo } from '../../../src/sandbox/demo/demo.ts';

/** Command lines of the processes that we have started, directly or not, and that still run. */
function descendants(): readonly string[] {
  const parents = new Map<string, string>();
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    try {
      const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
      parents.set(pid, stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1] ?? '');
    } catch {
      // It has ended since we listed it.
    }
  }
  const isOurs = (pid: string): boolean =>
    parents.get(pid) === String(process.pid) || isKnown(parents.get(pid), isOurs);
  const isKnown = (pid: string | undefined, known: (pid: string) => boolean) =>
    pid !== undefined && parents.has(pid) && known(pid);
  return [...parents.keys()]
    .filter(isOurs)
    .map(commandLine)
    .filter((line) => line !== '');
}

function commandLine(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ');
  } catch {
    return '';
  }
}

describe('demo', () => {
  it('promotes a good version, aborts a bad one and leaves nothing behind', async () => {
    const lines: string[] = [];
    const out = { write: (text: string) => lines.push(...text.split('\n')) };
    const never = new AbortController().signal;
    const code = await runDemo({ rate: 50, prometheus: 'embedded', out }, never);
    const text = lines.join('\n');
    expect(code, text).toBe(0);
    expect(text).toMatch(/^promoted {2}1\.1\.0 {3}0 → .*100 → 0 %/m);
    expect(text).toMatch(/^aborted {3}1\.2\.0-flaky {3}0 → .*0 %/m);
    expect(text).toMatch(/from the first failing scrape to weight 0: \d+\.\d s/);
    expect(text).toContain('Slack  hello.demo was rolled back');
    expect(descendants().filter((line) => /demo\/app|operator|traffic/.test(line))).toEqual([]);
  });

  it('takes everything down when it is interrupted', async () => {
    const stop = new AbortController();
    const out = {
      write: (text: string) => {
        if (text.includes('Initializing')) stop.abort();
      },
    };
    await expect(runDemo({ rate: 50, prometheus: 'embedded', out }, stop.signal)).rejects.toThrow();
    expect(descendants().filter((line) => /demo\/app|operator|traffic/.test(line))).toEqual([]);
  });
});
