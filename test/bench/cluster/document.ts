/** `docs/benchmarks.md`, whole. Nobody writes in it. */
import type { Machine } from '../machine.ts';
import type { ClusterFigure } from './figures.ts';
import type { Findings } from './task.ts';

export interface Report {
  readonly machine: Machine;
  readonly loadAfter: number;
  /** Of the programs of the cluster, by name. */
  readonly versions: Readonly<Record<string, string>>;
  /** `2026-11-21` */
  readonly date: string;
  readonly findings: readonly Findings[];
  readonly figures: readonly ClusterFigure[];
}

export function pageOf({ machine, loadAfter, versions, date, findings, figures }: Report): string {
  const { processor, cores, memoryGiB, kernel, node, commit, load } = machine;
  const programs = Object.entries(versions).map(([name, version]) => `${name} ${version}`);
  return `# Figures on a real cluster

Written by \`npm run bench:cluster\`; changes by hand are overwritten.

| | |
|---|---|
| Measured | ${date}, commit ${commit} |
| Machine | ${cores} × ${processor}, ${memoryGiB} GiB, ${kernel}, load ${load} before and ${loadAfter} after |
| Versions | Node.js ${node}, ${programs.join(', ')} |
| Peer | Flagger 1.44 on the same kind of machine, measured apart |

A real API server with its audit log, pods that only exist in its API, a stand-in for Prometheus that answers at once.
The operator is the bundle with the flags, variables and permissions that \`deploy/\` ships, one replica, TLS verified.
Each target refers to a ConfigMap and a Secret; the interval is 10 s. Requests are the operator's by the audit log,
without Leases and watches, with Events and lists. CPU is user and system time of the process.

| | Measure | Peer | Must reach | Measured |
|---|---|---|---|---|
${figures.map(rowOf).join('\n')}

## Remarks

${figures.flatMap(remarksOf).join('\n')}

## How long it took

| Canaries | Parts, in seconds |
|---|---|
${findings.map(durationsOf).join('\n')}
`;
}

function rowOf({ reached, measure, peer = '–', mustReach, measured }: ClusterFigure): string {
  return `| ${reached ? '✓' : '✗'} | ${measure} | ${peer} | ${mustReach} | ${measured} |`;
}

function remarksOf({ measure, remarks = [] }: ClusterFigure): readonly string[] {
  return remarks.length === 0 ? [] : [`- ${measure}: ${remarks.join('; ')}`];
}

function durationsOf({ count, durations }: Findings): string {
  const parts = durations.map(({ part, seconds }) => `${part} ${seconds.toFixed(0)}`);
  return `| ${count.toLocaleString('en')} | ${parts.join(', ')} |`;
}
