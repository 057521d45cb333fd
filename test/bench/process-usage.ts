import { readFileSync } from 'node:fs';

/** What the kernel says about another process. */
export interface Usage {
  readonly residentMiB: number;
  /** The most it ever held. */
  readonly peakMiB: number;
  /** User and system time since its start. */
  readonly cpuMs: number;
}

/** Linux counts processor time in hundredths of a second, whatever the kernel was built with. */
const msPerTick = 10;

export function usageOf(pid: number): Usage {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  return {
    residentMiB: mebibytes(status, 'VmRSS'),
    peakMiB: mebibytes(status, 'VmHWM'),
    cpuMs: cpuMs(readFileSync(`/proc/${pid}/stat`, 'utf8')),
  };
}

function mebibytes(status: string, field: string): number {
  const kib = new RegExp(`^${field}:\\s+(\\d+) kB$`, 'm').exec(status)?.[1];
  if (kib === undefined) throw new Error(`the kernel does not say ${field}`);
  return Math.round(Number(kib) / 102.4) / 10;
}

/** The name of the program stands in brackets and may hold anything; the fields are counted behind it. */
function cpuMs(stat: string): number {
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) * msPerTick;
}
